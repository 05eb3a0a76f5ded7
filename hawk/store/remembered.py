"""Where the history of a device belongs in its log. Pure.

A device keeps no times: record k was made k intervals before the newest one, give or take an interval.
The records imported last, found again in what came now, tell what is new; how many there were before
them, what is older. So a second download moves nothing and adds only what was missing.
"""

from bisect import bisect_left
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

TAIL = 128  # records kept to be found again: a resting battery repeats the same one for hours
LIVE_NEAR = 120_000  # [ms] a live reading so near says it better


@dataclass(frozen=True, slots=True)
class Placed:
    utc: int  # [ms since the epoch]
    raw: bytes
    wanted: bool  # no live reading says it better


@dataclass(frozen=True, slots=True)
class Known:
    """Of what a device remembers, the unbroken part that the log has."""

    count: int  # records, also those that were no measurement
    since: int  # [ms since the epoch] of the oldest
    until: int  # of the newest
    tail: tuple[bytes, ...]  # the last of them, the newest first

    def with_older(self, placed: Sequence[Placed]) -> "Known":
        """`placed`, of which there is at least one, the oldest first."""
        newest_first = tuple(each.raw for each in reversed(placed))
        return Known(self.count + len(placed), placed[0].utc, self.until, (*self.tail, *newest_first)[:TAIL])

    def with_newer(self, placed: Sequence[Placed]) -> "Known":
        newest_first = tuple(each.raw for each in reversed(placed[-TAIL:]))
        since = self.since if self.count else placed[0].utc
        return Known(self.count + len(placed), since, placed[-1].utc, (*newest_first, *self.tail)[:TAIL])


NOTHING = Known(0, 0, 0, ())


@dataclass(frozen=True, slots=True)
class Plan:
    """What is missing; each part with the oldest first."""

    known: Known  # to go on from
    older: tuple[Placed, ...]
    newer: tuple[Placed, ...]


def plan(records: Sequence[bytes], newest: int, interval: int, known: Known, live: Sequence[int]) -> Plan:
    """`records` have the newest first, made at `newest`. Times are in ms, those of `live` readings in order."""
    seam = _seam(records, newest, interval, known)
    if seam is None:  # it was without power, and began anew
        seam, known = _by_clock(records, newest, interval, known), NOTHING
    newer, older = records[:seam], records[seam + known.count :] if known.count else ()

    def placed(part: Sequence[bytes], first: int) -> tuple[Placed, ...]:
        at = ((first - k * interval, raw) for k, raw in enumerate(part))
        return tuple(Placed(utc, raw, not _near(live, utc)) for utc, raw in at)[::-1]

    return Plan(known, placed(older, known.since - interval), placed(newer, newest))


def batches(plan: Plan, size: int) -> Iterator[tuple[Sequence[Placed], Known]]:
    """Each with what is known after it. What is older counts only when all of it is there: until then the
    same again lands on the same instants.
    """
    known = plan.known
    for start in range(0, len(plan.older), size):
        placed = plan.older[start : start + size]
        if start + size >= len(plan.older):
            known = known.with_older(plan.older)
        yield placed, known
    for start in range(0, len(plan.newer), size):
        placed = plan.newer[start : start + size]
        known = known.with_newer(placed)
        yield placed, known


def _seam(records: Sequence[bytes], newest: int, interval: int, known: Known) -> int | None:
    """How many of the records are newer than those in the log; None if these are of another time.

    Where the tail fits in several places, the battery was at rest: then the clock decides, and of those
    that it cannot tell apart the one behind which there is just what the log has.
    """
    if not known.count:
        return len(records)
    expected = _by_clock(records, newest, interval, known)
    length = min(len(known.tail), len(records))
    tail = list(known.tail[:length])
    fits = (at for at in range(len(records) - length + 1) if list(records[at : at + length]) == tail)

    def doubt(at: int) -> tuple[bool, bool, int]:
        off = abs(at - expected)
        return off > 1, len(records) - at != known.count, off

    return min(fits, key=doubt, default=None)


def _by_clock(records: Sequence[bytes], newest: int, interval: int, known: Known) -> int:
    return min(max(0, round((newest - known.until) / interval)), len(records))


def _near(live: Sequence[int], utc: int) -> bool:
    at = bisect_left(live, utc - LIVE_NEAR)
    return at < len(live) and live[at] <= utc + LIVE_NEAR
