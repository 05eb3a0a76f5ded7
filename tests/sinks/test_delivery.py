"""One sink and the log: what arrives, in what order, and what happens when it does not.

The store is real, so threads are at work: virtual time stands still until a test moves it.
"""

import logging
import threading
import time
from collections import deque
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from trio.testing import MockClock

from hawk.config.messages import Follow
from hawk.config.schema import Settings
from hawk.errors import (
    BatchPartlyRefused,
    BatchRefused,
    BatchTooLarge,
    SinkBusy,
    SinkDenied,
    SinkUnreachable,
)
from hawk.model.reading import Moment, Reading
from hawk.sinks.messages import Unsent
from hawk.store.messages import Cursor, Flush, MoveCursor, Stream
from hawk.store.readings import Log
from tests.sinks.bench import Place, delivering
from tests.sinks.rows import T0, reading

NOW = Moment(T0 + 10**9, 0.0)
GONE = SinkUnreachable("nobody answers at here:1")
DENIED = SinkDenied("here does not let us in")


@pytest.fixture
def log(tmp_path: Path) -> Iterator[Log]:
    with Log.open(tmp_path / "readings.db", "boot-1") as opened:
        yield opened


def fill(log: Log, count: int, start: int = 0) -> None:
    log.append([reading(n, voltage=12 + n % 100 / 100) for n in range(start, start + count)], NOW)


def settings(**store: object) -> Settings:
    return Settings.model_validate({"store": store})


# -- what arrives ------------------------------------------------------------------------------


async def test_a_new_sink_gets_all_that_the_log_has_in_order_and_once(
    log: Log, mock_clock: MockClock
) -> None:
    fill(log, 1200)
    place = Place()
    async with delivering(log, place, mock_clock) as bench:
        await bench.in_time(lambda: len(place.came) >= 1200)
        assert place.came == list(range(1200))
        status = await bench.status()
        assert (status.state, status.server, status.delivered) == ("up", "a place that keeps", 1200)


async def test_what_is_stored_arrives_at_once_and_then_gathered_for_a_second(
    log: Log, mock_clock: MockClock
) -> None:
    place = Place()
    async with delivering(log, place, mock_clock) as bench:
        await bench.until_state("up")
        await bench.store.send(reading(1))
        await bench.until(lambda: place.batches == [1])
        for n in range(2, 12):
            await bench.store.send(reading(n))
        await bench.in_time(lambda: len(place.came) == 11)
        assert len(place.batches) <= 3


async def test_what_comes_into_the_log_without_being_told_is_found(log: Log, mock_clock: MockClock) -> None:
    place = Place()
    async with delivering(log, place, mock_clock) as bench:
        await bench.until_state("up")
        fill(log, 10)
        await bench.in_time(lambda: len(place.came) == 10)


async def test_it_goes_on_where_it_was(log: Log, mock_clock: MockClock) -> None:
    fill(log, 100)
    place = Place()
    async with delivering(log, place, mock_clock) as bench:
        await bench.until(lambda: len(place.came) == 100)
    fill(log, 10, start=100)
    async with delivering(log, place, mock_clock) as bench:
        await bench.until(lambda: len(place.came) == 110)
        assert place.came == list(range(110))


async def test_a_crash_of_the_store_or_of_the_delivery_loses_nothing(log: Log, mock_clock: MockClock) -> None:
    fill(log, 100)
    place = Place()
    async with delivering(log, place, mock_clock) as bench:
        await bench.until(lambda: len(place.came) == 100)
        for victim in (("store",), ("sinks", "toy"), ("sinks",)):
            bench.actor(*victim)._fail(RuntimeError("killed by a test"))
            await bench.later(40)
        fill(log, 10, start=100)
        await bench.in_time(lambda: set(place.came) == set(range(110)))
    await place.until_closed()


# -- a place that does not answer ----------------------------------------------------------------


async def test_an_outage_costs_nothing_but_time(
    log: Log, mock_clock: MockClock, caplog: pytest.LogCaptureFixture
) -> None:
    fill(log, 10)
    place = Place(always=GONE)
    with caplog.at_level(logging.INFO, "hawk.sinks"):
        async with delivering(log, place, mock_clock) as bench:
            status = await bench.until_state("down")
            assert (status.reason, status.unsent) == ("nobody answers at here:1", Unsent(10, 0))
            assert status.next_try is not None
            assert 0.7 < status.next_try < 1.3
            for _ in range(20):
                await bench.later(61)
            await bench.store.send(reading(10))
            place.always = None
            await bench.later(61)
            await bench.until(lambda: len(place.came) == 11)
            assert (await bench.until_state("up")).reason is None
    said = [record.getMessage() for record in caplog.records]
    assert [line.split(";")[0] for line in said] == [
        "toy: nobody answers at here:1",
        "toy: readings go to battery_hawk (a place that keeps)",
    ]


