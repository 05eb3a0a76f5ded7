"""The log on a real disk, without actors."""

import contextlib
import dataclasses
import resource
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hawk.errors import ConfigurationError, StoreUnavailable
from hawk.model.reading import Moment, Reading, Sample, Source
from hawk.store.connection import set_aside
from hawk.store.messages import GetReadings
from hawk.store.readings import Log
from hawk.store.schema import VERSION
from tests.store.samples import ADDRESS, NOW, OTHER, T0, moment, reading, undated, voltages


@pytest.fixture
def log(tmp_path: Path) -> Iterator[Log]:
    with Log.open(tmp_path / "readings.db", "boot-1") as opened:
        yield opened


def rows(log: Log, sql: str) -> list[tuple[object, ...]]:
    connection = sqlite3.connect(log.path)
    try:
        return connection.execute(sql).fetchall()
    finally:
        connection.close()


# -- storing and getting back ----------------------------------------------------------------


def test_a_reading_comes_back_as_it_was_with_its_seq(log: Log) -> None:
    (stored,) = log.append([reading(extra={"cycles": 7, "model": "x", "odd": None, "on": True})], NOW)
    assert stored.seq == 1
    assert log.latest(ADDRESS, NOW) == stored


def test_what_was_not_measured_stays_absent(log: Log) -> None:
    bare = dataclasses.replace(
        reading(),
        sample=Sample(),
        vehicle_id=None,
        vehicle_name=None,
        rssi=None,
        adapter=None,
        simulated=False,
    )
    (stored,) = log.append([bare], NOW)
    assert log.latest(ADDRESS, NOW) == stored == dataclasses.replace(bare, seq=1)


def test_a_reading_of_an_earlier_boot_has_a_time_before_this_one(log: Log) -> None:
    log.append([reading(seconds=-5000)], NOW)
    latest = log.latest(ADDRESS, NOW)
    assert latest is not None
    assert latest.moment.boot_time == -4000.0


def test_while_the_clock_is_doubtful_a_stored_reading_counts_as_old_as_the_boot(log: Log) -> None:
    log.append([reading()], NOW)
    latest = log.latest(ADDRESS, Moment(None, 30.0))
    assert latest is not None
    assert latest.moment == Moment(T0, 0.0)


def test_names_stay_as_they_were_at_the_time_of_the_reading(log: Log) -> None:
    log.append([reading(0, name="Old"), reading(1, name="New"), reading(2, name="Old")], NOW)
    assert [each.device_name for each in log.after(0, 10, NOW)] == ["Old", "New", "Old"]
    assert rows(log, "SELECT count(*) FROM series") == [(2,)]


def test_a_name_that_utf8_refuses_does_not_stop_the_log(log: Log) -> None:
    log.append([reading(name="Car \ud83d")], NOW)
    latest = log.latest(ADDRESS, NOW)
    assert latest is not None
    assert latest.device_name == "Car ?"


finite = st.floats(allow_nan=False, allow_infinity=False, width=32)
scalars = st.one_of(st.none(), st.booleans(), st.integers(-(2**53), 2**53), finite, st.text())
samples = st.builds(
    Sample,
    voltage=st.none() | finite,
    current=st.none() | finite,
    temperature=st.none() | finite,
    state_of_charge=st.none() | finite,
    power=st.none() | finite,
    status=st.none() | st.sampled_from(["normal", "mppt", "Ladung überwacht"]),
    status_code=st.none() | st.integers(0, 65535),
    extra=st.dictionaries(st.text(), scalars, max_size=4),
)


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(sample=samples, source=st.sampled_from(Source), text=st.text(st.characters(exclude_categories=["Cs"])))
def test_every_sample_survives_the_disk(tmp_path: Path, sample: Sample, source: Source, text: str) -> None:
    sent = dataclasses.replace(reading(source=source, name=text), sample=sample, vehicle_name=text)
    path = tmp_path / "property.db"
    path.unlink(missing_ok=True)
    with Log.open(path, "boot-1") as log:
        (stored,) = log.append([sent], NOW)
        assert stored == dataclasses.replace(sent, seq=1)
        assert log.after(0, 10, NOW) == (dataclasses.replace(stored, vehicle_name=text or None),)


