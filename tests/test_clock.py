"""When the wall clock is believed."""

import dataclasses
import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hawk.clock import Doubt, Evidence, Steps, SystemClock, judge, keeps_time, kernel_synchronised

NOW = 1_795_392_000_000
PC = Evidence(utc=NOW, boot_time=5.0, not_before=NOW - 1000, keeps_time=True, synchronised=False)
PI = dataclasses.replace(PC, keeps_time=False)


@pytest.mark.parametrize(
    ("evidence", "change", "doubt"),
    [
        (PC, {}, None),
        (PC, {"synchronised": None}, None),
        (PC, {"utc": NOW - 1000}, None),
        (PC, {"utc": NOW - 1001}, Doubt.PAST),
        (PC, {"utc": 0, "synchronised": True, "boot_time": 9999.0}, Doubt.PAST),
        (PI, {}, Doubt.UNSET),
        (PI, {"synchronised": None}, Doubt.UNSET),
        (PI, {"synchronised": True}, None),
        (PI, {"boot_time": 599.9}, Doubt.UNSET),
        (PI, {"boot_time": 600.0}, None),
        (PI, {"utc": 0, "boot_time": 600.0}, Doubt.PAST),
        (PC, {"boot_time": 2000.0, "stepped_at": 1500.0}, Doubt.STEPPED),
        (PC, {"boot_time": 2000.0, "stepped_at": 1500.0, "synchronised": None}, Doubt.STEPPED),
        (PC, {"boot_time": 2000.0, "stepped_at": 1500.0, "synchronised": True}, None),
        (PC, {"boot_time": 2100.0, "stepped_at": 1500.0}, None),
        (PI, {"boot_time": 650.0, "stepped_at": 100.0}, Doubt.STEPPED),
    ],
)
def test_the_judgement(evidence: Evidence, change: dict[str, object], doubt: Doubt | None) -> None:
    assert judge(dataclasses.replace(evidence, **change)) is doubt  # type: ignore[arg-type]  # a table of fields


@pytest.mark.parametrize(
    ("seconds_later", "wall_moved", "stepped"),
    [
        (10.0, 10.0, False),
        (10.0, 70.0, False),
        (10.0, 70.1, True),
        (10.0, -50.0, False),
        (10.0, -50.1, True),
        (86_400.0, 86_400.0, False),  # suspended: both clocks go on
    ],
)
def test_a_step_is_a_wall_clock_that_leaves_the_boot_clock(
    seconds_later: float, wall_moved: float, stepped: bool
) -> None:
    steps = Steps().look(NOW, 100.0).look(NOW + round(wall_moved * 1000), 100.0 + seconds_later)
    assert (steps.last == 100.0 + seconds_later) is stepped


def test_the_first_look_is_no_step_and_a_step_is_remembered() -> None:
    steps = Steps().look(NOW, 100.0)
    assert steps.last is None
    steps = steps.look(NOW + 3_600_000, 101.0).look(NOW + 3_601_000, 102.0)
    assert steps.last == 101.0


@given(st.lists(st.integers(-59_000, 59_000), max_size=50))
def test_small_corrections_are_never_a_step(corrections: list[int]) -> None:
    steps, utc, boot_time = Steps(), NOW, 100.0
    for correction in corrections:
        utc, boot_time = utc + 1000 + correction, boot_time + 1.0
        steps = steps.look(utc, boot_time)
    assert steps.last is None


@pytest.mark.parametrize(
    ("present", "kept"),
    [
        ([], True),  # a PC's kernel may hide its RTC from a container
        (["dev/rtc0"], True),
        (["proc/device-tree"], False),
        (["proc/device-tree", "dev/rtc0"], True),
        (["proc/device-tree", "sys/class/rtc/rtc0"], True),
    ],
)
def test_a_board_without_rtc_loses_the_time(tmp_path: Path, present: list[str], kept: bool) -> None:
    for name in present:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).symlink_to("/nowhere")  # as in a container, where the target is masked
    assert keeps_time(tmp_path) is kept


def test_the_system_clock_that_is_always_trusted_shows_the_time_of_this_machine() -> None:
    clock = SystemClock("always")
    clock.not_before(clock.utc_ms() + 10_000_000)
    before = time.time_ns() // 1_000_000
    first, second = clock.moment(), clock.moment()
    assert first.utc is not None
    assert before <= first.utc <= time.time_ns() // 1_000_000
    assert 0.0 < first.boot_time <= second.boot_time
    assert clock.doubt is None


def test_the_system_clock_is_not_believed_when_something_was_stored_later() -> None:
    clock = SystemClock()
    clock.not_before(clock.utc_ms() + 10_000_000)
    assert clock.moment().utc is None
    assert clock.doubt is Doubt.PAST
    assert clock.moment().boot_time > 0.0


def test_an_earlier_instant_of_storing_does_not_weaken_the_judgement() -> None:
    clock = SystemClock()
    clock.not_before(clock.utc_ms() + 10_000_000)
    clock.not_before(0)
    assert clock.doubt is Doubt.PAST


def test_the_kernel_answers_whether_it_is_synchronised_or_nothing() -> None:
    assert kernel_synchronised() in (True, False, None)
