"""Each query to Prometheus, asked of a real one that has scraped /metrics for six hours."""

import re
import subprocess
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

import pytest

from actors import ChildState
from actors.mailbox import MailboxStatistics
from hawk.ble.messages import AdapterStatus, ArbiterStatus, ScannerStatus
from hawk.model.device import Counters, Device, DeviceView, Lifecycle, Quality
from hawk.model.live import Live
from hawk.model.reading import QUANTITIES, Moment
from hawk.model.rules import Reason, Rejected, Rejection
from hawk.model.rung import Rung
from hawk.mqtt.messages import MqttState, MqttStatus
from hawk.sinks.messages import SinkState, SinkStatus, Unsent
from hawk.store.messages import Counts, Durability, StoreState, StoreStatus
from hawk.web.metrics import exposition
from hawk.web.observed import Observed
from tests.grafana import expected
from tests.grafana.boards import Chosen, Panel, panels, prometheus, variable
from tests.grafana.expected import Expected, Series
from tests.grafana.history import END, FLEET, GATEWAY, HOUSE, SOLAR, STARTER, Battery, sample
from tests.prometheus import Prometheus
from tests.sinks.servers import binary

HOURS = 6
SILENT = END - 3 * 3600  # [s since the epoch] when Starter's last value became too old
CHOSEN = Chosen(since=END - HOURS * 3600 + 600, until=END, interval=300)
OPENMETRICS = "application/openmetrics-text;version=1.0.0"


# -- six hours of scrapes --------------------------------------------------------------------


