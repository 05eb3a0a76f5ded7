"""A Renogy module, or another device: answers Modbus requests from tables of registers, in pieces, as BT-1 and BT-2 do.

Written from the protocol page, not from the drivers.
"""

from dataclasses import dataclass, field

WRITE, NOTIFY = (f"0000{short}-0000-1000-8000-00805f9b34fb" for short in ("ffd1", "fff1"))
WAKE = "0000ffd4-0000-1000-8000-00805f9b34fb"
PIECE = 20  # bytes: what an MTU of 23 lets through
READ, READ_INPUT = 3, 4
WHOEVER = 255  # the id that a device answers to if it is alone on the bus


@dataclass
class Module:
    """How one differs from a BT-2 with a single device behind it. Keys are texts, as JSON has them."""

    name: str = ""  # advertised; "": BT-TH- and the end of the address
    services: bool = True  # in its adverts
    packs: dict[str, dict[str, int]] = field(default_factory=dict)  # further devices: id -> registers
    ids: list[int] = field(default_factory=list)  # to which the single device answers as well
    mute: list[int] = field(default_factory=list)  # questions that begin at these registers get no answer
    longest: int = 125  # words; longer questions get no answer
    refuses: bool = True  # what it lacks, with an exception; else it is silent
    piece: int = PIECE
    late: list[int] = field(default_factory=list)  # first answers to these registers come `lateness` late
    lateness: float = 5.0  # [s]
    twice: bool = False  # shows ffd1 and fff1 twice, as packs with Bluetooth of their own do
    write: str = "any"  # any; command: nothing else; unacknowledged: does it, and then the stack fails
    asleep: bool = False  # until ffd4 is read
    asked: list[str] = field(default_factory=list)  # all that was written to it, in hex
    ways: list[str] = field(default_factory=list)  # how: request, which is acknowledged, or command
    talks: dict[str, str] = field(default_factory=dict)  # UUIDs: service, write, notify_service, notify
    takes: list[str] = field(
        default_factory=lambda: ["write-without-response", "write"]
    )  # where it talks there
    takes_at_most: int = 20  # bytes written at a time; of a longer write it sees only so many
    arrived: str = ""  # of a request that is not complete yet
    inputs: dict[str, int] = field(default_factory=dict)  # what function 4 reads
    more_words: int = 0  # than asked
    answers_as: int = -1  # the id in its answers; -1: as asked


def answer(module: Module, registers: dict[int, int], device_id: int, written: bytes) -> bytes | None:
    """The whole frame; None for silence."""
    module.asked.append(written.hex())
    if module.asleep or (written := _whole(module, written)) == b"":
        return None
    first, count = int.from_bytes(written[2:4], "big"), int.from_bytes(written[4:6], "big")
    if first in module.mute or count > module.longest:
        return None
    tables = {int(number): {int(r): w for r, w in words.items()} for number, words in module.packs.items()}
    if registers:
        tables |= dict.fromkeys((device_id, *module.ids), registers)
    if written[0] in tables:
        frame = reply(tables[written[0]], written[0], written, module)
    elif written[0] == WHOEVER and len({id(each) for each in tables.values()}) == 1:
        frame = reply(next(iter(tables.values())), WHOEVER, written, module)
    else:
        return None  # nobody, or all at once, which nobody understands
    return frame if frame is None or module.refuses or frame[1] < 0x80 else None


def _whole(module: Module, written: bytes) -> bytes:
    """The request, once all its pieces are there."""
    arrived = bytes.fromhex(module.arrived) + written[: module.takes_at_most]
    module.arrived = arrived.hex() if len(arrived) < 8 else ""
    return arrived if len(arrived) == 8 else b""


def crc(data: bytes) -> bytes:
    value = 0xFFFF
    for byte in data:
        value ^= byte
        for _ in range(8):
            value = (value >> 1) ^ 0xA001 if value & 1 else value >> 1
    return value.to_bytes(2, "little")


def reply(
    registers: dict[int, int], device_id: int, written: bytes, module: Module | None = None
) -> bytes | None:
    """The whole frame; None for what is not for this device or broken. An address that is not there
    fails the request as a whole."""
    module = module or Module()
    if len(written) != 8 or crc(written[:6]) != written[6:] or written[0] not in {device_id, 255}:
        return None
    first, count = int.from_bytes(written[2:4], "big"), int.from_bytes(written[4:6], "big")
    whose = written[0] if module.answers_as < 0 else module.answers_as
    if written[1] == READ_INPUT and module.inputs:
        registers = {int(register): word for register, word in module.inputs.items()}
    elif written[1] != READ:
        return sealed(bytes([whose, written[1] | 0x80, 1]))
    asked = range(first, first + count)
    if not all(address in registers for address in asked):
        return sealed(bytes([whose, written[1] | 0x80, 2]))
    data = b"".join(registers[address].to_bytes(2, "big") for address in asked) + bytes(2 * module.more_words)
    return sealed(bytes([whose, written[1], len(data)]) + data)


def sealed(frame: bytes) -> bytes:
    return frame + crc(frame)


def pieces(frame: bytes, size: int = PIECE) -> list[bytes]:
    return [frame[i : i + size] for i in range(0, len(frame), size)]


def table(*frames: tuple[str, str]) -> dict[int, int]:
    """The registers in captured pairs of request and reply."""
    found: dict[int, int] = {}
    for request, response in frames:
        first, data = int(request[4:8], 16), bytes.fromhex(response)[3:-2]
        for i in range(0, len(data), 2):
            found[first + i // 2] = int.from_bytes(data[i : i + 2], "big")
    return found
