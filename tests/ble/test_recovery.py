"""The ladder: which rung follows which trouble."""

import math
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hawk.ble.recovery import Patience, Recovery
from hawk.model.rung import Rung
from tests.doubles import address

SCAN, CONNECTION, POWER, DOWN = Rung


def silences(recovery: Recovery, times: list[float]) -> list[Rung]:
    return [recovery.silent(now) for now in times]


def test_the_first_silence_is_patient_the_later_ones_more() -> None:
    recovery = Recovery()
    assert recovery.longest_silence() == math.inf  # nobody may be there at all
    recovery.heard()
    waits = []
    for _ in range(9):
        waits.append(recovery.longest_silence())
        recovery.silent(0)
    assert waits == [90, 180, 360, 720, 1440, 2880, 3600, 3600, 3600]
    recovery.heard()
    assert recovery.longest_silence() == 90


def test_silence_climbs_to_a_power_cycle_that_is_not_repeated_within_an_hour() -> None:
    recovery = Recovery()
    assert silences(recovery, [90, 270, 630, 1350, 4229, 4231]) == [
        SCAN,
        CONNECTION,
        POWER,
        SCAN,
        SCAN,
        POWER,
    ]
    recovery.heard()
    assert silences(recovery, [5000, 5180, 5540]) == [SCAN, CONNECTION, SCAN]


def test_no_adapter_is_switched_off_without_leave() -> None:
    recovery = Recovery(may_reset=False)
    assert silences(recovery, [90, 270, 630, 99_999]) == [SCAN, CONNECTION, SCAN, SCAN]
    assert [recovery.failed(0, stuck=True) for _ in range(6)] == [
        DOWN,
        DOWN,
        CONNECTION,
        DOWN,
        DOWN,
        CONNECTION,
    ]


@pytest.mark.parametrize(
    ("stuck", "expected"),
    [
        ([True] * 9, [DOWN, DOWN, CONNECTION, DOWN, DOWN, POWER, DOWN, DOWN, CONNECTION]),
        ([False] * 9, [DOWN] * 9),
        ([True, True, False, True, True, True], [DOWN] * 5 + [CONNECTION]),
    ],
)
def test_only_a_stack_that_is_there_and_refuses_is_started_anew(
    stuck: list[bool], expected: list[Rung]
) -> None:
    recovery = Recovery()
    assert [recovery.failed(0, stuck=each) for each in stuck] == expected


@pytest.mark.parametrize(
    ("shared", "expected"),
    [
        ([True] * 9, [DOWN, DOWN, CONNECTION] * 3),
        ([True] * 5 + [False], [DOWN, DOWN, CONNECTION, DOWN, DOWN, POWER]),
        ([False] + [True] * 5, [DOWN, DOWN, CONNECTION, DOWN, DOWN, POWER]),
    ],
)
def test_a_program_that_scans_on_the_same_adapter_never_costs_a_power_cycle(
    shared: list[bool], expected: list[Rung]
) -> None:
    recovery = Recovery()
    assert [recovery.failed(0, stuck=True, shared=each) for each in shared] == expected


def test_after_a_scan_that_works_or_another_trouble_earlier_refusals_are_forgotten() -> None:
    recovery = Recovery()
    recovery.failed(0, stuck=True)
    recovery.works()
    assert POWER not in [recovery.failed(0, stuck=True, shared=True) for _ in range(9)]
    recovery.failed(0, stuck=True)
    recovery.failed(0, stuck=False)
    assert POWER not in [recovery.failed(0, stuck=True, shared=True) for _ in range(9)]


def test_one_adapter_alone_gets_a_new_scan_then_a_power_cycle_and_no_new_connection() -> None:
    recovery = Recovery()
    assert [recovery.deaf(times, times * 600.0) for times in range(1, 10)] == [
        SCAN, POWER, SCAN, SCAN, SCAN, SCAN, SCAN, POWER, SCAN,
    ]  # fmt: skip
    assert Recovery(may_reset=False).deaf(2, 0) is SCAN


def test_links_through_one_adapter_do_not_hide_that_another_gives_none() -> None:
    recovery = Recovery()
    said = []
    for number in range(6):
        recovery.linked("hci0")
        said.append(recovery.not_linked(address(number), 0, "hci1"))
    assert said == [None] * 5 + [CONNECTION]


def test_a_failed_scan_is_tried_again_soon_then_seldom_then_for_ever() -> None:
    recovery = Recovery()
    waits = []
    for _ in range(8):
        recovery.failed(0, stuck=False)
        waits.append(recovery.retry_in())
    assert waits == [1, 2, 4, 8, 16, 30, 30, 30]
    recovery.works()
    recovery.failed(0, stuck=False)
    assert recovery.retry_in() == 1


def test_sessions_with_several_devices_that_get_no_link_climb() -> None:
    recovery = Recovery()
    said = [recovery.not_linked(address(number % 2), 0) for number in range(18)]
    assert [(n, rung) for n, rung in enumerate(said, 1) if rung] == [
        (6, CONNECTION),
        (12, POWER),
        (18, CONNECTION),
    ]


def test_one_device_alone_never_costs_the_others_a_power_cycle() -> None:
    recovery = Recovery()
    said = [recovery.not_linked(address(1), now * 300.0) for now in range(200)]
    assert set(said) == {None, CONNECTION}
    assert said.index(CONNECTION) == 23


def test_a_link_ends_the_count() -> None:
    recovery = Recovery()
    for _ in range(5):
        recovery.not_linked(address(1), 0)
    recovery.linked()
    assert [recovery.not_linked(address(n), 0) for n in range(5)] == [None] * 5
    assert recovery.not_linked(address(6), 0) is CONNECTION


@pytest.mark.parametrize(("exit_after", "ends"), [(0, math.inf), (600, 1600)])
def test_the_process_ends_only_if_that_is_set(exit_after: float, ends: float) -> None:
    assert Recovery(exit_after=exit_after).ends_at(1000) == ends


EVENTS = st.sampled_from(
    ["heard", "works", "silent", "stuck", "shared", "deaf", "missing", "linked", "a", "b"]
)


@given(st.lists(st.tuples(EVENTS, st.floats(0, 2000)), max_size=300))
def test_whatever_happens_power_cycles_are_an_hour_apart_and_every_rung_is_counted(
    story: list[tuple[str, float]],
) -> None:
    recovery, now = Recovery(Patience()), 0.0
    taken: list[tuple[float, Rung]] = []
    for event, pause in story:
        now += pause
        match event:
            case "heard":
                recovery.heard()
            case "works":
                recovery.works()
            case "linked":
                recovery.linked()
            case "silent":
                taken.append((now, recovery.silent(now)))
            case "shared":
                taken.append((now, recovery.failed(now, stuck=True, shared=True)))
            case "deaf":
                taken.append((now, recovery.deaf(2, now)))
            case "stuck" | "missing":
                taken.append((now, recovery.failed(now, stuck=event == "stuck")))
            case _:
                if (rung := recovery.not_linked(address(ord(event)), now)) is not None:
                    taken.append((now, rung))
        assert 0 < recovery.retry_in() <= 30
        assert recovery.longest_silence() >= 90
    cycles = [at for at, rung in taken if rung is POWER]
    assert all(later - earlier >= 3600 for earlier, later in pairwise(cycles))
    assert recovery.taken.total() == len(taken)
