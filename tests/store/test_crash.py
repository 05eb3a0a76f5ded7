"""kill -9 at any moment: no acknowledged reading is lost, and the file stays whole."""

import random
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

from hawk.store.readings import Log
from tests.store.samples import NOW

ROOT = Path(__file__).parent.parent.parent


def killed_writer(path: Path, acknowledgements: int) -> int:
    """The last seq it acknowledged before it was killed, a little after so many of them."""
    command = [sys.executable, "-m", "tests.store.crash_writer", str(path)]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as writer:
        assert writer.stdout is not None
        printed = "".join(writer.stdout.readline() for _ in range(acknowledgements))
        writer.kill()
        printed += writer.stdout.read()
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


@pytest.mark.soak
def test_a_hundred_kills_lose_no_acknowledged_reading(tmp_path: Path) -> None:
    crash_again_and_again(tmp_path / "readings.db", 100)
