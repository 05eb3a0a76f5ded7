"""`hawk import`, by itself and beside a service."""

import json
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hawk.archive.batches import whole_hours
from hawk.model.reading import Source
from hawk.store.readings import Log
from tests.archive.test_foreign import APP_LOG, BM2_LINES, LIVE, database
from tests.cli.test_export import hawk
from tests.service import Service, wait_until
from tests.store.samples import NOW, OTHER, reading

MAC = "50:54:7B:24:30:10"
HEADING = "device_id,timestamp,source,device_type,voltage\n"


def bring(data: Path, *arguments: str, **options: Any) -> tuple[int, Any, Any]:
    """Exit code, and what it said on stdout and stderr as JSON."""
    done = hawk("import", *arguments, "--data", str(data), "--json", **options)
    said, error = (json.loads(text) if text else None for text in (done.stdout, done.stderr))
    return done.returncode, said, error


def exported(data: Path, *arguments: str) -> bytes:
    return hawk("export", "--data", str(data), *arguments).stdout


def plain(*minutes: int, voltage: float = 12.5, mac: str = MAC) -> str:
    return HEADING + "".join(f"{mac},2026-11-01T00:{n:02}:00Z,gatt,BM6,{voltage}\n" for n in minutes)


@pytest.mark.parametrize("kind", ["csv", "jsonl"])
def test_an_export_that_is_imported_elsewhere_is_exported_the_same(tmp_path: Path, kind: str) -> None:
    data, other = tmp_path / "data", tmp_path / "other"
    data.mkdir()
    with Log.open(data / "readings.db") as log:
        log.append([reading(-100 + n, 12 + n / 7, extra={"n": n}) for n in range(50)], NOW)
        log.append([reading(-3, 1.0, Source.HISTORY, OTHER, name='=A1\r\n"Ü",')], NOW)
    file = tmp_path / "all"
    file.write_bytes(exported(data, "--format", kind))
    for stored in (51, 0):
        code, said, _ = bring(other, str(file))
        assert code == 0
        assert said == {
            "read": 51, "stored": stored, "same": 51 - stored, "late": 0, "left_out": 0, "refused_total": 0,
            "refused": [], "dry_run": False,
        }  # fmt: skip
    assert exported(other, "--format", kind) == file.read_bytes()
    assert bring(data, str(file))[1]["stored"] == 0


def test_beside_a_service_it_goes_through_it(tmp_path: Path) -> None:
    data, file = tmp_path / "data", tmp_path / "file.csv"
    lines = [
        f"{MAC},2026-11-{1 + n // 1440:02}T{n // 60 % 24:02}:{n % 60:02}:00Z,gatt,BM6,12.5\n"
        for n in range(2500)
    ]
    file.write_text(HEADING + "".join(lines))
    with Service(data, ("demo", "--devices", "2")) as service:
        wait_until(lambda: service.readings("02:00:00:00:00:01"))
        code, said, _ = bring(data, str(file))
        assert (code, said["read"], said["stored"]) == (0, 2500, 2500)
        assert bring(data, str(file))[1]["same"] == 2500
        newest = service.readings(MAC)[0]
        assert (newest["timestamp"], newest["device_name"]) == ("2026-11-02T17:39:00.000Z", "BM6")
        assert newest["gateway_id"] == service.ready["gateway_id"]
        assert exported(data, "--device", MAC).count(b"\n") == 2501
        now = datetime.now(UTC).isoformat(timespec="seconds")
        file.write_text(HEADING + f"{MAC},{now},gatt,BM6,12.5\n")
        assert bring(data, str(file))[1]["stored"] == 1


