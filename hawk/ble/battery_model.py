"""How a lead-acid battery and the monitor on it fare through the days, for the simulated radio.

Rest and self-discharge, sun and alternator, cranking, evening loads, warm and cold hours. Pure:
the same use, seed, start and time always give the same state.
"""

import enum
import math
import random
from dataclasses import dataclass

DAY = 86_400.0  # [s]
STEP = 120.0  # [s] the monitors themselves note a record every two minutes
_EMPTY, _FULL = 11.90, 12.90  # [V] at rest, of the table the vendor's app writes into the monitor
_SELF_DISCHARGE = 0.04 / (30 * DAY)  # of the capacity, per second
_CRANK = 3.0  # [s] a starter turns
_CRANK_SAG = 2.3  # [V]
_SURFACE = 0.35  # [V] a battery just charged shows more than it holds ...
_SURFACE_DECAY = 2 * 3600.0  # [s] ... for hours
_ABSORPTION, _FLOAT = 14.4, 13.6  # [V] what chargers hold


class Condition(enum.Enum):
    """The monitor's own judgement, from the voltage alone."""

    NORMAL = "normal"
    LOW = "low"
    CHARGING = "charging"


@dataclass(frozen=True, slots=True)
class State:
    voltage: float  # [V]
    state_of_charge: float  # [%] as the monitor reckons it, by its table
    temperature: float  # [degC]
    condition: Condition
    charge: float  # [0..1] what is really in the battery


@dataclass(frozen=True, slots=True)
class Use:
    """What a battery is in and what is asked of it."""

    name: str
    capacity: float  # [Ah]
    drain: float  # [A] day and night
    evening: float = 0.0  # [A] more, from 18 to 23 h
    sun: float = 0.0  # [A] of the panels at noon of a clear day
    drives: tuple[float, ...] = ()  # [h] about when somebody starts the engine
    alternator: float = 0.0  # [A]
    climate: float = 14.0  # [degC] mean of the day


CAR = Use("Car", 60.0, 0.03, drives=(7.5, 17.25), alternator=45.0)
BOAT = Use("Boat", 110.0, 0.4, evening=3.5, sun=9.0, climate=17.0)
CAMPER = Use("Camper", 95.0, 0.3, evening=5.0, sun=6.0, drives=(10.5,), alternator=25.0, climate=1.0)
USES = (CAR, BOAT, CAMPER)


def resting_voltage(charge: float) -> float:
    return _EMPTY + charge * (_FULL - _EMPTY)


def reckoned_charge(voltage: float) -> float:
    """[%] the vendor's default table, which is a straight line."""
    return min(100.0, max(0.0, 100 * (voltage - _EMPTY) / (_FULL - _EMPTY)))


def judged(voltage: float) -> Condition:
    """Thresholds within what captures of real monitors allow."""
    if voltage >= 13.45:
        return Condition.CHARGING
    return Condition.LOW if voltage < 12.2 else Condition.NORMAL


@dataclass(frozen=True, slots=True)
class _Day:
    """What chance decides about one day."""

    number: int
    sky: float  # 0 overcast .. 1 clear
    warmth: float  # [degC] more than the mean
    drives: tuple[tuple[float, float], ...]  # [s of the day] from, to

    @classmethod
    def of(cls, use: Use, seed: int, number: int) -> "_Day":
        chance = random.Random(seed * 1_000_003 + number)  # noqa: S311  # weather, not a secret
        weekend = number % 7 in {2, 3}  # the first of January 1970 was a Thursday
        drives = []
        for hour in use.drives:
            begin = (hour + chance.gauss(0, 0.3)) * 3600
            length = chance.uniform(20, 55) * 60
            if chance.random() < (0.4 if weekend else 0.9):
                drives.append((begin, begin + length))
        return cls(number, chance.uniform(0.15, 1.0), chance.gauss(0, 3), tuple(drives))

    def driving(self, time: float) -> bool:
        return any(begin + _CRANK <= time % DAY < end for begin, end in self.drives)

    def cranking(self, time: float) -> bool:
        return any(begin <= time % DAY < begin + _CRANK for begin, _ in self.drives)


def starts(use: Use, seed: int, since: float, until: float) -> list[float]:
    """When the engine was started, in order."""
    days = range(int(since // DAY), int(until // DAY) + 1)
    begun = (day * DAY + begin for day in days for begin, _ in _Day.of(use, seed, day).drives)
    return sorted(begin for begin in begun if since <= begin <= until)


class Battery:
    """One battery from `start` on; only goes forward."""

    def __init__(self, use: Use, seed: int, start: float) -> None:
        """`start` and all times: seconds since the epoch by the clock on the wall there."""
        self._use, self._seed = use, seed
        self._time = start - start % STEP
        self._day = _Day.of(use, seed, int(start // DAY))
        self._charge = random.Random(seed).uniform(0.65, 0.95)  # noqa: S311  # a battery, not a secret
        self._surface = 0.0

    def at(self, time: float) -> State:
        """A time before the last one asked for counts as that one."""
        while self._time + STEP <= time:
            self._step()
        resting = self._voltage(time)
        voltage = resting - _CRANK_SAG if self._day.cranking(time) else resting
        return State(
            voltage=voltage,
            state_of_charge=reckoned_charge(resting),
            temperature=self._temperature(time),
            condition=judged(resting),
            charge=self._charge,
        )

    def _step(self) -> None:
        offered, drawn = self._currents(self._time)
        amperes = self._net(offered, drawn)
        efficiency = 0.95 if amperes > 0 else 1.0
        self._charge += efficiency * amperes * STEP / 3600 / self._use.capacity - _SELF_DISCHARGE * STEP
        self._charge = min(1.0, max(0.02, self._charge))
        goal = _SURFACE if amperes > 0 else 0.0
        self._surface += (goal - self._surface) * (1 - math.exp(-STEP / _SURFACE_DECAY))
        self._time += STEP
        if (number := int(self._time // DAY)) != self._day.number:
            self._day = _Day.of(self._use, self._seed, number)

    def _currents(self, time: float) -> tuple[float, float]:
        """[A] what the chargers offer and what the loads draw."""
        hour = time % DAY / 3600
        sun = max(0.0, math.sin(math.pi * (hour - 6) / 12)) * self._day.sky * self._use.sun
        alternator = self._use.alternator if self._day.driving(time) else 0.0
        return sun + alternator, self._use.drain + (self._use.evening if 18 <= hour < 23 else 0.0)

    def _net(self, offered: float, drawn: float) -> float:
        """[A] into the battery. The fuller it is, the less it takes."""
        accepted = 0.2 * self._use.capacity * min(1.0, (1.001 - self._charge) / 0.1)
        return min(offered - drawn, accepted)

    def _voltage(self, time: float) -> float:
        offered, drawn = self._currents(time)
        amperes = self._net(offered, drawn)
        resting = resting_voltage(self._charge) + self._surface
        flicker = 0.006 * math.sin(12.9898 * time + 78.233 * self._seed)  # no two readings quite alike
        if amperes <= 0:
            return resting + amperes * 2.4 / self._use.capacity + flicker
        held = _ABSORPTION if self._charge < 0.98 else _FLOAT
        if amperes < offered - drawn:  # the charger holds its voltage, the battery takes what it likes
            return held + flicker
        return min(held, resting + 0.9 * min(1.0, 50 * amperes / self._use.capacity)) + flicker

    def _temperature(self, time: float) -> float:
        hour = time % DAY / 3600
        return self._use.climate + self._day.warmth + 6 * math.cos(2 * math.pi * (hour - 15) / 24)