async def test_it_asks_less_and_less_often_at_most_once_a_minute(log: Log, mock_clock: MockClock) -> None:
    place = Place(always=GONE)
    async with delivering(log, place, mock_clock) as bench:
        await bench.until_state("down")
        for _ in range(30):
            await bench.later(1)
        assert 5 <= place.made <= 7
        for _ in range(5):
            await bench.later(61)
        assert place.made <= 12


async def test_one_that_is_busy_is_asked_when_it_wants_to_be(log: Log, mock_clock: MockClock) -> None:
    fill(log, 1)
    place = Place(answers=deque([None, SinkBusy("503", 30)]))
    async with delivering(log, place, mock_clock) as bench:
        status = await bench.until_state("down")
        assert status.next_try == pytest.approx(30, abs=0.1)
        await bench.later(29)
        assert place.made == 1
        await bench.later(2)
        await bench.until(lambda: place.came == [0])


async def test_what_only_a_person_can_mend_is_said_and_all_is_kept(
    log: Log, mock_clock: MockClock, caplog: pytest.LogCaptureFixture
) -> None:
    fill(log, 10)
    place = Place(always=DENIED)
    async with delivering(log, place, mock_clock) as bench:
        status = await bench.until_state("denied")
        assert status.next_try == pytest.approx(60, abs=0.1)
        assert status.unsent == Unsent(10, 0)
        for _ in range(10):
            await bench.later(301)
        assert [record.getMessage() for record in caplog.records if "toy" in record.getMessage()] == [
            "toy: here does not let us in; until then all is kept"
        ]
        place.always = None
        await bench.later(301)
        await bench.until(lambda: len(place.came) == 10)


async def test_outages_may_cost_readings_if_the_settings_say_so(log: Log, mock_clock: MockClock) -> None:
    fill(log, 700)
    place = Place(always=GONE)
    async with delivering(log, place, mock_clock, settings=settings(on_outage="drop")) as bench:
        await bench.until_state("down")
        await bench.later(1)
        status = await bench.status()
        assert (status.dropped, status.unsent) == (700, Unsent(0, 0))
        place.always = None
        await bench.store.send(reading(1000))
        await bench.later(3)
        await bench.until(lambda: place.came == [1000])
    assert log.cursor("toy battery_hawk", Stream.READING) == Cursor(701, 700)


async def test_a_place_that_hangs_holds_up_neither_the_store_nor_the_status_nor_the_end(
    log: Log, mock_clock: MockClock
) -> None:
    fill(log, 10)
    place = Place(hang=threading.Event())
    async with delivering(log, place, mock_clock) as bench:
        await bench.until(lambda: place.calls)
        await bench.store.send(reading(100))
        await bench.store.ask(Flush()).within(10)
        assert (await bench.status()).unsent == Unsent(11, 0)
        await bench.later(61)  # it is left alone
        status = await bench.until_state("down")
        assert status.reason == "no answer within 60 s"
        began = time.monotonic()
    assert time.monotonic() - began < 10.0
    assert place.hang is not None
    place.hang.set()
    await place.until_closed()


# -- one that nobody asked for -----------------------------------------------------------------


async def test_one_that_nobody_asked_for_is_looked_for_every_ten_minutes_and_nothing_waits_for_it(
    log: Log, mock_clock: MockClock, caplog: pytest.LogCaptureFixture
) -> None:
    fill(log, 10)
    place = Place(always=GONE)
    with caplog.at_level(logging.INFO, "hawk.sinks"):
        async with delivering(log, place, mock_clock, explicit=False) as bench:
            status = await bench.until_state("looking")
            assert status.next_try == pytest.approx(600, abs=0.1)
            assert log._held_by == frozenset()
            await bench.later(599)
            assert place.made == 1
            await bench.later(601)
            assert place.made == 2
            place.always = None
            await bench.later(601)
            await bench.until(lambda: len(place.came) == 10)
            await bench.until(lambda: log._held_by == frozenset({"toy battery_hawk"}))
    assert [record.levelname for record in caplog.records] == ["INFO", "INFO"]