# -- the rule of the better source -------------------------------------------------------------


def test_the_same_batch_again_changes_nothing(log: Log) -> None:
    batch = [reading(n) for n in range(10)]
    assert len(log.append(batch, NOW)) == 10
    assert log.append(batch, moment(5)) == ()
    assert log.seq == 10
    assert log.append([reading(10)], NOW)[0].seq == 11


def test_history_never_overrides_what_was_live(log: Log) -> None:
    log.append([reading(voltage=12.5)], NOW)
    assert log.append([reading(voltage=11.0, source=Source.HISTORY)], NOW) == ()
    assert voltages(log.after(0, 10, NOW)) == [12.5]


@pytest.mark.parametrize(
    ("first", "then"),
    [
        (Source.HISTORY, Source.ADVERTISEMENT),
        (Source.ADVERTISEMENT, Source.GATT),
        (Source.HISTORY, Source.HISTORY),
        (Source.GATT, Source.GATT),
    ],
)
def test_a_correction_replaces_the_reading_and_gets_a_new_seq(log: Log, first: Source, then: Source) -> None:
    log.append([reading(voltage=12.5, source=first), reading(1)], NOW)
    (corrected,) = log.append([reading(voltage=12.6, source=then)], NOW)
    assert corrected.seq == 3
    assert [(r.seq, r.sample.voltage, r.source) for r in log.after(0, 10, NOW)] == [
        (2, 12.5, Source.ADVERTISEMENT),
        (3, 12.6, then),
    ]


def test_a_reading_corrected_within_its_own_batch_is_told_once(log: Log) -> None:
    stored = log.append([reading(voltage=12.5), reading(1), reading(voltage=12.6, source=Source.GATT)], NOW)
    assert [(each.seq, each.sample.voltage) for each in stored] == [(2, 12.5), (3, 12.6)]
    assert stored == log.after(0, 10, NOW)


def test_a_correction_keeps_the_names_so_that_a_sink_replaces_it(log: Log) -> None:
    log.append([reading(name="Old")], NOW)
    log.append([reading(voltage=12.6, name="New")], NOW)
    assert [each.device_name for each in log.after(0, 10, NOW)] == ["Old"]


# -- latest --------------------------------------------------------------------------------------


def test_nothing_is_the_latest_of_an_unknown_device(log: Log) -> None:
    assert log.latest(OTHER, NOW) is None


def test_history_is_never_the_latest(log: Log) -> None:
    log.append([reading(0, 12.5)], NOW)
    log.append([reading(100, 11.0, Source.HISTORY)], NOW)
    latest = log.latest(ADDRESS, NOW)
    assert latest is not None
    assert latest.sample.voltage == 12.5


def test_a_device_with_history_only_has_no_latest(log: Log) -> None:
    log.append([reading(source=Source.HISTORY)], NOW)
    assert log.latest(ADDRESS, NOW) is None
    assert log.latest_of_all(NOW) == ()


def test_after_the_clock_was_set_back_the_latest_is_what_was_stored_last(log: Log) -> None:
    log.append([reading(0, 12.5)], NOW)
    log.append([reading(-3600, 12.1)], NOW)
    latest = log.latest(ADDRESS, NOW)
    assert latest is not None
    assert latest.sample.voltage == 12.1


def test_the_latest_of_all_devices_is_in_the_order_of_their_addresses(log: Log) -> None:
    log.append([reading(0, 1.0, address=OTHER), reading(0, 2.0), reading(1, 3.0, address=OTHER)], NOW)
    assert voltages(log.latest_of_all(NOW)) == [2.0, 3.0]


# -- pages -----------------------------------------------------------------------------------------


def all_pages(log: Log, wanted: GetReadings) -> list[float | None]:
    found: list[float | None] = []
    while True:
        page = log.page(wanted, NOW)
        assert len(page.readings) <= wanted.limit
        found += voltages(page.readings)
        if page.next is None:
            return found
        wanted = dataclasses.replace(wanted, cursor=page.next)


