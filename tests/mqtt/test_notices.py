"""What is said of what happens: what is kept, what is said once, and what becomes of entities."""

import json
from collections.abc import Mapping
from dataclasses import replace
from types import MappingProxyType
from typing import Any

import pytest

from hawk.drivers.catalogue import Catalogue
from hawk.drivers.renogy_battery import BATTERY
from hawk.drivers.victron import VICTRON
from hawk.events import BluetoothChanged, DeviceChanged, DeviceRemoved, DeviceUpdated
from hawk.model.device import DeviceView
from hawk.model.live import Live
from hawk.model.reading import Moment, Sample
from hawk.mqtt.discovery import Announcer
from hawk.mqtt.line import Server
from hawk.mqtt.messages import Message
from hawk.mqtt.notices import MOST_ONCE, Known, Notices
from hawk.mqtt.payloads import Gateway
from hawk.mqtt.terms import HomeAssistant, Terms
from hawk.mqtt.topics import Topics
from tests.doubles import NOON, device

NOW = Moment(NOON, 1000.0)
HERE = Gateway("0123456789ab", NOW)
HOME = HomeAssistant(
    Announcer(Topics(), "homeassistant", HERE.gateway_id, "1"),
    "Hawk",
    Catalogue([BATTERY, VICTRON]),
    lambda _: 300.0,
)
DOCUMENT = "homeassistant/device/battery_hawk_020000000001/config"
PACK = {"cell_voltage_1": 3.3, "cell_voltage_2": 3.4, "remaining_ah": 90.0}


def notices(**changes: Any) -> Notices:
    terms = Terms(Server("b", 1883, "hawk"), Topics(), HERE.gateway_id, 3600.0, home_assistant=HOME)
    return Notices(replace(terms, **changes))


def pack(
    device_type: str = "renogy_battery", extra: Mapping[str, float] = MappingProxyType({})
) -> DeviceView:
    live = Live().with_sample(Sample(voltage=13.2, extra=extra), NOW)
    record = device(device_type=device_type, config={"key": "0" * 32} if device_type == "victron" else {})
    return DeviceView(record, live=live, available=True)


def announced(said: Notices) -> set[str]:
    """The entities of the document as it is now."""
    (document,) = [each for each in said.whole() if each.topic == DOCUMENT]
    return set(json.loads(document.payload)["components"])


def test_what_not_every_device_has_is_announced_once_it_was_said_and_then_stays() -> None:
    said = notices()
    said.note(DeviceUpdated(pack()), HERE)
    assert "remaining_ah" in announced(said)
    assert "cell_voltage_1" not in announced(said)
    said.note(DeviceUpdated(pack(extra=PACK)), HERE)
    assert {"cell_voltage_1", "cell_voltage_2"} <= announced(said)
    assert "cell_voltage_3" not in announced(said)
    said.note(DeviceUpdated(pack(extra={"remaining_ah": 90.0})), HERE)  # this time the block was not answered
    assert "cell_voltage_2" in announced(said)


def test_after_a_restart_what_is_not_said_yet_is_not_taken_away() -> None:
    before = notices()
    before.note(DeviceUpdated(pack(extra=PACK)), HERE)
    (document,) = [each for each in before.whole() if each.topic == DOCUMENT]
    kept = json.loads(document.payload)
    kept["components"]["ancient"] = {"platform": "sensor", "unique_id": "x"}
    after = notices()
    after.begin_with(Known((replace(pack(), live=Live()),), ()), HERE)
    (amends,) = after.amends({DOCUMENT: json.dumps(kept)})
    reduced = json.loads(amends.payload)["components"]
    assert reduced["ancient"] == {"platform": "sensor"}
    assert "cell_voltage_1" not in reduced


def test_of_another_type_nothing_of_the_former_one_stays_announced() -> None:
    said = notices()
    said.note(DeviceUpdated(pack(extra=PACK)), HERE)
    said.note(DeviceUpdated(pack("victron")), HERE)
    assert "voltage" in announced(said)
    assert not {"temperature", "remaining_ah"} & announced(said)
    (last,) = said.once(10)
    assert json.loads(last.payload)["components"]["remaining_ah"] == {"platform": "sensor"}


def test_the_condition_is_looked_at_when_a_device_comes_or_goes_and_not_at_each_of_its_words() -> None:
    said = notices()
    assert said.note(DeviceUpdated(pack()), HERE)
    assert not said.note(DeviceUpdated(pack(extra=PACK)), HERE)
    assert said.note(DeviceUpdated(replace(pack(), available=False)), HERE)
    assert said.note(DeviceRemoved(pack().device.address), HERE)
    assert said.note(BluetoothChanged(listening=False), HERE)


def test_the_last_word_of_a_device_that_was_removed_is_not_kept() -> None:
    said, address = notices(), pack().device.address
    said.note(DeviceUpdated(pack()), HERE)
    said.note(DeviceRemoved(address), HERE)
    said.note(DeviceUpdated(pack()), HERE)
    cleared = {each.topic: each.payload for each in said.changed()}
    assert {cleared[topic] for topic in cleared if address in topic or topic == DOCUMENT} == {""}
    said.note(DeviceChanged(pack().device), HERE)  # somebody adds it again
    said.note(DeviceUpdated(pack()), HERE)
    assert "remaining_ah" in announced(said)


def test_what_changed_is_said_once_and_the_whole_again_when_it_is_asked_for() -> None:
    said = notices()
    said.note(DeviceUpdated(pack()), HERE)
    first = said.changed()
    assert DOCUMENT in {each.topic for each in first}
    assert said.changed() == ()
    said.repeat()
    assert {each.topic for each in said.changed()} == {each.topic for each in first}


@pytest.mark.parametrize("lost", [0, 3])
def test_what_is_said_once_waits_until_a_broker_has_it(lost: int) -> None:
    said, words = notices(), [Message(str(n), "", 1, retain=False) for n in range(MOST_ONCE + 3)]
    said.say(words[:2])
    batch = said.once(1)
    if lost:
        said.say(words[2:])  # more than can wait, while the batch is on its way
    said.said_once(batch)
    assert said.once(1) == ((words[lost],) if lost else (words[1],))
