"""`hawk config`, with a service that runs and without one."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.service import Service, wait_until

TOKEN = "a-token-of-the-tests"


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    data = tmp_path_factory.mktemp("config") / "data"
    with Service(data, ("demo", "--devices", "1")) as service:
        yield service


def run(data: Path, *arguments: str, said: str = "", **environ: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "hawk", "config", *arguments, "--data", str(data)],
        capture_output=True, text=True, check=False, input=said, env={**os.environ, **environ},
    )  # fmt: skip


def answer(data: Path, *arguments: str, **environ: str) -> Any:
    done = run(data, *arguments, "--json", **environ)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def refused(data: Path, *arguments: str, **environ: str) -> tuple[int, Any]:
    """Exit code, and the document on stderr."""
    done = run(data, *arguments, "--json", **environ)
    assert done.stdout == ""
    return done.returncode, json.loads(done.stderr)


def test_what_is_set_is_got_and_unset_again(tmp_path: Path) -> None:
    assert answer(tmp_path, "get", "polling.interval") == 3600
    answer(tmp_path, "set", "polling.interval", "600")
    assert answer(tmp_path, "get", "polling.interval") == 600
    assert run(tmp_path, "get", "polling.interval").stdout == "600\n"
    assert (tmp_path / "system.json").read_text() == (
        '{\n  "version": "1.0",\n  "polling": {\n    "interval": 600\n  }\n}\n'
    )
    answer(tmp_path, "set", "polling.interval", "")
    assert answer(tmp_path, "get", "polling") == {"interval": 3600}


def test_lists_are_written_as_in_the_environment(tmp_path: Path) -> None:
    answer(tmp_path, "set", "bluetooth.adapters", "hci0, hci1")
    assert answer(tmp_path, "get", "bluetooth.adapters") == ["hci0", "hci1"]


def test_secrets_come_from_stdin_and_are_shown_nowhere(tmp_path: Path) -> None:
    done = run(tmp_path, "set", "api.token", "-", said=f"{TOKEN}\n")
    assert done.returncode == 0, done.stderr
    assert json.loads((tmp_path / "system.json").read_text())["api"]["token"] == TOKEN
    for command in (
        ("show",),
        ("show", "--json"),
        ("get", "api.token"),
        ("explain", "api.token"),
        ("check",),
    ):
        done = run(tmp_path, *command)
        assert done.returncode == 0
        assert TOKEN not in done.stdout + done.stderr
    assert answer(tmp_path, "get", "api.token") == "***"
    code, said = refused(tmp_path, "set", "api.token", "easy-one")
    assert (code, said["errors"][0]["pointer"], said["errors"][0]["value"]) == (78, "/api/token", "***")


def test_a_wrong_value_changes_nothing(tmp_path: Path) -> None:
    code, said = refused(tmp_path, "set", "polling.interval", "soon")
    assert (code, said["errors"][0]["pointer"]) == (78, "/polling/interval")
    assert not (tmp_path / "system.json").exists()


def test_what_the_environment_sets_is_not_set_in_the_file(tmp_path: Path) -> None:
    code, said = refused(tmp_path, "set", "polling.interval", "5", BATTERYHAWK_POLLING_INTERVAL="7")
    assert code == 78
    assert "BATTERYHAWK_POLLING_INTERVAL" in said["error"]["detail"]


@pytest.mark.parametrize("command", [("get",), ("set",), ("explain",)])
def test_a_setting_that_is_none_is_wrong_usage_and_the_nearest_is_named(
    tmp_path: Path, command: tuple[str, ...]
) -> None:
    done = run(tmp_path, *command, "poling.interval", *(("5",) if command == ("set",) else ()))
    assert done.returncode == 2
    assert "'polling.interval'" in done.stderr


def test_a_file_is_checked_together_with_the_environment(tmp_path: Path) -> None:
    file = tmp_path / "new.json"
    file.write_text('{"polling": {"interval": 0}, "mqtt": {"prot": 1883}, "gardn": {}}')
    done = run(tmp_path, "check", str(file), "--json")
    said = json.loads(done.stdout)
    assert (done.returncode, said["ok"]) == (78, False)
    assert [each["pointer"] for each in said["errors"]] == ["/polling/interval", "/mqtt/prot"]
    file.write_text("{}")
    assert answer(tmp_path, "check", str(file)) == {"ok": True, "errors": []}
    assert run(tmp_path, "check", str(file), BATTERYHAWK_API_PORT="x").returncode == 78
    assert run(tmp_path, "check", str(tmp_path / "none.json")).returncode == 78
    assert answer(tmp_path, "check")["ok"] is True


def test_all_files_of_a_folder_are_checked_at_once_and_any_copy_by_its_name(tmp_path: Path) -> None:
    (tmp_path / "system.json").write_text('{"api": {"port": -1}}')
    (tmp_path / "devices.json").write_text('{"devices": {"50:54:7B:24:30:10": {"device_type": 6}, "x": {}}}')
    (tmp_path / "vehicles.json").write_text('{"version": "2.0"}')
    done = run(tmp_path, "check", "--json")
    assert done.returncode == 78
    assert [(each["source"], each["pointer"]) for each in json.loads(done.stdout)["errors"]] == [
        ("system.json", "/api/port"),
        ("devices.json", "/devices/50:54:7B:24:30:10/device_type"),
        ("devices.json", "/devices/x"),
        ("vehicles.json", "/version"),
    ]
    copy = tmp_path / "devices-new.json"
    copy.write_text('{"devices": {"50:54:7B:24:30:10": {"device_type": "BM6"}}')
    done = run(tmp_path, "check", str(copy))
    assert (done.returncode, done.stdout) == (78, "")
    assert done.stderr.startswith("hawk: devices-new.json: /: line 1, column 5")
    copy.write_text('{"devices": {"50:54:7B:24:30:10": {"device_type": "BM6"}}}')
    assert run(tmp_path, "check", str(copy)).returncode == 0
    assert copy.read_text().endswith("}}}")


def test_a_damaged_file_is_left_as_it_is(tmp_path: Path) -> None:
    (tmp_path / "system.json").write_text("{")
    for command in (("show",), ("get", "api.port"), ("set", "api.port", "1"), ("check",)):
        assert run(tmp_path, *command).returncode == 78
    assert (tmp_path / "system.json").read_text() == "{"


def test_a_setting_is_explained(tmp_path: Path) -> None:
    said = answer(tmp_path, "explain", "mqtt.qos", BATTERYHAWK_SYSTEM_MQTT_QOS="1")
    assert said == {
        "name": "mqtt.qos",
        "meaning": "The highest quality of service to use. 0 to 2.",
        "default": 2,
        "value": 1,
        "source": "BATTERYHAWK_SYSTEM_MQTT_QOS",
        "variable": "BATTERYHAWK_MQTT_QOS",
    }


def test_defaults_are_shown_whatever_is_set(tmp_path: Path) -> None:
    found = answer(tmp_path, "show", "--defaults", BATTERYHAWK_API_PORT="1")
    assert found["api"]["port"] == 5000
    assert "api.port = 5000" in run(tmp_path, "show", "--defaults").stdout


def test_a_service_that_runs_is_asked(service: Service) -> None:
    assert answer(service.data, "get", "polling.interval") == 60  # the demo's
    meta = answer(service.data, "set", "polling.interval", "77")
    assert meta["applied"] == ["polling.interval"]
    shown = service.get("/api/system/config")["data"]["attributes"]
    assert shown["polling"]["interval"] == 77
    assert answer(service.data, "show") == shown
    meta = answer(service.data, "set", "store.commit_interval", "20")
    assert (meta["applied"], meta["restart_required"]) == ([], ["store.commit_interval"])
    assert "after a restart" in run(service.data, "set", "store.commit_interval", "21").stdout


def test_what_the_service_refuses_ends_as_without_one(service: Service) -> None:
    code, said = refused(service.data, "set", "polling.interval", "0")
    assert (code, said["errors"][0]["pointer"]) == (78, "/polling/interval")
    code, said = refused(service.data, "set", "bluetooth.backend", "bluez")
    assert (code, "hawk demo" in said["error"]["detail"]) == (78, True)


def test_a_service_that_was_killed_is_not_waited_for(tmp_path: Path) -> None:
    with Service(tmp_path / "data", ("demo", "--devices", "1")) as service:
        wait_until((service.data / "run.json").exists)
        service.kill()
        answer(service.data, "set", "polling.interval", "5")
    assert answer(tmp_path / "data", "get", "polling.interval") == 5
