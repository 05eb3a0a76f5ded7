"""Whole processes: help, start, and the idle service."""

import http.client
import json
import statistics
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import psutil

from tests.benchmarks.row import Row, at_least, at_most
from tests.fake_bluez.monitors import Monitor, fleet
from tests.fake_bluez.rig import FakeBluez
from tests.service import Service, wait_until

_BARE_SCAN = """
import asyncio, sys
from bleak import BleakScanner

async def main():
    heard = asyncio.Event()
    def seen(device, advert):
        if any(len(data) == 14 for data in advert.manufacturer_data.values()):
            heard.set()
    async with BleakScanner(seen, bluez={"filters": {"DuplicateData": True}}):
        await heard.wait()

asyncio.run(main())
"""


def help_time() -> Iterator[Row]:
    def run(*arguments: str) -> float:
        started = time.perf_counter()
        subprocess.run([sys.executable, *arguments], check=True, capture_output=True)
        return (time.perf_counter() - started) * 1000

    whole = statistics.median(run("-m", "hawk", "--help") for _ in range(7))
    yield at_most("hawk --help", whole, "ms", 100)
    yield Row("python -c pass", statistics.median(run("-c", "pass") for _ in range(7)), "ms", "", None)


def configured(data: Path, monitors: list[Monitor], interval: float, a_vehicle: int = 1000) -> None:
    """devices.json and vehicles.json as if somebody had configured them."""
    data.mkdir(parents=True)
    devices: dict[str, Any] = {
        monitor.address: {
            "mac_address": monitor.address, "device_type": monitor.family, "friendly_name": monitor.address,
            "vehicle_id": f"vehicle_{1 + number // a_vehicle}", "status": "configured",
            "discovered_at": None, "configured_at": None, "polling_interval": interval,
        }
        for number, monitor in enumerate(monitors)
    }  # fmt: skip
    (data / "devices.json").write_text(json.dumps({"version": "1.0", "devices": devices}))
    crews = Counter(device["vehicle_id"] for device in devices.values())
    vehicles = {
        vehicle: {"name": f"Boat {vehicle}", "created_at": None, "device_count": count}
        for vehicle, count in crews.items()
    }
    (data / "vehicles.json").write_text(json.dumps({"version": "1.0", "vehicles": vehicles}))


def start_time() -> Iterator[Row]:
    monitor = Monitor("50:54:7B:00:00:01", adverts="sealed")
    listening, first, bare = [], [], []
    for _ in range(3):
        with tempfile.TemporaryDirectory() as folder, FakeBluez([monitor], adv_interval=1.0) as _:
            configured(Path(folder) / "data", [monitor], 86400)
            started = time.perf_counter()
            with Service(Path(folder) / "data") as service:
                listening.append(time.perf_counter() - started)
                wait_until(lambda: service.readings(monitor.address), every=0.01)
                first.append(time.perf_counter() - started)
            started = time.perf_counter()
            subprocess.run([sys.executable, "-c", _BARE_SCAN], check=True)
            bare.append(time.perf_counter() - started)
    yield at_most("start to listening", statistics.median(listening), "s", 1.0)
    yield at_most("start to the first reading, adverts 1 s apart", statistics.median(first), "s", 1.3)
    yield Row("bare bleak scan to its first sealed advert", statistics.median(bare), "s", "", None)


def idle(seconds: float = 30.0) -> Iterator[Row]:
    """20 configured devices, each heard once in 6 s, nobody polled."""
    monitors = fleet(20)
    with tempfile.TemporaryDirectory() as folder, FakeBluez(monitors, adv_interval=6.0, period=0) as bluez:
        configured(Path(folder) / "data", monitors, 86400)
        with Service(Path(folder) / "data", BATTERYHAWK_LOGGING_LEVEL="INFO") as service:
            wait_until(lambda: _settled(bluez.state(), len(monitors)), within=180, every=0.5)
            time.sleep(5)
            process = psutil.Process(service.process.pid)
            before = sum(process.cpu_times()[:2])
            time.sleep(seconds)
            used = sum(process.cpu_times()[:2]) - before
            yield at_most("idle service, memory", process.memory_info().rss / 2**20, "MiB", 80)
            yield at_most("idle service, CPU", 100 * used / seconds, "%", 0.5)


def _settled(state: dict[str, Any], devices: int) -> bool:
    """All were read once, and asked what they remember of the time before."""
    return state["frames"] >= devices <= state["recollections"] and not state["linked"]


