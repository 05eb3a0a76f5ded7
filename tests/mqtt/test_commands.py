"""Commands: what is understood, what is refused with a reason, and what is passed over."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hawk.mqtt.commands import (
    AddDevice,
    DiscoverDevices,
    GetDevices,
    Order,
    PollDevice,
    Refused,
    ReleaseDevice,
    RemoveDevice,
    RestartGateway,
    SetDevice,
    SetLogLevel,
    understood,
)
from hawk.mqtt.topics import Topics
from hawk.registry.messages import DeviceChanges
from tests.doubles import address

OURS = "0123456789ab"
HERE = Topics()
COMMAND = "battery_hawk/gateway/command"


def hear(payload: Any, topic: str = COMMAND, *, retained: bool = False) -> Order | None:
    text = payload if isinstance(payload, bytes) else json.dumps(payload).encode()
    return understood(HERE, OURS, topic, text, retained=retained)


def refusal(payload: Any, topic: str = COMMAND, *, retained: bool = False) -> Refused:
    with pytest.raises(Refused) as caught:
        hear(payload, topic, retained=retained)
    return caught.value


@pytest.mark.parametrize(
    ("said", "wanted"),
    [
        ({"command": "get_devices"}, GetDevices()),
        ({"command": "discover_devices"}, DiscoverDevices(None)),
        ({"command": "discover_devices", "duration": 20}, DiscoverDevices(20.0)),
        ({"command": "remove_device", "mac_address": "02-00-00-00-00-01"}, RemoveDevice(address(1))),
        ({"command": "poll_device", "mac_address": "020000000001"}, PollDevice(address(1))),
        ({"command": "release_device", "mac_address": address(1)}, ReleaseDevice(address(1), 30.0)),
        ({"command": "release_device", "mac_address": address(1), "minutes": 5}, ReleaseDevice(address(1), 5.0)),
        ({"command": "restart_gateway"}, RestartGateway()),
        (
            {"command": "add_device", "mac_address": address(1), "type": "bm6", "name": "Boat"},
            AddDevice(address(1), DeviceChanges(device_type="bm6", friendly_name="Boat"), test=True),
        ),
        (
            {"command": "add_device", "mac_address": address(1), "device_type": "BM2", "test": False},
            AddDevice(address(1), DeviceChanges(device_type="BM2"), test=False),
        ),
        (
            {"command": "set_device", "mac_address": address(1), "polling_interval": 60},
            SetDevice(address(1), DeviceChanges(polling_interval=60.0)),
        ),
        (
            {"command": "set_device", "mac_address": address(1), "vehicle_id": None},
            SetDevice(address(1), DeviceChanges(no_vehicle=True)),
        ),
    ],
)  # fmt: skip
def test_what_is_wanted(said: dict[str, Any], wanted: object) -> None:
    assert hear({**said, "request_id": "a1", "gateway_id": OURS}) == Order(said["command"], "a1", wanted)  # type: ignore[arg-type]  # any of the orders


def test_settings_come_on_topics_of_their_own() -> None:
    topic = "battery_hawk/device/020000000001/set"
    wanted = SetDevice(address(1), DeviceChanges(polling_interval=900.0))
    assert hear({"polling_interval": 900}, topic) == Order("set_device", None, wanted)
    level = hear({"log_level": "DEBUG"}, "battery_hawk/gateway/set")
    assert level == Order("set_gateway", None, SetLogLevel("DEBUG"))


def test_another_gateway_is_meant() -> None:
    assert hear({"command": "restart_gateway", "gateway_id": "another"}) is None


def test_a_retained_command_that_is_cleared_is_no_command() -> None:
    assert hear(b"", retained=True) is None


def test_a_retained_command_is_refused_with_an_answer() -> None:
    refused = refusal({"command": "restart_gateway", "request_id": 7}, retained=True)
    assert (refused.code, refused.command, refused.request_id) == ("retained_ignored", "restart_gateway", "7")


@pytest.mark.parametrize(
    ("said", "code", "words"),
    [
        (b"{", "bad_json", "a JSON object"),
        (b"[1]", "bad_json", "a JSON object"),
        (b"\xff\xfe", "bad_json", "a JSON object"),
        (b"[" * 4000, "bad_json", "a JSON object"),
        (b" " * 4097, "too_large", "at most 4096 bytes"),
        ({}, "bad_request", "'command' is text"),
        ({"command": 5}, "bad_request", "'command' is text"),
        ({"command": "fly"}, "unknown_command", "'fly' is none of get_devices"),
        ({"command": "poll_device"}, "bad_request", "say which device"),
        ({"command": "poll_device", "mac_address": "boat"}, "bad_request", "boat"),
        ({"command": "poll_device", "mac_address": 5}, "bad_request", "mac_address is text"),
        ({"command": "discover_devices", "duration": 0}, "bad_request", "from 1 to 300"),
        ({"command": "discover_devices", "duration": True}, "bad_request", "from 1 to 300"),
        ({"command": "release_device", "mac_address": address(1), "minutes": 1e9}, "bad_request", "1440"),
        ({"command": "add_device", "mac_address": address(1), "test": "no"}, "bad_request", "true or false"),
        ({"command": "set_device", "mac_address": address(1), "config": 1}, "bad_request", "an object"),
    ],
)
def test_what_cannot_be_understood_is_refused_with_a_reason(said: Any, code: str, words: str) -> None:
    refused = refusal(said)
    assert refused.code == code
    assert words in str(refused)


def test_an_address_that_is_none_is_refused_on_its_topic_too() -> None:
    assert refusal({}, "battery_hawk/device/boat/set").code == "bad_request"
    assert refusal({"log_level": "LOUD"}, "battery_hawk/gateway/set").code == "bad_request"


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=5,
)
KEYS = st.sampled_from(
    ["command", "request_id", "mac_address", "duration", "minutes", "test", "name", "vehicle_id"]
)
WORDS = st.sampled_from(
    ["get_devices", "add_device", "poll_device", "set_device", "release_device", address(1)]
)


@given(
    st.binary(max_size=200) | st.dictionaries(KEYS, JSON | WORDS).map(lambda said: json.dumps(said).encode()),
    st.sampled_from([COMMAND, "battery_hawk/gateway/set", "battery_hawk/device/x/set", "else"]),
    st.booleans(),
)
def test_whatever_comes_is_understood_refused_or_passed_over(
    payload: bytes, topic: str, retained: bool
) -> None:
    try:
        order = understood(HERE, OURS, topic, payload, retained=retained)
    except Refused as refused:
        assert refused.code
        return
    assert order is None or isinstance(order, Order)
