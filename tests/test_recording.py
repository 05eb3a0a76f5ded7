"""Recording for support from end to end: what unmodified bleak hears and reads on the simulated bluetoothd is
recorded, decoded again, and played into the real service, where the same numbers come out.
"""

import json
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from tests.fake_bluez.monitors import Monitor
from tests.fake_bluez.rig import FakeBluez
from tests.service import Service, wait_until
from tests.test_renogy import CONTROLLER, module
from tests.test_renogy import MAC as MODULE

FROSTY, OLD = "50:54:7B:00:00:01", "50:54:7B:00:00:04"
FLEET = [
    Monitor(address=FROSTY, family="BM6", volts=12.62, temperature=-7, charge=88),
    Monitor(address=OLD, family="BM2", volts=12.87, charge=97, state=1),
    module(CONTROLLER),
]
SAID = {  # voltage, temperature, charge by connection
    FROSTY: (12.62, -7, 88),
    OLD: (12.87, None, 97),
}


@pytest.fixture
def bluez() -> Iterator[FakeBluez]:
    with FakeBluez(FLEET, adv_interval=0.2, period=0.2) as bluez:
        yield bluez


def hawk(*arguments: str, code: int = 0) -> str:
    done = subprocess.run(
        [sys.executable, "-m", "hawk", *arguments], env=dict(os.environ),
        capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert done.returncode == code, done.stderr
    return done.stdout if code == 0 else done.stderr


def lines_of(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text().splitlines()]


def decoded(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in hawk("decode", "--recording", str(path), "--json").splitlines()]


def numbers(said: Mapping[str, Any]) -> tuple[Any, ...]:
    return said["voltage"], said.get("temperature"), said["state_of_charge"]


def polled(service: Service, address: str) -> Any:
    return next((each for each in service.readings(address) if each["source"] == "gatt"), None)


def test_a_scan_is_recorded_decoded_again_and_played_into_the_service(
    bluez: FakeBluez, tmp_path: Path
) -> None:
    path = tmp_path / "scan.jsonl"
    hawk("scan", "--duration", "2", "--connect", "--json", "--record", str(path))

    # what is in it
    heading, *lines = lines_of(path)
    assert (heading["battery_hawk_recording"], heading["simulated"]) == (1, False)
    kinds = {(line["address"], line["kind"]) for line in lines}
    for address in SAID:
        assert {
            (address, kind) for kind in ("advertisement", "session", "link", "received", "ended")
        } <= kinds
    assert (MODULE, "advertisement") in kinds
    frosty = [line for line in lines if line["address"] == FROSTY]
    assert [line["state"] for line in frosty if line["kind"] == "link"] == [
        "connecting", "connected", "disconnecting", "disconnected",
    ]  # fmt: skip
    assert next(line["hex"] for line in frosty if line["kind"] == "written")
    sealed = [line for line in frosty if line["kind"] == "advertisement" and line["sample"]]
    assert {line["sample"]["voltage"] for line in sealed if "voltage" in line["sample"]} == {12.62}

    # decoded again
    again = decoded(path)
    read = {
        each["address"]: numbers(each["sample"])
        for each in again
        if each["kind"] == "received" and each["sample"]
    }
    assert read == {**SAID, MODULE: (14.4, 25, 100)}
    first_decoding = [line for line in lines if line["kind"] in {"advertisement", "decoded"}]
    asked = {"code": "unknown_device", "detail": "no driver decoded this session's frames then"}
    assert {each["address"] for each in again if each.get("error") == asked} == {MODULE}  # what it is
    as_then = [each for each in again if each.get("error") != asked]
    assert [each["device_type"] for each in as_then] == [line["device_type"] for line in first_decoding]
    assert [bool(each["sample"]) for each in as_then] == [bool(line["sample"]) for line in first_decoding]

    # damaged, and still worth something
    damaged = tmp_path / "damaged.jsonl"
    texts = path.read_bytes().splitlines(keepends=True)
    damaged.write_bytes(b"".join([*texts[:3], texts[3][:30] + b"\n", *texts[4:]]))
    answers = decoded(damaged)
    assert [each["line"] for each in answers if each.get("error", {}).get("code") == "bad_request"] == [4]
    assert [each for each in answers if each["line"] != 4] == [each for each in again if each["line"] != 4]

    # played into the service
    with Service(
        tmp_path / "data",
        BATTERYHAWK_BLUETOOTH_BACKEND="simulated",
        BATTERYHAWK_SIMULATION_REPLAY=str(damaged),
    ) as service:
        for address, expected in SAID.items():
            device = wait_until(lambda a=address: find(service, a))  # type: ignore[misc]  # mypy knows no default of a lambda
            assert device["lifecycle"] == "discovered"
            assert service.configure(address).status_code == 200
            reading = wait_until(lambda a=address: polled(service, a))  # type: ignore[misc]  # mypy knows no default of a lambda
            assert (numbers(reading), reading["simulated"]) == (expected, True)
        heard = wait_until(
            lambda: [each for each in service.readings(FROSTY) if each["source"] == "advertisement"]
        )
        assert {each["voltage"] for each in heard} == {12.62}
        assert all(each["simulated"] for each in heard)


def find(service: Service, address: str) -> Any:
    answer = service.http.get(f"/api/devices/{address}")
    return answer.json()["data"]["attributes"] if answer.status_code == 200 else None


def test_a_running_service_is_recorded_and_the_demo_plays_it(bluez: FakeBluez, tmp_path: Path) -> None:
    path, data = tmp_path / "controller.jsonl", tmp_path / "data"
    with Service(data) as service:
        recorder = subprocess.Popen(
            [sys.executable, "-m", "hawk", "devices", "record", MODULE, str(path), "--data", str(data), "--json",
             "--minutes", "2"],
            stdout=subprocess.PIPE, text=True,
        )  # fmt: skip
        wait_until(lambda: path.exists() and path.read_bytes())
        assert service.configure(MODULE, device_type="RenogyController").status_code == 201
        reading = wait_until(lambda: polled(service, MODULE))
        wait_until(lambda: not bluez.state()["linked"] and b'"ended"' in path.read_bytes())
        assert service.stop() == 0
        said, _ = recorder.communicate(timeout=20)
    assert recorder.returncode == 0
    _, *lines = lines_of(path)
    assert json.loads(said) == {"path": str(path), "lines": len(lines)}
    assert {line["address"] for line in lines} == {MODULE}
    token = Path(service.ready["token_file"]).read_text().strip()
    assert token not in path.read_text()

    (sample,) = [each["sample"] for each in decoded(path) if each["kind"] == "received" and each["sample"]]
    wanted = ("voltage", "current", "power", "temperature", "state_of_charge", "status")
    assert {name: sample[name] for name in wanted} == {name: reading[name] for name in wanted}

    replay = ("demo", "--replay", str(path), "--speed", "20")
    with Service(tmp_path / "demo", replay, BATTERYHAWK_API_PORT="0") as demo:
        assert [each["attributes"]["device_type"] for each in demo.get("/api/devices")["data"]] == [
            "renogy_controller"
        ]
        again = wait_until(lambda: polled(demo, MODULE))
        assert {name: again[name] for name in wanted} == {name: reading[name] for name in wanted}
        assert again["extra"] == reading["extra"]
        assert (again["simulated"], reading["simulated"]) == (True, False)


def test_a_full_disk_ends_the_recording_and_not_the_scan(bluez: FakeBluez) -> None:
    said = hawk("scan", "--duration", "1", "--record", "/dev/full", code=73)
    assert "/dev/full ends after 0 lines: No space left" in said


def test_what_cannot_be_played_or_decoded_is_said(tmp_path: Path) -> None:
    wrong = tmp_path / "system.json"
    wrong.write_text("{}")
    assert "this is no recording" in hawk("decode", "--recording", str(wrong), code=1)
    assert "cannot be read" in hawk("decode", "--recording", str(tmp_path / "missing"), code=1)
    assert "simulation.replay" in hawk(
        "demo", "--replay", str(tmp_path / "missing"), "--api-port", "0", code=78
    )
