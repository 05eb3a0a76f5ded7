"""Hours and days, made of readings."""

import dataclasses
import math
import sqlite3
from collections.abc import Iterator
from itertools import groupby
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hawk.model.reading import QUANTITIES, Reading, Sample, Source
from hawk.model.summary import DAY, HOUR, Aggregate, Resolution, Summary, start_of
from hawk.store import rollups
from hawk.store.messages import ImportHistory
from hawk.store.purging import Round
from hawk.store.readings import Log
from hawk.store.remembered import batches
from hawk.store.retention import Horizons
from tests.store.samples import ADDRESS, NOW, OTHER, T0, moment, reading, voltages

H = 3600.0


@pytest.fixture
def log(tmp_path: Path) -> Iterator[Log]:
    with Log.open(tmp_path / "readings.db", "boot-1") as opened:
        yield opened


def summarise(log: Log, before: int | None = None) -> int:
    """How many changed."""
    made = 0
    while True:
        piece = log.summarise(before)
        made += piece.made
        if not piece.more:
            return made


def of(log: Log, resolution: Resolution) -> list[Summary]:
    found = [each for each in log.summaries_after(0, 100_000) if each.resolution is resolution]
    return sorted(found, key=lambda each: (each.device_id, each.start))


def purge_raw(log: Log, until: int) -> None:
    """As the horizon does it."""
    wanted = Round(Horizons(raw=until, hours=None, days=None, unsent=None), 2**60)
    while log.purge(wanted):
        pass


def execute(log: Log, sql: str) -> list[tuple[object, ...]]:
    connection = sqlite3.connect(log.path)
    try:
        with connection:
            return connection.execute(sql).fetchall()
    finally:
        connection.close()


# -- what they say -----------------------------------------------------------------------------


def test_an_hour_has_count_extremes_sum_and_last_of_what_was_measured(log: Log) -> None:
    log.append([reading(n * 60, voltage) for n, voltage in enumerate([12.0, 12.8, 11.9, 12.5])], NOW)
    assert summarise(log) == 2
    (hour,) = of(log, Resolution.HOUR)
    assert (hour.device_id, hour.start, hour.count) == (ADDRESS, T0, 4)
    assert hour.values["voltage"] == Aggregate(4, 11.9, 12.8, math.fsum([12.0, 12.8, 11.9, 12.5]), 12.5)
    assert hour.values["voltage"].mean == pytest.approx(12.3)
    assert hour.values["state_of_charge"].count == 4
    assert set(hour.values) == {"voltage", "state_of_charge"}  # nobody measured the others
    assert (hour.device_name, hour.vehicle_id, hour.vehicle_name) == ("Starter", "vehicle_1", "Camper")
    assert (hour.device_type, hour.gateway_id, hour.simulated) == ("BM6", "0123456789ab", True)


def test_the_mean_of_a_day_is_not_a_mean_of_means(log: Log) -> None:
    log.append([reading(0, 10.0), *(reading(H + n, 13.0) for n in range(9))], NOW)
    summarise(log)
    (day,) = of(log, Resolution.DAY)
    assert (day.start, day.count) == (start_of(T0, DAY), 10)
    assert day.values["voltage"].mean == pytest.approx(12.7)
    assert day.values["voltage"].last == 13.0


def test_what_was_measured_once_in_a_while_keeps_its_own_count_and_last(log: Log) -> None:
    warm = dataclasses.replace(reading(0), sample=Sample(voltage=12.0, temperature=21.0))
    log.append([warm, reading(60), reading(H)], NOW)
    summarise(log)
    (day,) = of(log, Resolution.DAY)
    assert day.values["temperature"] == Aggregate(1, 21.0, 21.0, 21.0, 21.0)
    assert day.values["voltage"].count == 3


def test_devices_and_hours_are_apart(log: Log) -> None:
    log.append([reading(0), reading(H), reading(0, address=OTHER)], NOW)
    summarise(log)
    assert [(each.device_id, each.start, each.count) for each in of(log, Resolution.HOUR)] == [
        (ADDRESS, T0, 1),
        (ADDRESS, T0 + HOUR, 1),
        (OTHER, T0, 1),
    ]


def test_names_are_those_of_the_first_reading_and_stay(log: Log) -> None:
    log.append([reading(60, name="Old"), reading(120, name="New")], NOW)
    summarise(log)
    log.append([reading(0, name="Older")], NOW)
    summarise(log)
    assert {(each.device_name, each.count) for each in log.summaries_after(0, 10)} == {("Old", 3)}


# -- when they are made ------------------------------------------------------------------------


