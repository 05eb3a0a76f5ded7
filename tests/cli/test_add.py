"""`hawk devices add`: by a service that runs, and alone."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.service import Service, wait_until

MAC, OTHER = "02:00:00:00:00:01", "02:00:00:00:00:03"
SIMULATED = {"BATTERYHAWK_BLUETOOTH_BACKEND": "simulated", "BATTERYHAWK_SIMULATION_DEVICES": "3"}
DOCUMENT = {
    "schema": 1,
    "name": "a device",
    "ble": {"write": {"characteristic": "ffd1"}, "notify": {"characteristic": "fff1"}},
    "modbus": {},
    "fields": [{"key": "volts", "register": 1, "type": "u16"}],
}


def hawk(data: Path, *arguments: str) -> tuple[int, str, str]:
    done = subprocess.run(
        [sys.executable, "-m", "hawk", "devices", "add", *arguments, "--data", str(data)],
        capture_output=True, text=True, check=False, cwd=data.parent,
        env={**os.environ, **SIMULATED, "COLUMNS": "100"},
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


@pytest.fixture
def data(tmp_path: Path) -> Path:
    return tmp_path / "data"


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    with Service(tmp_path_factory.mktemp("add") / "data", ("demo", "--devices", "3")) as service:
        wait_until(lambda: service.readings(MAC))
        yield service


# -- alone -------------------------------------------------------------------------------------


def test_without_a_service_a_dry_run_reads_the_device_and_leaves_no_trace(data: Path) -> None:
    said = answer(data, MAC, "--type", "bm6", "--dry-run")
    assert said.keys() == {"meta"}
    reading = said["meta"]["reading"]
    assert (reading["device_id"], reading["device_type"], reading["source"]) == (MAC, "BM6", "gatt")
    assert reading["simulated"] is True
    fields = {field["key"]: field for field in said["meta"]["fields"]}
    assert fields["voltage"]["value"] == reading["voltage"]
    assert fields["voltage"]["unit"] == "V"
    assert not data.exists()


def test_without_a_service_the_device_is_written_to_the_registry(data: Path) -> None:
    said = answer(data, MAC.lower().replace(":", "-"), "--type", "bm6", "--name", "Starter", "--test")
    assert said["data"]["attributes"]["friendly_name"] == "Starter"
    assert said["meta"]["reading"]["device_name"] == "Starter"
    record = json.loads((data / "devices.json").read_text())["devices"][MAC]
    assert (record["device_type"], record["status"]) == ("BM6", "configured")
    code, out, _ = hawk(data, OTHER, "--type", "BM7", "--vehicle", "vehicle_1")
    assert (code, out) == (0, "BM7 0003 is added, in vehicle_1.\n")
    with Service(data, ("serve",), **SIMULATED) as service:
        assert service.device(MAC)["friendly_name"] == "Starter"


def test_what_cannot_be_read_is_not_added(data: Path) -> None:
    error = refusal(data, MAC, "--type", "renogy_controller", "--test")
    assert error["code"] == "undecodable"
    assert not (data / "devices.json").exists()


# -- with a service ----------------------------------------------------------------------------


def test_the_service_reads_for_a_dry_run(service: Service) -> None:
    before = service.get("/api/devices")
    said = answer(service.data, OTHER, "--type", "BM7", "--dry-run")
    assert said["meta"]["reading"]["gateway_id"] == service.ready["gateway_id"]
    after = service.get("/api/devices")
    assert [each["id"] for each in after["data"]] == [each["id"] for each in before["data"]]
    code, out, _ = hawk(service.data, OTHER, "--type", "BM7", "--dry-run")
    assert code == 0
    assert out.startswith(f"{OTHER} said:\n")
    assert "Nothing was added" in out


def test_the_service_adds_what_it_could_read(service: Service) -> None:
    said = answer(service.data, OTHER, "--type", "BM7", "--name", "Winch", "--vehicle", "vehicle_1", "--test")
    assert said["meta"]["reading"]["device_name"] == "Winch"
    assert service.device(OTHER)["vehicle_id"] == "vehicle_1"


def test_what_the_service_refuses_is_said_with_the_option(service: Service) -> None:
    error = refusal(service.data, OTHER, "--type", "BM7", "--vehicle", "vehicle_99")
    assert error == {"code": "invalid", "detail": "--vehicle: there is no vehicle 'vehicle_99'"}


# -- mistakes ----------------------------------------------------------------------------------


def generic(data: Path, content: object, *more: str) -> Any:
    file = data.parent / "device.json"
    file.write_text(content if isinstance(content, str) else json.dumps(content))
    return refusal(data, MAC, "--type", "generic_modbus", "--config", "device.json", *more)


@pytest.mark.parametrize("more", [(), ("--dry-run",), ("--test",)])
def test_a_mistake_is_said_with_the_file_and_its_place(more: tuple[str, ...], data: Path) -> None:
    error = generic(data, DOCUMENT | {"fields": [{"key": "volts", "register": 1, "type": "u17"}]}, *more)
    assert (error["code"], error["source"], error["pointer"]) == ("invalid", "device.json", "/fields/0/type")
    assert error["detail"].startswith("device.json: /fields/0/type: one of u16, s16")
    assert not data.exists()


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("{", "it is no JSON"),
        ('{"a": NaN}', "/a: it is no JSON: NaN is no number"),
        ("[" * 100_000, "it is no JSON"),
        ("[]", "/: an object is expected"),
        ("{}", "/: a generic_modbus needs its document"),
        ({"name": "x"}, "/schema: 'schema' is missing"),
    ],
)
def test_what_is_no_document_is_said(content: object, words: str, data: Path) -> None:
    assert generic(data, content)["detail"].startswith(f"device.json: {words}")


def test_a_file_that_is_not_there_is_said(data: Path) -> None:
    error = refusal(data, MAC, "--type", "generic_modbus", "--config", "nowhere.json")
    assert error["detail"] == "nowhere.json: it cannot be read: No such file or directory"


def test_a_type_that_needs_a_document_says_so(data: Path) -> None:
    assert (
        "--config: a generic_modbus needs its document"
        in refusal(data, MAC, "--type", "generic_modbus")["detail"]
    )


def test_a_wrong_type_or_address_is_said(data: Path) -> None:
    assert "there is no driver for 'Tesla'" in refusal(data, MAC, "--type", "Tesla")["detail"]
    assert refusal(data, "50:54", "--type", "BM6")["code"] == "bad_address"