async def test_one_that_was_reached_once_is_waited_for_after_a_restart(
    log: Log, mock_clock: MockClock
) -> None:
    log.append([reading(0)], NOW)
    log.move_cursor(MoveCursor("toy battery_hawk", Stream.READING, 1))
    place = Place(always=GONE)
    async with delivering(log, place, mock_clock, explicit=False) as bench:
        await bench.until_state("down")
        assert log._held_by == frozenset({"toy battery_hawk"})


async def test_one_that_was_asked_for_is_waited_for_from_the_beginning(
    log: Log, mock_clock: MockClock
) -> None:
    async with delivering(log, Place(always=GONE), mock_clock) as bench:
        await bench.until_state("down")
        assert log._held_by == frozenset({"toy battery_hawk"})


# -- rows that are refused ---------------------------------------------------------------------


async def test_a_row_that_is_refused_costs_no_other_one(log: Log, mock_clock: MockClock) -> None:
    fill(log, 100)
    place = Place(bad=lambda each: each.seq in (31, 78), refusal=BatchRefused)
    async with delivering(log, place, mock_clock) as bench:
        await bench.until(lambda: len(place.came) == 98)
        status = await bench.until_state("up")
        assert (status.dropped, status.refusal, status.delivered) == (2, "refused", 98)
    assert place.came == [n for n in range(100) if n not in (30, 77)]
    assert log.cursor("toy battery_hawk", Stream.READING) == Cursor(100, 2)


async def test_what_was_partly_kept_is_not_sent_again(log: Log, mock_clock: MockClock) -> None:
    fill(log, 10)
    place = Place(answers=deque([None, BatchPartlyRefused("3 are too old", 3)]))
    async with delivering(log, place, mock_clock) as bench:
        status = await bench.until_state("up")
        assert (status.dropped, status.delivered, status.refusal) == (3, 7, "3 are too old")
    assert place.came == []


async def test_a_batch_that_is_too_large_comes_in_halves(log: Log, mock_clock: MockClock) -> None:
    fill(log, 10)
    place = Place(answers=deque([None, BatchTooLarge("413"), BatchTooLarge("413")]))
    async with delivering(log, place, mock_clock) as bench:
        await bench.until(lambda: len(place.came) == 10)
        assert place.batches == [2, 3, 5]
        assert (await bench.status()).dropped == 0


async def test_a_place_that_refuses_every_row_is_mended_by_a_person_and_costs_none(
    log: Log, mock_clock: MockClock
) -> None:
    fill(log, 400)
    place = Place(bad=lambda _: True, refusal=BatchRefused)
    async with delivering(log, place, mock_clock) as bench:
        status = await bench.until_state("denied")
        assert status.reason == "battery_hawk refuses every row: refused"
        assert status.dropped == 0
        place.refusal = None
        await bench.later(61)
        await bench.until(lambda: place.came == list(range(400)))


# -- the cursor --------------------------------------------------------------------------------


async def test_the_cursor_spares_the_disk_and_is_saved_at_the_end(log: Log, mock_clock: MockClock) -> None:
    place = Place()
    async with delivering(log, place, mock_clock) as bench:
        await bench.until_state("up")
        for n in range(5):
            await bench.store.send(reading(n))
        await bench.in_time(lambda: len(place.came) == 5)
        saved = await bench.cursor(place)
        assert saved is None or saved.seq < 5
        await bench.later(31)
        assert await bench.cursor(place) == Cursor(5, 0)
        await bench.store.send(reading(10))
        await bench.in_time(lambda: len(place.came) == 6)
    assert log.cursor("toy battery_hawk", Stream.READING) == Cursor(6, 0)


async def test_its_cursor_is_there_before_it_gets_the_first_reading(log: Log, mock_clock: MockClock) -> None:
    """What is rescued of a damaged log meanwhile gets numbers behind all cursors that are there."""
    found = list[Cursor | None]()

    def look(_: Reading) -> bool:
        found.append(log.cursor("toy battery_hawk", Stream.READING))
        return False

    fill(log, 10)
    place = Place(bad=look, refusal=BatchRefused)
    async with delivering(log, place, mock_clock) as bench:
        await bench.until(lambda: len(place.came) == 10)
    assert found[0] == Cursor(0, 0)


