"""Files that older programs wrote, as they wrote them: tests/fixtures/store."""

import re
import sqlite3
from pathlib import Path

import pytest

from hawk.model.summary import Resolution
from hawk.store.messages import GetReadings
from hawk.store.readings import Log
from hawk.store.schema import VERSION
from tests.store.samples import ADDRESS, NOW, OTHER, reading, voltages

FIXTURES = Path(__file__).parent.parent / "fixtures" / "store"
OLDER = range(1, VERSION)


def old_file(folder: Path, version: int) -> Path:
    path = folder / "readings.db"
    connection = sqlite3.connect(path)
    connection.executescript((FIXTURES / f"version-{version}.sql").read_text())
    connection.close()
    return path


def tables(path: Path) -> dict[str, list[tuple[object, ...]]]:
    """Columns by table, with type and constraints, and the indices; without comments and order."""
    connection = sqlite3.connect(path)
    try:
        names = connection.execute("SELECT name, tbl_name FROM sqlite_schema ORDER BY name").fetchall()
        return {
            name: sorted(
                row[1:] for row in connection.execute(f"PRAGMA table_info({re.escape(name)})").fetchall()
            )
            for name, _ in names
        }
    finally:
        connection.close()


@pytest.mark.parametrize("version", OLDER)
def test_an_older_file_gets_the_tables_of_a_new_one(tmp_path: Path, version: int) -> None:
    (tmp_path / "new").mkdir()
    with Log.open(tmp_path / "new" / "readings.db"):
        pass
    path = old_file(tmp_path, version)
    with Log.open(path):
        pass
    assert tables(path) == tables(tmp_path / "new" / "readings.db")
    assert sqlite3.connect(path).execute("PRAGMA user_version").fetchone() == (VERSION,)


@pytest.mark.parametrize("version", OLDER)
def test_an_older_file_keeps_all_it_has_and_goes_on(tmp_path: Path, version: int) -> None:
    with Log.open(old_file(tmp_path, version), "boot-1") as log:
        history = 5 if version >= 2 else 0
        assert (log.counts().readings, log.counts().undated, log.seq) == (13 + history, 1, 13 + history)
        page = log.page(GetReadings(OTHER, newest_first=False), NOW)
        assert voltages(page.readings) == [12.01, 12.03, 12.05, 12.07, 12.09, 12.11]
        latest = log.latest(ADDRESS, NOW)
        assert latest is not None
        assert (latest.device_name, latest.sample.extra) == ("Renamed", {"cycles": 7})
        assert log.append([reading(9000)], NOW)[0].seq == 14 + history


@pytest.mark.parametrize("version", OLDER)
def test_what_an_older_file_has_is_summed_up(tmp_path: Path, version: int) -> None:
    with Log.open(old_file(tmp_path, version), "boot-1") as log:
        while log.summarise(None).more:
            pass
        summaries = log.summaries_after(0, 100)
        for resolution in Resolution:
            counts = [each.count for each in summaries if each.resolution is resolution]
            assert sum(counts) == log.counts().readings
