"""Each InfluxQL query, asked of a real InfluxDB 1.6.7 that our sink has filled."""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

import pytest

from hawk.config.schema import Influxdb
from hawk.model.reading import QUANTITIES
from hawk.sinks.influx import InfluxSink
from tests.grafana import expected, history
from tests.grafana.boards import FRESH, Chosen, Panel, influxql, panels, variable
from tests.grafana.expected import Expected, Series
from tests.grafana.history import FLEET, HOUSE, SOLAR, STARTER, Battery
from tests.sinks.servers import Influxd

CHOSEN = Chosen()
BAND = dict.fromkeys(QUANTITIES, ("min", "mean", "max"))


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Influxd]:
    with Influxd(tmp_path_factory.mktemp("influxd")) as running:
        sink = InfluxSink(Influxdb(enabled=True, host="127.0.0.1", port=running.port))
        sink.connect()
        sink.deliver_readings(list(history.readings()))
        sink.deliver_summaries(list(history.summaries()))
        sink.close()
        yield running


def answer(server: Influxd, target: Mapping[str, Any], chosen: Chosen) -> list[Series]:
    """As Grafana makes series of it: each column of each series is one."""
    assert target["resultFormat"] == "time_series"
    return [
        Series(
            series.get("tags", {}).get("device_name", column),
            [(row[0] / 1000, row[number]) for row in series["values"] if row[number] is not None],
        )
        for series in server.query(influxql(target["query"], chosen))
        for number, column in enumerate(series["columns"][1:], 1)
    ]


def rows(server: Influxd, target: Mapping[str, Any], chosen: Chosen) -> list[Mapping[str, Any]]:
    """Of a table."""
    assert target["resultFormat"] == "table"
    return [
        {**series["tags"], **dict(zip(series["columns"], row, strict=True))}
        for series in server.query(influxql(target["query"], chosen))
        for row in series["values"]
    ]


def row(battery: Battery) -> Mapping[str, Any]:
    return {
        "device_id": battery.address,
        "device_name": battery.name,
        "vehicle_name": battery.vehicle_name,
        "device_type": battery.device_type,
        "simulated": "",
        "time": battery.newest * 1000,
        "voltage": history.sample(battery, battery.newest).voltage,
    }


def check(server: Influxd, panel: Panel, known: Mapping[str, Expected], chosen: Chosen) -> None:
    (target,) = panel.targets
    expected.check(known[panel.title], answer(server, target, chosen))


@pytest.mark.parametrize("panel", panels("influxql", "fleet"), ids=lambda panel: panel.title)
def test_the_fleet(server: Influxd, panel: Panel) -> None:
    if panel.title == "Last heard":
        found = rows(server, panel.targets[0], CHOSEN)
        assert sorted(found, key=lambda each: each["device_id"]) == [row(battery) for battery in FLEET]
    else:
        check(server, panel, expected.FLEET, CHOSEN)


@pytest.mark.parametrize("panel", panels("influxql", "fleet"), ids=lambda panel: panel.title)
def test_the_fleet_of_one_vehicle(server: Influxd, panel: Panel) -> None:
    boat = replace(CHOSEN, vehicles=("Boat",))
    if panel.title == "Last heard":
        assert {each["device_name"] for each in rows(server, panel.targets[0], boat)} == {"House", "Solar"}
    else:
        assert STARTER.name not in {each.name for each in answer(server, panel.targets[0], boat)}


@pytest.mark.parametrize("battery", FLEET, ids=lambda battery: battery.name)
@pytest.mark.parametrize("panel", panels("influxql", "device"), ids=lambda panel: panel.title)
def test_one_battery(server: Influxd, panel: Panel, battery: Battery) -> None:
    chosen = replace(CHOSEN, device=battery.address, since=history.BEGIN)
    if panel.title == "This battery":
        assert rows(server, panel.targets[0], chosen) == [row(battery)]
    else:
        known = {**expected.of_device(battery), **expected.by_summaries(battery, BAND)}
        check(server, panel, known, chosen)


def test_the_mean_of_an_hour_is_that_of_its_readings(server: Influxd) -> None:
    (panel,) = [each for each in panels("influxql", "device") if each.title == "Voltage by the hour"]
    found = {each.name: dict(each.points) for each in answer(server, panel.targets[0], CHOSEN)}
    whole = (history.END - 7200) // 3600 * 3600
    assert [found[part][whole] for part in ("min", "mean", "max")] == pytest.approx([12.6, 12.7, 12.8])


@pytest.mark.parametrize("panel", panels("influxql", "service"), ids=lambda panel: panel.title)
def test_what_arrives(server: Influxd, panel: Panel) -> None:
    (target,) = panel.targets
    if panel.title == "Last heard":
        assert len(rows(server, target, CHOSEN)) == len(FLEET)
    elif panel.title == "Readings an hour":
        check(
            server,
            panel,
            {panel.title: Expected(dict.fromkeys(("House", "Starter", "Solar"), (0, 6)), 24)},
            CHOSEN,
        )
    elif panel.title == "Readings":
        since = [each for each in history.readings() if (each.moment.utc or 0) >= CHOSEN.since * 1000]
        check(server, panel, {panel.title: Expected({"readings": (len(since), len(since))})}, CHOSEN)
    else:
        check(server, panel, {"Batteries that deliver": Expected({"batteries": (2, 2)})}, CHOSEN)


def test_batteries_and_vehicles_can_be_chosen(server: Influxd) -> None:
    devices = {row[1] for row in server.values(variable("influxql", "device")["query"])}
    assert devices == {battery.address for battery in FLEET}
    vehicles = {row[1] for row in server.values(variable("influxql", "vehicle")["query"])}
    assert vehicles == {"Boat", "unassigned"}


def test_what_is_too_old_is_not_told_as_of_now(server: Influxd) -> None:
    """Of the three only Starter has been silent for longer than what counts as fresh."""
    assert [battery for battery in FLEET if battery.silent_for > FRESH] == [STARTER]
    (panel,) = [each for each in panels("influxql", "fleet") if each.title == "Voltage now"]
    day = replace(CHOSEN, fresh=86_400)
    assert {each.name for each in answer(server, panel.targets[0], day)} == {"House", "Starter", "Solar"}
    assert {each.name for each in answer(server, panel.targets[0], CHOSEN)} == {HOUSE.name, SOLAR.name}
