"""From a notification to a subscriber, by mosquitto and by the broker inside."""

import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, nullcontext
from datetime import UTC, datetime
from pathlib import Path

from tests.benchmarks.processes import configured
from tests.benchmarks.row import Row, at_most
from tests.fake_bluez.monitors import fleet
from tests.fake_bluez.rig import FakeBluez
from tests.mqtt.mosquitto import Mosquitto, Witness
from tests.service import Service, wait_until

READINGS = "battery_hawk/device/+/reading"
_INSIDE = {"BATTERYHAWK_BROKER_ENABLED": "true"}
_QUIET = {"BATTERYHAWK_LOGGING_LEVEL": "INFO", "BATTERYHAWK_HOMEASSISTANT_DISCOVERY_ENABLED": "false"}
_MADE_UP = {
    "BATTERYHAWK_BLUETOOTH_BACKEND": "simulated",
    "BATTERYHAWK_DISCOVERY_AUTO_CONFIGURE": "true",
    "BATTERYHAWK_BLUETOOTH_RECORD_INTERVAL": "1",
    "BATTERYHAWK_CLOCK_TRUST": "always",
    "BATTERYHAWK_HISTORY_AUTO": "false",
    "BATTERYHAWK_SIMULATION_MODELS": "BM6",
    "BATTERYHAWK_SIMULATION_DEVICES": "500",
}


def mqtt() -> Iterator[Row]:
    yield from _by("mosquitto", Mosquitto)
    yield from _by("the broker inside", lambda _: nullcontext(None))


def _by(name: str, broker: Callable[[Path], AbstractContextManager[Mosquitto | None]]) -> Iterator[Row]:
    for devices, count in ((5, 30), (500, 1000)):
        with tempfile.TemporaryDirectory() as folder, broker(Path(folder)) as server:
            waits, rate = _waits(Path(folder), server, devices, count)
        where = f"heard to a subscriber by {name}, {rate:.0f} readings/s"
        yield at_most(f"{where}, p99", waits[count * 99 // 100] * 1000, "ms", 50)
        yield Row(f"{where}, median", waits[count // 2] * 1000, "ms", "", None)
    with tempfile.TemporaryDirectory() as folder, broker(Path(folder)) as server:
        yield Row(
            f"readings a second by {name}, 500 offered", _sustained(Path(folder), server), "/s", "", None
        )


def _settings(server: Mosquitto | None) -> Mapping[str, str]:
    if server is None:
        return {**_INSIDE, **_QUIET}
    place = {"BATTERYHAWK_MQTT_BROKER": "127.0.0.1", "BATTERYHAWK_MQTT_PORT": str(server.port)}
    return {"BATTERYHAWK_MQTT_ENABLED": "true", **place, **_QUIET}


def _waits(folder: Path, server: Mosquitto | None, devices: int, count: int) -> tuple[list[float], float]:
    """Sorted, in seconds from the timestamp of a reading; and readings a second."""
    monitors = fleet(devices, adverts="sealed", walk=[12.6, 12.9])
    configured(folder / "data", monitors, 86400)
    with (
        FakeBluez(monitors, adv_interval=5.2, period=0),
        Service(folder / "data", ("serve",), **_settings(server)) as service,
        Witness(service.ready["mqtt"]["port"], READINGS, "-W", "300") as witness,
    ):
        for _ in range(devices):  # the beginning is another story
            witness.next()
        started, waits = time.perf_counter(), list[float]()
        while len(waits) < count:
            said = datetime.fromisoformat(witness.next().json["timestamp"])
            waits.append((datetime.now(UTC) - said).total_seconds())
        return sorted(waits), count / (time.perf_counter() - started)


def _sustained(folder: Path, server: Mosquitto | None, seconds: float = 15.0) -> float:
    """Made-up batteries, each with a reading a second."""
    with Service(folder / "data", ("serve",), **_MADE_UP, **_settings(server)) as service:
        wait_until(lambda: "MQTT: connected" in service.log_text())
        time.sleep(15)  # until all are configured
        with Witness(service.ready["mqtt"]["port"], READINGS) as witness:
            count, end = 0, time.perf_counter() + seconds
            while time.perf_counter() < end:
                witness.next()
                count += 1
    return count / seconds