def view(battery: Battery, at: int) -> DeviceView:
    stale = battery is STARTER and at > SILENT
    minutes = (at - END) // 60 + HOURS * 60
    heard = Moment(at * 1000, float(SILENT - 9000 if stale else at - 30))
    return DeviceView(
        Device(battery.address, battery.device_type, battery.name, None, Lifecycle.CONFIGURED, None),
        battery.vehicle,
        live=Live().with_sample(sample(battery, at * 10), heard),
        rssi=-60,
        last_seen=heard,
        available=not stale,
        stale=frozenset(QUANTITIES) if stale else frozenset(),
        counters=Counters(ok=minutes, failed_by={"silent": minutes // 10}, last_duration=3.0),
        quality=Quality(10, 9, 90, "good"),
        rejections=(Rejection(Rejected("voltage", Reason.MAX, 58.88, 36), minutes // 20, heard),),
    )


def observed(at: int) -> Observed:
    minutes = (at - END) // 60 + HOURS * 60
    scanner = ChildState("scanner", True, minutes // 60, 1, 0, None, MailboxStatistics(2, minutes // 30))
    return Observed(
        moment=Moment(at * 1000, float(at)),
        gateway_id=GATEWAY,
        devices=tuple(view(battery, at) for battery in FLEET),
        store=StoreStatus(
            StoreState.OK, None, Durability.PROMPT, Counts(1000 + minutes, 0, 0, 65536), minutes, 1, 0, None
        ),
        sinks=(SinkStatus("influxdb", SinkState.UP, delivered=5 * minutes, unsent=Unsent(7, 0)),),
        scanner=ScannerStatus(
            True, None, 60 * minutes, 3, 0,
            adapters=(
                AdapterStatus("hci0", True, None, 60, 0.5, 60 * minutes, {Rung.POWER_CYCLE: minutes // 90}),
            ),
        ),
        arbiter=ArbiterStatus((), 1, 0),
        broker=None,
        mqtt=MqttStatus(MqttState.CONNECTED, "localhost:1883", None, None, published=9, readings=7, behind=3),
        notices=(),
        actors=(ChildState("root", True, 0, 1, 0, None, MailboxStatistics(0, 0), (scanner,)),),
        event_streams=0,
        events_lost=0,
    )  # fmt: skip


def scraped() -> str:
    """All scrapes, family by family, as `promtool` takes them."""
    heads: dict[str, list[str]] = {}
    samples: dict[str, list[str]] = {"up": []}
    for at in range(END - HOURS * 3600, END + 1, 60):
        samples["up"].append(f"{_as_scraped('up 1')} {at}")
        family = ""
        for line in exposition(observed(at), OPENMETRICS)[0].decode().splitlines():
            if not line.startswith("#"):
                samples[family].append(f"{_as_scraped(line)} {at}")
            elif line != "# EOF":
                family = line.split()[2]
                heads.setdefault(family, []).append(line)
                samples.setdefault(family, [])
    lines = [line for family in samples for line in (*_unique(heads.get(family, [])), *samples[family])]
    return "\n".join([*lines, "# EOF", ""])


def _unique(lines: list[str]) -> list[str]:
    return list(dict.fromkeys(lines))


def _as_scraped(line: str) -> str:
    """With the labels that Prometheus adds."""
    added = 'instance="hawk:5000",job="battery-hawk"'
    name, brace, rest = line.partition("{")
    if brace:
        return f"{name}{{{added},{rest}"
    name, value = line.split(" ")
    return f"{name}{{{added}}} {value}"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Prometheus]:
    folder = tmp_path_factory.mktemp("prometheus")
    (folder / "scrapes").write_text(scraped())
    (folder / "prometheus.yml").write_text("")
    command = [
        binary("promtool"),
        "tsdb",
        "create-blocks-from",
        "openmetrics",
        str(folder / "scrapes"),
        str(folder / "data"),
    ]
    said = subprocess.run(command, capture_output=True, text=True, check=False)
    assert said.returncode == 0, said.stderr
    with Prometheus(folder) as running:
        yield running


# -- asking ------------------------------------------------------------------------------------


def answer(server: Prometheus, target: Mapping[str, Any], chosen: Chosen) -> list[Series]:
    """Named as Grafana does by the legend, or by the name of the battery."""
    expression = prometheus(target["expr"], chosen)
    if target["instant"]:
        found = [
            (labels, [(float(chosen.until), value)])
            for labels, value in server.query(expression, chosen.until)
        ]
    else:
        asked = server.ask(
            "query_range",
            query=expression,
            start=str(chosen.since),
            end=str(chosen.until),
            step=str(chosen.interval),
        )
        found = [
            (each["metric"], [(float(at), float(value)) for at, value in each["values"]])
            for each in asked["result"]
        ]
    return [Series(_legend(target, labels), points) for labels, points in found]


def _legend(target: Mapping[str, Any], labels: Mapping[str, str]) -> str:
    return re.sub(r"\{\{(\w+)\}\}", lambda found: labels.get(found[1], ""), target.get("legendFormat", ""))


def all_answers(server: Prometheus, panel: Panel, chosen: Chosen) -> list[Series]:
    return [series for target in panel.targets for series in answer(server, target, chosen)]


def scale(title: str) -> float:
    return 0.01 if title.startswith("Charge") else 1.0


# -- the boards ----------------------------------------------------------------------------------


@pytest.mark.parametrize("panel", panels("prometheus", "fleet"), ids=lambda panel: panel.title)
def test_the_fleet(server: Prometheus, panel: Panel) -> None:
    if panel.title == "Last heard":
        (target,) = panel.targets
        found = server.query(prometheus(target["expr"], CHOSEN), END)
        assert [(labels["device_name"], age) for labels, age in found] == [
            ("Starter", 3 * 3600 + 9000), *((labels["device_name"], 30) for labels, _ in found[1:])
        ]  # fmt: skip
        assert len(found) == 3
    else:
        expected.check(expected.FLEET[panel.title], all_answers(server, panel, CHOSEN), scale(panel.title))


def test_the_fleet_of_one_vehicle(server: Prometheus) -> None:
    boat = replace(CHOSEN, vehicles=("Boat",))
    for panel in panels("prometheus", "fleet"):
        if panel.title == "Voltage":
            assert {each.name for each in all_answers(server, panel, boat)} == {"House", "Solar"}


BAND = {"min": HOUSE.voltages, "mean": HOUSE.voltages, "max": HOUSE.voltages}
HOUSE_ALONE = {
    "Voltage at its lowest and highest": Expected(BAND, 50),
    "Charge at its lowest and highest": Expected(dict.fromkeys(BAND, (80, 80)), 50),
    "Temperature at its lowest and highest": Expected(dict.fromkeys(BAND, (20, 20)), 50),
    "Age of the data": Expected({"age": (30, 30)}, 50),
    "Signal": Expected({"signal": (-60, -60)}, 50),
    "Link": Expected({"attempts that worked": (0.9, 0.9)}, 50),
    "Polls": Expected({"ok": (4, 6), "silent": (0, 2)}, 50),
    "Not believed": Expected({"voltage max": (0, 2)}, 50),
}


@pytest.mark.parametrize("battery", [HOUSE, SOLAR], ids=lambda battery: battery.name)
@pytest.mark.parametrize("panel", panels("prometheus", "device"), ids=lambda panel: panel.title)
def test_one_battery(server: Prometheus, panel: Panel, battery: Battery) -> None:
    chosen = replace(CHOSEN, device=battery.address)
    known = {**expected.of_device(battery), **(HOUSE_ALONE if battery is HOUSE else {})}
    if panel.title == "This battery":
        (target,) = panel.targets
        ((labels, age),) = server.query(prometheus(target["expr"], chosen), END)
        assert (labels["device_name"], age) == (battery.name, 30)
    elif panel.title in known:
        expected.check(known[panel.title], all_answers(server, panel, chosen), scale(panel.title))
    else:
        assert battery is SOLAR


SERVICE = {
    "Answers": Expected({"": (1, 1)}),
    "Listening": Expected({"": (1, 1)}),
    "Silent batteries": Expected({"": (1, 1)}),
    "Disk refuses": Expected({"": (0, 0)}),
    "Clock": Expected({"": (1, 1)}),
    "Parts that do not answer": Expected({"": (0, 0)}),
    "Advertisements": Expected({"hci0": (1, 1)}, 50),
    "Recovery": Expected({"hci0 power_cycle": (0, 2)}, 50),
    "Polls": Expected({"ok": (12, 18), "silent": (0, 6)}, 50),
    "Links": Expected({"held": (0, 0), "waiting": (1, 1)}, 50),
    "Log": Expected({"readings": (1000, 1360)}, 50),
    "Log on the disk": Expected({"size": (65536, 65536)}, 50),
    "Waiting and lost": Expected(
        {"on their way to the disk": (1, 1), "without a date yet": (0, 0), "lost": (0, 0)}, 50
    ),
    "Not delivered yet": Expected(
        {"influxdb readings": (7, 7), "influxdb summaries": (0, 0), "mqtt": (3, 3)}, 50
    ),
    "Delivered": Expected({"influxdb": (20, 30), "influxdb dropped": (0, 0)}, 50),
    "Databases": Expected({"influxdb up": (1, 1)}, 50),
    "Memory": Expected({"resident": (1e6, 1e10)}, 50),
    "Processor": Expected({"used": (0, 10)}, 50),
    "Restarts": Expected({"root/scanner": (0, 2)}, 5),
    "Mailboxes": Expected({"waiting: root/scanner": (2, 2), "dropped: root/scanner": (0, 2)}, 5),
}


@pytest.mark.parametrize("panel", panels("prometheus", "service"), ids=lambda panel: panel.title)
def test_the_service(server: Prometheus, panel: Panel) -> None:
    expected.check(SERVICE[panel.title], all_answers(server, panel, CHOSEN))


def test_a_battery_is_chosen_by_its_name_and_asked_for_by_its_address(server: Prometheus) -> None:
    """Grafana writes out what `query_result` finds and takes text and value from it by the expression."""
    asked = variable("prometheus", "device")
    expression = asked["query"].removeprefix("query_result(").removesuffix(")")
    pattern = asked["regex"].strip("/").replace("(?<", "(?P<")
    found = {}
    for labels, value in server.query(expression, END):
        inside = ",".join(f'{name}="{labels[name]}"' for name in labels if name != "__name__")
        match = re.search(pattern, f"{labels['__name__']}{{{inside}}} {value} {END}000")
        assert match is not None
        found[match["text"]] = match["value"]
    assert found == {battery.name: battery.address for battery in FLEET}


def test_a_vehicle_is_chosen_by_its_name(server: Prometheus) -> None:
    metric, label = re.fullmatch(
        r"label_values\((\w+), (\w+)\)", variable("prometheus", "vehicle")["query"]
    ).groups()
    assert {labels[label] for labels, _ in server.query(metric, END)} == {"Boat", "unassigned"}
