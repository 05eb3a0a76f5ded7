"""One measured figure beside its target."""

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Row:
    name: str
    figure: float
    unit: str
    target: str
    met: bool | None  # None: nothing to compare with


def at_most(name: str, figure: float, unit: str, limit: float) -> Row:
    return Row(name, figure, unit, f"<= {limit:g}", figure <= limit)


def at_least(name: str, figure: float, unit: str, limit: float) -> Row:
    return Row(name, figure, unit, f">= {limit:g}", figure >= limit)


def best(measure: Callable[[], float], times: int = 5) -> float:
    """Of rates: what else the machine does only makes them smaller."""
    return max(measure() for _ in range(times))
