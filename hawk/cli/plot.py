"""A curve in the terminal: of Unicode's braille dots, or of asterisks where there are none. Pure.

plotext, the library for it, has a kernel of its own in its wheels, for some machines only: too much for one curve.
"""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

_BRAILLE = 0x2800
_DOTS = ((0x01, 0x08), (0x02, 0x10), (0x04, 0x20), (0x40, 0x80))  # by row and column of a cell
_SMALLEST_SPAN = 0.1  # of values that hardly differ


@dataclass(frozen=True, slots=True)
class Style:
    """How a cell is filled, and what the axes are of."""

    across: int  # dots in a cell
    down: int
    tick: str  # on the vertical axis
    axis: str
    corner: str
    floor: str
    mark: str  # on the floor

    def cell(self, dots: int) -> str:
        if self.across == 1:
            return "*" if dots else " "
        return chr(_BRAILLE + dots) if dots else " "


BRAILLE = Style(2, 4, "┤", "│", "└", "─", "┬")
ASCII = Style(1, 1, "+", "|", "+", "-", "+")


@dataclass(frozen=True, slots=True)
class Scale:
    low: float
    high: float
    step: float  # from one label to the next

    @property
    def decimals(self) -> int:
        return max(0, -math.floor(math.log10(self.step) + 1e-9))

    def ticks(self) -> list[float]:
        count = math.floor((self.high - self.low) / self.step + 1e-9)
        return [self.low + k * self.step for k in range(count + 1)]


def plot(
    values: Sequence[float], interval: float, *, width: int = 80, height: int = 14, style: Style = BRAILLE
) -> list[str]:
    """`values` [V] of at least one, `interval` [s] apart, as lines of at most `width` characters; `height` lines are
    for the curve, two more for the time.
    """
    volts = scale_of(min(values), max(values), height // 2)
    labels = [f"{tick:.{volts.decimals}f} V" for tick in volts.ticks()]
    margin = max(map(len, labels)) + 1
    columns = max(10, width - margin - 1)
    cells = _draw(values, volts, columns, height, style)
    at = {_row(tick, volts, height): label for tick, label in zip(volts.ticks(), labels, strict=True)}
    lines = []
    for row in range(height):
        edge = style.tick if row in at else style.axis
        drawn = "".join(style.cell(cells[row][column]) for column in range(columns))
        lines.append(f"{at.get(row, ''):>{margin - 1}} {edge}{drawn}".rstrip())
    return lines + [" " * margin + line for line in _floor(interval * (len(values) - 1), columns, style)]


def scale_of(low: float, high: float, most: int) -> Scale:
    """Round numbers around both, with at most so many steps, of at least two."""
    most = max(2, most)  # a value and its neighbours may lie on both sides of every round number
    middle, span = (low + high) / 2, max(high - low, _SMALLEST_SPAN)
    low, high = min(low, middle - span / 2), max(high, middle + span / 2)
    step = _round_step(span / most)
    while math.ceil(high / step - 1e-9) - math.floor(low / step + 1e-9) > most:
        step = _round_step(step * 1.01)
    return Scale(math.floor(low / step + 1e-9) * step, math.ceil(high / step - 1e-9) * step, step)


def _round_step(least: float) -> float:
    """The smallest of 1, 2, 5, 10, 20 ... 0.1, 0.2 ... that is not smaller."""
    unit = 10.0 ** math.floor(math.log10(least))
    return next(unit * factor for factor in (1, 2, 5, 10) if unit * factor >= least - 1e-12)


def _row(value: float, volts: Scale, height: int) -> int:
    return height - 1 - min(height - 1, int((value - volts.low) / (volts.high - volts.low) * height))


def _draw(values: Sequence[float], volts: Scale, columns: int, height: int, style: Style) -> list[list[int]]:
    """The dots of each cell, by row and column."""
    cells = [[0] * columns for _ in range(height)]
    wide, tall = columns * style.across, height * style.down
    points = [
        (
            round(k * (wide - 1) / max(1, len(values) - 1)),
            min(tall - 1, int((volts.high - value) / (volts.high - volts.low) * tall)),
        )
        for k, value in enumerate(values)
    ]
    for before, after in zip(points, points[1:] or points, strict=False):
        for x, y in _line(before, after):
            bit = _DOTS[y % style.down][x % style.across]
            cells[y // style.down][x // style.across] |= bit
    return cells


def _line(begin: tuple[int, int], end: tuple[int, int]) -> Iterator[tuple[int, int]]:
    """The dots from one to the other, both included."""
    steps = max(abs(end[0] - begin[0]), abs(end[1] - begin[1]), 1)
    for k in range(steps + 1):
        yield (
            begin[0] + round(k * (end[0] - begin[0]) / steps),
            begin[1] + round(k * (end[1] - begin[1]) / steps),
        )


def _floor(seconds: float, columns: int, style: Style) -> list[str]:
    """The horizontal axis, and what its marks say."""
    if not seconds:
        return [style.corner + style.floor * columns]
    step = _round_step(seconds / max(1, columns // 10))
    time = Scale(0.0, seconds, step)
    marks = {round(tick / seconds * (columns - 1)): f"{tick:.{time.decimals}f}" for tick in time.ticks()}
    axis = "".join(style.mark if column in marks else style.floor for column in range(columns))
    said = ""
    for column, label in marks.items():
        at = column + 1 - len(label) // 2
        said = said.ljust(at) + label
    said += " s"
    return [style.corner + axis, said[: columns + 1]]
