"""The last start that a BM6 or BM7 remembers and how it sends it, from the protocol page. Plain text."""

import time
from collections.abc import Iterator
from dataclasses import dataclass, field

NOTHING = bytes.fromhex("d15503ff").ljust(16, b"\0")
TICK = 120  # [s] of the age


@dataclass
class Start:
    samples: list[int] = field(default_factory=list)  # 0.01 V, 10 ms apart
    status: int = 1
    volts: int = 0  # 0.01 V; 0: the third-lowest sample, as in the captures
    duration: int = 740  # ms
    at: float = 0.0  # [s since the epoch]; 0: now
    acknowledged: bool = False  # says first what it also says when there is nothing
    mute: bool = False  # does not answer at all
    loses: list[int] = field(default_factory=list)  # blocks of the next answer that never come

    def age(self) -> int:
        """In steps of two minutes."""
        return int((time.time() - self.at) // TICK) if self.at else 0


def reply(start: Start | None, live: bytes) -> Iterator[bytes]:
    """Notifications of 16 bytes, with `live` ones among them."""
    if start is None:
        yield NOTHING
        return
    if start.mute:
        return
    if start.acknowledged:
        yield NOTHING
    lost, start.loses = set(start.loses), []
    for number, block in enumerate(blocks(start)):
        if number in {5, 21}:
            yield live
        if number not in lost:
            yield block


def blocks(start: Start) -> list[bytes]:
    volts = start.volts or sorted(start.samples)[2]
    head = f"d15503{start.status:02x}{volts:04x}{start.duration:04x}{min(start.age(), 0xFFFF):04x}"
    digits = f"{head}fffffe{''.join(f'{each:03x}' for each in start.samples)}fffefe"
    digits += "0" * (-len(digits) % 32)
    return [bytes.fromhex(digits[i : i + 32]) for i in range(0, len(digits), 32)]
