"""Starts of an engine, read by the whole program with unmodified bleak over the simulated daemon."""

import json
import os
import subprocess
import sys
import time
from datetime import datetime
from pathlib import Path
from typing import Any

import httpx

from tests.fake_bluez.cranking import Start
from tests.fake_bluez.monitors import Monitor
from tests.fake_bluez.rig import FakeBluez
from tests.service import Service, wait_until

A, SEVEN, OLD = "50:54:7B:00:00:01", "E0:4E:7A:00:00:02", "50:54:7B:00:00:03"
WAVE = [1262] * 9 + [960 + (37 * k) % 91 + k // 2 for k in range(343)]


def monitor(start: Start | None = None, address: str = A, family: str = "BM6", **more: Any) -> Monitor:
    return Monitor(address, family, volts=12.62, temperature=5, adverts="sealed", start=start, **more)


class ByHand(Service):
    def __init__(self, data: Path) -> None:
        super().__init__(data, BATTERYHAWK_HISTORY_AUTO="false")


def configure(service: Service, address: str = A, device_type: str = "BM6", interval: float = 3600) -> None:
    said = service.configure(address, device_type=device_type, polling_interval=interval)
    assert said.is_success, said.text


def hawk(service: Service, *arguments: str, encoding: str = "utf-8") -> str:
    done = subprocess.run(
        [sys.executable, "-m", "hawk", "devices", "cranking", *arguments, "--data", str(service.data)],
        capture_output=True, check=False, env={**os.environ, "PYTHONIOENCODING": encoding, "COLUMNS": "80"},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr.decode()
    return done.stdout.decode(encoding)


def starts(service: Service, address: str = A, **query: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = service.get(f"/api/devices/{address}/cranking", **query)["data"]
    return found


def read(service: Service, address: str = A) -> dict[str, Any]:
    """By hand; the job as it ended."""
    job = service.http.post(f"/api/devices/{address}/cranking")
    assert job.status_code == 202, job.text
    path = job.json()["data"]["links"]["self"]
    assert job.headers["Location"] == path
    wait_until(lambda: service.get(path)["data"]["attributes"]["state"] != "running", within=60)
    ended: dict[str, Any] = service.get(path)["data"]["attributes"]
    return ended


def test_a_start_is_read_when_somebody_wants_it_and_kept_once(tmp_path: Path) -> None:
    """An acknowledgement before it, live values in it, blocks that are lost the first time."""
    began = time.time() - 3000
    start = Start(WAVE, duration=870, at=began, acknowledged=True, loses=[3, 9, 20])
    with FakeBluez([monitor(start)], period=0.2), ByHand(tmp_path / "data") as service:
        configure(service)
        ended = read(service)
        assert (ended["kind"], ended["state"], ended["error"]) == ("cranking", "done", None)
        (found,) = starts(service)
        assert ended["result"] == {"event": found["id"], "stored": True}
        said = found["attributes"]
        assert found["type"] == "cranking-events"
        assert (said["minimum_voltage"], said["voltage_before"]) == (min(WAVE) / 100, 12.62)
        assert (said["voltage"], said["duration"], said["status_code"]) == (sorted(WAVE)[2] / 100, 0.87, 1)
        assert said["samples"] == [each / 100 for each in WAVE]
        assert (said["sample_interval"], said["device_id"]) == (0.01, A)
        assert found["id"] == f"{A}@{said['timestamp']}"
        assert abs(_utc(said["timestamp"]) - began) <= 121
        assert read(service)["result"] == {"event": found["id"], "stored": False}
        assert starts(service) == [found]
        assert service.get("/api/system/status")["data"]["attributes"]["storage"]["cranking_events"] == 1
        sparse = starts(service, **{"fields[cranking-events]": "timestamp,minimum_voltage"})
        assert sparse[0]["attributes"].keys() == {"timestamp", "minimum_voltage"}


def test_the_poll_that_may_come_after_a_start_reads_it_over_its_own_link(tmp_path: Path) -> None:
    first = Start(WAVE, at=time.time() - 600)
    with FakeBluez([monitor(first)], period=0.2) as bluez, Service(tmp_path / "data") as service:
        configure(service, interval=2)
        wait_until(lambda: len(starts(service)) == 1, within=60)
        links = service.get(f"/api/devices/{A}/connection")["data"]["attributes"]["polls_ok"]
        told = bluez.state()["recollections"]
        wait_until(
            lambda: (
                service.get(f"/api/devices/{A}/connection")["data"]["attributes"]["polls_ok"] >= links + 3
            ),
            within=60,
        )
        assert bluez.state()["recollections"] == told, "nothing spoke for a new start"


def test_with_history_auto_off_nobody_asks_for_a_start(tmp_path: Path) -> None:
    with FakeBluez([monitor(Start(WAVE))], period=0.2) as bluez, ByHand(tmp_path / "data") as service:
        configure(service, interval=1)
        wait_until(
            lambda: service.get(f"/api/devices/{A}/connection")["data"]["attributes"]["polls_ok"] >= 3,
            within=60,
        )
        assert bluez.state()["recollections"] == 0
        assert starts(service) == []


def test_a_link_that_breaks_meanwhile_is_made_again(tmp_path: Path) -> None:
    with (
        FakeBluez([monitor(Start(WAVE))], period=0.2, drop_after_frames=12) as bluez,
        ByHand(tmp_path / "data") as service,
    ):
        configure(service)
        wait_until(lambda: service.readings(A))
        bluez.do("faults", drop_after_frames=bluez.state()["frames"] + 12)
        assert read(service)["result"]["stored"] is True
        assert bluez.state()["recollections"] == 3  # the first was cut off


def test_one_that_does_not_tell_its_start_is_polled_all_the_same(tmp_path: Path) -> None:
    with FakeBluez([monitor(Start(mute=True))], period=0.2) as bluez, Service(tmp_path / "data") as service:
        configure(service, interval=2)
        wait_until(lambda: len(service.readings(A, **{"filter[source]": "gatt"})) >= 3, within=60)
        how = service.get(f"/api/devices/{A}/connection")["data"]["attributes"]
        assert (how["polls_failed"], how["polls_ok"] >= 2) == (0, True)
        assert bluez.state()["recollections"] == 5  # and then not for an hour
        assert read(service)["error"]["code"] == "silent"


def test_a_bm7_without_a_start_says_so(tmp_path: Path) -> None:
    seven = monitor(None, SEVEN, "BM7")
    with FakeBluez([seven], period=0.2), ByHand(tmp_path / "data") as service:
        configure(service, SEVEN, "BM7")
        assert read(service, SEVEN)["result"] == {"event": None, "stored": False}
        assert "No start" in hawk(service, SEVEN, "--read")
        assert starts(service, SEVEN) == []


def test_a_bm2_tells_the_lowest_voltage_with_its_history_and_nothing_of_a_curve(tmp_path: Path) -> None:
    memory = [f"{(1287 - k) << 20 | (973 << 4 if k == 50 else 0):08x}" for k in range(200)]
    old = Monitor(OLD, "BM2", volts=12.87, state=1, adverts="sealed", memory=memory)
    with FakeBluez([old], period=0.2), ByHand(tmp_path / "data") as service:
        configure(service, OLD, "BM2")
        refused = read(service, OLD)
        assert refused["error"]["code"] == "no_cranking"
        assert "history" in refused["error"]["detail"]
        job = service.http.post(f"/api/devices/{OLD}/history").json()["data"]["links"]["self"]
        wait_until(lambda: service.get(job)["data"]["attributes"]["state"] == "done", within=60)
        (found,) = starts(service, OLD)
        said = found["attributes"]
        assert (said["minimum_voltage"], said["samples"], said["duration"]) == (9.73, [], None)
        assert abs(_utc(said["timestamp"]) - (time.time() - 50 * 120)) < 300
        assert "keeps no curve" in hawk(service, OLD)


def test_the_command_shows_table_and_curve(tmp_path: Path) -> None:
    with FakeBluez([monitor(Start(WAVE))], period=0.2) as bluez, ByHand(tmp_path / "data") as service:
        configure(service)
        picture = hawk(service, A, "--read")
        assert "9.60 V" in picture
        assert "┤" in picture
        assert max(map(len, picture.splitlines())) <= 80
        bluez.do("crank", address=A, samples=[each - 40 for each in WAVE])
        assert "9.20 V" in hawk(service, A, "--read", encoding="ascii").splitlines()[1]
        old = hawk(service, A, "--event", "2", encoding="ascii")
        assert "start 2" in old
        assert "9.60 V after" in old
        document = json.loads(hawk(service, A, "--json"))
        assert [each["attributes"]["minimum_voltage"] for each in document["data"]] == [9.2, 9.6]
        beyond = subprocess.run(
            [sys.executable, "-m", "hawk", "devices", "cranking", A, "--event", "3", "--data", str(service.data)],
            capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert (beyond.returncode, "2 starts are known" in beyond.stderr) == (1, True)


def test_a_start_is_told_as_it_comes(tmp_path: Path) -> None:
    with FakeBluez([monitor(Start(WAVE))], period=0.2), ByHand(tmp_path / "data") as service:
        configure(service)
        with service.http.stream("GET", "/api/events", params={"types": "history"}, timeout=60) as stream:
            lines = stream.iter_lines()
            assert any("hello" in line for line in lines)
            service.http.post(f"/api/devices/{A}/cranking")
            said = next(line for line in lines if line.startswith("data: ") and "cranking-events" in line)
            assert json.loads(said[6:])["attributes"]["minimum_voltage"] == min(WAVE) / 100


def test_what_cannot_be_asked_is_refused(tmp_path: Path) -> None:
    with FakeBluez([monitor()], period=0.2), ByHand(tmp_path / "data") as service:
        stranger = "/api/devices/50:54:7B:00:00:77/cranking"
        answers: list[httpx.Response] = [service.http.get(stranger), service.http.post(stranger)]
        assert [answer.status_code for answer in answers] == [404, 404]
        wrong = service.http.get(f"/api/devices/{A}/cranking", params={"filter[from]": "x"})
        assert wrong.json()["errors"][0]["source"] == {"parameter": "filter[from]"}


def _utc(timestamp: str) -> float:
    return datetime.fromisoformat(timestamp).timestamp()
