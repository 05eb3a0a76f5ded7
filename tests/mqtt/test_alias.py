"""Topics and keys of BluPow."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hawk.errors import Invalid
from hawk.model.reading import Sample, Scalar
from hawk.mqtt.alias import Alias, as_blupow
from hawk.mqtt.messages import Message
from hawk.mqtt.topics import Topics
from tests.doubles import address
from tests.mqtt.test_payloads import HERE, seen

BLUPOW = Alias(Topics("blupow"))


def test_a_state_has_the_keys_of_blupow() -> None:
    extra: dict[str, Scalar] = {"pv_voltage": 18.4, "pv_power": 61, "charging_state": "mppt"}
    view = seen(Sample(voltage=13.2, current=-1.5, temperature=-4.0, state_of_charge=87.0, extra=extra))
    said = BLUPOW.state(view, HERE)
    assert (said.topic, said.qos, said.retain) == ("blupow/02:00:00:00:00:01/state", 1, True)
    told = json.loads(said.payload)
    assert told == {
        "battery_voltage": 13.2, "battery_current": -1.5, "battery_temperature": -4.0, "battery_percentage": 87.0,
        **extra, "rssi": -70, "device_id": "02:00:00:00:00:01", "gateway_id": HERE.gateway_id,
        "timestamp": "2026-11-18T11:06:40.000Z",
    }  # fmt: skip


def test_what_was_not_measured_is_absent() -> None:
    told = json.loads(BLUPOW.state(seen(Sample(voltage=12.6)), HERE).payload)
    assert {key for key in told if key.startswith("battery_")} == {"battery_voltage"}


def test_a_removed_device_is_forgotten_there() -> None:
    assert BLUPOW.forget(address(1)) == Message("blupow/02:00:00:00:00:01/state", "", 1, retain=True)


def test_commands_are_heard_there_and_what_is_kept() -> None:
    assert BLUPOW.filters == ("blupow/gateway/command",)
    assert BLUPOW.kept == "blupow/+/state"
    assert BLUPOW.topics.answer_to("7", {}).topic == "blupow/gateway/response/7"
    assert BLUPOW.topics.answer_to(None, {}).topic == "blupow/gateway/response"


def test_a_prefix_that_is_no_topic_is_refused() -> None:
    with pytest.raises(Invalid):
        Alias(Topics("blu+pow"))


@given(
    st.dictionaries(
        st.sampled_from(["voltage", "current", "temperature", "state_of_charge"]), st.floats(allow_nan=False)
    )
)
def test_every_value_arrives_unchanged(values: dict[str, float]) -> None:
    assert sorted(as_blupow(values).values()) == sorted(values.values())


def test_a_battery_key_of_the_device_gives_way_to_what_was_measured() -> None:
    assert as_blupow({"voltage": 13.0, "extra": {"battery_voltage": 12.0}})["battery_voltage"] == 13.0
