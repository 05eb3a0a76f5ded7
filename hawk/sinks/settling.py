"""What a place that was killed may have lost of what it took, and so comes again. Pure.

Why it is so: docs/decisions/0009-settling.md.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from hawk.sinks.api import SETTLES
from hawk.sinks.reach import Reach

MOST_DOUBTS = 10  # then connections do not last there, and a new one tells nothing


@dataclass(slots=True)
class Settling:
    reaches: Sequence[Reach]
    life: int | None = None  # of the place; None: what it took is kept for good
    doubts: int = 0  # new lives one after the other, in none of which anything settled

    @property
    def is_over(self) -> bool:
        return all(reach.is_settled for reach in self.reaches)

    def came(self, reach: Reach, now: float) -> None:
        """All of a page, by now [s]."""
        if self.life is None:
            reach.settle_all()
        else:
            reach.came(now)

    def looked(self, life: int | None, asked: float) -> None:
        """In this life it answered what it was asked at that time [s]."""
        if life != self.life:
            self.life = life
            self._doubt()
            return
        for reach in self.reaches:
            if reach.settle(asked - SETTLES):
                self.doubts = 0

    def broke_off(self) -> None:
        """It did not answer, so it does go away now and then."""
        self.doubts = 0
        self._go_back()

    def _doubt(self) -> None:
        self.doubts += 1
        if self.doubts > MOST_DOUBTS:
            for reach in self.reaches:
                reach.settle_all()
        else:
            self._go_back()

    def _go_back(self) -> None:
        for reach in self.reaches:
            if self.life is None:
                reach.settle_all()
            else:
                reach.go_back()
