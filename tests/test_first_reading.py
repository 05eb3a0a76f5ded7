"""The main job from end to end: a monitor on the bus becomes a reading in the API.

The service is a process of its own; below it are unmodified bleak, a real D-Bus and a
simulated bluetoothd that shares no code with it.
"""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from tests.fake_bluez.monitors import Monitor
from tests.fake_bluez.rig import FakeBluez
from tests.service import Service, wait_until

FROSTY = "50:54:7B:00:00:01"
ZERO = "50:54:7B:00:00:02"
WALKING = "50:54:7B:00:00:03"
OLD = "50:54:7B:00:00:04"
FLEET = [
    Monitor(address=FROSTY, family="BM6", volts=12.62, temperature=-7, charge=88),
    Monitor(address=ZERO, family="BM6", volts=12.54, temperature=0, charge=100),
    Monitor(address=WALKING, family="BM6", volts=12.80, temperature=21, charge=90),
    Monitor(address=OLD, family="BM2", volts=12.87, charge=97, state=1),
]


@pytest.fixture
def bluez() -> Iterator[FakeBluez]:
    with FakeBluez(monitors=FLEET, adv_interval=0.2, period=0.2) as bluez:
        yield bluez


def scan(*options: str) -> dict[str, dict[str, Any]]:
    done = subprocess.run(
        [sys.executable, "-m", "hawk", "scan", "--duration", "2", "--json", *options],
        env=dict(os.environ), capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return {line["address"]: line for line in map(json.loads, done.stdout.splitlines())}


def test_scan_finds_them_and_tells_their_family(bluez: FakeBluez) -> None:
    found = scan()
    assert {address: line["device_type"] for address, line in found.items()} == {
        FROSTY: "BM6", ZERO: "BM6", WALKING: "BM6", OLD: "BM2",
    }  # fmt: skip
    assert bluez.state()["linked"] == []


def test_scan_reads_them_when_asked_to_connect(bluez: FakeBluez) -> None:
    found = scan("--connect")
    assert {a: line["error"] for a, line in found.items()} == dict.fromkeys(found)
    said = {
        a: (r["voltage"], r.get("temperature"), r["state_of_charge"])
        for a, l in found.items()
        for r in [l["reading"]]
    }
    assert said == {
        FROSTY: (12.62, -7, 88), ZERO: (12.54, 0, 100), WALKING: (12.80, 21, 90), OLD: (12.87, None, 97),
    }  # fmt: skip
    assert bluez.state()["linked"] == []


def test_the_service_finds_reads_follows_and_keeps_them(bluez: FakeBluez, tmp_path: Path) -> None:
    data = tmp_path / "data"
    with Service(data) as service:
        # found and waiting
        wait_until(lambda: len(service.get("/api/devices")["data"]) == 4)
        assert {each["attributes"]["status"] for each in service.get("/api/devices")["data"]} == {
            "discovered"
        }
        assert service.readings(FROSTY) == []

        # configured, polled
        for address in (FROSTY, ZERO, OLD):
            assert service.configure(address, friendly_name=f"Battery {address[-2:]}").status_code == 200

        def polled(address: str) -> Any:
            return next((r for r in service.readings(address) if r["source"] == "gatt"), None)

        frosty, zero, old = (wait_until(partial(polled, a)) for a in (FROSTY, ZERO, OLD))
        assert (frosty["voltage"], frosty["temperature"], frosty["state_of_charge"]) == (12.62, -7, 88)
        assert (zero["voltage"], zero["temperature"], zero["state_of_charge"]) == (12.54, 0, 100)
        assert (old["voltage"], old["temperature"], old["state_of_charge"]) == (12.87, None, 97)
        assert (old["status"], old["status_code"], old["current"]) == ("normal", 1, None)
        assert frosty["device_name"] == "Battery 01"
        wait_until(lambda: bluez.state()["linked"] == [])

        # heard without a connection: a voltage that goes A, B, A
        assert service.configure(WALKING, polling_interval=86400).status_code == 200
        wait_until(lambda: polled(WALKING))
        connects = bluez.state()["calls"]["Connect"]

        def shows(volts: float) -> bool:
            return bool(service.device(WALKING)["voltage"] == volts)

        for volts in (12.95, 12.80, 12.95):
            bluez.do("set", address=WALKING, volts=volts)
            wait_until(partial(shows, volts))
        assert bluez.state()["calls"]["Connect"] == connects
        wait_until(lambda: service.readings(WALKING)[0]["voltage"] == 12.95, within=30)
        heard = [r for r in service.readings(WALKING) if r["source"] == "advertisement"]
        assert heard and all(r["temperature"] is None for r in heard)
        assert service.device(WALKING)["temperature"] == 21

        before = {address: service.readings(address) for address in (FROSTY, ZERO, OLD)}
        assert service.stop() == 0
    assert bluez.state()["linked"] == []

    with Service(data) as service:
        devices = {each["id"]: each["attributes"] for each in service.get("/api/devices")["data"]}
        assert devices[FROSTY]["friendly_name"] == "Battery 01"
        assert {each["status"] for each in devices.values()} == {"configured"}
        for address, old_readings in before.items():
            newest = old_readings[0]["timestamp"]
            again = [r for r in service.readings(address) if r["timestamp"] <= newest]
            assert again == old_readings


def test_a_monitor_can_be_read_at_once(bluez: FakeBluez, tmp_path: Path) -> None:
    with Service(tmp_path / "data") as service:
        wait_until(lambda: len(service.get("/api/devices")["data"]) == 4)
        service.configure(ZERO)
        answer = service.http.post(f"/api/devices/{ZERO}/readings", timeout=60)
        assert answer.status_code == 200, answer.text
        reading = answer.json()["data"]["attributes"]
        assert (reading["voltage"], reading["temperature"]) == (12.54, 0)
        assert bluez.state()["linked"] == []


def test_scan_reads_them_while_the_service_runs_and_has_the_adapter(bluez: FakeBluez, tmp_path: Path) -> None:
    with Service(tmp_path / "data") as service:
        wait_until(lambda: len(service.get("/api/devices")["data"]) == 4)
        assert service.configure(FROSTY, friendly_name="Starter").is_success
        wait_until(lambda: service.readings(FROSTY))
        before = service.get("/api/system/status")["data"]["attributes"]["storage"]["readings"]
        found = scan("--connect", "--data", str(service.data))
        assert {address: line["error"] for address, line in found.items()} == dict.fromkeys(
            (FROSTY, ZERO, WALKING, OLD)
        )
        said = {address: line["reading"] for address, line in found.items()}
        assert {each["source"] for each in said.values()} == {"gatt"}
        assert (said[ZERO]["voltage"], said[ZERO]["temperature"]) == (12.54, 0)
        assert (said[OLD]["voltage"], "temperature" in said[OLD]) == (12.87, False)
        assert said[FROSTY]["temperature"] == -7
        listed = service.get("/api/devices")["data"]
        assert sum(each["attributes"]["lifecycle"] == "discovered" for each in listed) == 3
        assert service.readings(ZERO) == []
        status = service.get("/api/system/status")["data"]["attributes"]
        assert status["bluetooth"]["listening"]
        assert status["storage"]["readings"] >= before


def test_scan_without_connecting_disturbs_no_service(bluez: FakeBluez, tmp_path: Path) -> None:
    with Service(tmp_path / "data") as service:
        wait_until(lambda: len(service.get("/api/devices")["data"]) == 4)
        assert set(scan("--data", str(service.data))) == {FROSTY, ZERO, WALKING, OLD}
        status = service.get("/api/system/status")["data"]["attributes"]["bluetooth"]
        assert (status["listening"], status["scan_restarts"]) == (True, 0)


def test_a_device_that_the_service_cannot_read_says_why(bluez: FakeBluez, tmp_path: Path) -> None:
    with Service(tmp_path / "data") as service:
        wait_until(lambda: len(service.get("/api/devices")["data"]) == 4)
        assert service.http.post("/api/release").is_success
        found = scan("--connect", "--data", str(service.data))
        assert [line["error"]["code"] for line in found.values()] == ["paused"] * 4
        assert {line["reading"]["source"] for line in found.values()} == {"advertisement"}