def test_an_hour_that_runs_is_left_alone(log: Log) -> None:
    log.append([reading(0), reading(H)], NOW)
    summarise(log, T0 + HOUR)
    assert [each.start for each in of(log, Resolution.HOUR)] == [T0]
    assert log.counts().unsummed == 1


def test_each_change_gets_a_new_seq_and_nothing_else_does(log: Log) -> None:
    log.append([reading(0), reading(H)], NOW)
    summarise(log)
    assert [each.seq for each in log.summaries_after(0, 10)] == [3, 4, 5]
    log.append([reading(60)], NOW)
    summarise(log)
    assert [(each.seq, each.start, each.resolution.value) for each in log.summaries_after(5, 10)] == [
        (7, T0, "hour"),
        (8, start_of(T0, DAY), "day"),
    ]
    assert log.append([reading(120)], NOW)[0].seq == 9


def test_the_same_again_changes_no_summary(log: Log) -> None:
    batch = [reading(n) for n in range(5)]
    log.append(batch, NOW)
    summarise(log)
    log.append([reading(0, 12.0)], NOW)
    log.append([reading(0, 12.5)], NOW)  # back to what it was
    assert log.counts().unsummed == 1
    assert summarise(log) == 0
    assert log.counts().unsummed == 0


def test_a_correction_is_summed_up_again(log: Log) -> None:
    log.append([reading(0, 12.0)], NOW)
    summarise(log)
    log.append([reading(0, 11.0, Source.GATT)], NOW)
    assert summarise(log) == 2
    assert of(log, Resolution.HOUR)[0].values["voltage"].last == 11.0


def test_numbers_go_on_after_a_restart(log: Log) -> None:
    log.append([reading(0)], NOW)
    summarise(log)
    log.close()
    with Log.open(log.path, "boot-1") as again:
        assert again.seq == 3
        assert again.append([reading(1)], NOW)[0].seq == 4


def test_imported_history_is_summed_up_too(log: Log) -> None:
    history(log, 60)
    summarise(log)
    assert sum(each.count for each in of(log, Resolution.HOUR)) == 60
    assert sum(each.count for each in of(log, Resolution.DAY)) == 60


def test_readings_that_waited_for_their_date_are_summed_up_too(log: Log) -> None:
    log.append([reading(when=dataclasses.replace(moment(0), utc=None))], dataclasses.replace(NOW, utc=None))
    assert summarise(log) == 0
    log.commit(moment(60))
    assert summarise(log) == 2


def history(log: Log, count: int) -> int:
    """Imports as many records, two minutes apart, the newest at T0; how many were stored."""
    wanted = ImportHistory(
        newest=reading(0, source=Source.HISTORY),
        records=tuple(n.to_bytes(4) for n in range(count)),
        sample=lambda raw: Sample(voltage=12.0 + int.from_bytes(raw) / 1e6),
        interval=120.0,
    )
    plan = log.plan_history(wanted)
    return sum(log.append_history(wanted, placed, then, NOW) for placed, then in batches(plan, 1000))


# -- hours that are closed -----------------------------------------------------------------------


def test_what_comes_late_for_a_purged_hour_is_refused_and_counted(log: Log) -> None:
    log.append([reading(n) for n in range(10)] + [reading(5 * H)], NOW)
    summarise(log)
    purge_raw(log, T0 + HOUR)
    before = of(log, Resolution.HOUR)
    assert log.append([reading(70, 3.0), reading(5 * H + 1)], NOW)[0].moment == moment(5 * H + 1)
    assert log.late == 1
    summarise(log, T0 + HOUR)
    assert of(log, Resolution.HOUR) == before
    assert log.counts().readings == 2


def test_late_readings_are_counted_over_a_failure_of_the_disk(log: Log) -> None:
    log.append([reading(0), reading(5 * H)], NOW)
    summarise(log)
    purge_raw(log, T0 + HOUR)
    log.append([reading(1)], NOW)
    log.close()
    assert log.late == 1


def test_an_hour_that_nobody_saw_is_still_taken_between_purged_ones(log: Log) -> None:
    log.append([reading(0), reading(2 * H), reading(30 * H)], NOW)
    summarise(log)
    purge_raw(log, T0 + 24 * HOUR)
    log.append([reading(H), reading(H + 60)], NOW)
    summarise(log)
    assert log.late == 0
    assert [each.count for each in of(log, Resolution.HOUR)] == [1, 2, 1, 1]
    assert [each.count for each in of(log, Resolution.DAY)] == [4, 1]


