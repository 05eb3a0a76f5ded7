"""kill -9 at any moment: no acknowledged reading is lost, and the file stays whole."""

import random
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

from hawk.model.summary import Resolution
from hawk.store.readings import Log
from tests.store.samples import NOW, stored_minutes

ROOT = Path(__file__).parent.parent.parent


def killed_writer(path: Path, acknowledgements: int, writer: str = "crash_writer") -> int:
    """The last number it acknowledged before it was killed, a little after so many of them."""
    command = [sys.executable, "-m", f"tests.store.{writer}", str(path)]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        printed = "".join(process.stdout.readline() for _ in range(acknowledgements))
        process.kill()
        printed += process.stdout.read()
    return int(printed.split("\n")[-2])  # behind the last line end there may be a line cut short


def check(path: Path, acknowledged: int) -> None:
    connection = sqlite3.connect(path)
    assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    (count, last) = connection.execute("SELECT count(*), max(seq) FROM reading").fetchone()
    (counted,) = connection.execute("SELECT sum(readings) FROM device").fetchone()
    connection.close()
    assert acknowledged <= last == count == counted
    with Log.open(path, "boot-1") as log:
        assert log.set_aside is None
        assert [each.seq for each in log.after(max(0, acknowledged - 3), 3, NOW)][-1] == acknowledged


def crash_again_and_again(path: Path, times: int) -> None:
    chance = random.Random(1)
    for _ in range(times):
        check(path, killed_writer(path, chance.randint(1, 60)))


def test_twenty_kills_lose_no_acknowledged_reading(tmp_path: Path) -> None:
    crash_again_and_again(tmp_path / "readings.db", 20)


def test_a_kill_while_it_sums_up_and_purges_leaves_every_reading_in_a_day(tmp_path: Path) -> None:
    path, chance = tmp_path / "readings.db", random.Random(2)
    for _ in range(10):
        acknowledged = killed_writer(path, chance.randint(1, 60), "upkeep_writer")
        connection = sqlite3.connect(path)
        assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        right = "SELECT readings = (SELECT count(*) FROM reading WHERE device_id = device.id) FROM device"
        assert connection.execute(right).fetchall() == [(1,)]
        connection.close()
        with Log.open(path, "boot-1") as log:
            assert (stored := stored_minutes(log)) >= acknowledged
            while log.summarise(None).more:
                pass
            days = [each for each in log.summaries_after(0, 100_000) if each.resolution is Resolution.DAY]
            assert sum(each.count for each in days) == stored
            assert log.late == 0


@pytest.mark.soak
def test_a_hundred_kills_lose_no_acknowledged_reading(tmp_path: Path) -> None:
    crash_again_and_again(tmp_path / "readings.db", 100)
