"""`hawk devices list|show|set|ignore|remove` and `hawk vehicles`: by a service that runs, and without one."""

import fcntl
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from tests.service import Service, wait_until

MAC, OTHER = "02:00:00:00:00:01", "02:00:00:00:00:02"
UNKNOWN = "50:54:7B:00:00:99"
SIMULATED = {"BATTERYHAWK_BLUETOOTH_BACKEND": "simulated", "BATTERYHAWK_SIMULATION_DEVICES": "2"}


def hawk(data: Path, *arguments: str) -> tuple[int, str, str]:
    done = subprocess.run(
        [sys.executable, "-m", "hawk", *arguments, "--data", str(data)],
        capture_output=True, text=True, check=False, cwd=data.parent,
        env={**os.environ, **SIMULATED, "COLUMNS": "80"},
    )  # fmt: skip
    return done.returncode, done.stdout, done.stderr


def answer(data: Path, *arguments: str) -> Any:
    code, out, err = hawk(data, *arguments, "--json")
    assert (code, err) == (0, "")
    return json.loads(out)


def refusal(data: Path, *arguments: str) -> Any:
    code, out, err = hawk(data, *arguments, "--json")
    assert (code, out) == (1, "")
    return json.loads(err)["error"]


@contextmanager
def fleet(data: Path, *, running: bool) -> Iterator[Path]:
    """Two devices that have said something, one of them in the vehicle Boat; with and without a service."""
    with Service(data, ("serve",), **SIMULATED) as service:
        service.http.post(
            "/api/vehicles", json={"data": {"type": "vehicles", "attributes": {"name": "Boat"}}}
        )
        for address, device_type in ((MAC, "BM6"), (OTHER, "BM2")):
            assert service.configure(address, device_type=device_type).is_success
            wait_until(partial(service.readings, address))
        if running:
            yield data
    if not running:
        yield data


