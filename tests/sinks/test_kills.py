"""kill -9, again and again, of the database and of who delivers to it: in the end both have the same, once.

The databases are the real InfluxDB 1.6.7, and the real VictoriaMetrics, which loses what it took last.
"""

import random
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from hawk.model.reading import Moment
from hawk.store.readings import Log
from tests.service import Service, wait_until
from tests.sinks.rows import T0, reading
from tests.sinks.servers import Influxd, Point, VictoriaMetrics

ROOT = Path(__file__).parent.parent.parent
NOW = Moment(T0, 0.0)

Database = Influxd | VictoriaMetrics


def fill(path: Path, count: int) -> None:
    with Log.open(path, "boot-1") as log:
        for start in range(0, count, 1000):
            log.append(
                [reading(n - count, voltage=12 + n % 97 / 100) for n in range(start, start + 1000)], NOW
            )


def stored(path: Path) -> list[Point]:
    connection = sqlite3.connect(path)
    sql = (
        "SELECT mac, ts, voltage FROM reading JOIN device ON device.id = reading.device_id"
        " WHERE voltage IS NOT NULL ORDER BY mac, ts"
    )
    found: list[Point] = connection.execute(sql).fetchall()
    connection.close()
    return found


@contextmanager
def sending(path: Path, port: int, *what: str) -> Iterator[subprocess.Popen[str]]:
    command = [sys.executable, "-m", "tests.sinks.sender", str(path), str(port), *what]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as sender:
        assert sender.stdout is not None
        try:
            assert sender.stdout.readline() == "up\n"
            yield sender
        finally:
            sender.kill()


@contextmanager
def killing(database: Database, chance: random.Random, seconds: tuple[float, float]) -> Iterator[list[float]]:
    """Meanwhile the database is killed after so many seconds, and comes back. When it was."""
    over, kills = threading.Event(), list[float]()

    def kill() -> None:
        while not over.wait(chance.uniform(*seconds)):
            database.kill()
            kills.append(time.monotonic())
            over.wait(chance.uniform(0.05, 0.6))
            database.start()

    thread = threading.Thread(target=kill)
    thread.start()
    try:
        yield kills
    finally:
        over.set()
        thread.join()


def check(database: Database, expected: list[Point]) -> None:
    found = database.voltages()
    assert (len(found), sum(volts for *_, volts in found)) == (
        len(expected),
        sum(volts for *_, volts in expected),
    )
    assert found == expected


def all_settled(path: Path) -> bool:
    """The cursor is behind all that there is: then the database may be killed."""
    connection = sqlite3.connect(path)
    ((cursor, newest),) = connection.execute(
        "SELECT (SELECT seq FROM sink_cursor WHERE stream = 'reading'), (SELECT max(seq) FROM reading)"
    )
    connection.close()
    return bool(cursor >= newest)


@pytest.mark.parametrize("kind", [Influxd, VictoriaMetrics])
def test_kills_of_both_lose_nothing_and_double_nothing(tmp_path: Path, kind: type[Database]) -> None:
    path, chance = tmp_path / "readings.db", random.Random(5)
    fill(path, 20_000)
    with kind(tmp_path / "database") as database:
        with killing(database, chance, (0.2, 1.0)) as kills:
            for _ in range(6):
                with sending(path, database.port, "more"):
                    time.sleep(chance.uniform(0.3, 1.5))
        assert len(kills) >= 5
        expected = stored(path)
        with sending(path, database.port):
            wait_until(lambda: database.count() == len(expected), within=120)
        check(database, expected)


def test_what_a_database_took_and_lost_when_it_was_killed_comes_again(tmp_path: Path) -> None:
    """Nobody sent anything while it was away: only the connection tells."""
    path = tmp_path / "readings.db"
    fill(path, 2000)
    with (
        VictoriaMetrics(tmp_path / "database") as database,
        sending(path, database.port),
    ):
        wait_until(lambda: database.inserted() >= 2000)
        database.kill()
        database.start()
        assert database.count() < 2000, "it has answered, and it has not kept it"
        wait_until(lambda: database.count() == 2000, within=60, every=0.5)


SERVICE = {
    "BATTERYHAWK_BLUETOOTH_BACKEND": "simulated",
    "BATTERYHAWK_BLUETOOTH_RECORD_INTERVAL": "1",
    "BATTERYHAWK_DISCOVERY_AUTO_CONFIGURE": "true",
    "BATTERYHAWK_SIMULATION_HISTORY_DAYS": "0",
    "BATTERYHAWK_CLOCK_TRUST": "always",
    "BATTERYHAWK_LOGGING_LEVEL": "INFO",
    "BATTERYHAWK_ZEROCONF_ENABLED": "false",
}


@pytest.mark.soak
@pytest.mark.parametrize(
    ("kind", "database_lives", "service_lives"),
    [(Influxd, (2.0, 9.0), (1.0, 12.0)), (VictoriaMetrics, (5.0, 75.0), (5.0, 75.0))],  # [s]
)
def test_three_hundred_thousand_readings_survive_twenty_kills_of_the_database_and_of_the_service(
    tmp_path: Path,
    kind: type[Database],
    database_lives: tuple[float, float],
    service_lives: tuple[float, float],
) -> None:
    data, chance, slowest = tmp_path / "data", random.Random(7), 0.0
    data.mkdir()
    fill(data / "readings.db", 300_000)
    with kind(tmp_path / "database") as database:
        environment = {
            **SERVICE, "BATTERYHAWK_INFLUXDB_HOST": "127.0.0.1", "BATTERYHAWK_INFLUXDB_PORT": str(database.port)
        }  # fmt: skip
        with killing(database, chance, database_lives) as kills:
            service_kills, unsent = 0, 300_000
            while service_kills < 22 or len(kills) < 22 or unsent > 20_000:
                with Service(data, ("serve",), **environment) as service:
                    until = time.monotonic() + chance.uniform(*service_lives)
                    while time.monotonic() < until:
                        began = time.monotonic()
                        service.get("/api/devices")
                        slowest = max(slowest, time.monotonic() - began)
                        time.sleep(0.05)
                    unsent = sink_of(service)["unsent_readings"]
                    service.kill()
                    service_kills += 1
        assert len(stored(data / "readings.db")) > 300_000, "readings went on meanwhile"
        began = time.monotonic()
        with Service(data, ("serve",), **environment, BATTERYHAWK_BLUETOOTH_LISTEN="false") as service:
            wait_until(lambda: all_sent(service), within=200)
            took = time.monotonic() - began
            wait_until(lambda: all_settled(data / "readings.db"), within=90)
            service.stop()
        database.kill()
        database.start()
        expected = stored(data / "readings.db")
        check(database, expected)
        print(
            f"{len(expected)} readings, {service_kills} kills of the service, {len(kills)} of the database;"
            f" the rest drained in {took:.1f} s; slowest answer of the API {slowest * 1000:.0f} ms"
        )


def all_sent(service: Service) -> bool:
    sink = sink_of(service)
    return sink["state"] == "up" and sink["unsent_readings"] == 0


def sink_of(service: Service) -> Mapping[str, Any]:
    """100,000 unsent readings are 100,000 or more."""
    sinks = service.get("/api/system/status")["data"]["attributes"]["sinks"]
    (found,) = (each for each in sinks if each["name"] == "influxdb")
    sink: Mapping[str, Any] = found
    return sink
