"""Each query to PostgreSQL, asked of a real server that our sink has filled."""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any

import psycopg
import pytest
from pydantic import SecretStr

from hawk.config.schema import Postgresql
from hawk.model.reading import QUANTITIES
from hawk.sinks.postgresql.database import database
from hawk.sinks.postgresql.sink import PostgresqlSink
from tests.grafana import expected, history
from tests.grafana.boards import Chosen, Panel, panels, postgresql, variable
from tests.grafana.expected import Expected, Series
from tests.grafana.history import FLEET, STARTER, Battery
from tests.sinks.postgres import running

CHOSEN = Chosen()
BAND = dict.fromkeys(QUANTITIES, ("min", "mean", "max"))
Connection = psycopg.Connection[Any]


@pytest.fixture(scope="module")
def server() -> Iterator[Connection]:
    with running() as postgres:
        postgres.make_database("hawk")
        url = postgres.url("hawk")
        sink = PostgresqlSink(database(Postgresql(enabled=True, url=SecretStr(url), verify_tls=False)))
        sink.connect()
        sink.deliver_readings(list(history.readings()))
        sink.deliver_summaries(list(history.summaries()))
        sink.close()
        with psycopg.connect(url, autocommit=True) as connection:
            yield connection


def ask(server: Connection, query: str) -> tuple[list[str], list[tuple[Any, ...]]]:
    """Columns and rows."""
    found = server.execute(query.encode())
    return [column.name for column in found.description or ()], found.fetchall()


def answer(server: Connection, target: Mapping[str, Any], chosen: Chosen) -> list[Series]:
    """As Grafana makes series of it: text is a label, each number a series."""
    columns, found = ask(server, postgresql(target["rawSql"], chosen))
    if target["format"] == "table":
        ((value,),) = found
        return [Series(columns[0], [(chosen.until, float(value))])]
    assert columns[0] == "time", "Grafana takes the column of this name"
    series: dict[str, list[tuple[float, float]]] = {}
    for row in found:
        named = dict(zip(columns, row, strict=True))
        who = next((named[label] for label in ("device_name", "source") if label in named), None)
        for column, value in named.items():
            if isinstance(value, int | float) and column != "time":
                series.setdefault(who or column, []).append((_seconds(row[0]), float(value)))
    return [Series(name, points) for name, points in series.items()]


def _seconds(found: Any) -> float:
    """Of a column of times, or of seconds since the epoch."""
    return found.timestamp() if isinstance(found, datetime) else float(found)


def rows(server: Connection, target: Mapping[str, Any], chosen: Chosen) -> list[Mapping[str, Any]]:
    assert target["format"] == "table"
    columns, found = ask(server, postgresql(target["rawSql"], chosen))
    return [dict(zip(columns, each, strict=True)) for each in found]


def check_row(found: Mapping[str, Any], battery: Battery) -> None:
    age = found["age"]
    assert battery.silent_for <= age <= battery.silent_for + 900  # END is at most 10 minutes ago
    assert {**found, "time": found["time"].timestamp(), "age": None} == {
        "device_id": battery.address,
        "device_name": battery.name,
        "vehicle_name": battery.vehicle,
        "device_type": battery.device_type,
        "simulated": False,
        "time": battery.newest,
        "age": None,
        "voltage": history.sample(battery, battery.newest).voltage,
    }


def check(server: Connection, panel: Panel, known: Mapping[str, Expected], chosen: Chosen) -> None:
    (target,) = panel.targets
    expected.check(known[panel.title], answer(server, target, chosen))


@pytest.mark.parametrize("panel", panels("postgresql", "fleet"), ids=lambda panel: panel.title)
def test_the_fleet(server: Connection, panel: Panel) -> None:
    if panel.title == "Last heard":
        found = rows(server, panel.targets[0], CHOSEN)
        by_age = sorted(FLEET, key=lambda battery: -battery.silent_for)
        for each, battery in zip(found, by_age, strict=True):
            check_row(each, battery)
    else:
        check(server, panel, expected.FLEET, CHOSEN)


@pytest.mark.parametrize("panel", panels("postgresql", "fleet"), ids=lambda panel: panel.title)
def test_the_fleet_of_one_vehicle(server: Connection, panel: Panel) -> None:
    boat = replace(CHOSEN, vehicles=("Boat",))
    if panel.title == "Last heard":
        assert {each["device_name"] for each in rows(server, panel.targets[0], boat)} == {"House", "Solar"}
    else:
        assert STARTER.name not in {each.name for each in answer(server, panel.targets[0], boat)}


@pytest.mark.parametrize("battery", FLEET, ids=lambda battery: battery.name)
@pytest.mark.parametrize("panel", panels("postgresql", "device"), ids=lambda panel: panel.title)
def test_one_battery(server: Connection, panel: Panel, battery: Battery) -> None:
    chosen = replace(CHOSEN, device=battery.address, since=history.BEGIN)
    if panel.title == "This battery":
        (found,) = rows(server, panel.targets[0], chosen)
        check_row(found, battery)
    else:
        known = {**expected.of_device(battery), **expected.by_summaries(battery, BAND)}
        check(server, panel, known, chosen)


def test_the_mean_of_an_hour_is_that_of_its_readings(server: Connection) -> None:
    (panel,) = [each for each in panels("postgresql", "device") if each.title == "Voltage by the hour"]
    found = {each.name: dict(each.points) for each in answer(server, panel.targets[0], CHOSEN)}
    whole = (history.END - 7200) // 3600 * 3600
    assert [found[part][whole] for part in ("min", "mean", "max")] == pytest.approx([12.6, 12.7, 12.8])


@pytest.mark.parametrize("panel", panels("postgresql", "service"), ids=lambda panel: panel.title)
def test_what_arrives(server: Connection, panel: Panel) -> None:
    (target,) = panel.targets
    since = [each for each in history.readings() if (each.moment.utc or 0) >= CHOSEN.since * 1000]
    known = {
        "Batteries that deliver": Expected({"batteries": (2, 2)}),
        "Readings": Expected({"readings": (len(since), len(since))}),
        "Readings an hour": Expected(dict.fromkeys(("House", "Starter", "Solar"), (1, 6)), 15),
        "How readings came": Expected({"advertisement": (1, 10), "gatt": (1, 10)}, 20),
        "Signal": Expected(dict.fromkeys(("House", "Starter", "Solar"), (-60, -60)), 15),
    }
    if panel.title == "Last heard":
        assert len(rows(server, target, CHOSEN)) == len(FLEET)
    else:
        check(server, panel, known, CHOSEN)


def test_batteries_are_chosen_by_their_names_and_vehicles_by_theirs(server: Connection) -> None:
    columns, found = ask(server, variable("postgresql", "device")["query"])
    assert columns == ["__text", "__value"]
    assert set(found) == {(f"{battery.name} ({battery.address})", battery.address) for battery in FLEET}
    _, vehicles = ask(server, variable("postgresql", "vehicle")["query"])
    assert vehicles == [("Boat",), ("unassigned",)]
