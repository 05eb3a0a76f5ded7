"""Summing up and purging beside the work of the store, on a real disk.

Threads do not follow a virtual clock: time stands still until a test moves it.
"""

import logging
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from trio.testing import MockClock, wait_all_tasks_blocked

from hawk.config.messages import Follow
from hawk.config.schema import Settings
from hawk.model.reading import Moment
from hawk.model.summary import DAY, Resolution
from hawk.store.messages import Flush, GetStoreStatus, GetSummariesAfter, HoldPurging, StoreStatus
from hawk.store.readings import Log
from hawk.store.retention import Retention
from hawk.store.upkeep import EVERY, PURGE_EVERY
from tests.store.samples import NOW, T0, moment, reading
from tests.store.test_actor import Bench, Hands, running

D = 86_400.0
KEEP_A_DAY = Retention(raw_days=1, max_unsent_days=2)


@asynccontextmanager
async def store(
    path: Path, retention: Retention = KEEP_A_DAY, now: Moment = NOW
) -> AsyncIterator[tuple[Bench, Log]]:
    with Log.open(path / "readings.db", "boot-1") as log:
        async with running(log, clock=Hands(now), retention=retention) as bench:
            yield bench, log


async def pass_by(
    clock: MockClock, bench: Bench, seconds: float, until: Callable[[StoreStatus], bool]
) -> None:
    """Time, in steps of the upkeep, and then as long as it takes until the status is so."""
    for _ in range(int(seconds // EVERY)):
        now = bench.clock.now
        utc = None if now.utc is None else now.utc + round(EVERY * 1000)
        bench.clock.now = Moment(utc, now.boot_time + EVERY)
        await wait_all_tasks_blocked(0.003)
        clock.jump(EVERY)
    for _ in range(500):
        if until(await bench.ask(GetStoreStatus())):
            return
        await wait_all_tasks_blocked(0.005)
        clock.jump(1)  # it may have been in a thread when the time passed
    raise AssertionError(f"it never was: {await bench.ask(GetStoreStatus())}")


async def test_an_hour_is_summed_up_soon_after_its_end_and_that_is_told(
    tmp_path: Path, mock_clock: MockClock
) -> None:
    async with store(tmp_path) as (bench, _):
        await bench.store.send(reading(0))
        await bench.store.send(reading(60))
        await bench.next_stored(2)
        await pass_by(mock_clock, bench, 3600, lambda status: True)
        assert await bench.ask(GetSummariesAfter(0)) == ()
        await pass_by(
            mock_clock, bench, 120, lambda status: status.counts is not None and status.counts.unsummed == 0
        )
        hour, day = await bench.ask(GetSummariesAfter(0))
        assert (hour.resolution, hour.count, day.resolution, day.count) == (
            Resolution.HOUR,
            2,
            Resolution.DAY,
            2,
        )
        assert (await bench.summed.receive()).seq == day.seq == 4


async def test_while_the_clock_is_not_trusted_nothing_is_purged(
    tmp_path: Path, mock_clock: MockClock
) -> None:
    async with store(tmp_path, now=Moment(None, 1000.0)) as (bench, log):
        log.append([reading(-n * D) for n in range(9, -1, -1)], NOW)
        await pass_by(mock_clock, bench, 2 * PURGE_EVERY, lambda status: status.purged.waits is not None)
        status = await bench.ask(GetStoreStatus())
        assert (status.purged.rows, status.counts.readings) == (0, 10)
        assert status.purged.waits == "the clock is not trusted yet"


async def test_what_is_older_than_its_days_leaves_in_the_hour_after_the_start(
    tmp_path: Path, mock_clock: MockClock
) -> None:
    async with store(tmp_path) as (bench, log):
        log.append([reading(-n * D) for n in range(9, -1, -1)], NOW)
        await pass_by(mock_clock, bench, 300, lambda status: status.purged.rows > 0)
        status = await bench.ask(GetStoreStatus())
        assert status.counts.readings == 2
        assert (status.purged.rows, status.purged.waits) == (8, None)


async def test_other_days_hold_from_the_next_purge_on(tmp_path: Path, mock_clock: MockClock) -> None:
    async with store(tmp_path, Retention()) as (bench, log):
        log.append([reading(-n * D) for n in range(9, -1, -1)], NOW)
        await bench.store.send(
            Follow(Settings.model_validate({"store": {"raw_days": 1, "max_unsent_days": 2}}))
        )
        await pass_by(mock_clock, bench, 300, lambda status: status.purged.rows > 0)
        assert (await bench.ask(GetStoreStatus())).counts.readings == 2


async def test_a_clock_that_leapt_ahead_purges_nothing_for_an_hour(
    tmp_path: Path, mock_clock: MockClock
) -> None:
    ahead = Moment(T0 + 3650 * DAY, 5000.0)
    async with store(tmp_path) as (bench, log):
        log.append([reading(-n * D) for n in range(9, -1, -1)], NOW)
        await pass_by(mock_clock, bench, 60, lambda status: True)
        bench.clock.now = ahead
        await bench.store.send(reading(when=ahead))
        await bench.ask(Flush())
        await pass_by(mock_clock, bench, 3000, lambda status: status.purged.waits is not None)
        assert (await bench.ask(GetStoreStatus())).purged.rows == 0
        bench.clock.now = moment(600)  # it was wrong
        await pass_by(mock_clock, bench, 2 * PURGE_EVERY, lambda status: status.purged.rows > 0)
        kept = {each.moment.utc for each in log.after(0, 100, NOW)}
        assert {T0, ahead.utc} <= kept < {T0 - n * DAY for n in range(10)} | {ahead.utc}


async def test_a_wrong_clock_is_found_out_also_at_the_first_start_on_an_older_log(
    tmp_path: Path, mock_clock: MockClock
) -> None:
    ahead = Moment(T0 + 3650 * DAY, 5000.0)
    with Log.open(tmp_path / "readings.db", "boot-1") as log:
        log.append([reading(-n * D) for n in range(9, -1, -1)], NOW)
    async with store(tmp_path, now=ahead) as (bench, _):
        await wait_all_tasks_blocked(0.05)
        await bench.store.send(reading(when=ahead))
        await bench.ask(Flush())
        await pass_by(mock_clock, bench, 600, lambda status: status.purged.waits is not None)
        assert (await bench.ask(GetStoreStatus())).counts.readings == 11


async def test_a_restart_does_not_make_a_wrong_clock_right(tmp_path: Path, mock_clock: MockClock) -> None:
    ahead = Moment(T0 + 3650 * DAY, 5000.0)
    async with store(tmp_path) as (bench, log):
        log.append([reading(0)], NOW)
        await pass_by(mock_clock, bench, 180, lambda status: status.purged.waits is None)
        bench.clock.now = ahead
        await bench.store.send(reading(when=ahead))
        await bench.ask(Flush())
    async with store(tmp_path, now=ahead) as (bench, log):
        log.append([reading(1)], NOW)
        await pass_by(mock_clock, bench, 180, lambda status: status.purged.waits is not None)


async def test_what_a_sink_missed_is_shouted_once_and_counted(
    tmp_path: Path, mock_clock: MockClock, caplog: pytest.LogCaptureFixture
) -> None:
    async with store(tmp_path) as (bench, log):
        log.append([reading(-n * D / 2) for n in range(9, -1, -1)], NOW)
        await bench.ask(HoldPurging(frozenset({"influx"})))
        await pass_by(mock_clock, bench, 180, lambda status: status.purged.rows > 0)
        assert (await bench.ask(GetStoreStatus())).purged.dropped == {"influx": 5}
        await pass_by(
            mock_clock, bench, 13 * PURGE_EVERY, lambda status: status.purged.dropped["influx"] >= 6
        )
        await pass_by(mock_clock, bench, 2 * PURGE_EVERY, lambda status: True)
    said = [record for record in caplog.records if record.name == "hawk.store.upkeep"]
    assert len(said) >= 4
    levels = [logging.ERROR, logging.WARNING] * len(said)  # in turn: lost again, and no longer
    assert [record.levelno for record in said] == levels[: len(said)]
    assert "influx" in said[0].message


async def test_a_log_that_is_too_big_with_its_summaries_alone_says_so_once(
    tmp_path: Path, mock_clock: MockClock, caplog: pytest.LogCaptureFixture
) -> None:
    async with store(tmp_path, Retention(max_mb=0)) as (bench, log):
        log.append([reading(-n * D) for n in range(9, -1, -1)], NOW)
        await pass_by(mock_clock, bench, 3 * PURGE_EVERY, lambda status: status.purged.too_big)
        status = await bench.ask(GetStoreStatus())
        assert (status.counts.readings, status.purged.for_size) == (1, 9)
    assert caplog.text.count("store.max_mb") == 1


async def test_a_disk_that_refuses_does_not_end_it(tmp_path: Path, mock_clock: MockClock) -> None:
    folder = tmp_path / "absent"
    async with store(folder) as (bench, log):
        await bench.until_degraded()
        await pass_by(mock_clock, bench, 300, lambda status: True)
        folder.mkdir()
        await bench.store.send(reading(-7200))
        await pass_by(mock_clock, bench, 180, lambda status: log.is_open and log.seq == 3)
        assert len(log.summaries_after(0, 10)) == 2
