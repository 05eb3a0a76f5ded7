"""`hawk doctor`, with each layer broken for real."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from tests.fake_bluez.rig import FakeBluez
from tests.service import Service

LAYERS = ("dbus", "bluez", "permission", "adapter", "powered", "scan", "connect")


def doctor(data: Path, *before: str, **environment: str) -> tuple[int, Mapping[str, Mapping[str, Any]]]:
    """Exit code, and the checks by name."""
    done = subprocess.run(
        [*before, sys.executable, "-m", "hawk", "doctor", "--json", "--data", str(data)],
        env={**os.environ, **environment}, capture_output=True, text=True, check=False, timeout=60,
    )  # fmt: skip
    document = json.loads(done.stdout)
    assert document["ok"] is all(check["ok"] is not False for check in document["checks"])
    return done.returncode, {check["name"]: check for check in document["checks"]}


def failed(checks: Mapping[str, Mapping[str, Any]]) -> set[str]:
    """But for the folder of a test, which may well be inside a container."""
    return {name for name, check in checks.items() if check["ok"] is False} - {"volume"}


def test_where_all_is_well_it_says_so(tmp_path: Path) -> None:
    with FakeBluez(2, adv_interval=0.2):
        _, checks = doctor(tmp_path / "data")
    assert failed(checks) == set()
    assert all(checks[name]["ok"] for name in LAYERS)
    assert checks["scan"]["detail"] == "2 devices heard in 3 s"
    assert checks["service"]["ok"] is None


def test_without_a_bus_nothing_above_it_is_checked(tmp_path: Path) -> None:
    code, checks = doctor(tmp_path / "data", DBUS_SYSTEM_BUS_ADDRESS=f"unix:path={tmp_path}/nowhere")
    assert (code, failed(checks)) == (69, {"dbus"})
    assert "-v /run/dbus:/run/dbus" in checks["dbus"]["fix"]
    assert all(checks[name]["ok"] is None for name in LAYERS[1:])
    assert checks["scan"]["detail"] == "not checked: dbus failed"


BROKEN = [
    ({"do": "crash"}, "bluez", "systemctl start bluetooth"),
    ({"do": "unplug"}, "adapter", "plug one in"),
    ({"do": "power", "on": False}, "powered", "bluetoothctl power on"),
    ({"do": "discovery_error", "error": "InProgress"}, "scan", "systemctl restart bluetooth"),
    (
        {"do": "discovery_error", "error": "org.freedesktop.DBus.Error.AccessDenied"},
        "permission",
        "bluetooth",
    ),
]


@pytest.mark.parametrize(("order", "layer", "fix"), BROKEN, ids=str)
def test_a_broken_layer_is_named_with_what_to_do(
    order: dict[str, Any], layer: str, fix: str, tmp_path: Path
) -> None:
    with FakeBluez(1) as bluez:
        arguments = dict(order)
        bluez.do(arguments.pop("do"), **arguments)
        code, checks = doctor(tmp_path / "data")
    assert (code, failed(checks)) == (69, {layer})
    assert fix in checks[layer]["fix"]


def test_a_policy_of_the_bus_that_keeps_us_from_bluez(tmp_path: Path) -> None:
    with FakeBluez(1, policy='<deny send_destination="org.bluez"/>'):
        code, checks = doctor(tmp_path / "data")
    assert (code, failed(checks)) == (69, {"permission"})
    assert "group 'bluetooth'" in checks["permission"]["fix"]


def test_scanning_works_but_connecting_does_not(tmp_path: Path) -> None:
    """As under Docker's AppArmor profile."""
    rule = '<deny send_destination="org.bluez" send_interface="org.bluez.Device1"/>'
    with FakeBluez(1, adv_interval=0.2, policy=rule):
        code, checks = doctor(tmp_path / "data")
    assert (code, failed(checks)) == (69, {"connect"})
    assert checks["scan"]["ok"]
    assert "apparmor=unconfined" in checks["connect"]["fix"]


def test_a_data_folder_that_nobody_can_write() -> None:
    """Not even root, in a file system that takes no files."""
    with FakeBluez(1):
        code, checks = doctor(Path("/sys/battery-hawk"))
    assert (code, failed(checks)) == (1, {"data"})
    assert "/sys belongs to uid" in checks["data"]["detail"] + checks["data"]["fix"]
    assert checks["disk"]["ok"] is None


def test_a_clock_in_1970(tmp_path: Path) -> None:
    assert shutil.which("faketime"), "the tests need faketime: apt-get install faketime"
    with FakeBluez(1):
        code, checks = doctor(
            tmp_path / "data", "faketime", "-f", "@1970-01-02 03:00:00", DONT_FAKE_MONOTONIC="1"
        )
    assert (code, failed(checks)) == (1, {"clock"})
    assert "1970" in checks["clock"]["detail"]


def test_a_broker_that_does_not_answer(tmp_path: Path) -> None:
    with FakeBluez(1):
        settings = {"BATTERYHAWK_MQTT_ENABLED": "true", "BATTERYHAWK_MQTT_PORT": "1"}
        code, checks = doctor(tmp_path / "data", **settings)
    assert (code, failed(checks)) == (1, {"broker"})


def test_a_service_that_runs_is_named(tmp_path: Path) -> None:
    with FakeBluez(1), Service(tmp_path / "data") as service:
        _, checks = doctor(tmp_path / "data")
        assert service.ready["url"] in checks["service"]["detail"]


def test_wrong_settings_are_said_first(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "hawk", "doctor", "--json", "--data", str(tmp_path)],
        env={**os.environ, "BATTERYHAWK_API_PORT": "much"}, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert (done.returncode, done.stdout) == (78, "")
