"""Which readings of the log were said, so that none is missed and none waits behind a replay. Pure."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Self

from hawk.model.reading import Reading, Source


@dataclass(frozen=True, slots=True)
class Progress:
    """Of one session: what was stored before it is replayed, what comes during it is live and goes first."""

    replayed: int  # all up to this `seq` was said, or is too old to be
    until: int  # where the replay ends: the last that was stored before the session
    live: int = 0  # the last said of those that came later

    @classmethod
    def begin(cls, cursor: int | None, stored: int, heard: int) -> Self:
        """Without a cursor nobody ever listened: it starts at now. `stored` is what the log answered, `heard`
        what was told to be stored: it may have been told while the answer was on its way.
        """
        newest = max(stored, heard)
        return cls(newest if cursor is None else cursor, newest)

    @property
    def caught_up(self) -> bool:
        return self.replayed >= self.until

    @property
    def cursor(self) -> int:
        """What another session goes on from."""
        return max(self.replayed, self.live) if self.caught_up else self.replayed

    @property
    def behind(self) -> int:
        return max(0, self.until - self.replayed)

    def is_live(self, reading: Reading) -> bool:
        return reading.seq is not None and reading.seq > self.until

    def misses(self, heard: int, told: Iterable[int]) -> bool:
        """Whether something was stored between the last `heard` of and what is `told` now: a mailbox that ran
        over has lost the word of it.
        """
        return min(told, default=0) > max(heard, self.until) + 1

    def said_live(self, seq: int) -> "Progress":
        return replace(self, live=max(self.live, seq))

    def lost_the_thread(self, newest: int) -> "Progress":
        """There were too many live ones: all up to `newest` comes from the log."""
        return Progress(self.cursor, newest)

    def said_again(self, page: Iterable[Reading]) -> "Progress":
        """`page` is what followed in the log, said or passed over; an empty one is its end."""
        last = max((reading.seq or 0 for reading in page), default=self.until)
        return replace(self, replayed=max(self.replayed, last))


def worth_saying(reading: Reading, now: int | None, oldest: float) -> bool:
    """Whether a listener wants it after an outage: nothing that a device remembered, nothing older than
    `oldest` [s]. `now` [ms since the epoch] is None while the clock is not trusted: then nothing is known
    to be too old.
    """
    if reading.source is Source.HISTORY:
        return False
    at = reading.moment.utc
    return now is None or at is None or now - at <= oldest * 1000