def test_an_hour_is_closed_only_when_nothing_of_it_is_left(log: Log) -> None:
    """An import goes through it in two batches, and it is summed up between them."""
    log.append([reading(n) for n in range(0, 1800, 60)], NOW)
    summarise(log)
    log.append([reading(n) for n in range(1800, 3600, 60)], NOW)
    summarise(log)
    assert [each.count for each in of(log, Resolution.HOUR)] == [60]
    assert log.late == 0


def test_a_day_whose_hours_were_purged_is_closed(log: Log) -> None:
    log.append([reading(0), reading(72 * H)], NOW)
    summarise(log)
    wanted = Round(Horizons(T0 + 2 * DAY, T0 + 2 * DAY, None, None), 2**60)
    while log.purge(wanted):
        pass
    assert [each.start for each in of(log, Resolution.HOUR)] == [T0 + 3 * DAY]
    log.append([reading(3 * H)], NOW)
    assert log.late == 1


def test_a_summary_is_never_replaced_by_one_of_fewer_readings(log: Log) -> None:
    log.append([reading(n) for n in range(10)], NOW)
    summarise(log)
    before = log.summaries_after(0, 10)
    execute(log, f"DELETE FROM reading WHERE ts > {T0 + 3000}")  # such as a damaged page takes away
    log.append([reading(0, 11.0)], NOW)
    assert summarise(log) == 0
    assert log.summaries_after(0, 10) == before


# -- an older log ------------------------------------------------------------------------------


def test_what_an_older_log_has_is_summed_up_in_pieces(log: Log) -> None:
    readings = [reading(n * 600, address=[ADDRESS, OTHER][n % 2]) for n in range(6000)]
    log.append(readings, NOW)
    execute(log, "DELETE FROM rollup_dirty")
    log.close()
    connection = sqlite3.connect(log.path)
    with connection:
        rollups.mark_all(connection)
    connection.close()
    with Log.open(log.path, "boot-1") as again:
        purge_raw(again, T0 + 1000 * DAY)
        assert again.counts().readings == 6000  # nothing goes before it was summed up
        summarise(again)
        assert sum(each.count for each in of(again, Resolution.HOUR)) == 6000
        assert sum(each.count for each in of(again, Resolution.DAY)) == 6000


# -- against a plain sum -------------------------------------------------------------------------

values = st.none() | st.integers(-400, 400).map(lambda n: n / 4)  # sums of these are exact
samples = st.builds(Sample, voltage=values, current=values, temperature=values, power=values)


@st.composite
def some_readings(draw: st.DrawFn) -> Reading:
    seconds = draw(st.integers(-50, 50)) * 1800 + draw(st.sampled_from([0, 1, 1799]))
    address, source = draw(st.sampled_from([ADDRESS, OTHER])), draw(st.sampled_from(Source))
    return dataclasses.replace(reading(seconds, source=source, address=address), sample=draw(samples))


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(parts=st.lists(st.lists(some_readings(), max_size=12), max_size=5))
def test_whatever_comes_in_whatever_order_the_summaries_are_those_of_the_log(
    tmp_path: Path, parts: list[list[Reading]]
) -> None:
    path = tmp_path / "property.db"
    path.unlink(missing_ok=True)
    with Log.open(path, "boot-1") as log:
        for part in parts:
            log.append(part, NOW)
            summarise(log)
        kept = sorted(log.after(0, 1000, NOW), key=lambda each: (each.device_id, each.moment.utc))
        for resolution in Resolution:
            assert [(s.device_id, s.start, s.count, s.values) for s in of(log, resolution)] == [
                (device, start, len(group), summed(group))
                for (device, start), group in grouped(kept, resolution.span)
            ]


def grouped(readings: list[Reading], span: int) -> Iterator[tuple[tuple[str, int], list[Reading]]]:
    for key, group in groupby(readings, lambda each: (each.device_id, start_of(each.moment.utc or 0, span))):
        yield key, list(group)


def summed(readings: list[Reading]) -> dict[str, Aggregate]:
    columns = {name: [getattr(each.sample, name) for each in readings] for name in QUANTITIES}
    there = {name: [v for v in column if v is not None] for name, column in columns.items()}
    return {n: Aggregate(len(v), min(v), max(v), sum(v), v[-1]) for n, v in there.items() if v}


def test_voltages_of_a_purged_log_live_on(log: Log) -> None:
    """Older than what is kept singly, as imported history is: summed up before anything goes."""
    assert history(log, 3000) == 3000
    summarise(log)
    purge_raw(log, T0 - HOUR)
    assert len(voltages(log.after(0, 10_000, NOW))) < 100
    assert sum(each.count for each in of(log, Resolution.HOUR)) == 3000
    assert history(log, 3000) == 0
