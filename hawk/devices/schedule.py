"""When a device is to be polled next. Pure: the caller brings the time."""

import math

from hawk.devices.policy import BetweenPolls, Streak
from hawk.model.device import Retry


class Schedule:
    """Times are seconds of Trio's clock. The first poll is due at once."""

    def __init__(self, between: BetweenPolls) -> None:
        self._between = between
        self._streak = Streak()
        self._began = self._ended = -math.inf
        self.running = False

    def begin(self, now: float) -> None:
        self.running, self._began = True, now

    def end(self, now: float, *, ok: bool, heard: bool) -> None:
        self.running, self._ended = False, now
        self._streak = Streak() if ok else self._streak.failed(heard=heard)

    def abandon(self) -> None:
        """The poll that runs was given up, and says nothing about the device."""
        self.running, self._began = False, self._ended

    def due(self, interval: float, retry: Retry) -> float:
        """From start to start; after a failure from its end."""
        if self._streak.failures:
            return self._ended + self._between.wait(self._streak, retry)
        return max(self._began + interval, self._ended)

    def heard(self, silence: float) -> bool:
        """An advert came, after so many seconds without one. True if that ended a wait: it is due now."""
        woken = not self.running and self._between.wakes(self._streak, silence)
        if woken:
            self._ended = -math.inf
        return woken
