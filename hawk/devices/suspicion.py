"""Whether an engine may have been started since the last look into the monitor's memory. Pure.

A monitor keeps only its last start, and to ask for it takes a link. What is heard anyway tells when it is worth that:
after a start the alternator charges; and while a vehicle was away nobody heard what it did. The counters named
rapid acceleration and deceleration say nothing here: their meaning is not known.
"""

import math

from hawk.model.reading import Sample

ABSENT = 300.0  # [s] gaps between adverts are up to 38 s
AT_LEAST = 600.0  # [s] between two looks: a voltage may waver about the threshold
TRY_AGAIN = 3600.0  # [s] after a look in vain
CHARGING = "charging"


class Suspicion:
    """Times are seconds of one clock that does not jump."""

    def __init__(self) -> None:
        self.raised = True  # nobody has looked yet
        self._heard: float | None = None
        self._charging: bool | None = None
        self._not_before = -math.inf

    def note(self, sample: Sample | None, at: float) -> None:
        """It was heard; `sample` is what it said, if it said something."""
        if self._heard is not None and at - self._heard > ABSENT:
            self.raised = True
        self._heard = at
        if sample is not None and sample.status is not None:
            charging = sample.status == CHARGING
            self.raised |= charging and self._charging is False
            self._charging = charging

    def due(self, at: float) -> bool:
        return self.raised and at >= self._not_before

    def looked(self, at: float, *, ok: bool) -> None:
        self.raised = not ok
        self._not_before = at + (AT_LEAST if ok else TRY_AGAIN)
