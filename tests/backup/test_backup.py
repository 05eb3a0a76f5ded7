"""`hawk backup` and `hawk restore` as their users have them."""

import io
import json
import os
import random
import signal
import sqlite3
import subprocess
import sys
import tarfile
import time
from pathlib import Path
from typing import Any

import pytest

from hawk import replacing
from hawk.datafolder import DataFolder
from hawk.store.readings import Log
from hawk.store.schema import VERSION
from tests.service import QUICK, Service, wait_until
from tests.store.damage import PAGE, asked, filled, root_of
from tests.store.samples import NOW, reading

ROOT = Path(__file__).parent.parent.parent
SIMULATED: Any = {
    "BATTERYHAWK_BLUETOOTH_BACKEND": "simulated",
    "BATTERYHAWK_SIMULATION_DEVICES": "3",
    "BATTERYHAWK_SIMULATION_SPEED": "20",
    "BATTERYHAWK_BLUETOOTH_RECORD_INTERVAL": "1",
    "BATTERYHAWK_DISCOVERY_AUTO_CONFIGURE": "true",
}
COUNT = "SELECT count(*), max(seq) FROM reading"


def hawk(*arguments: object, **options: Any) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "hawk", *map(str, arguments)],
        env={**os.environ, **QUICK}, capture_output=True, text=True, timeout=120, check=False, **options,
    )  # fmt: skip


def said(*arguments: object) -> dict[str, Any]:
    done = hawk(*arguments, "--json")
    assert done.returncode == 0, done.stderr
    document: dict[str, Any] = json.loads(done.stdout)
    return document


def refused(code: int, *arguments: object) -> str:
    done = hawk(*arguments, "--json")
    assert (done.returncode, done.stdout) == (code, ""), done.stderr
    error: dict[str, str] = json.loads(done.stderr)["error"]
    return error["detail"]


def contents(folder: Path) -> dict[str, bytes]:
    """But what a service has for itself."""
    return {
        str(each.relative_to(folder)): each.read_bytes()
        for each in sorted(folder.rglob("*"))
        if each.is_file() and each.name not in {"lock", "ballast", "run.json"}
    }


TOKENS = {"api-token", "api-tokens.json"}


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """As a service left it."""
    folder = tmp_path / "data"
    (folder / "drivers").mkdir(parents=True)
    filled(folder / "readings.db", 2, 3000)
    (folder / "ballast").unlink(missing_ok=True)
    (folder / "devices.json").write_text('{"version": "1.0", "devices": {}}')
    (folder / "vehicles.json").write_text('{"version": "1.0", "vehicles": {}}')
    (folder / "system.json").write_text('{"mqtt": {"password": "secret"}}')
    (folder / "gateway-id").write_text("0123456789ab\n")
    (folder / "api-token").write_text("a-token-of-sixteen\n")
    (folder / "api-tokens.json").write_text('{"version": "1.0", "tokens": []}')
    (folder / "drivers" / "mine.py").write_text("DRIVER = None\n")
    return folder


# -- there and back ------------------------------------------------------------------------------


def test_all_comes_back_but_the_token(data: Path, tmp_path: Path) -> None:
    taken = said("backup", tmp_path / "b.tar.gz", "--data", data)
    assert taken == {
        "path": str(tmp_path / "b.tar.gz"),
        "bytes": (tmp_path / "b.tar.gz").stat().st_size,
        "readings": 6000,
    }
    assert (tmp_path / "b.tar.gz").stat().st_mode & 0o777 == 0o600
    restored = said("restore", tmp_path / "b.tar.gz", "--data", tmp_path / "new")
    assert (restored["readings"], restored["before"]) == (6000, None)
    old, new = contents(data), contents(tmp_path / "new")
    assert new.keys() == old.keys() - TOKENS
    assert all(new[name] == old[name] for name in new if name != "readings.db")
    rows = "SELECT * FROM reading ORDER BY seq"
    assert asked(data / "readings.db", rows) == asked(tmp_path / "new" / "readings.db", rows)


def test_the_token_comes_with_it_when_it_is_asked_for(data: Path, tmp_path: Path) -> None:
    said("backup", tmp_path / "b.tar.gz", "--data", data, "--with-token")
    said("restore", tmp_path / "b.tar.gz", "--data", tmp_path / "new")
    for name in TOKENS:
        token = tmp_path / "new" / name
        assert (token.read_text(), token.stat().st_mode & 0o777) == ((data / name).read_text(), 0o600)