@pytest.mark.parametrize("limit", [1, 3, 5, 9, 10, 11])
@pytest.mark.parametrize("newest_first", [True, False])
def test_pages_together_are_the_whole(log: Log, limit: int, newest_first: bool) -> None:
    log.append([reading(n, float(n)) for n in range(10)], NOW)
    log.append([reading(n, 99.0, address=OTHER) for n in range(10)], NOW)
    expected = [float(n) for n in range(10)]
    wanted = GetReadings(ADDRESS, limit=limit, newest_first=newest_first)
    assert all_pages(log, wanted) == (expected[::-1] if newest_first else expected)


def test_new_readings_never_shift_a_page(log: Log) -> None:
    log.append([reading(n, float(n)) for n in range(6)], NOW)
    first = log.page(GetReadings(ADDRESS, limit=3), NOW)
    log.append([reading(n, float(n)) for n in range(6, 9)], NOW)
    second = log.page(GetReadings(ADDRESS, limit=3, cursor=first.next), NOW)
    assert voltages(first.readings + second.readings) == [5.0, 4.0, 3.0, 2.0, 1.0, 0.0]
    assert second.next is None


def test_both_ends_of_a_range_belong_to_it(log: Log) -> None:
    log.append([reading(n, float(n)) for n in range(10)], NOW)
    wanted = GetReadings(ADDRESS, since=T0 + 2000, until=T0 + 5000, newest_first=False, limit=2)
    assert all_pages(log, wanted) == [2.0, 3.0, 4.0, 5.0]


def test_one_source_can_be_asked_for(log: Log) -> None:
    log.append([reading(n, float(n), [Source.GATT, Source.ADVERTISEMENT][n % 2]) for n in range(6)], NOW)
    assert all_pages(log, GetReadings(ADDRESS, source=Source.GATT, limit=2)) == [4.0, 2.0, 0.0]


def test_what_comes_after_a_seq_is_in_the_order_of_seq(log: Log) -> None:
    log.append([reading(9, 0.0), reading(1, 1.0, address=OTHER), reading(5, 2.0)], NOW)
    assert [each.seq for each in log.after(1, 1, NOW)] == [2]
    assert [each.seq for each in log.after(1, 10, NOW)] == [2, 3]
    assert log.after(3, 10, NOW) == ()


# -- seq ---------------------------------------------------------------------------------------------


def reopened(log: Log) -> Log:
    log.close()
    return Log.open(log.path, "boot-1")


def test_numbers_go_on_after_a_restart(log: Log) -> None:
    log.append([reading(n) for n in range(3)], NOW)
    with reopened(log) as again:
        assert again.append([reading(3)], NOW)[0].seq == 4


@pytest.mark.parametrize(
    "trace",
    [
        "INSERT INTO sink_cursor (sink, stream, seq) VALUES ('influx', 'reading', 40)",
        "UPDATE device SET latest_seq = 40",
    ],
)
def test_a_number_is_never_given_twice_even_when_its_row_was_purged(log: Log, trace: str) -> None:
    log.append([reading()], NOW)
    log.close()
    connection = sqlite3.connect(log.path)
    with connection:
        connection.execute(trace)
        connection.execute("DELETE FROM reading")
    connection.close()
    with reopened(log) as again:
        assert again.append([reading(3)], NOW)[0].seq == 41


# -- without UTC ---------------------------------------------------------------------------------------


def test_a_reading_without_utc_waits_and_is_no_reading_yet(log: Log) -> None:
    assert log.append([reading(when=undated(1))], undated(2)) == ()
    counts = log.counts()
    assert (counts.readings, counts.undated) == (0, 1)
    assert log.latest(ADDRESS, undated(3)) is None


