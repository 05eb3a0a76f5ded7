"""What Prometheus is told."""

import re
import subprocess
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client.openmetrics import parser as openmetrics
from prometheus_client.parser import text_string_to_metric_families

from actors import ChildState
from actors.mailbox import MailboxStatistics
from hawk.ble.messages import AdapterStatus, ArbiterStatus, ScannerStatus, Slot
from hawk.model.device import Counters, DeviceView, Lifecycle, Quality
from hawk.model.live import Live
from hawk.model.reading import Moment, Sample
from hawk.model.rules import Reason, Rejected, Rejection
from hawk.model.rung import Rung
from hawk.mqtt.messages import MqttState, MqttStatus
from hawk.sinks.messages import SinkState, SinkStatus, Unsent
from hawk.store.messages import Counts, Durability, StoreState, StoreStatus
from hawk.web.metrics import exposition
from hawk.web.observed import Observed
from tests.doubles import NOON, address, device
from tests.sinks.servers import binary

PAGE = (Path(__file__).parents[2] / "docs" / "prometheus.md").read_text()
DEVICE = {"device_id", "device_name", "vehicle_name", "device_type", "simulated"}
NOW = 1000.0
WHOLE = Sample(12.6, -1.5, -7.0, 57.0, -18.9, status="normal")


def at(seconds_ago: float) -> Moment:
    return Moment(NOON, NOW - seconds_ago)


def view(number: int = 1, sample: Sample = WHOLE, **fields: object) -> DeviceView:
    standard = DeviceView(
        device(number),
        "Boat",
        live=Live().with_sample(sample, at(10)),
        rssi=-60,
        last_seen=at(5),
        available=True,
        counters=Counters(
            polls=10,
            ok=7,
            failed=3,
            failed_by={"silent": 1, "unreachable": 2},
            skipped=4,
            last_duration=3.5,
        ),
        quality=Quality(10, 7, 70, "fair"),
        rejections=(Rejection(Rejected("voltage", Reason.MAX, 58.88, 36), 3, at(60)),),
    )
    return replace(standard, **fields)  # type: ignore[arg-type]  # mypy does not look into **


def observed(*views: DeviceView, **fields: object) -> Observed:
    box = MailboxStatistics(waiting=1, dropped=2)
    child = ChildState("scanner", True, 3, 4, 1, None, box)
    standard = Observed(
        moment=at(0),
        gateway_id="0123456789ab",
        devices=views,
        store=StoreStatus(StoreState.OK, None, Durability.PROMPT, Counts(500, 0, 2, 8192), 510, 3, 4, None),
        sinks=(
            SinkStatus("influxdb", SinkState.UP, delivered=700, dropped=2, unsent=Unsent(5, 1)),
            SinkStatus("postgresql", SinkState.OFF),
        ),
        scanner=ScannerStatus(
            listening=True,
            reason=None,
            adverts=70,
            devices=2,
            restarts=3,
            recovery={Rung.RESTART_SCAN: 3},
            dropped=1,
            damaged=2,
            adapters=(AdapterStatus("hci0", True, None, 60, 0.5, 70, {Rung.POWER_CYCLE: 1}),),
        ),
        arbiter=ArbiterStatus(held=(Slot(1, address(1)),), waiting=2, taken_back=1),
        broker=None,
        mqtt=MqttStatus(
            MqttState.CONNECTED, "localhost:1883", None, None, published=90, readings=70, behind=3
        ),
        notices=(),
        actors=(ChildState("root", True, 0, 1, 0, None, None, (child,)),),
        event_streams=1,
        events_lost=0,
    )
    return replace(standard, **fields)  # type: ignore[arg-type]  # mypy does not look into **


Found = dict[str, list[tuple[Mapping[str, str], float]]]


def scraped(seen: Observed) -> Found:
    """By the whole name."""
    text, media_type = exposition(seen, "")
    assert media_type.startswith("text/plain")
    found: Found = {}
    for family in text_string_to_metric_families(text.decode()):
        for sample in family.samples:
            found.setdefault(sample.name, []).append((sample.labels, sample.value))
    return found


def value(found: Found, name: str, **labels: str) -> float | None:
    """Of the one series with these labels."""
    fitting = [value for has, value in found.get(name, []) if labels.items() <= has.items()]
    assert len(fitting) < 2
    return fitting[0] if fitting else None


# -- batteries -------------------------------------------------------------------------------