def test_numbers_given_since_the_backup_are_not_given_again(data: Path, tmp_path: Path) -> None:
    said("backup", tmp_path / "b.tar.gz", "--data", data)
    with Log.open(data / "readings.db") as log:
        (since,) = log.append([reading(-1)], NOW)
    said("restore", tmp_path / "b.tar.gz", "--data", data, "--force")
    with Log.open(data / "readings.db") as log:
        (again,) = log.append([reading(-2)], NOW)
        assert not log.doubtful
    assert (again.seq or 0) > (since.seq or 0)


def test_without_a_name_it_is_named_after_gateway_and_time(data: Path, tmp_path: Path) -> None:
    (tmp_path / "usb").mkdir()
    for where in (
        hawk("backup", "--data", data, "--json", cwd=tmp_path),
        hawk("backup", tmp_path / "usb", "--data", data, "--json"),
    ):
        path = Path(json.loads(where.stdout)["path"])
        assert path.name.startswith("battery-hawk-0123456789ab-20")
        assert path.exists()


def test_what_was_there_is_kept_aside_and_the_token_stays(data: Path, tmp_path: Path) -> None:
    said("backup", tmp_path / "b.tar.gz", "--data", data)
    (data / "devices.json").write_text('{"version": "1.0", "devices": {}, "changed": true}')
    (data / "readings.db.corrupt-20261101T000000Z.rescued").write_text("old")
    (data / "mine.txt").write_text("not ours")
    before = contents(data)
    detail = refused(1, "restore", tmp_path / "b.tar.gz", "--data", data)
    assert "--force" in detail
    assert contents(data) == before
    kept = Path(said("restore", tmp_path / "b.tar.gz", "--data", data, "--force")["before"])
    assert kept.parent == data
    assert contents(kept) == {
        name: said for name, said in before.items() if name not in {*TOKENS, "mine.txt"}
    }
    assert "changed" not in (data / "devices.json").read_text()
    assert all((data / name).exists() for name in TOKENS)
    assert (data / "mine.txt").exists()


def test_a_backup_of_a_log_of_an_older_program_is_taken_and_restored(data: Path, tmp_path: Path) -> None:
    connection = sqlite3.connect(data / "readings.db")
    connection.executescript(
        "ALTER TABLE device DROP COLUMN history_count; ALTER TABLE device DROP COLUMN history_since;"
        "PRAGMA user_version = 1"
    )
    connection.close()
    said("backup", tmp_path / "b.tar.gz", "--data", data)
    said("restore", tmp_path / "b.tar.gz", "--data", tmp_path / "new")
    with Log.open(tmp_path / "new" / "readings.db") as log:
        assert log.counts().readings == 6000


# -- while a service runs --------------------------------------------------------------------------


def test_under_load_the_copy_is_whole_and_the_service_goes_on(tmp_path: Path) -> None:
    data = tmp_path / "data"
    filled_first(data)
    with Service(data, **SIMULATED) as service:
        wait_until(lambda: reads(data) > 30_020, within=60)
        for n in range(4):
            before = reads(data)
            taken = said("backup", tmp_path / f"{n}.tar.gz", "--data", data)
            assert before <= taken["readings"] <= reads(data)
            said("restore", tmp_path / f"{n}.tar.gz", "--data", tmp_path / f"new{n}")
            copied = tmp_path / f"new{n}" / "readings.db"
            assert asked(copied, "PRAGMA integrity_check") == [("ok",)]
            assert asked(copied, "SELECT count(*) FROM reading") == [(taken["readings"],)]
            assert asked(copied, "SELECT sum(readings) FROM device") == [(taken["readings"],)]
        assert "used by process" in refused(75, "restore", tmp_path / "0.tar.gz", "--data", data, "--force")
        last = reads(data)
        wait_until(lambda: reads(data) > last)
        assert service.stop() == 0
    with Service(tmp_path / "new3", **SIMULATED) as again:
        assert len(again.get("/api/devices")["data"]) == 3
        assert again.ready["gateway_id"] == service.ready["gateway_id"]


def filled_first(data: Path) -> None:
    data.mkdir()
    filled(data / "readings.db", 2, 15_000)


