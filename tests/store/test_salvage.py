"""What a damaged log still has comes into the new one."""

import random
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from hawk.model.reading import Reading, Source
from hawk.store.messages import GetReadings
from hawk.store.readings import Log
from tests.store.damage import PAGE, addresses, asked, change, damaged, filled, root_of
from tests.store.samples import ADDRESS, NOW, OTHER, T0, moment, reading, undated, voltages

ROOT = Path(__file__).parent.parent.parent
CHANCE = random.Random(5)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "readings.db"


def salvage(log: Log) -> None:
    while log.salvage():
        pass


def written(path: Path, *readings: Reading) -> None:
    with Log.open(path, "boot-1") as log:
        for each in readings:
            log.append([each], NOW)


# -- how much comes back -----------------------------------------------------------------------


@pytest.mark.parametrize("seed", range(6))
def test_of_a_log_with_random_damage_all_comes_back_but_what_was_on_those_pages(
    path: Path, seed: int
) -> None:
    """Five of 1000 pages, two of which may be inner ones: then what is below them is lost."""
    filled(path, 3, 20_000)
    chance = random.Random(seed)
    aside = damaged(path, chance.sample(range(30, path.stat().st_size // PAGE), 5), chance)
    with Log.open(path, "boot-1") as log:
        salvage(log)
        assert log.counts().readings > 0.95 * 60_000
        assert log.salvaged is not None
        assert (log.salvaged.done, log.salvaged.expected) == (True, 60_000)
        assert log.salvaged.readings == log.counts().readings
    assert asked(path, "PRAGMA integrity_check") == [("ok",)]
    assert asked(path, "SELECT count(*), count(DISTINCT seq) FROM reading") == [
        (log.salvaged.readings, log.salvaged.readings)
    ]
    assert not aside.exists()
    assert aside.with_name(f"{aside.name}.rescued").exists()


@pytest.mark.soak
def test_of_a_large_log_with_25_destroyed_pages_99_percent_come_back(path: Path) -> None:
    filled(path, 20, 72_000)
    master = shutil.copy(path, path.with_name("master"))
    for seed in range(10):
        shutil.copy(master, path)
        chance = random.Random(seed)
        damaged(path, chance.sample(range(2, path.stat().st_size // PAGE), 25), chance)
        with Log.open(path, "boot-1") as log:
            salvage(log)
            share = log.counts().readings / (20 * 72_000)
            print(f"seed {seed}: {share:.3%}")
            assert share > 0.99
        for each in path.parent.glob("readings.db*"):
            each.unlink()


@pytest.mark.parametrize(
    "table", ["series", "history_tail", "energy", "sink_cursor", "undated", "meta", "rollup"]
)
def test_one_small_table_that_is_lost_costs_no_reading(path: Path, table: str) -> None:
    filled(path, 2, 500)
    damaged(path, [root_of(path, table)], CHANCE)
    with Log.open(path, "boot-1") as log:
        salvage(log)
        assert log.counts().readings == 1000
        assert [each.device_id for each in log.latest_of_all(NOW)] == addresses(2)


def test_without_the_table_of_devices_their_index_tells_who_is_who(path: Path) -> None:
    filled(path, 2, 500)
    damaged(path, [root_of(path, "device")], CHANCE)
    with Log.open(path, "boot-1") as log:
        salvage(log)
        assert log.counts().readings == 1000
        latest = log.latest_of_all(NOW)
        assert [each.device_id for each in latest] == addresses(2)
        assert {each.moment.utc for each in latest} == {T0 + 60_000 * 499}


def test_a_file_cut_short_gives_what_it_has(path: Path) -> None:
    filled(path, 2, 5000)
    size = path.stat().st_size
    aside = damaged(path, [], CHANCE)
    with aside.open("r+b") as file:
        file.truncate(size // 2 // PAGE * PAGE)
    with Log.open(path, "boot-1") as log:
        salvage(log)
        assert log.salvaged is not None
        assert log.salvaged.done


@pytest.mark.parametrize("content", [b"", b"no database at all" * 500, b"SQLite format 3\0" + b"\xff" * 9000])
def test_a_file_of_which_nothing_can_be_read_is_kept_and_does_not_stop_the_log(
    path: Path, content: bytes
) -> None:
    aside = path.with_name(f"{path.name}.corrupt-20261123T000000Z")
    aside.write_bytes(content)
    with Log.open(path, "boot-1") as log:
        salvage(log)
        assert len(log.append([reading()], NOW)) == 1
    assert [each.read_bytes() for each in path.parent.glob(f"{aside.name}*")] == [content]


@pytest.mark.parametrize("seed", range(30))
def test_bytes_changed_anywhere_never_stop_it(path: Path, seed: int) -> None:
    filled(path, 2, 300)
    chance = random.Random(seed)
    aside = damaged(path, [], chance)
    content = bytearray(aside.read_bytes())
    for _ in range(chance.choice((1, 20, 400))):
        content[chance.randrange(100, len(content))] = chance.randrange(256)
    aside.write_bytes(content)
    with Log.open(path, "boot-1") as log:
        salvage(log)
        assert len(log.append([reading(name="after")], NOW)) == 1
        for each in log.latest_of_all(NOW):
            log.page(GetReadings(each.device_id, limit=1000), NOW)
    assert asked(path, "PRAGMA integrity_check") == [("ok",)]


# -- what comes back -----------------------------------------------------------------------------


def test_readings_come_back_as_they_were_with_their_names_and_numbers(path: Path) -> None:
    sent = [
        reading(0, 12.5, extra={"cycles": 7}),
        reading(1, 12.6, Source.GATT, name="Renamed"),
        reading(2, 12.7, Source.HISTORY, address=OTHER),
    ]
    written(path, *sent)
    with Log.open(path, "boot-1") as log:
        before, latest = log.after(0, 10, NOW), log.latest_of_all(NOW)
    damaged(path, [], CHANCE)
    with Log.open(path, "boot-1") as log:
        salvage(log)
        assert log.after(0, 10, NOW) == before
        assert log.latest_of_all(NOW) == latest


def test_the_newest_readings_are_there_before_all_others(path: Path) -> None:
    filled(path, 2, 5000)
    damaged(path, [], CHANCE)
    with Log.open(path, "boot-1") as log:
        log.salvage()
        assert [each.moment.utc for each in log.latest_of_all(NOW)] == [T0 + 60_000 * 4999] * 2


def test_what_was_measured_since_stays_and_is_the_latest(path: Path) -> None:
    written(path, reading(0, 12.1), reading(1, 12.2))
    damaged(path, [], CHANCE)
    with Log.open(path, "boot-1") as log:
        log.append([reading(1, 12.9), reading(5, 13.0)], NOW)
        salvage(log)
        page = log.page(GetReadings(ADDRESS, newest_first=False), NOW)
        assert voltages(page.readings) == [12.1, 12.9, 13.0]
        latest = log.latest(ADDRESS, NOW)
        assert latest is not None
        assert latest.sample.voltage == 13.0
        assert log.counts().readings == 3


def test_readings_that_wait_for_a_clock_history_starts_energy_and_cursors_come_too(path: Path) -> None:
    with Log.open(path, "boot-1") as log:
        log.append([reading(0), reading(when=undated(1))], undated(2))
    change(
        path,
        "INSERT INTO cranking VALUES (1, 50, 1, 60, 2, 12.5, 9.5, 1.25, 0.0125, x'04e2', 0);"
        "INSERT INTO energy VALUES (1, 5.5, 3.25, 9); INSERT INTO sink_cursor VALUES ('influx', 'reading', 1, 4);"
        "INSERT INTO history_tail VALUES (1, 100, x'aabb'), (1, 200, x'ccdd');"
        "UPDATE device SET history_count = 2, history_since = 100; INSERT INTO meta VALUES ('purge_utc', '77');",
    )
    damaged(path, [], CHANCE)
    with Log.open(path, "boot-1") as log:
        salvage(log)
        assert [each.moment for each in log.commit(moment(10))] == [moment(1)]
    assert asked(path, "SELECT * FROM cranking") == [
        (1, 50, 1, 60, 2, 12.5, 9.5, 1.25, 0.0125, b"\x04\xe2", 0)
    ]
    assert asked(path, "SELECT * FROM energy") == [(1, 5.5, 3.25, 9)]
    assert asked(path, "SELECT * FROM sink_cursor") == [("influx", "reading", 1, 4)]
    assert asked(path, "SELECT * FROM history_tail") == [(1, 100, b"\xaa\xbb"), (1, 200, b"\xcc\xdd")]
    assert asked(path, "SELECT history_count, history_since FROM device") == [(2, 100)]
    assert asked(path, "SELECT value FROM meta WHERE key = 'purge_utc'") == [("77",)]


def test_summaries_come_too_and_the_hours_of_readings_are_summed_up_again(path: Path) -> None:
    written(path, reading(0))
    zeros = ", ".join("1, 12.0, 13.0, 12.5, 12.4" for _ in range(5))
    change(path, f"INSERT INTO rollup VALUES (3600, 1, {T0 - 3_600_000}, 2, 1, 60, {zeros})")
    damaged(path, [], CHANCE)
    with Log.open(path, "boot-1") as log:
        salvage(log)
    assert asked(path, "SELECT step, ts, seq, n, voltage_max FROM rollup") == [
        (3600, T0 - 3_600_000, 2, 60, 13.0)
    ]
    assert asked(path, "SELECT device_id, hour FROM rollup_dirty") == [(1, T0 // 3_600_000)]


# -- numbers and sinks ---------------------------------------------------------------------------


class Sink:
    """Reads behind its cursor, as any sink does."""

    def __init__(self, name: str) -> None:
        self.name, self.cursor = name, 0
        self.has: dict[tuple[str, int | None], float | None] = {}
        self.deliveries = 0

    def read(self, log: Log) -> None:
        while found := log.after(self.cursor, 100, NOW):
            for each in found:
                self.has[each.device_id, each.moment.utc] = each.sample.voltage
                self.deliveries += 1
            self.cursor = found[-1].seq or 0

    def note(self, path: Path) -> None:
        change(
            path,
            f"INSERT INTO sink_cursor VALUES ('{self.name}', 'reading', {self.cursor}, 0)"
            " ON CONFLICT DO UPDATE SET seq = excluded.seq",
        )


def test_a_sink_gets_what_it_had_not_once_and_nothing_twice(path: Path) -> None:
    sink = Sink("influx")
    with Log.open(path, "boot-1") as log:
        log.append([reading(n, float(n)) for n in range(500)], NOW)
        sink.read(log)
        sink.note(path)
        log.append([reading(n, float(n)) for n in range(500, 700)], NOW)
    damaged(path, [], CHANCE)
    with Log.open(path, "boot-1") as log:
        for n in range(700, 720):  # the sink is past all old numbers before they come
            log.append([reading(n, float(n))], NOW)
            sink.read(log)
            log.salvage()
        salvage(log)
        sink.read(log)
    assert sink.has == {(ADDRESS, T0 + n * 1000): float(n) for n in range(720)}
    assert sink.deliveries <= 721  # the newest one of old may come again


def test_a_sink_that_had_nothing_yet_gets_everything(path: Path) -> None:
    first, second = Sink("influx"), Sink("postgresql")
    with Log.open(path, "boot-1") as log:
        log.append([reading(n, float(n)) for n in range(3000)], NOW)
        first.read(log)
        first.note(path)
    damaged(path, [], CHANCE)
    with Log.open(path, "boot-1") as log:
        second.note(path)
        log.append([reading(5000, 1.0)], NOW)
        second.read(log)
        second.note(path)
        salvage(log)
        second.read(log)
    assert len(second.has) == 3001


def test_no_number_is_given_twice_whatever_became_of_the_file(path: Path) -> None:
    filled(path, 2, 3000)
    damaged(path, [root_of(path, "reading_seq"), root_of(path, "device"), root_of(path, "reading")], CHANCE)
    given = []
    for _ in range(3):
        with Log.open(path, "boot-1") as log:
            (stored,) = log.append([reading(CHANCE.random() * 1e6)], NOW)
            given.append(stored.seq or 0)
    assert min(given) > 6000
    assert asked(path, "SELECT count(DISTINCT seq), max(seq) FROM reading") == [(3, max(given))]


def test_a_kill_right_after_the_damaged_file_was_set_aside_gives_no_number_twice(path: Path) -> None:
    written(path, reading(0), reading(1))
    damaged(path, [], CHANCE)  # and there is no new file yet
    with Log.open(path, "boot-1") as log:
        (stored,) = log.append([reading(2)], NOW)
        assert (stored.seq or 0) > T0


# -- interrupted -----------------------------------------------------------------------------------


def test_a_salvage_goes_on_where_it_was(path: Path) -> None:
    filled(path, 3, 4000)
    damaged(path, [], CHANCE)
    found = 0
    while True:
        with Log.open(path, "boot-1") as log:
            more = log.salvage() and log.salvage()
            assert log.salvaged is None or log.salvaged.readings >= found
            found = log.salvaged.readings if log.salvaged else found
        if not more:
            break
    assert asked(path, "SELECT count(*), count(DISTINCT seq) FROM reading") == [(12_000, 12_000)]
    assert asked(path, "SELECT sum(readings) FROM device") == [(12_000,)]


def test_a_salvage_that_is_killed_again_and_again_comes_to_its_end(path: Path) -> None:
    filled(path, 3, 10_000)
    damaged(path, [], CHANCE)
    kills = 0
    while list(path.parent.glob("*.corrupt-20261123T000000Z")):
        command = [sys.executable, "-m", "tests.store.salvage_runner", str(path)]
        with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as runner:
            assert runner.stdout is not None
            for _ in range(CHANCE.randint(1, 8)):
                runner.stdout.readline()
            runner.kill()
            runner.wait()
        kills += runner.returncode == -signal.SIGKILL
    assert kills >= 3
    assert asked(path, "PRAGMA integrity_check") == [("ok",)]
    assert asked(path, "SELECT count(*), count(DISTINCT seq), min(voltage) FROM reading") == [
        (30_000, 30_000, 12.0)
    ]
    assert asked(path, "SELECT sum(readings) FROM device") == [(30_000,)]


def test_two_damaged_files_are_gone_through_one_after_the_other(path: Path) -> None:
    written(path, reading(0, 12.0))
    damaged(path, [], CHANCE)
    with Log.open(path, "boot-1") as log:
        log.append([reading(1, 12.1)], NOW)
    path.rename(path.with_name(f"{path.name}.corrupt-20261124T000000Z"))
    with Log.open(path, "boot-1") as log:
        salvage(log)
        assert voltages(log.page(GetReadings(ADDRESS), NOW).readings) == [12.1, 12.0]
    assert len(list(path.parent.glob("*.rescued"))) == 2
