"""A Renogy module: answers Modbus requests from a table of registers, in pieces, as BT-1 and BT-2 do.

Written from the protocol page, not from the drivers.
"""

WRITE, NOTIFY = (f"0000{short}-0000-1000-8000-00805f9b34fb" for short in ("ffd1", "fff1"))
PIECE = 20  # bytes: what an MTU of 23 lets through
READ = 3


def crc(data: bytes) -> bytes:
    value = 0xFFFF
    for byte in data:
        value ^= byte
        for _ in range(8):
            value = (value >> 1) ^ 0xA001 if value & 1 else value >> 1
    return value.to_bytes(2, "little")


def reply(registers: dict[int, int], device_id: int, written: bytes) -> bytes | None:
    """The whole frame; None for what is not for this device or broken. An address that is not there
    fails the request as a whole."""
    if len(written) != 8 or crc(written[:6]) != written[6:] or written[0] not in {device_id, 255}:
        return None
    first, count = int.from_bytes(written[2:4], "big"), int.from_bytes(written[4:6], "big")
    asked = range(first, first + count)
    if written[1] != READ:
        return sealed(bytes([written[0], written[1] | 0x80, 1]))
    if not all(address in registers for address in asked):
        return sealed(bytes([written[0], READ | 0x80, 2]))
    data = b"".join(registers[address].to_bytes(2, "big") for address in asked)
    return sealed(bytes([written[0], READ, len(data)]) + data)


def sealed(frame: bytes) -> bytes:
    return frame + crc(frame)


def pieces(frame: bytes) -> list[bytes]:
    return [frame[i : i + PIECE] for i in range(0, len(frame), PIECE)]


def table(*frames: tuple[str, str]) -> dict[int, int]:
    """The registers in captured pairs of request and reply."""
    found: dict[int, int] = {}
    for request, response in frames:
        first, data = int(request[4:8], 16), bytes.fromhex(response)[3:-2]
        for i in range(0, len(data), 2):
            found[first + i // 2] = int.from_bytes(data[i : i + 2], "big")
    return found
