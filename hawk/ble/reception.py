"""Which adapter hears a device best. Pure; bounded by those who call `forget`."""

from collections.abc import Collection
from dataclasses import dataclass

HYSTERESIS = 6.0  # [dB] by which another adapter must be better: signals swing by that much
FRESH = 60.0  # [s] after its last advert an adapter no longer counts: gaps are up to 38
_WEIGHT = 0.2  # of the newest advert in the mean


@dataclass(slots=True)
class _Signal:
    mean: float  # [dBm]
    at: float  # [s of boot time] of the last advert


class Reception:
    """Of one device."""

    __slots__ = ("_best", "_signals")

    def __init__(self) -> None:
        self._signals: dict[str, _Signal] = {}  # by adapter
        self._best = ""

    def heard(self, adapter: str, rssi: float, now: float) -> None:
        signal = self._signals.get(adapter)
        if signal is None or now - signal.at > FRESH:
            self._signals[adapter] = _Signal(rssi, now)
        else:
            signal.mean += _WEIGHT * (rssi - signal.mean)
            signal.at = now
        self._choose(now)

    @property
    def adapters(self) -> Collection[str]:
        return self._signals.keys()

    def best(self, now: float) -> str:
        """The adapter to connect through; "" before anything was heard."""
        self._choose(now)
        return self._best

    def _choose(self, now: float) -> None:
        fresh = {name: signal.mean for name, signal in self._signals.items() if now - signal.at <= FRESH}
        if not fresh:
            return
        strongest = max(fresh, key=lambda name: fresh[name])
        if self._best not in fresh or fresh[strongest] >= fresh[self._best] + HYSTERESIS:
            self._best = strongest