@pytest.fixture(scope="module", params=["through the service", "in the files"])
def data(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    folder = tmp_path_factory.mktemp("fleet") / "data"
    with fleet(folder, running=request.param == "through the service") as folder:
        yield folder


# -- devices -----------------------------------------------------------------------------------


def test_the_list_has_each_device_with_what_it_said_last(data: Path) -> None:
    document = answer(data, "devices", "list")
    assert [each["id"] for each in document["data"]][:2] == [MAC, OTHER]
    assert document["meta"] == {"total": len(document["data"])}
    attributes = document["data"][0]["attributes"]
    assert (attributes["lifecycle"], attributes["simulated"]) == ("configured", True)
    assert 10 < attributes["voltage"] < 15
    assert attributes["latest_reading"]["measured_at"]["voltage"].endswith("Z")
    code, out, _ = hawk(data, "devices", "list")
    assert code == 0
    assert out.split()[:6] == ["Address", "Name", "Type", "Vehicle", "Status", "Voltage"]
    assert f"{MAC} " in out
    assert " V " in out
    assert out.splitlines()[1].endswith(" s")


def test_one_device_is_shown(data: Path) -> None:
    document = answer(data, "devices", "show", MAC.lower().replace(":", ""))
    assert (document["data"]["type"], document["data"]["id"]) == ("devices", MAC)
    code, out, _ = hawk(data, "devices", "show", MAC)
    assert code == 0
    assert f"({MAC})" in out
    assert "Voltage" in out
    assert ", simulated\n" in out


def test_what_is_set_changes_and_the_rest_stays(data: Path) -> None:
    before = answer(data, "devices", "show", OTHER)["data"]["attributes"]
    set_ = answer(data, "devices", "set", OTHER, "--name", "Winch", "--interval", "600")["data"]["attributes"]
    assert (set_["friendly_name"], set_["polling_interval"]) == ("Winch", 600)
    assert (set_["device_type"], set_["vehicle_id"]) == (before["device_type"], before["vehicle_id"])
    code, out, err = hawk(data, "devices", "set", OTHER, "--type", "bm7")
    assert (code, err) == (0, "")
    assert out.startswith("Winch is a BM7 in ")
    assert out.endswith(", polled every 10 min.\n")
    shown = answer(data, "devices", "show", OTHER)["data"]["attributes"]
    assert (shown["device_type"], shown["friendly_name"]) == ("BM7", "Winch")


def test_a_device_is_taken_out_of_its_vehicle(data: Path) -> None:
    (boat,) = (
        each for each in answer(data, "vehicles", "list")["data"] if each["attributes"]["name"] == "Boat"
    )
    before = answer(data, "devices", "show", OTHER)["data"]["attributes"]
    answer(data, "devices", "set", OTHER, "--vehicle", boat["id"])
    code, out, err = hawk(data, "devices", "set", OTHER, "--no-vehicle")
    assert (code, err) == (0, "")
    assert " in no vehicle" in out
    shown = answer(data, "devices", "show", OTHER)["data"]["attributes"]
    assert (shown["vehicle_id"], shown["friendly_name"]) == (None, before["friendly_name"])


def test_in_a_vehicle_and_in_none_is_wrong_usage(data: Path) -> None:
    code, _, err = hawk(data, "devices", "set", MAC, "--vehicle", "vehicle_1", "--no-vehicle")
    assert code == 2
    assert "cannot both be" in err


@pytest.mark.parametrize(
    ("option", "value", "words"),
    [
        ("--vehicle", "vehicle_99", "--vehicle: there is no vehicle 'vehicle_99'"),
        ("--type", "Tesla", "--type: there is no driver for 'Tesla'"),
        ("--name", "", "--name: "),
    ],
)
def test_a_mistake_is_said_with_its_option(option: str, value: str, words: str, data: Path) -> None:
    error = refusal(data, "devices", "set", MAC, option, value)
    assert (error["code"], error["detail"].startswith(words)) == ("invalid", True)


def test_a_mistake_in_the_file_is_said_with_its_place(data: Path) -> None:
    (data.parent / "device.json").write_text('{"schema": 1, "name": 5}')
    error = refusal(data, "devices", "set", MAC, "--type", "generic_modbus", "--config", "device.json")
    assert (error["code"], error["source"]) == ("invalid", "device.json")
    assert error["pointer"].startswith("/")


@pytest.mark.parametrize("command", [("show",), ("set", "--name", "x"), ("ignore",), ("remove",)])
def test_a_device_that_is_not_known_fails_and_says_where_to_look(
    command: tuple[str, ...], data: Path
) -> None:
    name, *more = command
    error = refusal(data, "devices", name, UNKNOWN, *more)
    assert error["code"] == "not_found"
    assert "hawk devices list" in error["detail"]


def test_what_is_no_address_is_said(data: Path) -> None:
    assert refusal(data, "devices", "show", "50:54")["code"] == "bad_address"


def test_nothing_to_change_is_wrong_usage(data: Path) -> None:
    code, _, err = hawk(data, "devices", "set", MAC)
    assert code == 2
    assert "--interval" in err


# -- vehicles ----------------------------------------------------------------------------------


def test_vehicles_are_listed_with_their_batteries(data: Path) -> None:
    document = answer(data, "vehicles", "list")
    boat = next(each for each in document["data"] if each["attributes"]["name"] == "Boat")
    assert (boat["type"], boat["attributes"]["device_count"]) == ("vehicles", 0)
    code, out, _ = hawk(data, "vehicles", "list")
    assert code == 0
    assert out.split()[:3] == ["Id", "Name", "Devices"]
    answer(data, "devices", "set", MAC, "--vehicle", boat["id"])
    shown = answer(data, "vehicles", "show", boat["id"])["data"]
    assert shown["relationships"]["devices"]["data"] == [{"type": "devices", "id": MAC}]
    code, out, _ = hawk(data, "vehicles", "show", boat["id"])
    assert code == 0
    assert MAC in out
    assert OTHER not in out


def test_a_vehicle_is_made_renamed_and_removed(data: Path) -> None:
    made = answer(data, "vehicles", "add", "Camper")["data"]
    assert made["attributes"]["name"] == "Camper"
    assert hawk(data, "vehicles", "rename", made["id"], "Van")[1] == f"Van ({made['id']}) is its name now.\n"
    error = refusal(data, "vehicles", "add", "Van")
    assert (error["code"], "called 'Van' already" in error["detail"]) == ("conflict", True)
    assert hawk(data, "vehicles", "remove", made["id"])[:2] == (0, f"{made['id']} is removed.\n")
    error = refusal(data, "vehicles", "show", made["id"])
    assert (error["code"], "hawk vehicles list" in error["detail"]) == ("not_found", True)


def test_a_vehicle_with_devices_is_removed_when_it_is_said_where_they_go(data: Path) -> None:
    full, empty = (answer(data, "vehicles", "add", name)["data"]["id"] for name in ("Full", "Empty"))
    device = added(data, "50:54:7B:00:00:03")
    answer(data, "devices", "set", device, "--vehicle", full)
    error = refusal(data, "vehicles", "remove", full)
    assert (error["code"], "--move-to" in error["detail"]) == ("conflict", True)
    document = answer(data, "vehicles", "remove", full, "--move-to", empty)
    assert document == {"data": None, "meta": {"removed": full}}
    assert answer(data, "devices", "show", device)["data"]["attributes"]["vehicle_id"] == empty


# -- away with it --------------------------------------------------------------------------------


def added(data: Path, address: str) -> str:
    """One that nobody ever heard."""
    answer(data, "devices", "add", address, "--type", "BM6")
    return address


def test_one_that_is_ignored_stays_in_the_list_with_that_word(data: Path) -> None:
    away = added(data, "50:54:7B:00:00:01")
    assert answer(data, "devices", "ignore", away)["data"]["attributes"]["status"] == "ignored"
    assert " ignored" in hawk(data, "devices", "list")[1]


def test_one_that_is_removed_is_gone(data: Path) -> None:
    away = added(data, "50:54:7B:00:00:02")
    document = answer(data, "devices", "remove", away)
    assert document == {"data": None, "meta": {"removed": away}}
    assert refusal(data, "devices", "show", away)["code"] == "not_found"


# -- without a service ---------------------------------------------------------------------------


def test_a_folder_that_is_not_there_is_said_and_not_made(tmp_path: Path) -> None:
    data = tmp_path / "typo"
    error = refusal(data, "devices", "list")
    assert (error["code"], str(data) in error["detail"]) == ("not_found", True)
    assert refusal(data, "vehicles", "list")["code"] == "not_found"
    assert not data.exists()


def test_the_first_vehicle_can_be_made_before_the_service_ever_ran(tmp_path: Path) -> None:
    data = tmp_path / "data"
    assert hawk(data, "vehicles", "add", "Boat")[:2] == (0, "Boat (vehicle_1) is made.\n")
    assert json.loads((data / "vehicles.json").read_text())["vehicles"]["vehicle_1"]["name"] == "Boat"
    code, out, _ = hawk(data, "devices", "list")
    assert (code, "hawk devices add" in out) == (0, True)


def test_what_a_killed_service_left_behind_is_no_service(tmp_path: Path) -> None:
    data = tmp_path / "data"
    data.mkdir()
    (data / "run.json").write_text('{"pid": 1, "url": "http://127.0.0.1:9", "started_at": ""}')
    (data / "api-token").write_text("x" * 32)
    assert answer(data, "devices", "list")["data"] == []
    assert (data / "run.json").exists()


def test_a_folder_that_somebody_else_has_is_said_with_75(tmp_path: Path) -> None:
    data = tmp_path / "data"
    data.mkdir()
    with (data / "lock").open("a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        code, _, err = hawk(data, "devices", "list", "--json")
    assert (code, json.loads(err)["error"]["code"]) == (75, "already_running")


def test_a_log_that_cannot_be_read_hides_no_device(tmp_path: Path) -> None:
    data = tmp_path / "data"
    answer(data, "devices", "add", MAC, "--type", "BM6")
    (data / "readings.db").write_bytes(b"no database" * 1000)
    code, out, err = hawk(data, "devices", "list")
    assert (code, MAC in out, "no values are shown" in err) == (0, True, True)
