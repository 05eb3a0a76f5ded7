"""What a power cut does to the write-ahead log: what is left is the beginning of what was written, and whole."""

import random
import shutil
from pathlib import Path

import pytest

from hawk.store.readings import Log
from tests.store.damage import asked
from tests.store.samples import NOW, reading

EACH = 20  # commits


@pytest.fixture(scope="module")
def cut(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A log as it is on the disk while the service runs: part in the database, part in the log ahead of it."""
    folder = tmp_path_factory.mktemp("wal")
    with Log.open(folder / "running.db", "boot-1") as log:
        log.append([reading(n, float(n)) for n in range(100)], NOW)
        log.make_room()
        for commit in range(EACH):
            log.append([reading(100 + commit * 10 + n, float(n)) for n in range(10)], NOW)
        for suffix in ("", "-wal"):
            shutil.copy(folder / f"running.db{suffix}", folder / f"readings.db{suffix}")
    return folder


@pytest.mark.parametrize("seed", range(60))
def test_a_write_ahead_log_that_is_cut_or_garbled_gives_a_consistent_beginning(
    cut: Path, tmp_path: Path, seed: int
) -> None:
    for suffix in ("", "-wal"):
        shutil.copy(cut / f"readings.db{suffix}", tmp_path / f"readings.db{suffix}")
    wal, chance = tmp_path / "readings.db-wal", random.Random(seed)
    content = bytearray(wal.read_bytes())
    if seed % 2:
        del content[chance.randrange(len(content)) :]
    else:
        at = chance.randrange(len(content))
        content[at : at + 512] = chance.randbytes(512)
    wal.write_bytes(content)
    with Log.open(tmp_path / "readings.db", "boot-1") as log:
        assert log.set_aside is None
        numbers = [each.seq for each in log.after(0, 1000, NOW)]
        assert numbers == list(range(1, len(numbers) + 1))
        assert len(numbers) >= 100
        assert len(numbers) % 10 == 0
        assert log.counts().readings == len(numbers)
        assert len(log.append([reading(9999)], NOW)) == 1
    assert asked(tmp_path / "readings.db", "PRAGMA integrity_check") == [("ok",)]
