"""What devices remember by themselves, record by record."""

from dataclasses import dataclass
from typing import TypeVar

from hawk.errors import ProtocolError
from hawk.wire import aes


@dataclass(frozen=True, slots=True)
class Bm6Record:
    """Two minutes in the life of a battery, as BM6 and BM7 keep them."""

    raw: bytes
    voltage: float  # [V]; 0 (seen as 00000001) is no measurement
    state_of_charge: int  # [%]
    temperature: int | None  # [degC]
    flags: int  # set by voltage steps; no engine truth


@dataclass(frozen=True, slots=True)
class Bm2Record:
    raw: bytes
    voltage: float  # [V]
    min_crank_voltage: float  # [V], 0 if there was none
    k: int  # meaning unknown
    type: int  # meaning unknown


Record = TypeVar("Record", Bm6Record, Bm2Record)


@dataclass(frozen=True, slots=True)
class Version:
    text: str  # 8 hex digits; their meaning is unknown


def refuse_frames(plain: bytes, heads: tuple[bytes, ...]) -> None:
    """Raises ProtocolError if a block begins like a frame: read as records it would give invented values."""
    for start in range(0, len(plain), aes.BLOCK):
        if plain.startswith(heads, start):
            raise ProtocolError("wrong_header", f"{plain[start : start + 3].hex()} is the head of a frame")


def without_padding(records: list[Record | None]) -> tuple[Record | None, ...]:
    """All-zero records at the end are the padding of the last block."""
    while records and records[-1] is None:
        records.pop()
    return tuple(records)
