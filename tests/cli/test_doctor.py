"""`hawk doctor` as people and programs have it: its own process, its lines, its JSON, its exit code."""

import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from hawk.doctor.checks import LAYERS
from tests.fake_bluez.monitors import Monitor
from tests.fake_bluez.rig import FakeBluez
from tests.service import Service
from tests.test_first_driver import MAC, SUNNY, TEMPLATE

NAMES = {*LAYERS, "rfkill", "wifi", "clock", "data", "disk", "service", "broker", "database", "postgresql"}


@pytest.fixture
def data() -> Iterator[Path]:
    """On a mount of its own, as a data folder should be where the tests run in a container."""
    with tempfile.TemporaryDirectory(dir="/dev/shm") as folder:
        yield Path(folder) / "data"


def run(
    data: Path, *options: str, before: tuple[str, ...] = (), **environment: str
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*before, sys.executable, "-m", "hawk", "doctor", "--data", str(data), *options],
        env={**os.environ, **environment}, capture_output=True, text=True, check=False, timeout=60,
    )  # fmt: skip


def doctor(
    data: Path, *before: str, **environment: str
) -> tuple[int, list[str], Mapping[str, Mapping[str, Any]]]:
    """Exit code, what failed, and the checks by name."""
    done = run(data, "--json", before=before, **environment)
    document = json.loads(done.stdout)
    assert set(document) == {"ok", "checks"}
    assert all(set(check) == {"name", "ok", "detail", "fix"} for check in document["checks"])
    checks = {check["name"]: check for check in document["checks"]}
    assert len(checks) == len(document["checks"])
    assert checks.keys() == NAMES
    failed = [name for name, check in checks.items() if check["ok"] is False]
    assert document["ok"] is (not failed)
    assert all(checks[name]["fix"] for name in failed)
    return done.returncode, failed, checks


def test_where_all_is_well_it_exits_0_and_leaves_no_folder_behind(data: Path) -> None:
    with FakeBluez(2):
        code, failed, checks = doctor(data)
    assert (code, failed) == (0, [])
    assert all(checks[name]["ok"] for name in LAYERS)
    assert checks["scan"]["detail"] == "2 devices heard in 3 s"
    assert checks["service"]["ok"] is None
    assert not data.exists()


def test_a_monitor_of_a_drop_in_driver_is_read_as_the_service_would(data: Path) -> None:
    (data / "drivers").mkdir(parents=True)
    (data / "drivers" / "sunny.py").write_text((TEMPLATE / "sunny.py").read_text())
    with FakeBluez([Monitor(MAC, script=SUNNY)], adv_interval=0.2):
        _, _, without = doctor(data)
        _, _, checks = doctor(data, BATTERYHAWK_DRIVERS_FOLDER="true")
    assert without["connect"]["ok"] is None
    assert checks["connect"]["detail"] == f"{MAC}, a SUNNY, was read: 12.84 V"


def test_without_bluetooth_it_exits_69(data: Path) -> None:
    code, failed, checks = doctor(data, DBUS_SYSTEM_BUS_ADDRESS=f"unix:path={data}/nowhere")
    assert (code, failed) == (69, ["dbus"])
    assert checks["connect"] == {
        "name": "connect", "ok": None, "detail": "not checked: dbus failed", "fix": "",
    }  # fmt: skip


def test_people_get_a_line_for_each_with_what_to_do_below_it(data: Path) -> None:
    with FakeBluez(1) as bluez:
        bluez.do("power", on=False)
        done = run(data)
    lines = done.stdout.splitlines()
    assert done.returncode == 69
    assert done.stderr == ""
    at = next(i for i, line in enumerate(lines) if line.startswith("✗ powered"))
    assert lines[at + 1].strip().startswith("switch it on with 'bluetoothctl power on'")
    assert {line.split()[1] for line in lines if line[0] in "✓✗·"} == NAMES


def test_a_line_is_seen_as_soon_as_its_check_ends_and_ctrl_c_ends_it(data: Path) -> None:
    """While the monitors are being listened for, what is below is already told."""
    with FakeBluez(1):
        process = subprocess.Popen(
            [sys.executable, "-m", "hawk", "doctor", "--data", str(data)], stdout=subprocess.PIPE, text=True
        )
        assert process.stdout is not None
        with process.stdout:
            while not (line := process.stdout.readline()).startswith("✓ powered"):
                assert line, "it ended before"
            process.send_signal(signal.SIGINT)
            assert "scan" not in process.stdout.read()
        assert process.wait(10) == 130


def test_a_data_folder_that_nobody_can_write() -> None:
    """Not even root, in a file system that takes no files."""
    with FakeBluez([]):
        code, failed, checks = doctor(Path("/sys/battery-hawk"))
    assert (code, failed) == (1, ["data"])
    assert "cannot be written" in checks["data"]["detail"]
    assert checks["disk"]["detail"] == "not checked: data failed"


def test_a_clock_in_1970(data: Path) -> None:
    assert shutil.which("faketime"), "the tests need faketime: apt-get install faketime"
    with FakeBluez([]):
        code, failed, checks = doctor(data, "faketime", "-f", "@1970-01-02 03:00:00", DONT_FAKE_MONOTONIC="1")
    assert (code, failed) == (1, ["clock"])
    assert "1970" in checks["clock"]["detail"]


def test_a_broker_that_does_not_answer(data: Path) -> None:
    with FakeBluez([]):
        code, failed, _ = doctor(data, BATTERYHAWK_MQTT_ENABLED="true", BATTERYHAWK_MQTT_PORT="1")
    assert (code, failed) == (1, ["broker"])


def test_a_service_that_runs_is_named_and_keeps_the_adapter(data: Path) -> None:
    with FakeBluez(1), Service(data) as service:
        code, failed, checks = doctor(data)
        assert (code, failed) == (0, [])
        assert service.ready["url"] in checks["service"]["detail"]
        assert "left to the service that runs" in checks["scan"]["detail"]
        assert checks["powered"]["ok"]


def test_with_simulated_batteries_bluetooth_is_not_needed(data: Path) -> None:
    code, failed, checks = doctor(data, BATTERYHAWK_BLUETOOTH_BACKEND="simulated")
    assert (code, failed) == (0, [])
    assert {checks[name]["ok"] for name in LAYERS} == {None}


def test_wrong_settings_are_said_first(data: Path) -> None:
    done = run(data, "--json", BATTERYHAWK_API_PORT="much")
    assert (done.returncode, done.stdout) == (78, "")
    assert json.loads(done.stderr)["errors"][0]["pointer"] == "/api/port"