def test_it_gets_its_utc_when_the_clock_is_trusted(log: Log) -> None:
    log.append([reading(voltage=12.5, when=undated(1)), reading(voltage=12.6, when=undated(2.5))], undated(3))
    assert not log.has_work(undated(4))
    assert log.has_work(moment(10))
    stored = log.commit(moment(10))
    assert [(r.seq, r.moment) for r in stored] == [(1, moment(1)), (2, moment(2.5))]
    assert voltages(stored) == [12.5, 12.6]
    assert log.counts().undated == 0
    assert not log.has_work(moment(11))


def test_it_is_older_than_what_is_stored_with_utc_after_it(log: Log) -> None:
    log.append([reading(voltage=1.0, when=undated(1))], undated(2))
    log.backlog.add(reading(voltage=2.0, when=undated(3)), 0.0)
    log.backlog.add(reading(4, voltage=3.0), 0.0)
    stored: list[Reading] = []
    while log.has_work(moment(10)):
        stored += log.commit(moment(10))
    assert [(r.seq, r.sample.voltage) for r in stored] == [(1, 1.0), (2, 2.0), (3, 3.0)]


def test_a_new_process_in_the_same_boot_dates_it_too(log: Log) -> None:
    log.append([reading(when=undated(1))], undated(2))
    with reopened(log) as again:
        assert [each.moment for each in again.commit(moment(10))] == [moment(1)]


def test_the_time_of_another_boot_is_never_invented(log: Log) -> None:
    log.append([reading(when=undated(1))], undated(2))
    log.close()
    with Log.open(log.path, "boot-2") as again:
        assert not again.has_work(moment(10))
        assert again.counts().undated == 1
        assert again.counts().readings == 0


def test_a_dated_reading_is_stored_also_while_the_clock_is_doubtful(log: Log) -> None:
    (stored,) = log.append([reading(1)], undated(2))
    assert stored.moment == moment(1)
    assert log.newest_stored_at() == T0 + 1000


def test_the_newest_instant_of_storing_is_known(log: Log) -> None:
    assert log.newest_stored_at() is None
    log.append([reading(-50_000)], moment(0))
    log.append([reading(-60_000)], moment(7))
    assert log.newest_stored_at() == T0 + 7000


# -- counts and failures ---------------------------------------------------------------------------------


def test_counts_are_those_of_the_table(log: Log) -> None:
    log.append([reading(n) for n in range(5)], NOW)
    log.append([reading(n, 13.0) for n in range(3, 8)], NOW)
    log.append([reading(9, source=Source.HISTORY), reading(when=undated(1), address=OTHER)], undated(2))
    assert rows(log, "SELECT count(*) FROM reading") == [(log.counts().readings,)] == [(9,)]
    wal = log.path.with_name("readings.db-wal")
    assert log.counts().bytes == log.path.stat().st_size + wal.stat().st_size


def test_a_batch_is_stored_whole_or_not_at_all(log: Log) -> None:
    log.append([reading(0)], NOW)
    wrong = dataclasses.replace(reading(2), sample=Sample(voltage="high"))  # type: ignore[arg-type]  # the point
    with pytest.raises(sqlite3.IntegrityError):
        log.append([reading(1, name="New name"), wrong], NOW)
    assert log.counts().readings == 1
    assert [each.seq for each in log.append([reading(3, name="New name")], NOW)] == [2]


def test_a_refusing_disk_loses_nothing_of_the_backlog(log: Log) -> None:
    for n in range(3):
        log.backlog.add(reading(n, float(n)), 0.0)
    log.close()
    real = log.path.rename(log.path.with_suffix(".away"))
    log.path.mkdir()
    with pytest.raises(StoreUnavailable):
        log.commit(NOW)
    assert len(log.backlog) == 3
    log.path.rmdir()
    real.rename(log.path)
    assert voltages(log.commit(NOW)) == [0.0, 1.0, 2.0]
    log.close()


def test_questions_to_a_file_that_is_not_there_are_refused_and_make_none(tmp_path: Path) -> None:
    log = Log(tmp_path / "absent" / "readings.db", "boot-1")
    with pytest.raises(StoreUnavailable):
        log.latest(ADDRESS, NOW)
    assert not log.path.exists()