def reads(data: Path) -> int:
    ((count, _),) = asked(data / "readings.db", COUNT)
    assert isinstance(count, int)
    return count


# -- what is refused -------------------------------------------------------------------------------


def test_a_log_of_a_newer_program_is_refused(data: Path, tmp_path: Path) -> None:
    said("backup", tmp_path / "b.tar.gz", "--data", data)
    rewrite(tmp_path / "b.tar.gz", f'"store": {VERSION}', f'"store": {VERSION + 1}')
    assert f"format {VERSION + 1}" in refused(
        78, "restore", tmp_path / "b.tar.gz", "--data", tmp_path / "new"
    )
    assert not (tmp_path / "new").exists()


def test_documents_of_a_newer_program_are_refused(data: Path, tmp_path: Path) -> None:
    (data / "devices.json").write_text('{"version": "9.0"}')
    said("backup", tmp_path / "b.tar.gz", "--data", data)
    assert "9.0" in refused(78, "restore", tmp_path / "b.tar.gz", "--data", tmp_path / "new")
    assert contents(tmp_path / "new") == {}


def test_a_damaged_log_gives_no_backup(data: Path, tmp_path: Path) -> None:
    root = root_of(data / "readings.db", "reading_seq")
    with (data / "readings.db").open("r+b") as file:
        file.seek((root - 1) * PAGE)
        file.write(b"\xa5" * PAGE)
    assert "damaged" in refused(1, "backup", tmp_path / "b.tar.gz", "--data", data)
    assert [each.name for each in tmp_path.iterdir()] == ["data"]


def test_a_file_that_is_there_is_replaced_only_with_force(data: Path, tmp_path: Path) -> None:
    (tmp_path / "b.tar.gz").write_text("mine")
    assert "--force" in refused(1, "backup", tmp_path / "b.tar.gz", "--data", data)
    assert (tmp_path / "b.tar.gz").read_text() == "mine"
    assert said("backup", tmp_path / "b.tar.gz", "--data", data, "--force")["readings"] == 6000


@pytest.mark.parametrize("content", [b"", b"no backup", b"\x1f\x8b\x08\x00"])
def test_a_file_that_is_no_backup_changes_nothing(data: Path, tmp_path: Path, content: bytes) -> None:
    (tmp_path / "x").write_bytes(content)
    before = contents(data)
    assert "no backup of Battery Hawk" in refused(1, "restore", tmp_path / "x", "--data", data, "--force")
    assert contents(data) == before


def test_a_damaged_backup_changes_nothing(data: Path, tmp_path: Path) -> None:
    said("backup", tmp_path / "b.tar.gz", "--data", data)
    whole = (tmp_path / "b.tar.gz").read_bytes()
    before = contents(data)
    for share in (0.3, 0.8, 0.95):
        (tmp_path / "b.tar.gz").write_bytes(whole[: int(len(whole) * share)])
        assert "Nothing was changed" in refused(
            1, "restore", tmp_path / "b.tar.gz", "--data", data, "--force"
        )
        assert contents(data) == before