async def test_one_that_answers_and_takes_nothing_is_not_waited_for(log: Log, mock_clock: MockClock) -> None:
    fill(log, 10)
    place = Place(always=DENIED, answers=deque([None]))
    for _ in range(2):
        async with delivering(log, place, mock_clock, explicit=False) as bench:
            await bench.until_state("denied")
            assert log._held_by == frozenset()
            assert await bench.cursor(place) is not None
        place.answers.append(None)


async def test_another_place_gets_everything_and_one_that_is_switched_off_nothing(
    log: Log, mock_clock: MockClock
) -> None:
    fill(log, 10)
    place = Place()
    async with delivering(log, place, mock_clock) as bench:
        await bench.until(lambda: len(place.came) == 10)
        bench.sinks.tell(Follow(Settings.model_validate({"influxdb": {"database": "elsewhere"}})))
        await bench.later(1)
        await bench.until(lambda: len(place.came) == 20)
        await bench.until(lambda: log._held_by == frozenset({"toy elsewhere"}))
        bench.sinks.tell(Follow(Settings.model_validate({"influxdb": {"enabled": False}})))
        await bench.until(lambda: log._held_by == frozenset())
        status = await bench.until_state("off")
        assert (status.place, status.delivered) == (None, 0)
    await place.until_closed()


async def test_settings_that_cannot_be_are_said_and_mended(
    log: Log, mock_clock: MockClock, caplog: pytest.LogCaptureFixture
) -> None:
    place = Place()
    wrong = Settings.model_validate({"influxdb": {"url": "x"}})
    async with delivering(log, place, mock_clock, settings=wrong) as bench:
        status = await bench.until_state("denied")
        assert (status.reason, place.made) == ("influxdb.url is wrong", 0)
        assert [record.getMessage() for record in caplog.records] == [
            "toy gets nothing: influxdb.url is wrong"
        ]
        bench.sinks.tell(Follow(Settings()))
        await bench.until_state("up")


async def test_one_that_crashes_for_ever_ends_no_other_part(log: Log, mock_clock: MockClock) -> None:
    place = Place(always=KeyError("a bug"))
    async with delivering(log, place, mock_clock) as bench:
        for _ in range(30):
            await bench.later(31)
        assert place.made > 12
        assert (bench.actor("sinks").incarnation, bench.actor("store").incarnation) == (1, 1)
        place.always = None
        await bench.later(61)
        await bench.until_state("up")


async def test_a_log_that_was_replaced_is_delivered_from_its_beginning(
    log: Log, tmp_path: Path, mock_clock: MockClock
) -> None:
    fill(log, 1000)
    place = Place()
    async with delivering(log, place, mock_clock) as bench:
        await bench.in_time(lambda: len(place.came) == 1000)
        await bench.later(31)
        await bench.later(31)
        assert await bench.cursor(place) == Cursor(1000, 0)
        log._replace_damaged()
        log._drop_appender()
        fill(log, 5, start=5000)
        await bench.in_time(lambda: place.came[-5:] == list(range(5000, 5005)))


# -- a place that loses what it took last when it is killed ----------------------------------------


async def test_what_it_took_last_is_not_sure_to_be_kept(log: Log, mock_clock: MockClock) -> None:
    fill(log, 10)
    place = Place(life=1)
    async with delivering(log, place, mock_clock) as bench:
        await bench.until(lambda: len(place.came) == 10)
        await bench.rest()
        assert await bench.cursor(place) == Cursor(0, 0)
        await bench.later(31)
        assert await bench.cursor(place) == Cursor(10, 0)
        await bench.later(31)
        assert len(place.came) == 10


async def test_when_it_was_started_anew_what_it_took_last_comes_again(
    log: Log, mock_clock: MockClock
) -> None:
    fill(log, 10)
    place = Place(life=1)
    async with delivering(log, place, mock_clock) as bench:
        await bench.until(lambda: len(place.came) == 10)
        await bench.later(31)
        fill(log, 5, start=10)
        await bench.later(31)
        assert place.came == list(range(15))
        place.life = 2
        await bench.in_time(lambda: len(place.came) == 20)
        assert place.came[15:] == list(range(10, 15))
        for _ in range(3):
            await bench.later(31)
        assert len(place.came) == 20
        assert await bench.cursor(place) == Cursor(15, 0)


