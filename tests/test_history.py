"""What a monitor remembers, read by the whole program with unmodified bleak over the simulated daemon."""

import json
import random
import time
from collections import Counter
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any

from click.testing import CliRunner, Result

from hawk.cli.main import main
from hawk.model.address import Address
from hawk.model.reading import Moment
from hawk.store.readings import Log
from tests.fake_bluez.faults import Faults
from tests.fake_bluez.monitors import Monitor
from tests.fake_bluez.rig import FakeBluez
from tests.service import Service, wait_until
from tests.store.samples import reading

A, OLD = "50:54:7B:00:00:01", "50:54:7B:00:00:02"
TIMES = 10  # a link breaks
WHOLE = 51_200  # records, 71 days
LONG = timedelta(
    minutes=4
)  # since the newest record was made: it may be two minutes old, and the test takes its time


class ByHand(Service):
    def __init__(self, data: Path) -> None:
        super().__init__(data, BATTERYHAWK_HISTORY_AUTO="false")


def record(number: int) -> str:
    return f"{(1200 + number * 7 % 211) << 20 | (number % 100) << 12 | 21 << 4:08x}"


def monitor(count: int, **faults: Any) -> Monitor:
    memory = [record(number) for number in range(count)]
    return Monitor(A, volts=12.62, temperature=5, adverts="sealed", memory=memory, faults=Faults(**faults))


def configure(service: Service, address: str = A, device_type: str = "BM6") -> None:
    said = service.configure(address, device_type=device_type, polling_interval=3600)
    assert said.is_success, said.text


def hawk(service: Service, *arguments: str) -> Result:
    return CliRunner().invoke(main, ["devices", *arguments, "--data", str(service.data)])


def imported(service: Service, address: str = A) -> list[float]:
    """The voltages of history, the newest first."""
    return [volts for _, volts in dated(service, address)]


def dated(service: Service, address: str = A) -> list[tuple[datetime, float]]:
    """With their times."""
    found, after = list[tuple[datetime, float]](), ""
    while True:
        page = service.get(
            f"/api/readings/{address}",
            **{"filter[source]": "history", "page[size]": "1000"},
            **({"page[after]": after} if after else {}),
        )
        said = [each["attributes"] for each in page["data"]]
        found += [(datetime.fromisoformat(each["timestamp"]), each["voltage"]) for each in said]
        if page["links"]["next"] is None:
            return found
        after = page["links"]["next"].split("page%5Bafter%5D=")[-1].split("page[after]=")[-1].split("&")[0]


def right(count: int) -> list[float]:
    return [(1200 + number * 7 % 211) / 100 for number in range(count)]


def without_live(volts: list[float], count: int) -> bool:
    """The newest records are left out where a live reading says it better."""
    return right(count)[-len(volts) :] == volts and len(volts) >= count - 3


def evenly_spaced(found: list[tuple[datetime, float]]) -> bool:
    """Two minutes from each to the next, the newest first."""
    return {newer - older for (newer, _), (older, _) in pairwise(found)} == {timedelta(minutes=2)}


def test_a_whole_history_of_71_days_comes_complete_and_once(tmp_path: Path) -> None:
    with FakeBluez([monitor(WHOLE)], period=0.2), ByHand(tmp_path / "data") as service:
        configure(service)
        first = json.loads(hawk(service, "history", A, "--json").stdout)
        assert (first["device_id"], first["records"]) == (A, WHOLE)
        before = dated(service)
        assert without_live([volts for _, volts in before], WHOLE)
        assert evenly_spaced(before)
        assert (
            timedelta(0)
            <= datetime.now(UTC) - before[0][0] - timedelta(minutes=2) * (WHOLE - len(before))
            < LONG
        )
        again = json.loads(hawk(service, "history", A, "--json").stdout)
        assert (again["records"], again["stored"]) == (WHOLE, 0)
        assert dated(service) == before


