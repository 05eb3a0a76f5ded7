"""What Home Assistant is told. Ids and keys are pinned: histories of users hang on them."""

import json
from dataclasses import replace
from typing import Any

import pytest

from hawk.drivers.api import Driver, Shown
from hawk.drivers.bm_drivers import BM2, BM6
from hawk.drivers.generic_modbus import GENERIC_MODBUS
from hawk.drivers.victron import VICTRON
from hawk.model.device import DeviceView
from hawk.model.live import Live
from hawk.model.reading import Moment, Sample
from hawk.mqtt.discovery import Announcer, retiring
from hawk.mqtt.messages import Message
from hawk.mqtt.topics import Topics, to_json
from tests.doubles import device

HERE = Announcer(Topics(), "homeassistant", "0123456789ab", "1.4.0")
VIEW = DeviceView(device(0xA, friendly_name="Starter"), interval=3600.0)
ROOT = {"device", "origin", "components", "availability", "availability_mode", "state_topic", "qos"}


def battery(driver: Driver, view: DeviceView = VIEW) -> Any:
    return json.loads(HERE.battery(view, driver, 9000.0).payload)


def parts(driver: Driver, view: DeviceView = VIEW) -> dict[str, Any]:
    return dict(battery(driver, view)["components"])


def test_a_battery_is_announced_on_a_topic_without_colons_and_kept() -> None:
    said = HERE.battery(VIEW, BM6, 9000.0)
    assert said.topic == "homeassistant/device/battery_hawk_02000000000a/config"
    assert (said.qos, said.retain) == (1, True)
    document = json.loads(said.payload)
    assert document.keys() == ROOT  # an unknown key there makes Home Assistant refuse all of it
    assert document["device"]["identifiers"] == ["battery_hawk_02000000000a"]
    assert document["device"]["name"] == "Starter"
    assert document["device"]["via_device"] == "battery_hawk_gw_0123456789ab"
    assert document["availability"] == [
        {"topic": "battery_hawk/system/availability"},
        {"topic": "battery_hawk/device/02:00:00:00:00:0A/availability"},
    ]


def test_the_keys_never_change() -> None:
    beside = {
        "charging",
        "problem",
        "rssi",
        "last_seen",
        "connected",
        "polling_interval",
        "read_now",
        "release",
        "last_result",
        "link_quality",
        "polls",
        "polls_failed",
        "poll_duration",
    }
    assert parts(BM6).keys() == {"voltage", "temperature", "state_of_charge"} | beside
    assert {part["unique_id"] for part in parts(BM6).values()} == {
        f"battery_hawk_02000000000a_{key}" for key in parts(BM6)
    }
    gateway = json.loads(HERE.gateway("Hawk").payload)
    assert gateway["components"].keys() == {"status", "devices", "discovered", "scan", "restart", "log_level"}
    assert gateway["device"]["identifiers"] == ["battery_hawk_gw_0123456789ab"]


def test_only_what_a_monitor_measures_is_announced() -> None:
    assert "temperature" not in parts(BM2)
    assert not {"current", "power"} & parts(BM6).keys()


def test_of_a_type_of_many_kinds_only_what_a_device_said_is_announced() -> None:
    library = replace(BM6, of_many_kinds=True)
    live = Live().with_sample(Sample(voltage=52.6), Moment(0, 1.0))
    assert {"voltage", "temperature"} & parts(library).keys() == set()
    assert {"voltage", "temperature"} & parts(library, replace(VIEW, live=live)).keys() == {"voltage"}


def test_a_value_expires_after_its_availability() -> None:
    voltage = parts(BM6)["voltage"]
    assert voltage == {
        "platform": "sensor",
        "device_class": "voltage",
        "unit_of_measurement": "V",
        "state_class": "measurement",
        "suggested_display_precision": 2,
        "expire_after": 9300,
        "value_template": "{{ value_json.voltage | default(none) }}",
        "unique_id": "battery_hawk_02000000000a_voltage",
    }
    assert not [
        key for key in ("last_seen", "polling_interval", "connected") if "expire_after" in parts(BM6)[key]
    ]


def test_a_device_that_is_only_heard_has_nothing_to_press() -> None:
    heard = parts(VICTRON, replace(VIEW, heard_only=True))
    assert not {"polling_interval", "read_now", "release", "link_quality", "polls"} & heard.keys()


@pytest.mark.parametrize(
    ("shown", "expected"),
    [
        (Shown("pv", "PV power", unit="W", device_class="power", state_class="measurement"),
         {"unit_of_measurement": "W", "device_class": "power", "state_class": "measurement"}),
        (Shown("pv", unit="horses", device_class="power"), {"unit_of_measurement": "horses"}),
        (Shown("total", unit="kWh", device_class="energy", state_class="measurement"),
         {"unit_of_measurement": "kWh", "device_class": "energy"}),
        (Shown("cells", icon="mdi:battery"), {"icon": "mdi:battery"}),
        (Shown("mode", options=("bulk", "float")), {"device_class": "enum", "options": ["bulk", "float"]}),
    ],
)  # fmt: skip
def test_what_a_document_says_is_announced_as_far_as_home_assistant_takes_it(
    shown: Shown, expected: dict[str, Any]
) -> None:
    part = parts(replace(GENERIC_MODBUS, shows=(shown,)))[shown.key]
    words = ("unit_of_measurement", "device_class", "state_class", "icon", "options")
    assert {key: part[key] for key in words if key in part} == expected


def test_an_entity_that_goes_is_reduced_before_it_is_left_out() -> None:
    """Merely left out it would stay in Home Assistant for ever."""
    before, after = HERE.battery(VIEW, BM6, 9000.0), HERE.battery(VIEW, BM2, 9000.0)
    said = retiring(before.payload, after)
    assert said is not None
    assert json.loads(said.payload)["components"]["temperature"] == {"platform": "sensor"}
    assert (said.topic, said.retain) == (after.topic, True)
    assert retiring(after.payload, after) is None
    assert retiring(after.payload, before) is None


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        pytest.param("[" * 200_000, id="endless"),
        "[]",
        "1",
        '{"components": 5}',
        to_json({"components": {"x": 1}}),
    ],
)
def test_what_is_no_document_had_no_entities(text: str) -> None:
    after = Message("t", to_json({"components": {}}), 1, retain=True)
    assert retiring(text, after) is None