async def test_when_it_did_not_answer_what_it_took_last_comes_again(log: Log, mock_clock: MockClock) -> None:
    fill(log, 10)
    place = Place(life=1)
    async with delivering(log, place, mock_clock) as bench:
        await bench.until(lambda: len(place.came) == 10)
        place.answers.append(GONE)
        await bench.store.send(reading(10))
        await bench.in_time(lambda: place.came == [*range(10), *range(11)])
        assert (await bench.until_state("up")).unsent == Unsent(0, 0)


async def test_what_was_refused_and_comes_again_is_counted_once(log: Log, mock_clock: MockClock) -> None:
    fill(log, 10)
    place = Place(life=1, bad=lambda each: each.seq == 4, refusal=BatchRefused)
    async with delivering(log, place, mock_clock) as bench:
        await bench.until(lambda: len(place.came) == 9)
        assert (await bench.until_state("up")).dropped == 1
        place.life = 2
        await bench.in_time(lambda: len(place.came) == 18)
        await bench.later(31)
        assert (await bench.status()).dropped == 1
        assert await bench.cursor(place) == Cursor(10, 1)


async def test_where_no_connection_lasts_nothing_comes_again_for_ever(
    log: Log, mock_clock: MockClock
) -> None:
    fill(log, 10)
    place = Place(life=1)
    async with delivering(log, place, mock_clock) as bench:
        await bench.until(lambda: len(place.came) == 10)
        for life in range(2, 30):
            place.life = life
            await bench.later(31)
        assert len(place.came) == 110
        assert await bench.cursor(place) == Cursor(10, 0)


async def test_what_is_not_settled_at_the_end_comes_again_after_a_restart(
    log: Log, mock_clock: MockClock
) -> None:
    fill(log, 10)
    place = Place(life=1)
    for count in (10, 20):
        async with delivering(log, place, mock_clock) as bench:
            await bench.until(lambda count=count: len(place.came) == count)  # type: ignore[misc]  # mypy finds no type for the default
    assert place.came == [*range(10), *range(10)]


async def test_where_outages_may_cost_readings_nothing_comes_again(log: Log, mock_clock: MockClock) -> None:
    fill(log, 10)
    place = Place(life=1)
    async with delivering(log, place, mock_clock, settings=settings(on_outage="drop")) as bench:
        await bench.until(lambda: len(place.came) == 10)
        await bench.later(2)
        place.answers.append(GONE)
        await bench.store.send(reading(10))
        await bench.until_state("down")
        await bench.later(3)
        assert (await bench.until_state("up")).dropped == 1
    assert place.came == list(range(10))
    assert log.cursor("toy battery_hawk", Stream.READING) == Cursor(11, 1)


# -- a long replay -----------------------------------------------------------------------------


async def test_what_is_new_does_not_wait_for_a_replay(log: Log, mock_clock: MockClock) -> None:
    fill(log, 30_000)
    place = Place()
    async with delivering(log, place, mock_clock) as bench:
        await bench.until(lambda: len(place.came) >= 500)
        await bench.store.send(reading(100_000))
        await bench.in_time(lambda: 100_000 in place.came)
        assert len(place.came) < 15_000
        await bench.in_time(lambda: set(place.came) == {*range(30_000), 100_000})
        assert len(place.came) <= 30_003  # that one came twice


async def test_a_replay_leaves_the_server_time_for_others(log: Log, mock_clock: MockClock) -> None:
    fill(log, 20_500)
    place = Place()
    async with delivering(log, place, mock_clock) as bench:
        await bench.until(lambda: place.batches == [500])
        await bench.rest()
        for n in range(1, 5):
            mock_clock.jump(0.5)
            await bench.rest()
            mock_clock.jump(0.5)
            await bench.until(lambda n=n: place.batches == [500, *[5000] * n])  # type: ignore[misc]  # mypy knows no default of a lambda
        await bench.rest()


async def test_a_reading_that_was_corrected_meanwhile_is_right_in_the_end(
    log: Log, mock_clock: MockClock
) -> None:
    fill(log, 12_000)
    place = Place()
    async with delivering(log, place, mock_clock) as bench:
        await bench.until(lambda: len(place.came) >= 500)
        await bench.store.send(replace(reading(11_000), sample=replace(reading(0).sample, voltage=14.4)))
        await bench.in_time(lambda: place.came.count(11_000) == 2)
        assert place.kept[reading(0).device_id, T0 + 11_000_000] == 14.4
