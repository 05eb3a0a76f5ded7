"""Looking around from end to end: POST /api/discovery on a service that runs."""

from pathlib import Path
from typing import Any

from tests.fake_bluez.monitors import Monitor
from tests.fake_bluez.rig import FakeBluez
from tests.service import Service, wait_until

DEAF = {"BATTERYHAWK_BLUETOOTH_LISTEN": "false", "BATTERYHAWK_DISCOVERY_INITIAL_SCAN": "false"}
SIMULATED = {"BATTERYHAWK_BLUETOOTH_BACKEND": "simulated", "BATTERYHAWK_SIMULATION_DEVICES": "3", **DEAF}
OURS, OTHERS = "02:00:00:00:00:01", {"02:00:00:00:00:02", "02:00:00:00:00:03"}


def look_around(service: Service, **wanted: Any) -> Any:
    """How the job ended."""
    said = service.http.post(
        "/api/discovery", json={"data": {"type": "jobs", "attributes": {"duration": 2, **wanted}}}
    )
    assert said.status_code == 202, said.text

    def ended() -> Any:
        job = service.get(said.headers["Location"])["data"]["attributes"]
        return None if job["state"] == "running" else job

    job = wait_until(ended)
    assert (job["kind"], job["state"], job["progress"]) == ("discovery", "done", 1)
    return job["result"]


def test_a_service_that_does_not_listen_finds_and_reads_what_is_there(tmp_path: Path) -> None:
    with Service(tmp_path / "data", ("serve",), **SIMULATED) as service:
        assert service.configure(OURS, device_type="BM6").status_code == 201
        assert service.get("/api/discovery")["data"] == []
        result = look_around(service)
        assert set(result["found"]) == set(result["new"]) == OTHERS
        assert result["read"] == []
        listed = service.get("/api/discovery")["data"]
        assert {each["id"] for each in listed} == OTHERS
        assert all(each["attributes"]["reason"] and each["attributes"]["last_seen"] for each in listed)
        result = look_around(service, connect=True)
        assert (set(result["found"]), result["new"]) == (OTHERS, [])
        assert {each["id"] for each in result["read"]} == OTHERS
        assert all(each["error"] is None and each["reading"]["voltage"] > 10 for each in result["read"])
        for each in OTHERS:
            assert service.readings(each) == []  # nobody keeps it


def test_what_bleak_hears_and_reads_on_the_simulated_bluetoothd_is_the_result(tmp_path: Path) -> None:
    frosty = Monitor(address="50:54:7B:00:00:01", family="BM6", volts=12.62, temperature=-7, charge=88)
    with (
        FakeBluez([frosty], adv_interval=0.2, period=0.2) as bluez,
        Service(tmp_path / "data", ("serve",), **DEAF) as service,
    ):
        result = look_around(service, connect=True)
        assert result["found"] == result["new"] == [frosty.address]
        (read,) = result["read"]
        assert read["error"] is None
        assert (read["reading"]["voltage"], read["reading"]["temperature"]) == (12.62, -7)
        assert read["reading"]["source"] == "gatt"
        assert service.configure(frosty.address).status_code == 200
        polled = service.http.post(f"/api/devices/{frosty.address}/readings", timeout=90)
        assert (polled.status_code, polled.json()["data"]["attributes"]["temperature"]) == (200, -7)
        wait_until(lambda: bluez.state()["linked"] == [])


def test_without_bluetooth_the_job_fails_with_the_reason(tmp_path: Path) -> None:
    with FakeBluez([], adapters=()), Service(tmp_path / "data", ("serve",)) as service:
        wait_until(
            lambda: not service.get("/api/system/status")["data"]["attributes"]["bluetooth"]["listening"]
        )
        said = service.http.post("/api/discovery", json={"data": {"type": "jobs", "attributes": {}}})

        def failed() -> Any:
            return service.get(said.headers["Location"])["data"]["attributes"]["error"]

        assert wait_until(failed)["code"] == "no_adapter"
