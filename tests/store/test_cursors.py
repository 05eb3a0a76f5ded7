"""How far sinks have read the log."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from hawk.store.messages import Cursor, MoveCursor, Stream
from hawk.store.readings import Log
from tests.store.samples import NOW, reading


@pytest.fixture
def log(tmp_path: Path) -> Iterator[Log]:
    with Log.open(tmp_path / "readings.db", "boot-1") as opened:
        opened.append([reading(n) for n in range(10)], NOW)
        yield opened


def test_a_sink_that_never_moved_it_has_no_cursor_and_everything_before_it(log: Log) -> None:
    assert log.cursor("influx", Stream.READING) is None
    assert log.unsent("influx", Stream.READING) == 10


def test_a_cursor_stays_where_it_was_moved_also_over_a_restart(log: Log) -> None:
    log.move_cursor(MoveCursor("influx", Stream.READING, 4))
    log.close()
    with Log.open(log.path, "boot-1") as again:
        assert again.cursor("influx", Stream.READING) == Cursor(4, 0)
        assert again.unsent("influx", Stream.READING) == 6


def test_sinks_and_streams_have_cursors_of_their_own(log: Log) -> None:
    log.move_cursor(MoveCursor("influx", Stream.READING, 4))
    log.move_cursor(MoveCursor("influx", Stream.ROLLUP, 2))
    log.move_cursor(MoveCursor("mqtt", Stream.READING, 9))
    assert log.cursor("influx", Stream.READING) == Cursor(4, 0)
    assert log.cursor("influx", Stream.ROLLUP) == Cursor(2, 0)
    assert log.cursor("mqtt", Stream.ROLLUP) is None


def test_a_cursor_never_moves_back(log: Log) -> None:
    log.move_cursor(MoveCursor("influx", Stream.READING, 7))
    log.move_cursor(MoveCursor("influx", Stream.READING, 3))
    assert log.cursor("influx", Stream.READING) == Cursor(7, 0)


def test_a_cursor_never_passes_what_is_still_to_come(log: Log) -> None:
    log.move_cursor(MoveCursor("influx", Stream.READING, 1000))
    (stored,) = log.append([reading(11)], NOW)
    assert log.cursor("influx", Stream.READING) == Cursor(10, 0)
    assert stored.seq == 11


def test_what_a_sink_refused_adds_up(log: Log) -> None:
    log.move_cursor(MoveCursor("influx", Stream.READING, 3, refused=2))
    log.move_cursor(MoveCursor("influx", Stream.READING, 5, refused=1))
    assert log.cursor("influx", Stream.READING) == Cursor(5, 3)


def test_a_reading_that_is_corrected_is_unsent_again_but_counts_once(log: Log) -> None:
    log.move_cursor(MoveCursor("influx", Stream.READING, 10))
    log.append([reading(3, voltage=11.0)], NOW)
    log.append([reading(3, voltage=11.5)], NOW)
    assert log.unsent("influx", Stream.READING) == 1
