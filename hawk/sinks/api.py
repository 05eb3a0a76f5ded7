"""What a sink is: a place outside that gets every row of the log, such as a database.

A sink is one file and one entry point in the group `hawk.sinks`, which names its SinkType.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from hawk.config.schema import Settings
from hawk.model.reading import Reading
from hawk.model.summary import Summary

TIMEOUT = 15.0  # [s] no call of a sink takes longer
SETTLES = (
    30.0  # [s] what a place took so long ago, and lived on, it has on its disk: VictoriaMetrics needs 11
)


class Sink(Protocol):
    """Used by one thread at a time, never by the event loop: it may wait for the network, up to TIMEOUT.

    Making one does nothing. Its library is imported in `connect`, when somebody answers, so that who
    has no such database does not pay for it. After any error but those of a batch it is closed, and another one is
    made.

    Rows come in the order of their `seq` and never without one. They may come again, also after newer
    ones: the same device at the same instant is the same row, and the last one that came counts. What is
    None is no value and never 0. Names in a row are those of its time, and belong to it.

    All may raise SinkUnreachable, SinkBusy or SinkDenied (see hawk/errors.py).
    """

    def connect(self) -> str:
        """What answered, for people, such as "InfluxDB 1.6.7". Makes what it needs there if it may."""

    def deliver_readings(self, readings: Sequence[Reading]) -> None:
        """Kept for good when it returns, or as `life` says. Raises BatchTooLarge, BatchRefused, BatchPartlyRefused."""

    def deliver_summaries(self, summaries: Sequence[Summary]) -> None:
        """The same."""

    def life(self) -> int | None:
        """None where what was delivered is kept for good. Else asks something small, and says in which life of the
        place it was answered, as far as that can be told: with another number it may have been killed and started anew
        since. Then what it took less than SETTLES before may be lost, and comes again.
        """

    def close(self) -> None:
        """Lets go of the connection, if there is one. Raises nothing."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """What the settings ask of one kind of sink."""

    place: str
    """Where, for people, without secrets. It names the cursor: another place gets everything from the beginning."""
    explicit: bool  # somebody asked for it; otherwise nothing waits for it before it answered once
    section: object  # all that the settings say of it; when that changes it is made anew
    make: Callable[[], Sink] = field(compare=False)


@dataclass(frozen=True, slots=True)
class SinkType:
    name: str  # in the status and in the log
    wanted: Callable[[Settings], Wanted | None]
    """None: switched off. Raises ConfigurationError for settings that cannot be."""
