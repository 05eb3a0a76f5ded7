"""The API beside a bare handler that answers with the same bytes, while 50 devices say something every second."""

import http.client
import os
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlencode

from hawk.model.instant import rfc3339
from hawk.store.readings import Log
from tests.benchmarks.processes import configured
from tests.benchmarks.row import Row, at_least, at_most
from tests.benchmarks.store import MINUTE, address, fill, pieces
from tests.fake_bluez.monitors import fleet
from tests.fake_bluez.rig import FakeBluez
from tests.service import Service, wait_until

CONNECTIONS = 8
ROUNDS, ROUND = 3, 3.0  # by turns, as the machine's speed changes; [s]
POINTS = 500
VOLTAGE = "timestamp,voltage_min,voltage_mean,voltage_max"
EVERY_SECOND = {
    "BATTERYHAWK_BLUETOOTH_RECORD_INTERVAL": "1",
    "BATTERYHAWK_LOGGING_LEVEL": "INFO",
    "BATTERYHAWK_HISTORY_AUTO": "false",
}


@dataclass(frozen=True, slots=True)
class Site:
    port: int
    token: str = ""

    def get(self, connection: http.client.HTTPConnection, path: str) -> bytes:
        connection.request("GET", path, headers={"Authorization": self.token})
        answer = connection.getresponse()
        body = answer.read()
        assert answer.status == 200, body
        return body

    def connect(self) -> http.client.HTTPConnection:
        return http.client.HTTPConnection("127.0.0.1", self.port)


def web() -> Iterator[Row]:
    yield Row("load average before", os.getloadavg()[0], "", "", None)
    monitors = fleet(50, adverts="sealed", walk=[12.6, 12.9])
    with tempfile.TemporaryDirectory() as folder:
        data = Path(folder) / "data"
        configured(data, monitors, 86400)
        newest = long_log(data / "readings.db")
        hours = newest - POINTS * 60 * MINUTE + MINUTE
        charts = {
            "500 hours of one device": span(hours, newest),
            "500 hours of its voltage alone": span(hours, newest, VOLTAGE),
            "500 readings of one device": span(newest - (POINTS - 1) * MINUTE, newest),
        }
        asked = {"GET /api/devices, 50 devices": "/api/devices", **charts}
        with (
            FakeBluez(monitors, adv_interval=1.0, period=0) as bluez,
            Service(data, ("serve",), **EVERY_SECOND) as service,
        ):
            wait_until(lambda: bluez.state()["frames"] >= len(monitors), within=180, every=0.5)
            ours = Site(service.http.base_url.port or 0, service.http.headers["authorization"])
            with bare(Path(folder), ours, list(asked.values())) as plain:
                for number, (name, path) in enumerate(asked.items()):
                    yield from beside(name, ours, path, plain, f"/{number}")


def radio() -> Iterator[Row]:
    """A read takes as long while others ask the API all the time, and none fails."""
    monitors = fleet(8, adverts="sealed")
    with (
        tempfile.TemporaryDirectory() as folder,
        FakeBluez(monitors, adv_interval=1.0, period=0, connect_delay=0.5) as bluez,
    ):
        data = Path(folder) / "data"
        configured(data, monitors, 86400)
        with Service(data, BATTERYHAWK_LOGGING_LEVEL="INFO", BATTERYHAWK_HISTORY_AUTO="false") as service:
            wait_until(lambda: bluez.state()["calls"].get("Disconnect", 0) >= 8, within=120, every=0.2)
            addresses = [monitor.address for monitor in monitors]
            alone = polls(service, addresses)
            ours = Site(service.http.base_url.port or 0, service.http.headers["authorization"])
            with asking(ours, "/api/devices") as count:
                beside_requests = polls(service, addresses)
    rate = sum(count) / sum(beside_requests)
    yield Row("a read of a device, alone", statistics.median(alone) * 1000, "ms", "", None)
    name = f"a read of a device, beside {rate:.0f} requests/s"
    yield Row(name, statistics.median(beside_requests) * 1000, "ms", "", None)
    longer = statistics.median(beside_requests) / statistics.median(alone)
    yield at_most("a read beside requests, the time of one alone", longer, "x", 1.25)
    yield at_least("reads beside requests that worked, of 40", len(beside_requests), "", 40)