def test_a_file_that_is_not_there_and_an_empty_folder_are_said(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    assert "There is no" in refused(1, "restore", tmp_path / "x", "--data", tmp_path / "new")
    assert "--data" in refused(1, "backup", tmp_path / "x", "--data", tmp_path / "empty")


def test_a_place_that_cannot_be_written_exits_73(data: Path, tmp_path: Path) -> None:
    assert "cannot be written" in refused(73, "backup", tmp_path / "absent" / "b.tar.gz", "--data", data)


def rewrite(path: Path, old: str, new: str) -> None:
    """In its manifest."""
    with tarfile.open(path) as tar:
        members = [(each, tar.extractfile(each).read()) for each in tar.getmembers()]
    with tarfile.open(path, "w:gz") as tar:
        for info, content in members:
            changed = content.replace(old.encode(), new.encode()) if info.name == "manifest.json" else content
            info.size = len(changed)
            tar.addfile(info, io.BytesIO(changed))


# -- kill -9 -----------------------------------------------------------------------------------------


def killed(after: float, *arguments: object) -> None:
    with subprocess.Popen(
        [sys.executable, "-m", "hawk", *map(str, arguments)],
        env={**os.environ, **QUICK},
        stderr=subprocess.DEVNULL,
    ) as process:
        try:
            process.wait(after)
        except subprocess.TimeoutExpired:
            process.send_signal(signal.SIGKILL)


def test_a_backup_that_is_killed_leaves_a_whole_file_or_none(tmp_path: Path) -> None:
    data, chance = tmp_path / "data", random.Random(3)
    data.mkdir()
    filled(data / "readings.db", 4, 20_000)
    place = tmp_path / "place"
    place.mkdir()
    start = time.monotonic()
    said("backup", place / "whole.tar.gz", "--data", data)
    whole = time.monotonic() - start
    for n in range(12):
        killed(whole * chance.uniform(0.2, 1.0), "backup", place / f"{n}.tar.gz", "--data", data)
        if (place / f"{n}.tar.gz").exists():
            said("restore", place / f"{n}.tar.gz", "--data", tmp_path / f"new{n}")
    said("backup", place / "last.tar.gz", "--data", data)
    assert [each.name for each in place.iterdir() if each.name.startswith(".")] == []


def test_a_restore_that_is_killed_leaves_the_old_or_the_new(tmp_path: Path) -> None:
    data, other, chance = tmp_path / "data", tmp_path / "other", random.Random(4)
    for folder, count in ((data, 3000), (other, 20_000)):
        folder.mkdir()
        filled(folder / "readings.db", 2, count)
        (folder / "devices.json").write_text(f'{{"version": "1.0", "devices": {{}}, "of": "{folder.name}"}}')
    said("backup", tmp_path / "old.tar.gz", "--data", data)
    start = time.monotonic()
    said("backup", tmp_path / "new.tar.gz", "--data", other)
    whole = time.monotonic() - start
    seen = set()
    for _ in range(12):
        killed(
            whole * chance.uniform(0.3, 1.3), "restore", tmp_path / "new.tar.gz", "--data", data, "--force"
        )
        with DataFolder.open(data) as opened:
            of = json.loads(opened.devices_json.read_text())["of"]
            assert reads(data) == {"data": 6000, "other": 40_000}[of]
            seen.add(of)
        assert not list(data.glob(".restore-*"))
        if of == "other":
            said("restore", tmp_path / "old.tar.gz", "--data", data, "--force")
    assert "data" in seen


def test_after_a_kill_between_any_two_steps_the_next_one_finishes(tmp_path: Path) -> None:
    """Each call to the system that changes something is the last one in turn."""
    steps = 0
    while True:
        steps += 1
        folder = tmp_path / str(steps)
        folder.mkdir()
        for name in ("readings.db", "readings.db-wal", "devices.json", "api-token"):
            (folder / name).write_text("old")
        new = replacing.begin(folder)
        for name in ("readings.db", "vehicles.json"):
            (new / name).write_text("new")
        program = (
            "import os, sys, pathlib\n"
            "from hawk import replacing\n"
            "left = int(sys.argv[2])\n"
            "def watch(event, arguments):\n"
            "    global left\n"
            "    if event in ('os.rename', 'os.mkdir', 'os.rmdir'):\n"
            "        left -= 1\n"
            "        if left == 0: os._exit(9)\n"
            "sys.addaudithook(watch)\n"
            "replacing.replace(pathlib.Path(sys.argv[1]), 'then')\n"
        )
        done = subprocess.run([sys.executable, "-c", program, str(folder), str(steps)], cwd=ROOT, check=False)
        with DataFolder.open(folder):
            pass
        now = {name: said.decode() for name, said in contents(folder).items()}
        old = {"readings.db": "old", "readings.db-wal": "old", "devices.json": "old"}
        if now == {**old, "api-token": "old"}:
            assert steps == 1  # before it was decided
        else:
            kept = {f"before-restore-then/{name}": said for name, said in old.items()}
            assert now == {"readings.db": "new", "vehicles.json": "new", "api-token": "old", **kept}
        if done.returncode == 0:
            break
    assert steps > 8


def test_a_service_that_starts_after_a_killed_restore_has_its_settings(data: Path, tmp_path: Path) -> None:
    new = replacing.begin(data)
    (new / "system.json").write_text('{"gateway": {"name": "Restored"}}')
    new.rename(data / f"{replacing.READY}then")
    with Service(data, **SIMULATED):
        assert json.loads((data / "system.json").read_text()) == {"gateway": {"name": "Restored"}}
        assert (data / "before-restore-then" / "readings.db").exists()
