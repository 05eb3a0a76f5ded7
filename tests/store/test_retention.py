"""What may go, and when the clock may say so."""

import pytest

from hawk.model.reading import Moment
from hawk.model.summary import DAY, HOUR
from hawk.store.retention import CONFIRMED_AFTER, LEAP, Confidence, Horizons, Retention, horizons
from tests.store.samples import NOW, T0, moment

MIDNIGHT = T0 // DAY * DAY
NOON = MIDNIGHT + 12 * HOUR + 1234


@pytest.mark.parametrize(
    ("retention", "expected"),
    [
        (Retention(), Horizons(NOON - 1234 - 56 * DAY, MIDNIGHT - 730 * DAY, None, NOON - 1234 - 90 * DAY)),
        (Retention(raw_days=0), Horizons(None, None, None, NOON - 1234 - 90 * DAY)),
        (Retention(raw_days=0, daily_days=30, max_unsent_days=0), Horizons(None, None, None, None)),
        (
            Retention(raw_days=100, hourly_days=10, daily_days=50, max_unsent_days=0),
            Horizons(NOON - 1234 - 100 * DAY, MIDNIGHT - 100 * DAY, MIDNIGHT - 100 * DAY, None),
        ),
        (
            Retention(raw_days=1, hourly_days=2, daily_days=3, max_unsent_days=4),
            Horizons(NOON - 1234 - DAY, MIDNIGHT - 2 * DAY, MIDNIGHT - 3 * DAY, NOON - 1234 - 4 * DAY),
        ),
    ],
)
def test_whole_hours_and_days_go_and_summaries_stay_as_long_as_what_they_are_made_of(
    retention: Retention, expected: Horizons
) -> None:
    assert horizons(retention, NOON) == expected


def test_a_clock_that_runs_on_is_believed() -> None:
    confidence = Confidence(T0 - 6 * DAY).look(NOW)
    assert confidence.doubt(NOW) is None
    assert confidence.look(moment(60)).doubt(moment(60)) is None


def test_a_clock_that_is_not_trusted_is_not_believed() -> None:
    now = Moment(None, 5.0)
    assert Confidence(T0).look(now).doubt(now) == "the clock is not trusted yet"


def test_a_log_without_readings_believes_any_clock() -> None:
    assert Confidence().look(NOW).doubt(NOW) is None


def test_a_clock_that_leapt_ahead_has_to_say_so_for_an_hour() -> None:
    confidence = Confidence(T0 - LEAP - 1).look(NOW)
    assert confidence.doubt(NOW)
    almost, then = moment(CONFIRMED_AFTER - 1), moment(CONFIRMED_AFTER)
    assert confidence.look(almost).doubt(almost)
    assert confidence.look(then).doubt(then) is None


def test_an_hour_of_it_begins_anew_when_the_clock_came_back_or_lost_trust() -> None:
    ahead = Confidence(T0 - 2 * LEAP).look(NOW)
    again = moment(CONFIRMED_AFTER)
    for between in (Moment(T0 - 2 * LEAP, again.boot_time - 60), Moment(None, again.boot_time - 60)):
        assert ahead.look(between).look(again).doubt(again)


def test_a_clock_set_back_is_believed_and_has_to_confirm_the_way_ahead() -> None:
    back = Moment(T0 - 30 * DAY, NOW.boot_time + 1)
    confidence = Confidence(T0).look(back)
    assert confidence.doubt(back) is None
    assert confidence.look(NOW).doubt(NOW)