def test_a_folder_that_is_taken_by_no_service_is_said(tmp_path: Path) -> None:
    file = tmp_path / "file.csv"
    file.write_text(plain(1))
    lock = "import fcntl, sys; f = open(sys.argv[1], 'a'); fcntl.flock(f, 2); print(flush=True); input()"
    data = tmp_path / "data"
    data.mkdir()
    with subprocess.Popen(
        [sys.executable, "-c", lock, str(data / "lock")], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as holder:
        assert holder.stdin is not None
        assert holder.stdout is not None
        holder.stdout.readline()
        code, _, error = bring(data, str(file))
        assert (code, error["error"]["code"]) == (75, "already_running")
        holder.stdin.write(b"\n")
        holder.stdin.close()


def test_bad_lines_are_named_with_the_reason_the_first_twenty_of_them(tmp_path: Path) -> None:
    file = tmp_path / "file.csv"
    file.write_text(plain(1) + "nonsense\n" + f"{MAC},2026-11-01T00:02:00Z,gatt,BM6,4000\n" * 30)
    code, said, _ = bring(tmp_path / "data", str(file))
    assert (code, said["read"], said["stored"], said["refused_total"]) == (1, 32, 1, 31)
    assert len(said["refused"]) == 20
    assert said["refused"][0] == {"file": str(file), "line": 3, "reason": "it has 1 fields, 5 belong there"}
    assert "which no battery has" in said["refused"][1]["reason"]
    words = hawk("import", str(file), "--data", str(tmp_path / "data")).stderr.decode().splitlines()
    assert words[-2:] == ["and 11 more lines", "32 read: 0 stored, 1 were there already, 31 refused."]


def test_nothing_is_stored_when_one_of_the_files_is_not_ours(tmp_path: Path) -> None:
    good, bad, data = tmp_path / "good.csv", tmp_path / "bad.csv", tmp_path / "data"
    good.write_text(plain(1))
    bad.write_text("a,b\n1,2\n")
    code, _, error = bring(data, str(good), str(bad))
    assert (code, error["error"]["code"]) == (1, "invalid")
    assert not data.exists()


def test_a_dry_run_only_looks(tmp_path: Path) -> None:
    file, data = tmp_path / "file.csv", tmp_path / "data"
    file.write_text(plain(1, 2) + "x\n")
    code, said, _ = bring(data, str(file), "--dry-run")
    assert (code, said["read"], said["stored"], said["refused_total"]) == (1, 3, 0, 1)
    assert not data.exists()


def test_it_can_be_piped_in(tmp_path: Path) -> None:
    code, said, _ = bring(tmp_path, "-", input=plain(1, 2).encode())
    assert (code, said["stored"]) == (0, 2)


def test_the_readings_of_other_devices_are_left_out_when_one_is_named(tmp_path: Path) -> None:
    file = tmp_path / "file.csv"
    file.write_text(plain(1, 2) + plain(3, mac=OTHER).removeprefix(HEADING))
    _, said, _ = bring(tmp_path / "data", str(file), "--device", OTHER)
    assert (said["stored"], said["left_out"]) == (1, 2)


def test_files_of_other_programs_become_history_of_the_device_as_it_is_called(tmp_path: Path) -> None:
    data = tmp_path / "data"
    data.mkdir()
    hawk("devices", "add", MAC, "--type", "BM6", "--name", "Starter", "--data", str(data))
    (tmp_path / "app.log").write_bytes(APP_LOG)
    (tmp_path / "bm2.txt").write_bytes(BM2_LINES)
    database(tmp_path / "gateway.db", LIVE)
    files = [str(tmp_path / name) for name in ("app.log", "bm2.txt", "gateway.db")]
    code, said, error = bring(data, *files, "--device", MAC, "--timezone", "Europe/Berlin")
    assert (code, said["stored"], said["same"], said["left_out"]) == (0, 8, 1, 1), error
    assert exported(data).count(b",history,BM6,Starter,") == 6


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (["no.csv"], 1),
        (["--timezone", "Moon/Sea", "x"], 2),
        (["--device", "x", "y"], 1),
        ([], 2),
        (["--format", "x"], 2),
    ],
)
def test_what_cannot_be_is_said(tmp_path: Path, arguments: list[str], code: int) -> None:
    done = hawk("import", *arguments, "--data", str(tmp_path / "data"))
    assert (done.returncode, done.stdout) == (code, b"")
    assert b"Traceback" not in done.stderr


@given(st.lists(st.integers(0, 20), min_size=1, max_size=30))
def test_a_batch_ends_between_two_hours_where_it_can(quarters: list[int]) -> None:
    readings = [reading(900 * quarter) for quarter in quarters]
    count = whole_hours(readings)
    hours = [quarter // 4 for quarter in quarters]
    assert 1 <= count <= len(readings)
    if count < len(readings):
        assert hours[count - 1] != hours[count]
        assert len(set(hours[count:])) == 1
    else:
        assert len(set(hours)) == 1
