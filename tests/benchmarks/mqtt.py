"""From a notification to a subscriber, by mosquitto and by the broker inside, and how much either carries."""

import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from hawk.model.reading import Moment
from hawk.store.messages import MoveCursor, Stream
from hawk.store.readings import Log
from tests.benchmarks.processes import configured
from tests.benchmarks.row import Row, at_most
from tests.benchmarks.store import DEVICES, reading
from tests.fake_bluez.monitors import fleet
from tests.fake_bluez.rig import FakeBluez
from tests.mqtt.mosquitto import Mosquitto, Witness
from tests.service import Service

READINGS = "battery_hawk/device/+/reading"
WAITING = 10_000  # readings
MANY = 1000  # made-up batteries, each heard once in 3.5 s

_INSIDE = {"BATTERYHAWK_BROKER_ENABLED": "true"}
_PLAIN = {"BATTERYHAWK_LOGGING_LEVEL": "INFO", "BATTERYHAWK_HOMEASSISTANT_DISCOVERY_ENABLED": "false"}
_MADE_UP = {
    "BATTERYHAWK_BLUETOOTH_BACKEND": "simulated",
    "BATTERYHAWK_CLOCK_TRUST": "always",
    "BATTERYHAWK_HISTORY_AUTO": "false",
}
_DEAF = {"BATTERYHAWK_BLUETOOTH_LISTEN": "false", "BATTERYHAWK_DISCOVERY_INITIAL_SCAN": "false"}
_MANY = {
    "BATTERYHAWK_BLUETOOTH_RECORD_INTERVAL": "1",
    "BATTERYHAWK_SIMULATION_MODELS": "BM6",
    "BATTERYHAWK_SIMULATION_DEVICES": str(MANY),
}

Broker = Callable[[Path], AbstractContextManager[Mosquitto | None]]


def mqtt() -> Iterator[Row]:
    yield from _by("mosquitto", Mosquitto)
    yield from _by("the broker inside", lambda _: nullcontext(None))


def _by(name: str, broker: Broker) -> Iterator[Row]:
    for devices, count in ((5, 50), (500, 1500)):
        with tempfile.TemporaryDirectory() as folder, broker(Path(folder)) as server:
            waits, rate = _waits(Path(folder), server, devices, count)
        where = f"heard to a subscriber by {name}, {rate:.0f} readings/s"
        yield at_most(f"{where}, p99", waits[count * 99 // 100] * 1000, "ms", 50)
        yield Row(f"{where}, median", waits[count // 2] * 1000, "ms", "", None)
    for offered, rate_of in (
        (f"{WAITING} of an outage", _replayed),
        (f"{MANY / 3.5:.0f}/s of made-up batteries", _sustained),
    ):
        with tempfile.TemporaryDirectory() as folder, broker(Path(folder)) as server:
            rate = rate_of(Path(folder), server)
        yield Row(f"readings to a subscriber by {name}, {offered}", rate, "/s", "", None)


def _settings(server: Mosquitto | None) -> Mapping[str, str]:
    if server is None:
        return {**_INSIDE, **_PLAIN}
    place = {"BATTERYHAWK_MQTT_BROKER": "127.0.0.1", "BATTERYHAWK_MQTT_PORT": str(server.port)}
    return {"BATTERYHAWK_MQTT_ENABLED": "true", **place, **_PLAIN}


def _waits(folder: Path, server: Mosquitto | None, devices: int, count: int) -> tuple[list[float], float]:
    """Sorted, in seconds from the timestamp of a reading; and readings a second. Each device is heard with another
    voltage once in 5.2 s.
    """
    monitors = fleet(devices, adverts="sealed", walk=[12.6, 12.9])
    configured(folder / "data", monitors, 86400, a_vehicle=10)
    with (
        FakeBluez(monitors, adv_interval=5.2, period=0),
        Service(folder / "data", ("serve",), **_settings(server)) as service,
        _heard(service) as witness,
    ):
        for _ in range(3 * devices):  # the beginning is another story
            witness.next()
        started, waits = time.perf_counter(), list[float]()
        while len(waits) < count:
            said = datetime.fromisoformat(witness.next().json["timestamp"])
            waits.append((datetime.now(UTC) - said).total_seconds())
        return sorted(waits), count / (time.perf_counter() - started)


def _replayed(folder: Path, server: Mosquitto | None) -> float:
    """The log is full of what nobody has heard, and nothing new comes."""
    _fill(folder / "data")
    with (
        Service(folder / "data", ("serve",), **_MADE_UP, **_DEAF, **_settings(server)) as service,
        _heard(service) as witness,
    ):
        seen = {witness.next().json["seq"]}
        started = time.perf_counter()
        while len(seen) < WAITING and WAITING not in seen:
            seen.add(witness.next().json["seq"])
        return len(seen) / (time.perf_counter() - started)


def _fill(data: Path) -> None:
    data.mkdir()
    now = round(time.time() * 1000)
    with Log.open(data / "readings.db", "boot") as log:
        log.append(
            [reading(1 + n % DEVICES, now - 60 * (WAITING - n)) for n in range(WAITING)], Moment(now, 0.0)
        )
        log.move_cursor(MoveCursor("mqtt", Stream.READING, 0))


def _sustained(folder: Path, server: Mosquitto | None, seconds: float = 15.0) -> float:
    """Each of their adverts is a reading, and the whole service is at work."""
    numbered = enumerate(fleet(MANY), 1)
    monitors = [replace(each, address=f"02:00:00:00:{n >> 8:02X}:{n & 255:02X}") for n, each in numbered]
    configured(folder / "data", monitors, 86400, a_vehicle=10)
    with (
        Service(folder / "data", ("serve",), **_MADE_UP, **_MANY, **_settings(server)) as service,
        _heard(service) as witness,
    ):
        for _ in range(3 * MANY):
            witness.next()
        count, end = 0, time.perf_counter() + seconds
        while time.perf_counter() < end:
            witness.next()
            count += 1
    return count / seconds


def _heard(service: Service) -> Witness:
    return Witness(service.ready["mqtt"]["port"], READINGS, "-W", "300")
