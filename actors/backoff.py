"""How long to wait before a restart, and when to give up: pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Intensity:
    """At most `restarts` in any `seconds`; each waits twice as long as the one before."""

    restarts: int = 10
    seconds: float = 300.0
    first_delay: float = 0.1  # [s]
    longest_delay: float = 30.0  # [s]


def recent(crashes: Sequence[float], now: float, intensity: Intensity) -> list[float]:
    """The crashes, by their time, that still count."""
    return [crash for crash in crashes if crash > now - intensity.seconds]


def delay(crashes: int, intensity: Intensity) -> float | None:
    """Seconds to wait after so many crashes that count; None when there were too many."""
    if crashes > intensity.restarts:
        return None
    return min(intensity.first_delay * 2.0 ** (crashes - 1), intensity.longest_delay)
