"""Readings of files, brought into a log that may have some already."""

from dataclasses import replace
from pathlib import Path

import pytest

from hawk.errors import ConfigurationError, NotFound
from hawk.model.reading import Source
from hawk.store.messages import Kept
from hawk.store.outside import PAGE, Outside
from hawk.store.readings import Log
from tests.store.samples import ADDRESS, NOW, OTHER, reading, voltages

EVER = 2**62


def bring(log: Log, *readings_: object) -> Kept:
    return log.append_imported(readings_, NOW)  # type: ignore[arg-type]  # readings, as the caller says


def all_of(path: Path) -> list[float | None]:
    with Outside.open(path) as log:
        return [
            v for extent in log.extents(-EVER, EVER) for page in log.pages(extent) for v in voltages(page)
        ]


def test_the_same_file_again_changes_nothing(tmp_path: Path) -> None:
    readings = [reading(-second, second) for second in range(1, 5)]
    with Log.open(tmp_path / "readings.db") as log:
        assert bring(log, *readings) == Kept(stored=4, late=0)
        assert bring(log, *readings) == Kept(stored=0, late=0)
        assert log.counts().readings == 4
        assert log.seq == 4


def test_only_a_better_source_replaces_what_is_there(tmp_path: Path) -> None:
    with Log.open(tmp_path / "readings.db") as log:
        log.append([reading(-1, 12.0, Source.ADVERTISEMENT)], NOW)
        assert (
            bring(log, reading(-1, 11.0, Source.HISTORY), reading(-1, 10.0, Source.ADVERTISEMENT)).stored == 0
        )
        assert all_of(log.path) == [12.0]
        assert bring(log, reading(-1, 13.0, Source.GATT)).stored == 1
        assert all_of(log.path) == [13.0]


def test_an_export_of_this_very_log_changes_nothing_though_it_says_no_adapter(tmp_path: Path) -> None:
    with Log.open(tmp_path / "readings.db") as log:
        log.append([reading(-1)], NOW)
        assert bring(log, replace(reading(-1), adapter=None)).stored == 0


def test_a_vehicle_with_an_empty_name_is_none(tmp_path: Path) -> None:
    nobodys, empty = reading(-2, 12.0), reading(-1, 13.0)
    with Log.open(tmp_path / "readings.db") as log:
        assert bring(log, replace(nobodys, vehicle_id=None, vehicle_name=None)).stored == 1
        assert bring(log, replace(empty, vehicle_id="", vehicle_name="")).stored == 1
        assert len(all_of(log.path)) == 2


def test_an_old_reading_does_not_become_the_latest(tmp_path: Path) -> None:
    with Log.open(tmp_path / "readings.db") as log:
        log.append([reading(-10, 12.0)], NOW)
        bring(log, reading(-20, 11.0), reading(-30, 10.0))
        latest = log.latest(ADDRESS, NOW)
        assert latest is not None
        assert latest.sample.voltage == 12.0
        bring(log, reading(-5, 13.0), reading(-6, 12.9), reading(-4, 14.0, Source.HISTORY))
        latest = log.latest(ADDRESS, NOW)
        assert latest is not None
        assert latest.sample.voltage == 13.0


def test_the_latest_stays_the_latest_when_it_is_replaced(tmp_path: Path) -> None:
    with Log.open(tmp_path / "readings.db") as log:
        log.append([reading(-10, 12.0)], NOW)
        bring(log, reading(-20, 11.0), reading(-10, 12.5, Source.GATT))
        latest = log.latest(ADDRESS, NOW)
        assert latest is not None
        assert latest.sample.voltage == 12.5


def test_of_an_empty_log_the_newest_becomes_the_latest(tmp_path: Path) -> None:
    with Log.open(tmp_path / "readings.db") as log:
        bring(log, reading(-5, 13.0), reading(-20, 11.0), reading(-1, 9.0, address=OTHER))
        assert voltages(log.latest_of_all(NOW)) == [13.0, 9.0]


def test_what_was_imported_is_summed_up(tmp_path: Path) -> None:
    with Log.open(tmp_path / "readings.db") as log:
        bring(log, *(reading(-86_400 - 60 * n, 12.0) for n in range(120)))
        while log.summarise(None).more:
            pass
        assert (
            sum(each.count for each in log.summaries_after(0, 100) if each.resolution.value == "hour") == 120
        )


# -- read beside the one that writes -------------------------------------------------------


def test_pages_follow_one_another_while_the_log_is_written(tmp_path: Path) -> None:
    with Log.open(tmp_path / "readings.db") as log:
        log.append([reading(-second, second) for second in range(1, PAGE + 11)], NOW)
        log.append([reading(-1, 1.0, address=OTHER)], NOW)
        with Outside.open(log.path) as beside:
            first, second = beside.extents(-EVER, EVER)
            pages = beside.pages(first)
            seen = voltages(next(pages))
            log.append([reading(1, 99.0)], NOW)
            seen += [v for page in pages for v in voltages(page)]
            assert seen == list(range(PAGE + 10, 0, -1))
            assert [voltages(page) for page in beside.pages(second)] == [[1.0]]


def test_a_span_leaves_out_devices_that_have_nothing_in_it(tmp_path: Path) -> None:
    with Log.open(tmp_path / "readings.db") as log:
        log.append([reading(-10, 12.0), reading(-1, 13.0), reading(-20, 1.0, address=OTHER)], NOW)
        assert NOW.utc is not None
        with Outside.open(log.path) as beside:
            (extent,) = beside.extents(NOW.utc - 10_000, NOW.utc - 2_000)
            assert [voltages(page) for page in beside.pages(extent)] == [[12.0]]


def test_a_log_that_is_not_there_is_not_made(tmp_path: Path) -> None:
    with pytest.raises(NotFound, match="--data"), Outside.open(tmp_path / "readings.db"):
        pass
    assert list(tmp_path.iterdir()) == []


def test_the_log_of_a_newer_program_is_refused(tmp_path: Path) -> None:
    import sqlite3

    with Log.open(tmp_path / "readings.db") as log:
        path = log.path
    with sqlite3.connect(path) as connection:
        connection.execute("PRAGMA user_version = 99")
    connection.close()
    with pytest.raises(ConfigurationError, match="newer"), Outside.open(path):
        pass