def test_links_that_break_at_random_points_change_nothing(tmp_path: Path) -> None:
    chance = random.Random(5)
    with (
        FakeBluez([monitor(WHOLE, reply_delay=0.004)], period=0.2) as bluez,
        ByHand(tmp_path / "data") as service,
    ):
        configure(service)
        job = service.http.post(f"/api/devices/{A}/history")
        assert job.status_code == 202
        path = job.json()["data"]["links"]["self"]
        for _ in range(TIMES):
            wait_until(lambda: bluez.state()["notifying"], within=30, every=0.01)
            time.sleep(chance.uniform(0.0, 0.5))  # somewhere in a page, of which one takes 0.4 s here
            bluez.do("drop", address=A)
        wait_until(lambda: service.get(path)["data"]["attributes"]["state"] != "running", within=240)
        ended = service.get(path)["data"]["attributes"]
        assert (ended["state"], ended["progress"], ended["error"]) == ("done", 1.0, None)
        assert ended["result"]["records"] == WHOLE
        found = dated(service)
        assert without_live([volts for _, volts in found], WHOLE)
        assert evenly_spaced(found)


def test_after_an_absence_it_is_read_by_itself(tmp_path: Path) -> None:
    """Ten hours ago somebody listened."""
    data = tmp_path / "data"
    data.mkdir()
    then = Moment(time.time_ns() // 1_000_000 - 36_000_000, 0.0)
    with Log.open(data / "readings.db") as log:
        log.append([reading(address=Address(A), when=then)], then)
    with FakeBluez([monitor(500)], period=0.2), Service(data) as service:
        configure(service)
        wait_until(lambda: len(imported(service)) >= 490, within=60)
        assert Counter(imported(service)) <= Counter(right(500))


def test_a_bm2_is_read_too(tmp_path: Path) -> None:
    memory = [f"{(1287 - number) << 20 | 973 << 4:08x}" for number in range(200)]
    old = Monitor(OLD, "BM2", volts=12.87, state=1, adverts="sealed", memory=memory)
    with FakeBluez([old], period=0.2), ByHand(tmp_path / "data") as service:
        configure(service, OLD, "BM2")
        said = json.loads(hawk(service, "history", OLD, "--json").stdout)
        assert said["records"] == 200
        newest = service.readings(OLD, **{"filter[source]": "history", "page[size]": "1"})[0]
        assert newest["extra"] == {"min_crank_voltage": 9.73}
        assert newest["voltage"] in {12.87, 12.86, 12.85}


def test_of_a_bm2_whose_ends_are_alike_the_times_are_said_to_be_uncertain(tmp_path: Path) -> None:
    memory = [f"{1287 << 20:08x}"] * 50
    old = Monitor(OLD, "BM2", volts=12.87, state=1, adverts="sealed", memory=memory)
    with FakeBluez([old], period=0.2), ByHand(tmp_path / "data") as service:
        configure(service, OLD, "BM2")
        assert json.loads(hawk(service, "history", OLD, "--json").stdout)["records"] == 50
        found = service.readings(OLD, **{"filter[source]": "history"})
        assert [each["extra"] for each in found] == [{"timestamp_uncertain": True}] * len(found) != []


def test_while_a_history_is_read_nobody_else_begins_to(tmp_path: Path) -> None:
    with FakeBluez([monitor(WHOLE, reply_delay=0.02)], period=0.2), ByHand(tmp_path / "data") as service:
        configure(service)
        first, second = (service.http.post(f"/api/devices/{A}/history").json()["data"] for _ in range(2))
        path = second["links"]["self"]
        wait_until(lambda: service.get(path)["data"]["attributes"]["state"] != "running")
        refused = service.get(path)["data"]["attributes"]
        assert (refused["state"], refused["error"]["code"]) == ("failed", "busy")
        assert service.get(first["links"]["self"])["data"]["attributes"]["state"] == "running"


def test_of_the_last_day_no_more_comes_than_a_day_has(tmp_path: Path) -> None:
    with FakeBluez([monitor(2000)], period=0.2), ByHand(tmp_path / "data") as service:
        configure(service)
        said = json.loads(hawk(service, "history", A, "--days", "1", "--json").stdout)
        assert said["records"] == 720
        assert 717 <= len(dated(service)) <= 720


def test_a_device_that_remembers_nothing_says_so(tmp_path: Path) -> None:
    with FakeBluez([monitor(0)], period=0.2), ByHand(tmp_path / "data") as service:
        configure(service)
        said = json.loads(hawk(service, "history", A, "--json").stdout)
        assert (said["records"], said["stored"], said["from"]) == (0, 0, None)
        refused = service.http.post("/api/devices/50:54:7B:00:00:77/history")
        assert refused.status_code in {404, 409}
        assert service.http.get("/api/jobs/none").status_code == 404
