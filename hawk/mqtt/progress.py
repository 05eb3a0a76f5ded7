"""Which readings of the log were said, so that none is missed and none waits behind a replay. Pure."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Self

from hawk.model.reading import Reading, Source

LIVE_AGE = 300.0  # [s] a disk that stalls may hold up what is live


@dataclass(frozen=True, slots=True)
class Progress:
    """Of one session: what was stored before it is replayed, what is stored during it is live and goes first."""

    replayed: int  # all up to this `seq` was said, or is too old to be
    until: int  # where the replay ends, and what is live begins
    live: int  # all from there up to this was said

    @classmethod
    def begin(cls, cursor: int | None, stored: int) -> Self:
        """`stored` is the last of the log. Without a cursor nobody ever listened: it starts at now."""
        return cls(stored if cursor is None else cursor, stored, stored)

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

    def said_live(self, page: Iterable[Reading], told: int = 0) -> "Progress":
        """`page` is what followed in the log; up to `told` there is no more of it."""
        return replace(self, live=max(self.live, told, *(reading.seq or 0 for reading in page)))

    def said_again(self, page: Iterable[Reading]) -> "Progress":
        """`page` is what followed in the log, said or passed over; an empty one is its end."""
        last = max((reading.seq or 0 for reading in page), default=self.until)
        return replace(self, replayed=max(self.replayed, last))


def worth_saying(reading: Reading, now: int | None, oldest: float) -> bool:
    """Whether a listener wants it: nothing that a device remembered, nothing older than `oldest` [s], as what is
    imported from files is. `now` [ms since the epoch] is None while the clock is not trusted: then nothing is
    known to be too old.
    """
    if reading.source is Source.HISTORY:
        return False
    at = reading.moment.utc
    return now is None or at is None or now - at <= oldest * 1000
