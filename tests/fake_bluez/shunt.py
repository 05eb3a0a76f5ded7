"""A Smart Shunt 300: never asked, it notifies frames of 110 bytes, with frames of history among them.

Written from the protocol page, not from the driver: no capture is public.
"""

from dataclasses import dataclass

NOTIFY = "0000c411-0000-1000-8000-00805f9b34fb"
PIECE = 20  # bytes


@dataclass
class Shunt:
    milliamperes: int = -1500  # + charging
    millivolts: int = 13_250
    starter_millivolts: int = 12_610  # 0: not connected
    charge: int = 873  # 0.1 %
    temperature: int = 215  # 0.1 degC


def live(shunt: Shunt) -> bytes:
    frame = bytearray(b"\x42\x57\x01\x19".ljust(110, b"\x00"))
    frame[21:24] = shunt.milliamperes.to_bytes(3, "big", signed=True)
    frame[25:28] = shunt.millivolts.to_bytes(3, "big")
    frame[30:32] = shunt.starter_millivolts.to_bytes(2, "big")
    frame[34:36] = shunt.charge.to_bytes(2, "big")
    frame[66:68] = shunt.temperature.to_bytes(2, "big")
    return bytes(frame)


def history() -> bytes:
    return b"\x42\x57\x01\x0b".ljust(110, b"\x07")


def notifications(shunt: Shunt) -> list[bytes]:
    """One round: history, then what is live, each with its prefix and in pieces."""
    frames = [b"\x61\xd2\x00\x01" + frame for frame in (history(), live(shunt))]
    return [frame[i : i + PIECE] for frame in frames for i in range(0, len(frame), PIECE)]