def test_the_service_may_start_while_the_disk_refuses(tmp_path: Path) -> None:
    path = tmp_path / "readings.db"
    path.mkdir()
    with Log.open(path, "boot-1") as log:
        assert log.seq is None
        path.rmdir()
        assert log.append([reading()], NOW)[0].seq == 1


# -- what can be wrong with the file ----------------------------------------------------------------------


def test_a_file_of_a_newer_program_is_refused_and_left_alone(log: Log) -> None:
    log.append([reading()], NOW)
    log.close()
    connection = sqlite3.connect(log.path)
    connection.execute(f"PRAGMA user_version = {VERSION + 1}")
    connection.close()
    before = log.path.read_bytes()
    with pytest.raises(ConfigurationError, match=f"format {VERSION + 1}"):
        Log.open(log.path)
    assert log.path.read_bytes() == before


@pytest.mark.parametrize("damage", [b"this is no database " * 200, b"SQLite format 3\0" + b"\xff" * 8000])
def test_a_damaged_file_is_kept_and_a_new_one_begun(tmp_path: Path, damage: bytes) -> None:
    path = tmp_path / "readings.db"
    path.write_bytes(damage)
    with Log.open(path, "boot-1") as log:
        assert len(log.append([reading()], NOW)) == 1
        assert log.set_aside is not None
        assert log.set_aside.read_bytes() == damage
        assert log.set_aside.name.startswith("readings.db.corrupt-")


def test_what_belongs_to_a_damaged_file_goes_with_it(tmp_path: Path) -> None:
    path = tmp_path / "readings.db"
    for suffix in ("", "-wal", "-shm"):
        path.with_name(path.name + suffix).write_text(f"was{suffix}")
    aside = set_aside(path)
    assert {each.name.removeprefix(aside.name): each.read_text() for each in tmp_path.iterdir()} == {
        "": "was",
        "-wal": "was-wal",
        "-shm": "was-shm",
    }


def test_two_damaged_files_within_one_second_are_both_kept(tmp_path: Path) -> None:
    path = tmp_path / "readings.db"
    for n in range(2):
        path.write_bytes(b"%d" % n * 8000)
        Log.open(path, "boot-1").close()
    kept = sorted(each.read_bytes()[:1] for each in tmp_path.glob("*.corrupt-*"))
    assert kept == [b"0", b"1"]


def test_a_good_file_is_not_set_aside(log: Log) -> None:
    with reopened(log) as again:
        assert again.set_aside is None


def test_a_file_that_is_found_damaged_in_writing_is_replaced_with_the_next_commit(log: Log) -> None:
    log.append([reading(n) for n in range(2000)], NOW)
    log.close()
    [(root,)] = rows(log, "SELECT rootpage FROM sqlite_schema WHERE name = 'reading'")
    assert isinstance(root, int)
    content = bytearray(log.path.read_bytes())
    content[4096 * (root - 1) : 4096 * root] = b"\xa5" * 4096
    log.path.write_bytes(content)
    log.backlog.add(reading(5000, 12.7), 0.0)
    with pytest.raises(StoreUnavailable):
        log.commit(NOW)
    assert not list(log.path.parent.glob("*.corrupt-*"))
    assert voltages(log.commit(NOW)) == [12.7]
    assert log.set_aside is not None
    assert log.counts().readings == 1
    log.close()


@contextlib.contextmanager
def files_no_longer_than(size: int) -> Iterator[None]:
    """A disk that is full for every file of this size."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def test_a_full_disk_in_the_middle_of_a_write_leaves_no_trace(log: Log) -> None:
    log.append([reading(0)], NOW)
    for n in range(1, 900):
        log.backlog.add(reading(n, float(n), address=OTHER, name="New"), 0.0)
    with files_no_longer_than(160_000), pytest.raises(StoreUnavailable):
        log.commit(NOW)
    assert not log.is_open
    assert len(log.backlog) == 899
    assert log.counts().readings == 1
    stored = log.commit(NOW)
    assert [each.seq for each in stored] == list(range(2, 901))
    assert log.after(1, 1000, NOW) == stored
