"""Curves, and which resolution suits a span."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hawk.model.summary import DAY, HOUR, Resolution
from hawk.store import tiers
from hawk.store.messages import ChooseResolution, GetCurve, Point
from hawk.store.readings import Log
from tests.store.samples import ADDRESS, NOW, OTHER, T0, reading


@pytest.fixture
def log(tmp_path: Path) -> Iterator[Log]:
    with Log.open(tmp_path / "readings.db", "boot-1") as opened:
        yield opened


@pytest.mark.parametrize(
    ("span", "expected"),
    [
        (0, None),
        (8 * DAY, None),
        (8 * DAY + 1, Resolution.HOUR),
        (400 * DAY, Resolution.HOUR),
        (400 * DAY + 1, Resolution.DAY),
    ],
)
def test_the_longer_the_span_the_coarser(span: int, expected: Resolution | None) -> None:
    assert tiers.fitting(span) is expected


@given(span=st.integers(1, 4000 * DAY), points=st.integers(1, 2000), step=st.sampled_from([1, HOUR, DAY]))
def test_no_span_needs_more_points_than_asked_for(span: int, points: int, step: int) -> None:
    width = tiers.width(span, points, step)
    assert width % step == 0
    assert -(-span // width) <= points
    assert width == step or -(-span // (width - step)) > points


def test_a_log_without_the_device_chooses_by_the_span_alone(log: Log) -> None:
    assert log.choose_resolution(ChooseResolution(OTHER), T0) is None
    assert log.choose_resolution(ChooseResolution(OTHER, T0 - 500 * DAY), T0) is Resolution.DAY


def test_a_curve_has_count_extremes_and_mean_of_equal_parts(log: Log) -> None:
    log.append([reading(n, 12.0 + n / 10) for n in (0, 1, 2, 9)], NOW)
    log.append([reading(4, None), reading(3, 99.0, address=OTHER)], NOW)
    curve = log.curve(GetCurve(ADDRESS, "voltage", T0, T0 + 10_000, points=5))
    assert curve == (
        Point(T0, 2, 12.0, 12.1, pytest.approx(12.05)),  # type: ignore[arg-type]  # nearly that number
        Point(T0 + 2000, 1, 12.2, 12.2, 12.2),
        Point(T0 + 8000, 1, 12.9, 12.9, 12.9),
    )


def test_the_end_of_a_curve_is_not_in_it(log: Log) -> None:
    log.append([reading(0), reading(10)], NOW)
    assert [point.start for point in log.curve(GetCurve(ADDRESS, "voltage", T0, T0 + 10_000))] == [T0]


def test_a_quantity_that_nobody_measured_has_no_curve(log: Log) -> None:
    log.append([reading(0)], NOW)
    assert log.curve(GetCurve(ADDRESS, "current", T0, T0 + 1)) == ()


@pytest.mark.parametrize("resolution", [None, *Resolution])
def test_a_curve_is_the_same_whatever_it_is_made_of(log: Log, resolution: Resolution | None) -> None:
    log.append([reading(n * 1200, 12.0 + n % 7 / 4) for n in range(300)], NOW)
    while log.summarise(None).more:
        pass
    since = T0 // DAY * DAY
    curve = log.curve(GetCurve(ADDRESS, "voltage", since, since + 8 * DAY, 4, resolution))
    assert [point.start for point in curve] == [since, since + 2 * DAY, since + 4 * DAY]
    assert sum(point.count for point in curve) == 300
    assert curve == log.curve(GetCurve(ADDRESS, "voltage", since, since + 8 * DAY, 4))
