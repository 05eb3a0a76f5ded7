"""The whole service and the real server, each killed again and again: what is in the log is in the database, once."""

import random
import sqlite3
import time
from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from hawk.model.address import Address
from hawk.model.reading import Moment, Reading
from hawk.store.readings import Log
from tests.service import Service, wait_until
from tests.sinks.postgres import Postgres, running
from tests.sinks.rows import T0, reading

DEVICES = 50


@pytest.fixture
def own_server() -> Iterator[Postgres]:
    """One that may be killed."""
    with running() as server:
        server.make_database("bh")
        yield server


HEARING = {
    "BATTERYHAWK_BLUETOOTH_BACKEND": "simulated",
    "BATTERYHAWK_BLUETOOTH_RECORD_INTERVAL": "1",
    "BATTERYHAWK_DISCOVERY_AUTO_CONFIGURE": "true",
    "BATTERYHAWK_HISTORY_AUTO": "false",
}
DEAF = {"DBUS_SYSTEM_BUS_ADDRESS": "unix:path=/nowhere", "BATTERYHAWK_BLUETOOTH_BACKEND": "bluez"}


def service(data: Path, server: Postgres, **environment: str) -> Service:
    """It hears batteries all the time, if nothing else is said."""
    environment = {
        "BATTERYHAWK_INFLUXDB_ENABLED": "false",
        "BATTERYHAWK_STORE_RAW_DAYS": "0",
        "BATTERYHAWK_STORE_HOURLY_DAYS": "0",
        "BATTERYHAWK_POSTGRESQL_ENABLED": "true",
        "BATTERYHAWK_POSTGRESQL_URL": server.url("bh"),
        **(environment or HEARING),
    }
    return Service(data, ("serve",), **environment)


def fill(data: Path, count: int) -> None:
    data.mkdir()
    with Log.open(data / "readings.db", "boot-1") as log:
        for start in range(0, count, 5000):
            numbers = range(start, min(start + 5000, count))
            log.append([_remembered(number) for number in numbers], Moment(T0, 0.0))
        while log.summarise(T0).more:
            pass


def _remembered(number: int) -> Reading:
    """Of one of 50 devices, each a reading a minute, all of them before T0."""
    made = reading((number // DEVICES - 1_000_000) * 60.0, 12 + number % 997 / 1000)
    return replace(made, device_id=Address(f"50:54:7B:00:01:{number % DEVICES:02X}"), seq=None)


def asked(data: Path, statement: str) -> list[tuple[Any, ...]]:
    connection = sqlite3.connect(f"file:{data / 'readings.db'}?mode=ro", uri=True)
    found = connection.execute(statement).fetchall()
    connection.close()
    return sorted(found)


def in_the_log(data: Path) -> list[tuple[Any, ...]]:
    return asked(data, """
        SELECT mac, ts, reading.seq, voltage, device_name FROM reading JOIN device ON device.id = reading.device_id
        JOIN series ON series.id = series_id""")  # fmt: skip


def summaries_in_the_log(data: Path) -> list[tuple[Any, ...]]:
    return asked(data, """
        SELECT mac, step, ts, rollup.seq, n, voltage_min, voltage_max, voltage_sum, voltage_last
        FROM rollup JOIN device ON device.id = rollup.device_id""")  # fmt: skip


def in_the_database(server: Postgres) -> list[tuple[Any, ...]]:
    return sorted(server.query("bh", """
        SELECT device_id, (extract(epoch FROM time) * 1000)::bigint, seq, voltage, device_name
        FROM battery_reading"""))  # fmt: skip


def summaries_in_the_database(server: Postgres) -> list[tuple[Any, ...]]:
    columns = "(extract(epoch FROM time) * 1000)::bigint, seq, count, voltage_min, voltage_max, voltage_sum, voltage_last"
    return sorted(server.query("bh", f"""
        SELECT device_id, 3600, {columns} FROM battery_reading_1h
        UNION ALL SELECT device_id, 86400, {columns} FROM battery_reading_1d"""))  # fmt: skip


def torment(data: Path, server: Postgres, kills: int, chance: random.Random) -> None:
    """Each is killed so often. While the server is down the service answers, and goes on recording."""
    for number in range(kills):
        with service(data, server) as victim:
            time.sleep(chance.uniform(0.3, 2.0))
            (server.kill, server.crash)[number % 2]()
            wait_until(partial(has_more_than, victim, recorded(victim)))
            server.start()
            time.sleep(chance.uniform(0.0, 3.0))
            victim.kill()


def recorded(running_service: Service) -> int:
    return int(running_service.get("/api/system/status")["data"]["attributes"]["storage"]["readings"])


def has_more_than(running_service: Service, readings: int) -> bool:
    return recorded(running_service) > readings


def the_log_is_the_database(data: Path, server: Postgres, within: float) -> None:
    """When nothing is heard any more."""
    with service(data, server, **DEAF):
        wait_until(
            lambda: counts(server) == (len(in_the_log(data)), len(summaries_in_the_log(data))), within, 0.5
        )
    assert in_the_database(server) == in_the_log(data)
    assert summaries_in_the_database(server) == summaries_in_the_log(data)
    ((summed,),) = server.query("bh", "SELECT sum(voltage) FROM battery_reading")
    assert summed == pytest.approx(sum(row[3] for row in in_the_log(data)))


def counts(server: Postgres) -> tuple[int, int]:
    ((readings, summaries),) = server.query("bh", """
        SELECT (SELECT count(*) FROM battery_reading),
        (SELECT count(*) FROM battery_reading_1h) + (SELECT count(*) FROM battery_reading_1d)""")  # fmt: skip
    return readings, summaries


def test_killed_again_and_again_everything_arrives_once(tmp_path: Path, own_server: Postgres) -> None:
    fill(tmp_path / "data", 20_000)
    torment(tmp_path / "data", own_server, kills=3, chance=random.Random(1))
    assert len(in_the_database(own_server)) > 500, "it goes on between the outages"
    the_log_is_the_database(tmp_path / "data", own_server, within=60)


def test_a_server_that_stands_still_does_not_keep_the_service_from_ending(
    tmp_path: Path, own_server: Postgres
) -> None:
    with service(tmp_path / "data", own_server) as victim:
        wait_until(lambda: recorded(victim) > 0, within=60)
        wait_until(lambda: own_server.query("bh", "SELECT count(*) FROM battery_reading") > [(0,)], within=60)
        with own_server.standing_still():
            time.sleep(3.0)  # what is heard every second is on its way
            began = time.monotonic()
            assert victim.stop() == 0
            assert time.monotonic() - began < 8.0


@pytest.mark.soak
def test_300_000_readings_survive_twenty_kills_of_both(tmp_path: Path, own_server: Postgres) -> None:
    fill(tmp_path / "data", 300_000)
    torment(tmp_path / "data", own_server, kills=20, chance=random.Random(2))
    the_log_is_the_database(tmp_path / "data", own_server, within=300)
