"""From a battery to the real InfluxDB 1.6.7, through the whole program."""

import socket
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from tests.service import Service, wait_until
from tests.sinks.servers import Influxd, free_port

SIMULATED = {
    "BATTERYHAWK_BLUETOOTH_BACKEND": "simulated",
    "BATTERYHAWK_BLUETOOTH_RECORD_INTERVAL": "1",
    "BATTERYHAWK_DISCOVERY_AUTO_CONFIGURE": "true",
    "BATTERYHAWK_SIMULATION_DEVICES": "2",
    "BATTERYHAWK_SIMULATION_HISTORY_DAYS": "0",
    "BATTERYHAWK_CLOCK_TRUST": "always",
}

TAGS = ("device_id", "device_name", "vehicle_name", "device_type")
Points = Mapping[tuple[str, ...], list[list[Any]]]  # by the tags


@pytest.fixture
def influxd(tmp_path: Path) -> Iterator[Influxd]:
    with Influxd(tmp_path / "influxd") as server:
        server.query('CREATE DATABASE "battery_hawk"')
        yield server


def service(data: Path, port: int, **settings: str) -> Service:
    environment = {
        **SIMULATED,
        "BATTERYHAWK_INFLUXDB_HOST": "127.0.0.1",
        "BATTERYHAWK_INFLUXDB_PORT": str(port),
        **settings,
    }
    return Service(data, ("serve",), **environment)


def points(influxd: Influxd) -> Points:
    """Of each series what was measured, in the order of time."""
    return {
        tuple(
            series["tags"][key] for key in ("device_id", "device_name", "vehicle_name", "device_type")
        ): series["values"]
        for series in influxd.query("SELECT voltage FROM battery_reading GROUP BY *")
    }


def sink(service: Service) -> Mapping[str, Any]:
    found: Mapping[str, Any] = service.get("/api/system/status")["data"]["attributes"]["sinks"][0]
    assert found["name"] == "influxdb"
    return found


def test_names_belong_to_their_time_also_when_all_is_sent_again(influxd: Influxd, tmp_path: Path) -> None:
    data = tmp_path / "data"
    with service(data, influxd.port) as running:
        wait_until(lambda: len(points(influxd)) == 2)
        before = points(influxd)
        first, second = (series[0] for series in sorted(before))
        assert running.configure(first, friendly_name="Renamed").status_code == 200
        (vehicle,) = (series[2] for series in before if series[0] == second)
        moved = running.configure(first, vehicle_id=vehicle_id(running, vehicle))
        assert moved.status_code == 200, moved.text
        wait_until(lambda: any(series[:3] == (first, "Renamed", vehicle) for series in points(influxd)))
        assert running.stop() == 0
    after = points(influxd)
    for series, values in before.items():
        assert after[series][: len(values)] == values
    forget_cursors(data)
    with service(data, influxd.port, BATTERYHAWK_BLUETOOTH_LISTEN="false") as running:
        wait_until(lambda: sink(running)["unsent_readings"] == 0 and sink(running)["delivered"])
        assert (
            running.get("/api/system/status")["data"]["attributes"]["storage"]["influxdb_connected"] is True
        )
    again = points(influxd)
    for series, values in after.items():
        assert again[series][: len(values)] == values
    stored = sqlite3.connect(data / "readings.db").execute("SELECT count(voltage) FROM reading").fetchone()
    assert sum(map(len, again.values())) == stored[0]


def vehicle_id(service: Service, name: str) -> str:
    (found,) = (
        each["id"] for each in service.get("/api/vehicles")["data"] if each["attributes"]["name"] == name
    )
    return str(found)


def forget_cursors(data: Path) -> None:
    connection = sqlite3.connect(data / "readings.db")
    with connection:
        connection.execute("DELETE FROM sink_cursor")
    connection.close()


def test_a_database_that_never_answers_holds_up_neither_the_api_nor_the_end(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as hole:
        with service(tmp_path / "data", hole.getsockname()[1]) as running:
            address = wait_until(lambda: running.get("/api/devices")["data"])[0]["id"]
            wait_until(lambda: running.readings(address))
            assert sink(running)["state"] == "connecting"
            began = time.monotonic()
            assert running.stop() == 0
        assert time.monotonic() - began < 5.0


def test_what_was_kept_while_it_was_away_arrives(influxd: Influxd, tmp_path: Path) -> None:
    with service(tmp_path / "data", influxd.port) as running:
        wait_until(lambda: points(influxd))
        influxd.kill()
        wait_until(lambda: sink(running)["state"] == "down")
        assert "nobody answers" in sink(running)["reason"] or "does not answer" in sink(running)["reason"]
        wait_until(lambda: sink(running)["unsent_readings"] > 3)
        influxd.start()
        wait_until(lambda: sink(running)["state"] == "up")
        wait_until(lambda: sink(running)["unsent_readings"] < 3, within=60)


def test_nobody_there_costs_no_import_and_is_said_once(tmp_path: Path) -> None:
    port = free_port()
    program = (
        "import sys\n"
        "from hawk.config.schema import Influxdb\n"
        "from hawk.errors import SinkUnreachable\n"
        "from hawk.sinks import catalogue\n"
        "from hawk.sinks.influx import InfluxSink\n"
        "catalogue.load()\n"
        "try:\n"
        f"    InfluxSink(Influxdb(host='127.0.0.1', port={port})).connect()\n"
        "except SinkUnreachable:\n"
        "    print(sorted({'influxdb_client', 'urllib3', 'psycopg'} & sys.modules.keys()))\n"
    )
    said = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert said.stdout == "[]\n"
