"""A curve in the terminal."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hawk.cli.plot import ASCII, BRAILLE, Style, plot, scale_of

VALLEY = [12.6] * 10 + [9.6] * 80 + [13.4] * 262


@given(
    st.lists(st.floats(0, 40.95), min_size=1, max_size=400),
    st.integers(20, 120),
    st.integers(3, 30),
    st.sampled_from([BRAILLE, ASCII]),
    st.sampled_from([0.01, 0.1, 2.0]),
)
def test_whatever_the_values_it_fits_into_its_frame(
    values: list[float], width: int, height: int, style: Style, interval: float
) -> None:
    lines = plot(values, interval, width=width, height=height, style=style)
    assert height + 1 <= len(lines) <= height + 2
    assert max(map(len, lines)) <= width
    assert sum(style.tick in line for line in lines[:height]) >= 1
    if style is ASCII:
        assert all(line.isascii() for line in lines)


@given(st.floats(0, 40), st.floats(0, 40), st.integers(2, 10))
def test_the_scale_has_round_numbers_around_all(one: float, other: float, most: int) -> None:
    low, high = min(one, other), max(one, other)
    scale = scale_of(low, high, most)
    assert scale.low <= low + 1e-9
    assert scale.high >= high - 1e-9
    assert round((scale.high - scale.low) / scale.step, 6) <= most
    assert f"{scale.step / 10 ** math.floor(math.log10(scale.step) + 1e-9):.0f}" in {"1", "2", "5", "10"}


def test_without_braille_it_is_asterisks() -> None:
    assert plot(VALLEY, 0.01, width=60, height=9, style=ASCII) == EXPECTED


@pytest.mark.parametrize("style", [BRAILLE, ASCII])
def test_a_fall_is_drawn_in_every_row_that_it_passes(style: Style) -> None:
    rows = plot(VALLEY, 0.01, width=60, height=9, style=style)[:9]
    drawn = [bool(row[6:18].strip()) for row in rows]
    assert drawn[2:6] == [True] * 4


@pytest.mark.parametrize("value", [0.0, 12.6, 40.95])
def test_a_curve_that_does_not_move_is_a_line_in_the_middle(value: float) -> None:
    lines = plot([value] * 50, 0.01, width=60, height=9, style=ASCII)[:9]
    assert sum("*" in line for line in lines) == 1


EXPECTED = """\
14 V +              ****************************************
     |              *
12 V +**            *
     | *           *
     | *           *
10 V +  *          *
     |  ************
     |
 8 V +
     ++--------------+--------------+--------------+--------
      0              1              2              3 s
""".splitlines()
