"""Clock, data folder, disk, and the service that may run there."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from hawk.clock import Evidence, judge
from hawk.config.load import load
from hawk.datafolder import DataFolder
from hawk.doctor.container import Mount
from hawk.doctor.machine import clock, disk, folder, kept, local, running, service
from hawk.model.reading import Moment
from hawk.store.readings import Log
from tests.store.samples import reading

NOW = 1_795_392_000_000


def pi(utc: int, *, synchronised: bool) -> Evidence:
    return Evidence(utc, boot_time=30.0, not_before=NOW, keeps_time=False, synchronised=synchronised)


def test_a_clock_that_begins_in_1970_is_not_believed() -> None:
    check = clock(judge(pi(40_000, synchronised=False)), 40_000)
    assert check.ok is False
    assert "1970-01-01T00:00:40" in check.detail
    assert "timedatectl set-ntp true" in check.fix


def test_a_board_without_a_clock_is_believed_once_a_time_service_has_set_it() -> None:
    assert clock(judge(pi(NOW, synchronised=False)), NOW).ok is False
    assert clock(judge(pi(NOW, synchronised=True)), NOW).ok


@pytest.mark.parametrize(
    ("point", "kind", "inside", "ok"),
    [
        ("/data", "ext4", True, True),
        ("/", "overlay", True, False),
        ("/", "btrfs", True, False),
        ("/", "ext4", False, True),
        ("/", "overlay", False, False),
        ("/home", "ext4", False, True),
    ],
)
def test_readings_have_to_last(point: str, kind: str, inside: bool, ok: bool) -> None:
    assert kept(Path("/data"), Mount(Path(point), kind), inside=inside).ok is ok
    assert kept(Path("/data"), None, inside=inside).ok


def test_in_a_container_the_flag_is_said() -> None:
    check = kept(Path("/data"), Mount(Path("/"), "overlay"), inside=True)
    assert check.fix == "docker run -v hawk-data:/data"


def test_to_look_leaves_nothing_behind(tmp_path: Path) -> None:
    assert folder(tmp_path / "deep" / "data").ok
    assert list(tmp_path.iterdir()) == []
    assert folder(tmp_path).ok
    assert tmp_path.is_dir()


def test_a_folder_that_cannot_be_made_is_said(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    check = folder(tmp_path / "file" / "data")
    assert check.ok is False
    assert "cannot be written: Not a directory" in check.detail
    assert "--data" in check.fix


def seen_by_nobody(data: Path) -> dict[str, Any]:
    """The check, as somebody who may not write there, which root has to become first."""
    program = (
        "import os, sys, pathlib, json, dataclasses\n"
        "from hawk.doctor.machine import folder\n"
        "if os.getuid() == 0: os.setgid(65534); os.setuid(65534)\n"
        "print(json.dumps(dataclasses.asdict(folder(pathlib.Path(sys.argv[1])))))"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, str(data)], capture_output=True, text=True, check=True
    )
    return json.loads(done.stdout)


UID = os.getuid() or 65534


def test_a_folder_of_somebody_else_names_the_chown(visible_path: Path) -> None:
    visible_path.chmod(0o555)
    check = seen_by_nobody(visible_path)
    assert check["ok"] is False
    assert check["detail"].endswith(f"belongs to uid {visible_path.stat().st_uid}, this is uid {UID}.")
    assert check["fix"].startswith(f"sudo chown -R {UID}:")


def test_a_folder_that_cannot_even_be_looked_for_names_who_could(visible_path: Path) -> None:
    (visible_path / "home").mkdir(mode=0o600)
    check = seen_by_nobody(visible_path / "home" / "deep" / "data")
    assert check["ok"] is False
    assert check["detail"].startswith(f"{visible_path}/home belongs to uid")
    assert f"run it as uid {visible_path.stat().st_uid}" in check["fix"]


def test_the_disk_is_that_of_a_folder_yet_to_be_made(tmp_path: Path) -> None:
    assert "GiB free" in disk(tmp_path / "deep" / "data").detail


def test_a_disk_without_room_is_said() -> None:
    """The kernel's own file systems have none."""
    assert disk(Path("/proc")).ok is False


def test_a_service_is_known_by_its_lock(tmp_path: Path) -> None:
    assert running(tmp_path) is None
    with DataFolder.open(tmp_path) as data:
        assert running(tmp_path) == "another process"
        data.write_run("http://127.0.0.1:5000", NOW)
        assert running(tmp_path) == f"process {os.getpid()} at http://127.0.0.1:5000"
        left = (tmp_path / "run.json").read_text()
    (tmp_path / "run.json").write_text(left)
    assert running(tmp_path) is None


def test_a_service_is_good_news_and_none_is_no_fault(tmp_path: Path) -> None:
    assert service(tmp_path, "process 7").ok is True
    assert service(tmp_path, None).ok is None


def test_a_clock_that_shows_less_than_the_newest_reading_is_not_believed(tmp_path: Path) -> None:
    """As `hawk serve` on that folder would judge it."""
    in_2050 = Moment(2_524_608_000_000, 0.0)
    with Log.open(tmp_path / "readings.db") as log:
        log.append([reading(when=in_2050)], in_2050)
    checks = {check.name: check for check in local(load(None, {}).settings, tmp_path)}
    assert checks["clock"].ok is False
