"""What devices remember, imported into the log: complete, once, and at the right time."""

import random
from dataclasses import replace
from itertools import islice, pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hawk.drivers.bm6_memory import sample_of
from hawk.errors import DriverFailed
from hawk.model.reading import Moment, Reading, Sample, Source
from hawk.store.messages import GetReadings, Imported, ImportHistory
from hawk.store.readings import Log
from hawk.store.remembered import NOTHING, Known, Plan, batches, plan
from tests.store.samples import ADDRESS, NOW, T0, moment, reading
from tests.store.test_actor import running

STEP = 120_000  # ms


def record(hundredths: int) -> bytes:
    return (hundredths << 20 | 80 << 12 | 20 << 4).to_bytes(4, "big")


class Battery:
    """A monitor that took a sample at `phase` after each full interval since T0."""

    def __init__(self, values: list[int], phase: int) -> None:
        self.values, self.phase = values, phase

    def read(self, at: int, most: int = 10**6) -> list[bytes]:
        """At so many ms after T0; the newest first."""
        taken = max(0, (at - self.phase) // STEP + 1)
        return [record(self.values[number]) for number in reversed(range(taken))][:most]

    def made(self, number: int) -> int:
        return T0 + number * STEP + self.phase


def after(missing: Plan) -> Known:
    return [missing.known, *(known for _, known in batches(missing, 1000))][-1]


@given(
    st.randoms(use_true_random=False),
    st.integers(0, STEP - 1),
    st.lists(st.integers(1, 90_000_000), min_size=1, max_size=6),
    st.sampled_from([1, 2, 40]),
)
def test_downloads_one_after_another_keep_each_record_once_and_near_its_time(
    chance: random.Random, phase: int, gaps: list[int], variety: int
) -> None:
    """`variety`: how many different values there are; with one the battery rests for days."""
    at, log, known = 0, dict[int, bytes](), NOTHING
    battery = Battery([1200 + chance.randrange(variety) for _ in range(sum(gaps) // STEP + 2)], phase)
    for gap in gaps:
        at += gap
        missing = plan(battery.read(at), T0 + at, STEP, known, ())
        known = after(missing)
        for each in missing.older + missing.newer:
            assert each.utc not in log
            log[each.utc] = each.raw
    in_order = sorted(log)
    assert [log[utc] for utc in in_order] == list(reversed(battery.read(at)))
    assert all(abs(utc - battery.made(number)) <= STEP for number, utc in enumerate(in_order))
    assert all(before < after for before, after in pairwise(in_order))


def test_a_battery_at_rest_is_counted_right_half_an_interval_after_its_first_record() -> None:
    """The clock alone cannot say whether there is one more; the number of records can."""
    battery, log, known = Battery([1200] * 9, 0), set[int](), NOTHING
    for at in (STEP // 2, STEP, STEP + 1):
        missing = plan(battery.read(at), T0 + at, STEP, known, ())
        known = after(missing)
        log.update(each.utc for each in missing.older + missing.newer)
    assert (len(log), known.count) == (2, 2)


@pytest.mark.parametrize(("since", "taken"), [(10.6, 10), (10.4, 11), (10.0, 10)])
def test_of_a_battery_at_rest_the_number_of_records_says_what_the_clock_cannot(
    since: float, taken: int
) -> None:
    known = after(plan([record(1200)] * 500, T0, STEP, NOTHING, ()))
    missing = plan([record(1200)] * (500 + taken), T0 + round(since * STEP), STEP, known, ())
    assert (len(missing.older), len(missing.newer)) == (0, taken)


@pytest.mark.parametrize("percent", [-2, 0, 2])
def test_a_monitor_whose_clock_is_wrong_is_joined_where_its_records_fit(percent: int) -> None:
    """In ten days it took 7,200 samples, more or less: the clock here is off by hours of them."""
    chance = random.Random(7)
    values = [record(1200 + chance.randrange(4)) for _ in range(20_000)]  # each one often
    known = after(plan(values[:10_000][::-1], T0, STEP, NOTHING, ()))
    taken = 7200 + 72 * percent
    now = T0 + 7200 * STEP
    missing = plan(values[: 10_000 + taken][::-1], now, STEP, known, ())
    assert (len(missing.older), len(missing.newer)) == (0, taken)
    assert (missing.newer[-1].utc, after(missing).count) == (now, 10_000 + taken)


def test_what_was_measured_live_is_never_said_again_by_history() -> None:
    live = T0 - 5 * STEP + 30_000
    missing = plan([record(1200 + i) for i in range(20)], T0, STEP, NOTHING, (live,))
    unwanted = [each.utc for each in missing.newer if not each.wanted]
    assert unwanted == [T0 - 5 * STEP, T0 - 4 * STEP]


def test_after_the_device_was_without_power_only_what_is_newer_is_added() -> None:
    old = after(plan([record(1200 + i) for i in range(200)], T0, STEP, NOTHING, ()))
    fresh = [record(1300 + i) for i in range(10)]
    missing = plan(fresh, T0 + 50 * STEP, STEP, old, ())
    assert [each.utc for each in missing.newer] == [T0 + (41 + i) * STEP for i in range(10)]
    assert missing.older == ()
    assert after(missing).count == 10


def test_a_longer_download_adds_what_is_older_than_the_first() -> None:
    battery = Battery([1200 + i % 97 for i in range(2000)], 0)
    first = plan(battery.read(1500 * STEP, 300), T0 + 1500 * STEP, STEP, NOTHING, ())
    longer = plan(battery.read(1510 * STEP), T0 + 1510 * STEP, STEP, after(first), ())
    assert (len(longer.older), len(longer.newer)) == (1501 - 300, 10)
    assert longer.older[-1].utc == first.newer[0].utc - STEP
    assert after(longer).count == 1511


# -- in the store ----------------------------------------------------------------------------


def history(records: list[bytes], at: Moment = NOW) -> ImportHistory:
    newest = reading(source=Source.HISTORY, when=at, voltage=None)
    return ImportHistory(newest, tuple(records), sample_of, 120.0)


def stored(log: Log) -> tuple[Reading, ...]:
    return log.page(GetReadings(ADDRESS, limit=100_000, newest_first=False), NOW).readings


async def test_a_whole_history_is_stored_once_and_never_news(tmp_path: Path) -> None:
    records = [record(1100 + i % 400) for i in range(51_200)]
    records[100] = bytes(4)
    with Log.open(tmp_path / "readings.db") as log:
        async with running(log) as bench:
            store = bench.store
            first = await store.ask(history(records)).within(60)
            assert first == Imported(51_200, 51_199, T0 - 51_199 * STEP, T0)
            again = await store.ask(history(records, moment(45.0))).within(60)
            assert (again.records, again.stored) == (51_200, 0)
            newer = [record(1250), record(1251), *records]
            third = await store.ask(history(newer, moment(45.0 + 240.0))).within(60)
            assert third.stored == 2
            await bench.nothing_is_stored()
        found = stored(log)
    assert len(found) == 51_201
    assert {each.source for each in found} == {Source.HISTORY}
    assert found[0].sample.voltage == 11.00 + (51_199 % 400) / 100


async def test_a_live_reading_wins_over_history_before_and_after(tmp_path: Path) -> None:
    with Log.open(tmp_path / "readings.db") as log:
        log.append([reading(-600.0, 12.34, Source.GATT)], NOW)
        async with running(log) as bench:
            await bench.store.ask(history([record(1200)] * 10)).within(60)
        log.append([reading(0.0, 12.55, Source.GATT)], NOW)  # at the instant of a record
        found = {each.moment.utc: each.sample.voltage for each in stored(log)}
        assert found[T0 - 600_000] == 12.34
        assert found[T0] == 12.55
        assert T0 - 480_000 not in found
        assert log.latest(ADDRESS, NOW).sample.voltage == 12.55


async def test_a_driver_that_fails_over_a_record_fails_that_import_alone(tmp_path: Path) -> None:
    def clumsy(_: bytes) -> Sample:
        raise DriverFailed("The driver from sunny.py made a mistake.")

    with Log.open(tmp_path / "readings.db") as log:
        async with running(log) as bench:
            with pytest.raises(DriverFailed):
                await bench.store.ask(replace(history([record(1200)]), sample=clumsy)).within(60)
            assert (await bench.store.ask(history([record(1200)])).within(60)).stored == 1


@pytest.mark.parametrize("done", [1, 3])
def test_an_import_that_was_killed_goes_on_where_it_stopped(tmp_path: Path, done: int) -> None:
    records = [record(1100 + i % 400) for i in range(5000)]
    wanted = history(records)
    with Log.open(tmp_path / "readings.db") as log:
        for placed, then in islice(batches(log.plan_history(wanted), 1000), done):
            log.append_history(wanted, placed, then, NOW)
    with Log.open(tmp_path / "readings.db") as log:
        later = history([record(1199), *records], moment(120.0))
        for placed, then in batches(log.plan_history(later), 1000):
            log.append_history(later, placed, then, NOW)
        assert [each.sample.voltage for each in stored(log)] == [
            sample_of(each).voltage for each in reversed([record(1199), *records])
        ]
