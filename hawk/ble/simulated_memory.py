"""What a simulated monitor remembers of its battery: a record every two minutes, also of the days before it was
switched on, and the last start of the engine. Nothing of it is made before somebody asks. Pure.
"""

import math
import random
from dataclasses import dataclass, replace

from hawk.ble.battery_model import DAY, STEP, Battery, State, Use, starts

_SEAM = 6 * 3600.0  # [s] the past was another battery's, which becomes this one in so many
_LONG_AGO = 30 * DAY  # [s] starts before that are forgotten

SAMPLES, SAMPLE = 352, 0.01  # [s] of the curve of a start
_BEFORE = 0.09  # [s] of the curve before the starter turns
_ALTERNATOR = 14.1  # [V]


@dataclass(frozen=True, slots=True)
class Start:
    time: float  # [s] as all times of a battery
    duration: float  # [s] the starter turns
    curve: tuple[float, ...]  # [V], SAMPLE seconds apart

    @property
    def lowest(self) -> float:
        return min(self.curve)


class Memory:
    def __init__(self, use: Use, seed: int, start: float, days: float) -> None:
        """`start`: when it is switched on; it has noted so many `days` before that."""
        self._use, self._seed, self._start = use, seed, start
        self._first = start - math.floor(days * DAY / STEP) * STEP
        self._noted: list[State] = []  # the oldest first
        self._battery = Battery(use, seed, self._first)
        self._live = self._first >= start

    def reach(self, time: float, most: int) -> bool:
        """Makes at most so many records more; whether all until then are there."""
        for _ in range(most):
            at = self._first + len(self._noted) * STEP
            if at > time:
                return True
            if at >= self._start and not self._live:
                self._begin_to_live()
            self._noted.append(self._battery.at(at))
        return False

    def count(self, time: float) -> int:
        """Of the records until then."""
        while not self.reach(time, 10_000):
            pass
        return min(max(0, math.floor((time - self._first) / STEP) + 1), len(self._noted))

    def records(self, time: float, start: int = 0, end: int = 1 << 24) -> list[tuple[float, State]]:
        """Until then, each with its time, the newest first; of those from `start` to before `end`."""
        newest = self.count(time) - 1
        wanted = range(newest - start, max(-1, newest - end), -1)
        return [(self._first + k * STEP, self._noted[k]) for k in wanted]

    def starts(self, since: float, until: float) -> list[Start]:
        """The oldest first."""
        return [self._told(each) for each in starts(self._use, self._seed, since, until)]

    def last_start(self, time: float) -> Start | None:
        found = starts(self._use, self._seed, time - _LONG_AGO, time - SAMPLES * SAMPLE)
        return self._told(found[-1]) if found else None

    def _begin_to_live(self) -> None:
        """From here on it is the battery that is heard; what was before comes near to it."""
        end, self._live = self._battery.at(self._start), True
        self._battery = Battery(self._use, self._seed, self._start)
        now = self._battery.at(self._start)
        volts, percent = now.voltage - end.voltage, now.state_of_charge - end.state_of_charge
        for k, state in enumerate(reversed(self._noted), 1):
            share = math.exp(-k * STEP / _SEAM)
            charge = min(100.0, max(0.0, state.state_of_charge + share * percent))
            self._noted[-k] = replace(state, voltage=state.voltage + share * volts, state_of_charge=charge)

    def _told(self, begin: float) -> Start:
        chance = random.Random(self._seed * 7919 + int(begin))  # noqa: S311  # noise, not a secret
        noted = math.floor((begin - self._first) / STEP)
        rest = self._noted[noted].voltage if 0 <= noted < len(self._noted) else 12.6
        duration = round(chance.uniform(0.55, 1.25), 2)
        sag = chance.uniform(2.0, 2.8)
        curve = (_volts(k * SAMPLE - _BEFORE, rest, sag, duration) for k in range(SAMPLES))
        return Start(begin, duration, tuple(round(volts + chance.gauss(0, 0.015), 2) for volts in curve))


def _volts(time: float, rest: float, sag: float, duration: float) -> float:
    """So long after the starter began to turn: it breaks away, pistons pass, the engine runs, the alternator lifts."""
    if time < 0:
        return rest
    pistons = 0.3 * math.sin(2 * math.pi * 7 * time) * math.exp(-time / 0.8)
    turning = rest - sag * (0.6 + 0.6 * math.exp(-time / 0.07)) + pistons
    if time < duration:
        return turning
    return _ALTERNATOR - (_ALTERNATOR - turning) * math.exp(-(time - duration) / 0.45)
