"""What leaves the log, and what never does."""

import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hawk.model.reading import Source
from hawk.model.summary import DAY, HOUR, Resolution
from hawk.store.messages import Cursor, MoveCursor, Stream
from hawk.store.purging import Round
from hawk.store.readings import Log
from hawk.store.retention import Horizons
from tests.store.samples import ADDRESS, NOW, OTHER, T0, reading

H, D = 3600.0, 86_400.0
UNBOUNDED = 2**60
INFLUX = frozenset({"influx"})


@pytest.fixture
def log(tmp_path: Path) -> Iterator[Log]:
    with Log.open(tmp_path / "readings.db", "boot-1") as opened:
        yield opened


def summarise(log: Log) -> None:
    while log.summarise(None).more:
        pass


def purge(
    log: Log,
    raw: int | None = None,
    hours: int | None = None,
    days: int | None = None,
    unsent: int | None = None,
    max_bytes: int = UNBOUNDED,
) -> Round:
    wanted = Round(Horizons(raw, hours, days, unsent), max_bytes)
    while log.purge(wanted):
        pass
    return wanted


def hourly(log: Log, count: int, summarised: bool = True) -> None:
    """Readings of so many hours from T0 on, one in the middle of each; of another device too."""
    for address in (ADDRESS, OTHER):
        log.append([reading(n * H + 1800, 12.0 + n / 1000, address=address) for n in range(count)], NOW)
    if summarised:
        summarise(log)


def starts(log: Log, resolution: Resolution) -> list[int]:
    """In hours after T0, of one device."""
    return sorted(
        (each.start - T0) // HOUR
        for each in log.summaries_after(0, 10_000)
        if each.resolution is resolution and each.device_id == ADDRESS
    )


def left(log: Log) -> list[int]:
    """Of the readings of one device, the hours after T0."""
    return sorted(
        ((each.moment.utc or 0) - T0) // HOUR
        for each in log.after(0, 10_000, NOW)
        if each.device_id == ADDRESS
    )


def counted(log: Log) -> bool:
    """Whether the counts of all devices are right, and each newest reading is there."""
    connection = sqlite3.connect(log.path)
    try:
        (wrong,) = connection.execute(
            "SELECT count(*) FROM device WHERE readings != (SELECT count(*) FROM reading"
            " WHERE device_id = device.id) OR latest_seq NOT IN (SELECT seq FROM reading)"
        ).fetchone()
        return wrong == 0
    finally:
        connection.close()


# -- by age ------------------------------------------------------------------------------------


def test_readings_go_by_whole_hours_and_their_summaries_stay(log: Log) -> None:
    hourly(log, 10)
    wanted = purge(log, raw=T0 + 4 * HOUR)
    assert wanted.purged == 8
    assert left(log) == [4, 5, 6, 7, 8, 9]
    assert starts(log, Resolution.HOUR) == list(range(10))
    assert counted(log)


def test_nothing_goes_without_a_horizon(log: Log) -> None:
    hourly(log, 10)
    assert purge(log).purged == 0
    wanted = Round(None, UNBOUNDED)
    assert not log.purge(wanted)
    assert wanted.purged == 0