def test_each_quantity_is_told_in_its_base_unit() -> None:
    found = scraped(observed(view()))
    assert found["battery_hawk_voltage_volts"] == [
        (
            {
                "device_id": address(1),
                "device_name": "Toy 1",
                "vehicle_name": "Boat",
                "device_type": "TOY",
                "simulated": "false",
            },
            12.6,
        )
    ]
    assert value(found, "battery_hawk_current_amperes") == -1.5
    assert value(found, "battery_hawk_temperature_celsius") == -7.0
    assert value(found, "battery_hawk_state_of_charge_ratio") == 0.57
    assert value(found, "battery_hawk_power_watts") == -18.9
    assert value(found, "battery_hawk_battery_status", status="normal") == 1


def test_what_is_not_measured_is_absent_and_not_0() -> None:
    found = scraped(observed(view(sample=Sample(voltage=0.0))))
    assert value(found, "battery_hawk_voltage_volts") == 0.0
    for name in (
        "current_amperes",
        "temperature_celsius",
        "state_of_charge_ratio",
        "power_watts",
        "battery_status",
    ):
        assert f"battery_hawk_{name}" not in found


def test_what_is_stale_is_absent_but_its_age_is_told() -> None:
    old = view(
        live=Live().with_sample(WHOLE, at(90_000)),
        last_seen=at(80_000),
        available=False,
        stale=frozenset({"voltage", "current", "temperature", "state_of_charge", "power"}),
    )
    found = scraped(observed(old))
    for name in (
        "voltage_volts", "current_amperes", "temperature_celsius", "state_of_charge_ratio", "power_watts",
        "battery_status", "rssi_dbm",
    ):  # fmt: skip
        assert f"battery_hawk_{name}" not in found
    assert value(found, "battery_hawk_available") == 0
    assert value(found, "battery_hawk_data_age_seconds") == 90_000
    assert value(found, "battery_hawk_last_heard_age_seconds") == 80_000


def test_of_quantities_only_the_stale_ones_are_absent() -> None:
    live = Live().with_sample(Sample(temperature=20.0, status="low"), at(9000))
    live = live.with_sample(Sample(voltage=12.6), at(1))
    found = scraped(observed(view(live=live, stale=frozenset({"temperature"}))))
    assert value(found, "battery_hawk_voltage_volts") == 12.6
    assert "battery_hawk_temperature_celsius" not in found
    assert "battery_hawk_battery_status" not in found  # it is as old as the temperature


def test_a_device_that_never_said_anything_has_no_values_and_no_age() -> None:
    found = scraped(observed(DeviceView(device())))
    assert value(found, "battery_hawk_available") == 0
    assert "battery_hawk_data_age_seconds" not in found
    assert "battery_hawk_link_quality_ratio" not in found
    assert value(found, "battery_hawk_polls_total", outcome="ok") == 0


def test_simulated_batteries_say_so_and_names_are_never_empty() -> None:
    found = scraped(observed(view(vehicle_name=None, simulated=True)))
    ((labels, _),) = found["battery_hawk_voltage_volts"]
    assert (labels["simulated"], labels["vehicle_name"]) == ("true", "unassigned")


def test_only_configured_devices_have_series_of_their_own() -> None:
    views = [
        view(1),
        view(2),
        *(view(n, device=device(n, lifecycle=Lifecycle.DISCOVERED)) for n in (3, 4, 5)),
    ]
    found = scraped(observed(*views))
    devices = {
        labels["device_id"] for series in found.values() for labels, _ in series if "device_id" in labels
    }
    assert devices == {address(1), address(2)}
    counted = {labels["lifecycle"]: number for labels, number in found["battery_hawk_devices"]}
    assert counted == {"configured": 2, "discovered": 3, "ignored": 0}


def test_polls_are_counted_by_how_they_ended() -> None:
    found = scraped(observed(view()))
    polls = {labels["outcome"]: number for labels, number in found["battery_hawk_polls_total"]}
    assert polls == {"ok": 7, "silent": 1, "unreachable": 2}
    assert value(found, "battery_hawk_polls_skipped_total") == 4
    assert value(found, "battery_hawk_link_quality_ratio") == 0.7
    assert value(found, "battery_hawk_rejected_values_total", quantity="voltage", reason="max") == 3


# -- the service -----------------------------------------------------------------------------


def test_the_service_tells_how_it_does() -> None:
    found = scraped(observed())
    assert value(found, "battery_hawk_store_readings") == 500
    assert value(found, "battery_hawk_store_seq") == 510
    assert value(found, "battery_hawk_store_waiting_readings") == 3
    assert value(found, "battery_hawk_store_dropped_readings_total") == 4
    assert value(found, "battery_hawk_bluetooth_recoveries_total", rung="restart_scan") == 3
    assert value(found, "battery_hawk_adapter_recoveries_total", adapter="hci0", rung="power_cycle") == 1
    assert value(found, "battery_hawk_actor_restarts_total", actor="root/scanner") == 3
    assert value(found, "battery_hawk_mailbox_dropped_messages_total", actor="root/scanner") == 2
    assert value(found, "battery_hawk_links_held") == 1
    assert value(found, "battery_hawk_clock_trusted") == 1