def api(seconds: float = 5.0) -> Iterator[Row]:
    """`GET /api/devices` of 20 devices over 8 connections."""
    monitors = fleet(20)
    with tempfile.TemporaryDirectory() as folder, FakeBluez(monitors, adv_interval=6.0, period=0) as bluez:
        configured(Path(folder) / "data", monitors, 86400)
        with Service(Path(folder) / "data", BATTERYHAWK_LOGGING_LEVEL="INFO") as service:
            wait_until(lambda: bluez.state()["frames"] >= 20, within=180, every=0.5)
            with ThreadPoolExecutor(8) as threads:
                asked = threads.map(lambda _: _ask_again(service, seconds), range(8))
                times = sorted(each for taken in asked for each in taken)
    yield at_least("GET /api/devices of 20 devices, 8 connections", len(times) / seconds, "/s", 600)
    yield at_most("GET /api/devices, p99", times[len(times) * 99 // 100] * 1000, "ms", 40)


def _ask_again(service: Service, seconds: float) -> list[float]:
    """How long each request took, over one connection for so long."""
    url, headers = service.http.base_url, dict(service.http.headers)
    connection, times = http.client.HTTPConnection(url.host, url.port), list[float]()
    end = time.perf_counter() + seconds
    while (started := time.perf_counter()) < end:
        connection.request("GET", "/api/devices", headers={"Authorization": headers["authorization"]})
        answer = connection.getresponse()
        body = answer.read()
        assert answer.status == 200, body
        times.append(time.perf_counter() - started)
    connection.close()
    return times


def latency(count: int = 2000) -> Iterator[Row]:
    """About 100 readings a second: 500 devices, each heard with another voltage once in 5.2 s."""
    monitors = fleet(500, adverts="sealed", walk=[12.6, 12.9])
    with tempfile.TemporaryDirectory() as folder, FakeBluez(monitors, adv_interval=5.2, period=0) as bluez:
        configured(Path(folder) / "data", monitors, 86400)
        with Service(Path(folder) / "data", BATTERYHAWK_LOGGING_LEVEL="INFO") as service:
            wait_until(lambda: bluez.state()["frames"] >= len(monitors), within=300, every=0.5)
            started = time.perf_counter()
            waits = sorted(_waits(service, count))
            rate = count / (time.perf_counter() - started)
    yield Row("readings a second", rate, "/s", "", None)
    yield at_most("heard to committed to seen by SSE, p99", waits[count * 99 // 100] * 1000, "ms", 50)
    yield Row("heard to committed to seen by SSE, median", waits[count // 2] * 1000, "ms", "", None)


def _waits(service: Service, count: int) -> Iterator[float]:
    """Seconds from the timestamp of a reading to its event."""
    with service.http.stream("GET", "/api/events", params={"types": "reading"}) as stream:
        for line in stream.iter_lines():
            if line.startswith("data: ") and "timestamp" in line:  # not the greeting
                said = datetime.fromisoformat(json.loads(line[6:])["attributes"]["timestamp"])
                yield (datetime.now(UTC) - said).total_seconds()
                if (count := count - 1) == 0:
                    return


def linger() -> Iterator[Row]:
    """bluetoothd needs 2 s to let go of a link: with two links the next connect goes on meanwhile."""
    one, two = _read_eight(1), _read_eight(2)
    yield Row("8 devices read over one link at a time", one, "s", "", None)
    yield Row("8 devices read over two links at a time", two, "s", "", None)
    yield at_most("two links beside one, BlueZ lingering for 2 s", two / one, "x", 0.6)


def _read_eight(links: int) -> float:
    """Seconds from the first connect until all were read and let go."""
    monitors = fleet(8)
    with (
        tempfile.TemporaryDirectory() as folder,
        FakeBluez(monitors, adv_interval=0.5, disconnect_delay=2.0) as bluez,
    ):
        configured(Path(folder) / "data", monitors, 86400)
        with Service(Path(folder) / "data", BATTERYHAWK_BLUETOOTH_MAX_CONCURRENT_CONNECTIONS=str(links)):
            wait_until(lambda: bluez.state()["linked"], every=0.01)
            started = time.perf_counter()
            wait_until(lambda: bluez.state()["calls"].get("Disconnect", 0) >= 8, within=120, every=0.02)
            wait_until(lambda: not bluez.state()["linked"], every=0.02)
            return time.perf_counter() - started
