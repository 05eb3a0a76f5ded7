"""How a delivery goes on after what the sink answered: waits, sizes, and the way to a row that is refused. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Generic, Self, TypeVar

from hawk.errors import BatchPartlyRefused, BatchRefused, BatchTooLarge, SinkBusy, SinkDenied, SinkError
from hawk.sinks.messages import SinkState

R = TypeVar("R")


# -- waiting ---------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Patience:
    """In seconds; each wait is twice as long as the one before."""

    first: float = 1.0
    longest: float = 60.0
    first_denied: float = 60.0
    longest_denied: float = 300.0
    looking: float = 600.0
    longest_busy: float = 3600.0  # however long it asks for
    most_in_vain: int = 64  # rows refused one after the other: then it is not the rows


@dataclass(frozen=True, slots=True)
class Verdict:
    state: SinkState
    wait: float  # [s] until it is tried again


def verdict(error: SinkError, failures: int, *, awaited: bool, chance: float, patience: Patience) -> Verdict:
    """After so many failures in a row (at least 1). `awaited`: rows wait for it. `chance`, from 0 to 1, keeps
    those apart that went down together.
    """
    doubled = 2.0 ** min(failures - 1, 30)
    if isinstance(error, SinkDenied):
        return Verdict(SinkState.DENIED, min(patience.first_denied * doubled, patience.longest_denied))
    if not awaited:
        return Verdict(SinkState.LOOKING, patience.looking)
    if isinstance(error, SinkBusy) and error.after is not None:
        return Verdict(SinkState.DOWN, min(max(error.after, patience.first), patience.longest_busy))
    backoff = patience.first * doubled * (0.75 + chance / 2)
    return Verdict(SinkState.DOWN, min(backoff, patience.longest))


# -- sizes -----------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Pace:
    batch: int = 500  # rows, as long as all that is there fits in
    replay_batch: int = 5000  # while there is more
    replay_rows_per_s: float = 5000.0  # a server on a small board has other things to do, too
    gather: float = 1.0  # [s] between two deliveries of what is new


def next_limit(limit: int, came: int, pace: Pace) -> int:
    """How many rows to ask for, after `came` of the `limit` asked for before: a full page means there is more."""
    return pace.replay_batch if came >= limit else pace.batch


def rest_after(rows: int, took: float, *, behind: bool, pace: Pace) -> float:
    """[s] until the next delivery, after one of so many rows."""
    wanted = rows / pace.replay_rows_per_s if behind else pace.gather
    return max(0.0, wanted - took)


# -- rows that are refused -------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Parts(Generic[R]):
    """A batch on its way, in order; in ever smaller parts where it is not taken whole."""

    waiting: tuple[Sequence[R], ...]  # none is empty
    settled: Sequence[R] = ()  # the part settled last
    refused: int = 0  # rows that the sink will never take
    causes: tuple[str, ...] = field(default=())

    @classmethod
    def of(cls, rows: Sequence[R]) -> Self:
        return cls((rows,) if rows else ())

    @property
    def is_one_row(self) -> bool:
        """The part that is next."""
        return len(self.waiting[0]) == 1

    def taken(self) -> Self:
        """The first part was."""
        return replace(self, waiting=self.waiting[1:], settled=self.waiting[0])

    def answered(self, error: BatchTooLarge | BatchRefused) -> Self:
        """The first part was not, or not all of it."""
        first, *rest = self.waiting
        if isinstance(error, BatchPartlyRefused):
            return self._dropping(error.dropped, error)
        if self.is_one_row:
            return self._dropping(1, error)
        middle = len(first) // 2
        return replace(self, waiting=(first[:middle], first[middle:], *rest))

    def _dropping(self, rows: int, error: SinkError) -> Self:
        causes = tuple(dict.fromkeys((*self.causes, str(error))))
        return replace(self.taken(), refused=self.refused + rows, causes=causes)
