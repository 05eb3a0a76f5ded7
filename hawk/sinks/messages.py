"""What the group of sinks, and each delivery, can be told and asked."""

import enum
from collections.abc import Iterable
from dataclasses import dataclass
from typing import final

from actors import Query


class SinkState(enum.StrEnum):
    OFF = "off"
    CONNECTING = "connecting"
    UP = "up"
    LOOKING = "looking"  # nobody answers, and nobody asked for it: nothing waits for it
    DOWN = "down"
    DENIED = "denied"  # only a person can mend it


@final
@dataclass(frozen=True, slots=True)
class Unsent:
    """Rows beyond the cursor; 100,000 also means more."""

    readings: int
    summaries: int


@dataclass(frozen=True, slots=True)
class SinkStatus:
    name: str
    state: SinkState
    place: str | None = None  # None while it is off
    server: str | None = None  # what answered last
    reason: str | None = None  # why it is not up, and what to do
    next_try: float | None = None  # [s] from now
    delivered: int = 0  # rows since the start of this delivery
    dropped: int = 0  # rows that never arrive: refused, or given up while it was down
    refusal: str | None = None  # why the last of them was refused
    unsent: Unsent | None = None  # None while the store does not answer


@dataclass(frozen=True, slots=True)
class GetSinkStatus(Query[SinkStatus]):
    """Of one delivery."""


@dataclass(frozen=True, slots=True)
class GetSinks(Query[tuple[SinkStatus, ...]]):
    """Of all, also those that are off."""


@dataclass(frozen=True, slots=True)
class Awaited:
    """Told to the group: whether what this sink has not got is kept for it."""

    name: str
    awaited: bool


def is_up(sinks: Iterable[SinkStatus], name: str) -> bool | None:
    """None when that one is off, or not known."""
    state = next((sink.state for sink in sinks if sink.name == name), SinkState.OFF)
    return None if state is SinkState.OFF else state is SinkState.UP