def test_of_the_broker_it_tells_when_there_is_to_be_one() -> None:
    found = scraped(observed())
    assert value(found, "battery_hawk_mqtt_connected") == 1
    assert value(found, "battery_hawk_mqtt_sent_messages_total") == 90
    assert value(found, "battery_hawk_mqtt_sent_readings_total") == 70
    assert value(found, "battery_hawk_mqtt_unsent_readings") == 3
    assert not [name for name in scraped(observed(mqtt=None)) if name.startswith("battery_hawk_mqtt")]


def test_of_each_database_it_tells_how_far_it_is_behind_and_of_one_that_is_off_nothing_else() -> None:
    found = scraped(observed())
    states = [(labels["sink"], labels["state"]) for labels, _ in found["battery_hawk_sink_state"]]
    assert states == [("influxdb", "up"), ("postgresql", "off")]
    assert value(found, "battery_hawk_sink_delivered_rows_total") == 700
    assert value(found, "battery_hawk_sink_dropped_rows_total") == 2
    assert value(found, "battery_hawk_sink_unsent_rows", stream="readings") == 5
    assert value(found, "battery_hawk_sink_unsent_rows", stream="summaries") == 1


def test_of_a_part_that_did_not_answer_all_is_absent_and_that_is_told() -> None:
    found = scraped(observed(devices=None, store=None))
    answered = {labels["part"]: told for labels, told in found["battery_hawk_part_answered"]}
    assert answered == {"directory": 0, "store": 0, "sinks": 1, "scanner": 1, "arbiter": 1}
    assert not [name for name in found if name.startswith(("battery_hawk_store", "battery_hawk_devices"))]


def test_a_log_that_cannot_be_read_is_not_told_as_empty() -> None:
    store = StoreStatus(StoreState.DEGRADED, "full", Durability.PROMPT, None, None, 5, 0, None)
    found = scraped(observed(store=store))
    assert "battery_hawk_store_readings" not in found
    assert "battery_hawk_store_seq" not in found
    assert value(found, "battery_hawk_store_degraded") == 1


def test_before_the_clock_is_trusted_that_is_told() -> None:
    assert value(scraped(observed(moment=Moment(None, NOW))), "battery_hawk_clock_trusted") == 0


# -- the text --------------------------------------------------------------------------------


def test_promtool_finds_nothing_to_complain_about() -> None:
    text, _ = exposition(observed(view(1), view(2)), "")
    said = subprocess.run(
        [binary("promtool"), "check", "metrics"], input=text, capture_output=True, check=False
    )
    assert (said.returncode, said.stdout, said.stderr) == (0, b"", b"")


def test_who_asks_for_openmetrics_gets_it() -> None:
    text, media_type = exposition(
        observed(view()), "application/openmetrics-text;version=1.0.0,text/plain;q=0.5"
    )
    assert media_type.startswith("application/openmetrics-text; version=1.0.0")
    parsed = openmetrics.text_string_to_metric_families(text.decode())  # type: ignore[no-untyped-call]  # the library has no types
    names = {family.name for family in parsed}
    assert {"battery_hawk_voltage_volts", "battery_hawk_polls", "battery_hawk_build"} <= names


@given(st.text(min_size=1), st.text(min_size=1))
def test_any_name_comes_through(device_name: str, vehicle_name: str) -> None:
    odd = view(device=device(friendly_name=device_name), vehicle_name=vehicle_name)
    ((labels, _),) = scraped(observed(odd))["battery_hawk_voltage_volts"]
    assert (labels["device_name"], labels["vehicle_name"]) == (device_name, vehicle_name)


# -- the page --------------------------------------------------------------------------------


def documented() -> dict[str, set[str]]:
    """The labels of each name; in the section of the batteries those of a device come on top."""
    batteries = PAGE.partition("\n### Batteries\n")[2].partition("\n### ")[0]
    return {
        name: set(re.findall(r"`(\w+)`", labels)) | (DEVICE if f"| `{name}` |" in batteries else set())
        for name, labels in re.findall(r"^\| `(battery_hawk_\w+)` \|([^|]*)\|", PAGE, re.MULTILINE)
    }


def test_every_name_and_label_is_documented_and_the_other_way_round() -> None:
    found = scraped(observed(view()))
    told = {name: set(series[0][0]) for name, series in found.items() if not name.startswith("process_")}
    assert documented() == told


@pytest.mark.parametrize("name", [name for name in scraped(observed()) if name.startswith("process_")])
def test_the_names_of_the_process_are_documented(name: str) -> None:
    assert f"`{name}`" in PAGE
