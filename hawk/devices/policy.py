"""When to read a device again, what to record of what is heard, and how long data are fresh.

All pure: the caller brings the time and the chance.
"""

from dataclasses import dataclass

from hawk.drivers.api import Driver
from hawk.model.device import Device, Retry
from hawk.model.reading import Sample

_A_HAIR = 1e-6  # 12.85 - 12.80 is a little less than 0.05 in a computer


# -- between polls ---------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Streak:
    """Failed polls in a row, the last one included."""

    failures: int = 0
    unheard: int = 0  # of them, the last ones in a row in which the device was not even heard

    def failed(self, *, heard: bool) -> "Streak":
        return Streak(self.failures + 1, 0 if heard else self.unheard + 1)


@dataclass(frozen=True, slots=True)
class BetweenPolls:
    """How long to leave a device alone that could not be read."""

    longest: float = 3600.0  # [s] the wait for one that is not heard grows to
    gap: float = 60.0  # [s] of silence after which being heard is news: real gaps are 6 to 38 s

    def wait(self, streak: Streak, retry: Retry) -> float:
        """Seconds until the next poll, after at least one failure."""
        if streak.failures < retry.attempts:
            return retry.interval
        long_waits = streak.failures - max(retry.attempts, 1) + 1
        doublings = max(min(streak.unheard, long_waits) - 1, 0)
        longest = max(self.longest, retry.reconnection_delay)
        # Bounded before it is raised: a device may be away for years.
        return min(retry.reconnection_delay * 2.0 ** min(doublings, 32), longest)

    def wakes(self, streak: Streak, silence: float) -> bool:
        """Whether being heard now, after so many seconds of silence, ends the wait at once.

        A device that was heard all the time and still could not be read is left alone.
        """
        return streak.failures > 0 and (streak.unheard > 0 or silence >= self.gap)


def polling_interval(device: Device, driver: Driver, setting: float) -> float:
    """Seconds from one poll to the next: the device's own, else its family's, else the setting."""
    if device.polling_interval is not None:
        return device.polling_interval
    return setting if driver.polling_interval is None else driver.polling_interval


# -- inside a poll ---------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class InsidePoll:
    """Connecting often fails by chance, and at once: then it is tried again."""

    seek: float = 60.0  # [s] until it is heard: gaps between adverts are up to 38
    attempts: int = 3
    first: float = 1.0  # [s] before the second attempt; twice that before the third ...
    longest: float = 8.0  # [s]
    patience: float = 60.0  # [s] after the first attempt began none begins any more

    def wait(self, failed: int, elapsed: float, jitter: float) -> float | None:
        """Seconds before the next attempt, None for no further one. `failed` attempts (at least 1)
        took `elapsed` seconds, where a person waits with all the waiting between; `jitter` is a random
        number from 0 to 1.
        """
        wait = min(self.first * 2.0 ** (failed - 1), self.longest) * (0.5 + jitter)
        return wait if failed < self.attempts and elapsed + wait <= self.patience else None


# -- recording -------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Recording:
    """Which of the adverts become readings."""

    interval: float = 60.0  # [s] after the last recorded one
    delta: float = 0.05  # [V] of change that is recorded at once
    at_least: float = 5.0  # [s] between two all the same

    def worth(self, sample: Sample, at: float, last: "Recorded | None") -> bool:
        """`at` is in seconds of the same clock as `last.at`."""
        if last is None:
            return True
        age = at - last.at + _A_HAIR
        return age >= self.interval or (age >= self.at_least and self._changed(last.sample, sample))

    def _changed(self, old: Sample, new: Sample) -> bool:
        if new.status is not None and new.status != old.status:
            return True
        if new.voltage is None or old.voltage is None:
            return new.voltage is not None
        return abs(new.voltage - old.voltage) + _A_HAIR >= self.delta


@dataclass(frozen=True, slots=True)
class Recorded:
    """The last advert that became a reading."""

    sample: Sample
    at: float  # [s]


# -- freshness -------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Freshness:
    """How old the newest data of an available device may be."""

    intervals: float = 2.5  # of polling
    at_least: float = 300.0  # [s]

    def longest_age(self, interval: float | None) -> float:
        """None for a device that nobody polls."""
        if interval is None:
            return self.at_least
        return max(self.intervals * interval, self.at_least)