def test_hours_go_by_whole_days_and_days_after_them(log: Log) -> None:
    hourly(log, 100)
    purge(log, raw=T0 + 10 * DAY, hours=T0 + 2 * DAY, days=T0 + DAY)
    first_day = (T0 // DAY * DAY - T0) // HOUR
    kept = first_day + 48
    assert starts(log, Resolution.HOUR) == list(range(kept, 100))
    assert starts(log, Resolution.DAY) == list(range(first_day + 24, 100, 24))


def test_a_summary_stays_until_what_it_is_made_of_is_gone(log: Log) -> None:
    hourly(log, 100)
    purge(log, raw=None, hours=T0 + 2 * DAY, days=T0 + 2 * DAY)
    assert starts(log, Resolution.HOUR) == list(range(100))
    assert len(starts(log, Resolution.DAY)) >= 4


def test_an_hour_that_is_still_to_be_summed_up_stays(log: Log) -> None:
    hourly(log, 10)
    log.append([reading(3 * H + 60, source=Source.HISTORY)], NOW)
    purge(log, raw=T0 + 8 * HOUR)
    assert left(log) == [3, 3, 8, 9]
    summarise(log)
    purge(log, raw=T0 + 8 * HOUR)
    assert left(log) == [8, 9]


def test_the_newest_reading_of_a_device_stays_however_old(log: Log) -> None:
    hourly(log, 10)
    before = log.latest_of_all(NOW)
    purge(log, raw=T0 + 1000 * DAY, hours=T0 + 1000 * DAY, days=T0 + 1000 * DAY)
    assert log.latest_of_all(NOW) == before
    assert len(before) == 2
    assert left(log) == [9]
    assert counted(log)


def test_history_alone_may_go_altogether(log: Log) -> None:
    log.append([reading(n * H, source=Source.HISTORY) for n in range(5)], NOW)
    summarise(log)
    purge(log, raw=T0 + 1000 * DAY)
    assert log.counts().readings == 0
    assert starts(log, Resolution.HOUR) == list(range(5))


def test_numbers_of_what_is_gone_are_never_given_again(log: Log) -> None:
    log.append([reading(n * H, source=Source.HISTORY) for n in range(5)], NOW)
    summarise(log)
    ever = T0 + 1000 * DAY
    purge(log, raw=ever, hours=ever, days=ever)
    assert log.summaries_after(0, 10) == ()
    given = log.seq
    assert given is not None
    log.close()
    with Log.open(log.path, "boot-1") as again:
        assert again.append([reading(0)], NOW)[0].seq == given + 1


def test_purging_goes_on_from_piece_to_piece(log: Log, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("hawk.store.purging.SHARE", 0.0)
    hourly(log, 30)
    wanted = Round(Horizons(T0 + 20 * HOUR, None, None, None), UNBOUNDED)
    pieces = 0
    while log.purge(wanted):
        pieces += 1
        log.append([reading(100 * H + pieces)], NOW)
    assert pieces >= 40
    assert wanted.purged == 40
    assert counted(log)


# -- behind cursors ------------------------------------------------------------------------------


def test_nothing_goes_before_the_sinks_that_hold_it_have_it(log: Log) -> None:
    hourly(log, 10)
    log.hold_purging(INFLUX)
    assert purge(log, raw=T0 + 8 * HOUR).purged == 0
    log.move_cursor(MoveCursor("influx", Stream.READING, 3))
    purge(log, raw=T0 + 8 * HOUR)
    assert left(log) == list(range(3, 10))
    assert log.counts().readings == 17


def test_the_slowest_of_the_sinks_counts(log: Log) -> None:
    hourly(log, 10)
    log.hold_purging(frozenset({"influx", "postgresql"}))
    log.move_cursor(MoveCursor("influx", Stream.READING, 20))
    log.move_cursor(MoveCursor("postgresql", Stream.READING, 2))
    purge(log, raw=T0 + 8 * HOUR)
    assert left(log) == list(range(2, 10))


def test_a_sink_that_holds_nothing_is_not_waited_for(log: Log) -> None:
    hourly(log, 10)
    log.move_cursor(MoveCursor("mqtt", Stream.READING, 1))
    log.hold_purging(frozenset())
    assert purge(log, raw=T0 + 8 * HOUR).purged == 16
    assert log.cursor("mqtt", Stream.READING) == Cursor(1, 0)


def test_until_anybody_said_who_holds_every_sink_that_has_a_cursor_does(log: Log) -> None:
    hourly(log, 10)
    log.move_cursor(MoveCursor("influx", Stream.READING, 3))
    purge(log, raw=T0 + 8 * HOUR)
    assert left(log) == list(range(3, 10))


def test_an_old_hour_that_was_corrected_waits_to_be_sent_again(log: Log) -> None:
    hourly(log, 10)
    log.hold_purging(INFLUX)
    log.append([reading(2 * H + 1800, 11.0)], NOW)
    summarise(log)
    log.move_cursor(MoveCursor("influx", Stream.READING, 20))
    purge(log, raw=T0 + 8 * HOUR)
    assert left(log) == [2, 8, 9]


def test_summaries_wait_for_sinks_that_read_them(log: Log) -> None:
    hourly(log, 100)
    log.hold_purging(INFLUX)
    log.move_cursor(MoveCursor("influx", Stream.READING, 10_000))
    log.move_cursor(MoveCursor("influx", Stream.ROLLUP, 5))
    purge(log, raw=T0 + 10 * DAY, hours=T0 + 2 * DAY)
    assert starts(log, Resolution.HOUR) == list(range(100))
    log.move_cursor(MoveCursor("influx", Stream.ROLLUP, 10_000))
    purge(log, raw=T0 + 10 * DAY, hours=T0 + 2 * DAY)
    assert len(starts(log, Resolution.HOUR)) < 100


# -- what a sink has waited for too long -----------------------------------------------------------


def test_what_waited_for_too_long_is_given_up_and_counted(log: Log) -> None:
    hourly(log, 10)
    log.hold_purging(INFLUX)
    wanted = purge(log, raw=T0 + 8 * HOUR, unsent=T0 + 3 * HOUR)
    assert left(log) == list(range(3, 10))
    assert wanted.dropped == {"influx": 6}
    assert log.cursor("influx", Stream.READING) == Cursor(3, 6)
    assert log.unsent("influx", Stream.READING) == 14
    assert starts(log, Resolution.HOUR) == list(range(10))


def test_only_what_a_sink_had_not_got_counts_as_dropped(log: Log) -> None:
    hourly(log, 10)
    log.hold_purging(frozenset({"influx", "postgresql"}))
    log.move_cursor(MoveCursor("influx", Stream.READING, 12))
    wanted = purge(log, raw=T0 + 8 * HOUR, unsent=T0 + 3 * HOUR)
    assert wanted.dropped == {"influx": 1, "postgresql": 6}
    rest = log.after(12, 100, NOW)
    assert log.unsent("influx", Stream.READING) == len(rest) == 7


# -- by size -----------------------------------------------------------------------------------


def test_beyond_its_size_the_log_gives_up_the_oldest_of_all_devices(log: Log) -> None:
    for address in (ADDRESS, OTHER):
        log.append([reading(n * 60, address=address) for n in range(5000)], NOW)
    summarise(log)
    log.hold_purging(INFLUX)
    full = used(log)
    wanted = purge(log, max_bytes=full * 3 // 4)
    assert used(log) <= full * 3 // 4
    assert wanted.for_size == wanted.purged == wanted.dropped["influx"] > 1000
    assert not wanted.too_big
    firsts = {address: log_first(log, address) for address in (ADDRESS, OTHER)}
    assert abs(firsts[ADDRESS] - firsts[OTHER]) <= HOUR
    assert sum(each.count for each in log.summaries_after(0, 10_000)) == 2 * 10_000
    assert counted(log)


def test_a_log_that_is_small_enough_gives_up_nothing(log: Log) -> None:
    hourly(log, 10)
    assert purge(log, max_bytes=used(log)).purged == 0


def test_a_log_that_cannot_become_smaller_says_so(log: Log) -> None:
    hourly(log, 10)
    wanted = purge(log, max_bytes=1000)
    assert wanted.too_big
    assert left(log) == [9]


def test_size_counts_also_while_nobody_can_tell_the_time(log: Log) -> None:
    hourly(log, 10)
    wanted = Round(None, 1000)
    while log.purge(wanted):
        pass
    assert left(log) == [9]


def test_what_is_free_is_used_again(log: Log) -> None:
    sizes: list[int] = []
    for day in range(6):
        log.append([reading(day * D + n * 30) for n in range(2880)], NOW)
        summarise(log)
        purge(log, raw=T0 + day * DAY)
        sizes.append(log.path.stat().st_size)
    assert sizes[-1] < sizes[1] * 1.5


def used(log: Log) -> int:
    connection = sqlite3.connect(log.path)
    try:
        count = connection.execute("PRAGMA page_count").fetchone()[0]
        free = connection.execute("PRAGMA freelist_count").fetchone()[0]
        return int((count - free) * 4096)
    finally:
        connection.close()


def log_first(log: Log, address: str) -> int:
    return min(each.moment.utc or 0 for each in log.after(0, 20_000, NOW) if each.device_id == address)


# -- in any order --------------------------------------------------------------------------------

steps = st.lists(
    st.one_of(
        st.tuples(st.just("append"), st.integers(-60, 60), st.integers(1, 5)),
        st.tuples(st.just("sum"), st.just(0), st.just(0)),
        st.tuples(st.just("send"), st.integers(0, 200), st.just(0)),
        st.tuples(st.just("purge"), st.integers(-60, 60), st.integers(0, 30)),
    ),
    max_size=25,
)


@settings(max_examples=80, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(steps=steps)
def test_whatever_happens_days_count_every_reading_and_no_unsent_one_vanishes_unnoticed(
    tmp_path: Path, steps: list[tuple[str, int, int]]
) -> None:
    path = tmp_path / "property.db"
    path.unlink(missing_ok=True)
    taken = sent = 0
    with Log.open(path, "boot-1") as log:
        log.hold_purging(INFLUX)
        for step, a, b in steps:
            match step:
                case "append":
                    taken += len(log.append([reading(a * H + n * 700) for n in range(b)], NOW))
                case "sum":
                    summarise(log)
                case "send":
                    at = log.cursor("influx", Stream.READING)
                    rows = log.after(at.seq if at else 0, 1000, NOW)[:a]
                    if rows:
                        sent += len(rows)
                        log.move_cursor(MoveCursor("influx", Stream.READING, rows[-1].seq or 0))
                case "purge":
                    edge = T0 + a * HOUR
                    purge(log, edge, edge - DAY, None, unsent=edge - b * HOUR)
            assert counted(log)
        summarise(log)
        days = [each for each in log.summaries_after(0, 10_000) if each.resolution is Resolution.DAY]
        assert sum(each.count for each in days) == taken
        cursor = log.cursor("influx", Stream.READING)
        dropped = cursor.dropped if cursor else 0
        assert sent + dropped + log.unsent("influx", Stream.READING) == taken


def test_cursors_go_to_where_the_log_goes_on(log: Log) -> None:
    log.append([reading(n, source=Source.HISTORY) for n in range(5)], NOW)
    log.append([reading(10 * H)], NOW)
    summarise(log)
    log.hold_purging(INFLUX)
    purge(log, raw=T0 + HOUR, unsent=T0 + HOUR)
    assert log.cursor("influx", Stream.READING) == Cursor(5, 5)
    assert [each.seq for each in log.after(5, 10, NOW)] == [6]
