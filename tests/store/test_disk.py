"""The log on real file systems that become full, read-only or broken, and come back."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from hawk.durable import encoded
from hawk.errors import DiskFull, StoreUnavailable
from hawk.registry.documents import DocumentFile
from hawk.store.ballast import LAST, SIZE, Ballast
from hawk.store.readings import Log
from tests.disks import Disk, ext4, needs_root, tmpfs
from tests.store.damage import asked
from tests.store.samples import ADDRESS, NOW, reading

MB = 1 << 20


@pytest.fixture
def small(tmp_path: Path) -> Iterator[Disk]:
    """40 MB."""
    needs_root()
    disk = tmpfs(tmp_path / "small", 40 * MB)
    yield disk
    disk.unmount()


@pytest.fixture
def card(tmp_path: Path) -> Iterator[Disk]:
    needs_root()
    disk = ext4(tmp_path / "card", tmp_path / "card.img", 48 * MB)
    yield disk
    disk.unmount()


@pytest.fixture
def dying(tmp_path: Path) -> Iterator[tuple[Disk, Disk]]:
    """A disk with more room than there is below it: what does not fit is an I/O error."""
    needs_root()
    below = tmpfs(tmp_path / "below", 16 * MB)
    disk = ext4(tmp_path / "dying", below.path / "img", 64 * MB, "^has_journal")
    yield disk, below
    disk.unmount()
    below.unmount()


class Source:
    """Readings, each with another time and value."""

    def __init__(self, log: Log) -> None:
        self._log, self.count = log, 0

    def wait(self, count: int) -> None:
        for n in range(self.count, self.count + count):
            self._log.backlog.add(reading(n, float(n)), 0.0)
        self.count += count

    def store(self, count: int = 1000) -> None:
        self.wait(count)
        self.drain()

    def drain(self) -> None:
        while self._log.has_work(NOW):
            self._log.commit(NOW)


def is_short(log: Log) -> bool:
    return log.shortage is not None


def until_refused(source: Source) -> StoreUnavailable:
    for _ in range(2000):
        try:
            source.store()
        except StoreUnavailable as error:
            return error
    raise AssertionError("never refused")


def all_are_there(log: Log, source: Source) -> bool:
    sql = "SELECT count(*), count(DISTINCT seq), min(voltage), max(voltage) FROM reading"
    whole = asked(log.path, "PRAGMA integrity_check") == [("ok",)]
    return whole and asked(log.path, sql) == [(source.count, source.count, 0.0, source.count - 1.0)]


# -- full ----------------------------------------------------------------------------------------


def test_on_a_full_disk_the_ballast_takes_what_comes_then_the_ring_and_nothing_is_lost(small: Disk) -> None:
    with Log.open(small.path / "readings.db") as log:
        source = Source(log)
        source.store(3000)
        log.ballast.make()
        small.fill()
        source.store(1000)
        assert is_short(log)
        refused = until_refused(source)
        assert isinstance(refused, DiskFull)
        assert refused.fix is not None
        assert str(small.path) in refused.fix
        assert source.count > 20_000
        source.wait(500)
        assert len(log.backlog) >= 1500
        assert log.latest(ADDRESS, NOW) is not None

        small.free()
        source.drain()
        assert all_are_there(log, source)
        log.ballast.make()
        assert not is_short(log)
        assert log.ballast.path.stat().st_size == SIZE


def test_a_document_can_still_be_written_when_the_log_has_taken_all_it_may(small: Disk) -> None:
    with Log.open(small.path / "readings.db") as log:
        log.ballast.make()
        document = DocumentFile(small.path / "devices.json", lambda _: None, log.ballast.give_up)
        document.replace(encoded({"devices": {}}))
        small.fill()
        until_refused(Source(log))
        small.fill()
        assert log.ballast.path.stat().st_size == LAST
        document.replace(encoded({"devices": {"A": "a" * 50_000}}))
        assert document.read() == {"devices": {"A": "a" * 50_000}}


def test_what_is_not_needed_goes_before_readings_wait(small: Disk) -> None:
    """In the order: ballast, what may be purged, write-ahead log."""
    seen: list[tuple[int, int]] = []

    def purge() -> None:
        seen.append((log.ballast.path.stat().st_size, log.path.with_name("readings.db-wal").stat().st_size))
        small.free()

    with Log.open(small.path / "readings.db") as log:
        source = Source(log)
        source.store(3000)
        log.ballast.make()
        log.on_full = purge
        small.fill()
        for _ in range(100):
            source.store(1000)
        assert seen[0][0] == LAST
        assert seen[0][1] > 0
        assert len(seen) == 1
        assert all_are_there(log, source)


def test_the_write_ahead_log_gives_its_room_back(small: Disk) -> None:
    with Log.open(small.path / "readings.db") as log:
        Source(log).store(3000)
        wal = log.path.with_name("readings.db-wal")
        before = wal.stat().st_size
        log.make_room()
        assert wal.stat().st_size == 0 < before


def test_it_starts_on_a_full_disk_and_stores_when_there_is_room(small: Disk) -> None:
    with Log.open(small.path / "readings.db") as log:
        source = Source(log)
        source.store(1000)
    small.fill()
    with Log.open(small.path / "readings.db") as log:
        again = Source(log)
        again.count = 1000
        again.wait(1000)
        with pytest.raises(StoreUnavailable):
            again.drain()
        small.free()
        again.drain()
        assert all_are_there(log, again)


# -- broken --------------------------------------------------------------------------------------


def test_a_file_system_that_stops_writing_is_said_and_the_next_one_is_written(card: Disk) -> None:
    with Log.open(card.path / "readings.db") as log:
        source = Source(log)
        source.store(1000)
        card.abort()
        refused = until_refused(source)
        assert "dmesg" in str(refused)
        assert log.latest(ADDRESS, NOW) is not None  # what there is can be read
        card.again()
        source.drain()
        assert all_are_there(log, source)
        assert log.counts().readings == source.count
        assert log.set_aside is None


def test_an_input_output_error_is_said_and_loses_nothing(dying: tuple[Disk, Disk]) -> None:
    disk, below = dying
    with Log.open(disk.path / "readings.db") as log:
        source = Source(log)
        source.store(1000)
        below.fill()
        refused = until_refused(source)
        assert not isinstance(refused, DiskFull)
        assert "dmesg" in str(refused)
        assert shutil.disk_usage(disk.path).free > 10 * MB
        below.free()
        source.drain()
        assert all_are_there(log, source)


# -- the ballast -----------------------------------------------------------------------------------


def test_the_ballast_really_takes_room(tmp_path: Path) -> None:
    ballast = Ballast(tmp_path / "ballast")
    ballast.make()
    assert ballast.path.stat().st_blocks * 512 >= SIZE
    ballast.give_up(keep=LAST)
    assert ballast.path.stat().st_blocks * 512 < SIZE / 4
    assert ballast.missing
    ballast.give_up()
    ballast.give_up()
    assert not ballast.path.exists()


@pytest.mark.parametrize(("size", "made"), [(15 * MB, False), (18 * MB, True)])
def test_it_is_made_only_where_there_is_room_for_twice_as_much(tmp_path: Path, size: int, made: bool) -> None:
    needs_root()
    disk = tmpfs(tmp_path / "disk", size)
    try:
        ballast = Ballast(disk.path / "ballast")
        ballast.make()
        assert ballast.path.exists() is made
        assert ballast.missing is not made
    finally:
        disk.unmount()


@pytest.mark.parametrize("there", [b"", b"x" * 100])
def test_one_that_was_cut_short_is_made_whole(tmp_path: Path, there: bytes) -> None:
    ballast = Ballast(tmp_path / "ballast")
    ballast.path.write_bytes(there)
    ballast.make()
    assert ballast.path.stat().st_size == SIZE