# ------------------------------------------------------------------------------------------------


def long_log(path: Path) -> int:
    """Of 50 other devices that said something every minute, 21 days, until an hour ago; the newest instant."""
    minutes = 21 * 1440
    end = (int(time.time() * 1000) // (60 * MINUTE) - 1) * 60 * MINUTE
    fill(path, minutes, end - minutes * MINUTE)
    with Log.open(path, "boot") as log:
        pieces(lambda: log.summarise(None).more)
    return end - MINUTE


def span(since: int, until: int, fields: str = "") -> str:
    """A chart asks for what suits the span of time."""
    query = {
        **({"fields[reading-summaries]": fields} if fields else {}),
        "filter[resolution]": "auto", "filter[from]": rfc3339(since), "filter[to]": rfc3339(until),
        "page[size]": str(POINTS),
    }  # fmt: skip
    return f"/api/readings/{address(1)}?{urlencode(query)}"


@contextmanager
def bare(folder: Path, ours: Site, paths: Sequence[str]) -> Iterator[Site]:
    files = []
    for number, path in enumerate(paths):
        files.append(folder / str(number))
        files[-1].write_bytes(ours.get(ours.connect(), path))
    arguments = [sys.executable, "-m", "tests.benchmarks.bare", *map(str, files)]
    with subprocess.Popen(arguments, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            yield Site(int(process.stdout.readline()))
        finally:
            process.terminate()


def beside(name: str, ours: Site, path: str, plain: Site, same: str) -> Iterator[Row]:
    times: dict[Site, list[float]] = {plain: [], ours: []}
    for _ in range(ROUNDS):
        for site, where in ((plain, same), (ours, path)):
            times[site] += asked_again(site, where)
    found, base = sorted(times[ours]), sorted(times[plain])
    size = len(ours.get(ours.connect(), path)) / 1024
    yield Row(f"{name}, {size:.0f} KiB", len(found) / ROUNDS / ROUND, "/s", "", None)
    yield Row("  bare handler of the same bytes", len(base) / ROUNDS / ROUND, "/s", "", None)
    yield Row("  p50", found[len(found) // 2] * 1000, "ms", "", None)
    yield Row("  p99", found[len(found) * 99 // 100] * 1000, "ms", "", None)
    yield Row("  p50 of the bare handler", base[len(base) // 2] * 1000, "ms", "", None)
    yield Row("  p99 of the bare handler", base[len(base) * 99 // 100] * 1000, "ms", "", None)
    yield Row("  load average", os.getloadavg()[0], "", "", None)


def asked_again(site: Site, path: str) -> list[float]:
    """How long each request took [s], over so many connections."""

    def ask(_: int) -> list[float]:
        connection, times, end = site.connect(), list[float](), time.perf_counter() + ROUND
        while (started := time.perf_counter()) < end:
            site.get(connection, path)
            times.append(time.perf_counter() - started)
        connection.close()
        return times

    with ThreadPoolExecutor(CONNECTIONS) as threads:
        return [each for times in threads.map(ask, range(CONNECTIONS)) for each in times]


@contextmanager
def asking(site: Site, path: str) -> Iterator[list[int]]:
    """All the time, over so many connections; how many requests were answered is there in the end."""
    count, enough = [0] * CONNECTIONS, threading.Event()

    def ask(number: int) -> None:
        connection = site.connect()
        while not enough.is_set():
            site.get(connection, path)
            count[number] += 1
        connection.close()

    with ThreadPoolExecutor(CONNECTIONS) as threads:
        running = [threads.submit(ask, number) for number in range(CONNECTIONS)]
        try:
            yield count
        finally:
            enough.set()
    for each in running:
        each.result()


def polls(service: Service, addresses: Sequence[str]) -> list[float]:
    """Seconds, of each that worked: five reads of every device, one after the other."""
    times = []
    for device in list(addresses) * 5:
        started = time.perf_counter()
        said = service.http.post(f"/api/devices/{device}/readings", timeout=120)
        if said.is_success:
            times.append(time.perf_counter() - started)
    return times
