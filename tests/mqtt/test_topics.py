"""The topics as the contract has them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hawk.errors import BadAddress, Invalid
from hawk.mqtt import topics
from hawk.mqtt.messages import Message
from hawk.mqtt.topics import SAID, Topics, to_json
from tests.doubles import address

CONTRACT = {
    "battery_hawk/device/{}/reading": (1, False),
    "battery_hawk/device/{}/status": (1, True),
    "battery_hawk/device/{}/state": (1, True),
    "battery_hawk/device/{}/availability": (1, True),
    "battery_hawk/device/{}/config": (1, True),
    "battery_hawk/vehicle/{}/summary": (1, True),
    "battery_hawk/vehicle/{}/device_associated": (1, False),
    "battery_hawk/discovery/found": (1, False),
    "battery_hawk/system/status": (2, True),
    "battery_hawk/system/availability": (1, True),
    "battery_hawk/system/shutdown": (2, False),
    "battery_hawk/gateway/config": (1, True),
    "battery_hawk/gateway/response": (1, False),
    "battery_hawk/gateway/response/{}": (1, False),
}


def test_every_topic_has_the_qos_and_the_retain_flag_of_the_contract() -> None:
    assert {f"battery_hawk/{each.path}": (each.qos, each.retain) for each in SAID} == CONTRACT


def test_the_address_stands_in_capitals_with_colons() -> None:
    said = Topics("boats/hawk").message(topics.STATE, {"voltage": 12.6}, address(10))
    assert said == Message("boats/hawk/device/02:00:00:00:00:0A/state", '{"voltage":12.6}', 1, retain=True)


@pytest.mark.parametrize(("cap", "sent"), [(2, 2), (1, 1), (0, 0)])
def test_nothing_is_sent_with_more_than_the_cap(cap: int, sent: int) -> None:
    assert Topics(qos=cap).message(topics.SYSTEM_STATUS, {}).qos == sent
    assert Topics(qos=cap).message(topics.READING, {}, address(1)).qos == min(1, sent)


def test_plural_names_are_said_beside_the_others_where_they_are_wanted() -> None:
    said = Topics(plural=True).messages(topics.READING, {}, address(1))
    assert [each.topic for each in said] == [
        "battery_hawk/device/02:00:00:00:00:01/reading",
        "battery_hawk/devices/02:00:00:00:00:01/readings",
    ]
    assert len(Topics().messages(topics.READING, {}, address(1))) == 1
    assert len(Topics(plural=True).messages(topics.STATE, {}, address(1))) == 1


@pytest.mark.parametrize("prefix", ["", "a/", "/a", "a//b", "a/+", "#", "a#", "a\x00", "a\n"])
def test_a_prefix_that_is_no_topic_is_refused(prefix: str) -> None:
    with pytest.raises(Invalid, match="is no topic"):
        Topics(prefix)


@pytest.mark.parametrize("id_", ["", "a/b", "+", "#", "\x00"])
def test_no_id_reaches_into_another_topic(id_: str) -> None:
    with pytest.raises(ValueError, match="cannot be part of a topic"):
        Topics().message(topics.SUMMARY, {}, id_)


def test_an_answer_goes_to_the_topic_of_its_request() -> None:
    said = [Topics().answer_to(id_, {}).topic for id_ in ("a-1", None, "a/b", "x" * 65, "#", "")]
    assert said == ["battery_hawk/gateway/response/a-1"] + ["battery_hawk/gateway/response"] * 5


@pytest.mark.parametrize("written", ["02:00:00:00:00:0A", "02-00-00-00-00-0a", "02000000000A"])
def test_settings_of_a_device_come_under_any_spelling_of_its_address(written: str) -> None:
    assert Topics().device_of_set(f"battery_hawk/device/{written}/set") == address(10)


def test_other_topics_are_no_settings_of_a_device() -> None:
    assert Topics().device_of_set("battery_hawk/gateway/set") is None
    assert Topics().device_of_set("other/device/02:00:00:00:00:0A/set") is None
    with pytest.raises(BadAddress):
        Topics().device_of_set("battery_hawk/device/boat/set")


def test_what_is_no_json_is_never_said() -> None:
    with pytest.raises(ValueError, match="not JSON compliant"):
        to_json({"voltage": float("nan")})


@given(st.text(max_size=80))
def test_whatever_a_request_id_is_the_answer_has_a_topic_of_ours(request_id: str) -> None:
    topic = Topics().answer_to(request_id, {}).topic
    start = "battery_hawk/gateway/response"
    assert topic == start or (topic.startswith(f"{start}/") and topic.count("/") == 3)
    assert not set("+#\0") & set(topic)
