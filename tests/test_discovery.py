"""Looking around from end to end: POST /api/discovery on a service that runs."""

from pathlib import Path
from typing import Any

from tests.service import Service, wait_until

SIMULATED = {
    "BATTERYHAWK_BLUETOOTH_BACKEND": "simulated",
    "BATTERYHAWK_SIMULATION_DEVICES": "3",
    "BATTERYHAWK_BLUETOOTH_LISTEN": "false",
    "BATTERYHAWK_DISCOVERY_INITIAL_SCAN": "false",
}
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
