"""How long readings and their summaries are kept, and whether the clock may say so. Pure."""

from dataclasses import dataclass, replace

from hawk.config.schema import Store
from hawk.model.reading import Moment
from hawk.model.summary import DAY, HOUR, start_of

LEAP = 7 * DAY  # [ms] nobody is silent for so long, or the clock is wrong
CONFIRMED_AFTER = 3600.0  # [s] of a clock that keeps saying so


@dataclass(frozen=True, slots=True)
class Retention:
    """The settings of the same names. 0 days is for ever."""

    raw_days: int = 56
    hourly_days: int = 730
    daily_days: int = 0
    max_unsent_days: int = 90  # beyond the others, for sinks that have not got it yet
    max_mb: int = 1024

    @classmethod
    def of(cls, settings: Store) -> "Retention":
        return cls(
            raw_days=settings.raw_days,
            hourly_days=settings.hourly_days,
            daily_days=settings.daily_days,
            max_unsent_days=settings.max_unsent_days,
            max_mb=settings.max_mb,
        )

    @property
    def max_bytes(self) -> int:
        return self.max_mb * 1_000_000


@dataclass(frozen=True, slots=True)
class Horizons:
    """[ms since the epoch] What is older may go; None: nothing may."""

    raw: int | None
    hours: int | None
    days: int | None
    unsent: int | None  # and here also what a sink has not got


def horizons(retention: Retention, now: int) -> Horizons:
    """A summary is kept no shorter than what it is made of, and whole hours and days go at a time."""
    raw = retention.raw_days
    hours = _longer(raw, retention.hourly_days)
    return Horizons(
        raw=_ago(raw, now, HOUR),
        hours=_ago(hours, now, DAY),
        days=_ago(_longer(hours, retention.daily_days), now, DAY),
        unsent=_ago(retention.max_unsent_days, now, HOUR),
    )


@dataclass(frozen=True, slots=True)
class Confidence:
    """That it is as late as the clock says: what is purged for a wrong date never comes back.

    A clock that leaps ahead by more than LEAP has to say so for an hour. What is recorded meanwhile
    does not speak for it, for it carries the same date.
    """

    sure: int | None = None  # [ms since the epoch] an instant that is certainly over
    leapt_at: float | None = None  # [s of boot time]

    def look(self, now: Moment) -> "Confidence":
        if now.utc is None:
            return replace(self, leapt_at=None)
        if self.sure is None or now.utc - self.sure <= LEAP:
            return Confidence(now.utc)
        if self.leapt_at is None:
            return replace(self, leapt_at=now.boot_time)
        return Confidence(now.utc) if now.boot_time - self.leapt_at >= CONFIRMED_AFTER else self

    def doubt(self, now: Moment) -> str | None:
        """Why nothing is purged just now; None when it may be."""
        if now.utc is None:
            return "the clock is not trusted yet"
        if self.leapt_at is not None:
            return "the clock is more than 7 days ahead of the newest reading: purging waits for an hour"
        return None


def _longer(days: int, other: int) -> int:
    return 0 if 0 in (days, other) else max(days, other)


def _ago(days: int, now: int, span: int) -> int | None:
    return start_of(now - days * DAY, span) if days else None
