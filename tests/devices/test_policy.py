from dataclasses import replace

import pytest

from hawk.devices.policy import (
    BetweenPolls,
    Freshness,
    InsidePoll,
    Recorded,
    Recording,
    Streak,
    polling_interval,
)
from hawk.devices.schedule import Schedule
from hawk.model.device import Retry
from hawk.model.reading import Sample
from tests.doubles import TOY, device

USUAL = Retry()

# -- between polls ---------------------------------------------------------------------------


def waits(*heard: bool, retry: Retry = USUAL) -> list[float]:
    """After failures with the device heard or not."""
    streak, result = Streak(), []
    for each in heard:
        streak = streak.failed(heard=each)
        result.append(BetweenPolls().wait(streak, retry))
    return result


def test_a_device_that_is_heard_but_fails_is_tried_every_five_minutes_after_three_failures() -> None:
    assert waits(*[True] * 8) == [60, 60, 300, 300, 300, 300, 300, 300]


def test_the_wait_doubles_to_an_hour_only_while_the_device_is_not_heard() -> None:
    assert waits(*[False] * 9) == [60, 60, 300, 600, 1200, 2400, 3600, 3600, 3600]


def test_a_failure_with_the_device_heard_ends_the_doubling() -> None:
    assert waits(False, False, False, False, True, False, False) == [60, 60, 300, 600, 300, 300, 600]


def test_a_device_that_was_heard_until_now_begins_the_doubling_from_the_start() -> None:
    assert waits(True, True, True, True, False, False, False) == [60, 60, 300, 300, 300, 600, 1200]


def test_the_numbers_of_the_device_count() -> None:
    retry = Retry(attempts=2, interval=5, reconnection_delay=7)
    assert waits(*[False] * 4, retry=retry) == [5, 7, 14, 28]


def test_a_delay_longer_than_an_hour_is_kept() -> None:
    assert waits(*[False] * 5, retry=Retry(reconnection_delay=7200)) == [60, 60, 7200, 7200, 7200]


def test_a_device_away_for_years_is_no_overflow() -> None:
    assert BetweenPolls().wait(Streak(100_000, 100_000), Retry()) == 3600


@pytest.mark.parametrize(
    ("streak", "silence", "wakes"),
    [
        (Streak(), 4000.0, False),  # nothing failed: nobody waits
        (Streak(1, 1), 0.0, True),  # it was not heard, and now it is
        (Streak(5, 5), 1.0, True),
        (Streak(2, 0), 1.0, False),  # it is heard all the time and does not connect
        (Streak(2, 0), 38.0, False),  # an ordinary gap
        (Streak(2, 0), 60.0, True),  # it was away
    ],
)
def test_being_heard_again_ends_a_wait(streak: Streak, silence: float, wakes: bool) -> None:
    assert BetweenPolls().wakes(streak, silence) is wakes


# -- the schedule ------------------------------------------------------------------------------


def test_polls_go_from_start_to_start() -> None:
    schedule = Schedule(BetweenPolls())
    assert schedule.due(3600, Retry()) < 0
    schedule.begin(100)
    schedule.end(130, ok=True, heard=True)
    assert schedule.due(3600, Retry()) == 3700


def test_a_poll_longer_than_the_interval_is_followed_at_once_but_not_overtaken() -> None:
    schedule = Schedule(BetweenPolls())
    schedule.begin(100)
    schedule.end(130, ok=True, heard=True)
    assert schedule.due(5, Retry()) == 130


def test_the_first_success_forgets_all_failures() -> None:
    schedule = Schedule(BetweenPolls())
    for start in (0, 100, 200, 700):
        schedule.begin(start)
        schedule.end(start + 60, ok=False, heard=False)
    assert schedule.due(3600, Retry()) == 760 + 600
    schedule.begin(1400)
    schedule.end(1405, ok=True, heard=True)
    schedule.begin(5000)
    schedule.end(5005, ok=False, heard=False)
    assert schedule.due(3600, Retry()) == 5005 + 60


def test_a_device_heard_during_its_poll_does_not_end_the_wait_after_it() -> None:
    schedule = Schedule(BetweenPolls())
    schedule.begin(0)
    schedule.end(60, ok=False, heard=False)
    schedule.begin(120)
    assert not schedule.heard(silence=500)
    schedule.end(125, ok=False, heard=True)
    assert schedule.due(3600, Retry()) == 125 + 60


# -- inside a poll -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("failed", "elapsed", "jitter", "wait"),
    [
        (1, 0.2, 0.5, 1.0),
        (2, 3.0, 0.5, 2.0),
        (3, 5.0, 0.5, None),  # three are enough
        (1, 0.2, 0.0, 0.5),
        (1, 0.2, 1.0, 1.5),
        (1, 45.0, 0.5, 1.0),
        (2, 90.0, 0.5, None),  # others wait for the radio
    ],
)
def test_attempts_follow_each_other_quickly_but_not_for_long(
    failed: int, elapsed: float, jitter: float, wait: float | None
) -> None:
    assert InsidePoll().wait(failed, elapsed, jitter) == wait


def test_the_pause_between_attempts_is_bounded() -> None:
    assert InsidePoll(attempts=20).wait(19, 0, 0.5) == 8.0


# -- recording ---------------------------------------------------------------------------------


def said(voltage: float | None = 12.60, status: str | None = "normal") -> Sample:
    return Sample(voltage=voltage, status=status)


@pytest.mark.parametrize(
    ("old", "new", "age", "worth"),
    [
        (said(), said(), 59.9, False),
        (said(), said(), 60.0, True),
        (said(), said(status="low"), 5.0, True),
        (said(), said(status="low"), 4.9, False),
        (said(), said(status=None), 10.0, False),  # no status is no change of status
        (said(12.60), said(12.64), 10.0, False),
        (said(12.80), said(12.85), 10.0, True),  # 0.04999999999999893 in a computer
        (said(12.85), said(12.80), 5.0, True),
        (said(12.60), said(14.20), 4.9, False),
        (said(None), said(12.60), 5.0, True),
        (said(12.60), said(None), 30.0, False),
    ],
)
def test_what_is_recorded_of_what_is_heard(old: Sample, new: Sample, age: float, worth: bool) -> None:
    assert Recording().worth(new, 1000.0 + age, Recorded(old, 1000.0)) is worth


def test_the_first_advert_is_recorded() -> None:
    assert Recording().worth(said(), 0.0, None)


# -- the rest ----------------------------------------------------------------------------------


@pytest.mark.parametrize(("interval", "age"), [(3600.0, 9000.0), (120.0, 300.0), (60.0, 300.0), (1.0, 300.0)])
def test_data_stay_fresh_for_two_and_a_half_polls_but_at_least_five_minutes(
    interval: float, age: float
) -> None:
    assert Freshness().longest_age(interval) == age


def test_whose_polling_interval_counts() -> None:
    hasty = replace(TOY, polling_interval=60.0)
    assert polling_interval(device(polling_interval=7.0), hasty, 1800.0) == 7.0
    assert polling_interval(device(), hasty, 1800.0) == 60.0
    assert polling_interval(device(), replace(TOY, polling_interval=3600.0), 1800.0) == 3600.0
    assert polling_interval(device(), TOY, 1800.0) == 1800.0
