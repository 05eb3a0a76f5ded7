"""The contract that hawk/drivers/contract.py has for every driver: ours keep it, and what breaks it is found."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from hawk.drivers import catalogue, contract
from hawk.drivers.api import Driver, Gatt, Heard
from hawk.drivers.contract import RULES, Advert, Broken, Exhibit, Rule, Session
from hawk.model.address import parse_address
from hawk.model.advertisement import Advertisement
from hawk.model.reading import Sample
from tests.doubles import TOY, ToyCodec
from tests.drivers import vectors
from tests.drivers.test_modbus import BY_ID
from tests.drivers.test_vectors import STATUSES, sample_of
from tests.drivers.vectors import Vector

_EXTRA = ("rapid_acceleration", "rapid_deceleration")


def exhibit(driver: Driver) -> Exhibit:
    """With all that was ever captured of its devices; of a driver of somebody else's that happens to be
    installed there is nothing."""
    device = driver.device_type
    live = [each for each in vectors.of("notify_live", "notify_ack") if each.device == device]
    air = [each for each in vectors.of("advert_encrypted", "advert_ibeacon") if each.device == device]
    sessions = [*map(_session, live), *MODBUS.get(device, ())]
    return Exhibit(driver, sessions, [_advert(each) for each in air], CONFIGS.get(device, {}))


def _session(vector: Vector) -> Session:
    acknowledged = "voltage" not in vector.expected
    return Session([bytes.fromhex(vector.hex)], None if acknowledged else _sample(vector))


def _advert(vector: Vector) -> Advert:
    data, sender = bytes.fromhex(vector.hex), vector.address or "50:54:7B:00:00:01"
    said = {int.from_bytes(data[:2], "little"): data[2:]}
    return Advert(Advertisement(parse_address(sender), None, -60, "hci0", said), _sample(vector))


def _sample(vector: Vector) -> Sample:
    said = {name: value for name, value in sample_of(vector.expected).items() if name != "mac"}
    extra = {name: said.pop(name) for name in _EXTRA if name in said}
    if "status_code" in said:
        said["status"] = STATUSES[vector.device][said["status_code"]]
    return Sample(**said, extra=extra)


def _modbus(*ids: str, **quantities: Any) -> Session:
    """A whole conversation; its sample has all that the vectors list."""
    said: dict[str, Any] = {}
    for each in ids:
        said |= BY_ID[each]["expected"]
    said["faults"] = ""  # in words, of the listed words of bits
    return Session([bytes.fromhex(BY_ID[each]["response"]) for each in ids], Sample(**quantities, extra=said))


MODBUS = {
    "renogy_controller": [
        _modbus(
            "V01", "V03", "V02", voltage=14.4, current=0.04, temperature=25, state_of_charge=100, power=0.6,
            status="boost", status_code=4,
        )
    ],
}  # fmt: skip

# Of those that are nothing without one.
CONFIGS = {
    "generic_modbus": json.loads((Path(__file__).parents[2] / "docs/examples/renogy-rover.json").read_bytes())
}

EXHIBITS = [exhibit(driver) for driver in catalogue.load().drivers]


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.__name__)
@pytest.mark.parametrize("exhibit", EXHIBITS, ids=lambda exhibit: exhibit.driver.device_type)
def test_every_driver_that_is_installed_keeps_the_contract(rule: Rule, exhibit: Exhibit) -> None:
    rule(exhibit)


# -- what breaks it ------------------------------------------------------------------------------

GOOD = Session([b"ok", b"12.60"], Sample(voltage=12.6, status="normal"))
BASE = "-0000-1000-8000-00805f9b34fb"
UUIDS = Gatt(service=f"0000ffff{BASE}", write=f"0000fff1{BASE}", notify=f"0000fff2{BASE}")
SOUND = replace(TOY, gatt=UUIDS)


def codec(**methods: Callable[..., Any]) -> type:
    return type("Codec", (ToyCodec,), methods)


def raising(*_: object) -> Any:
    raise KeyError("voltage")


class Forgetful(ToyCodec):
    """Keeps what it should forget."""

    seen: list[bytes] = []  # noqa: RUF012  # the mistake

    def receive_data(self, data: bytes) -> Sample | None:
        self.seen.append(data)
        return super().receive_data(data) if len(self.seen) < 3 else None


def test_a_sound_driver_keeps_it() -> None:
    for rule in RULES:
        rule(Exhibit(SOUND, [GOOD]))


@pytest.mark.parametrize(
    ("changes", "rule", "says"),
    [
        ({"gatt": replace(UUIDS, notify="FFF2")}, "its_table_is_right", "written in full"),
        ({"names": frozenset({"Sunny"})}, "its_table_is_right", "lower case"),
        ({"measures": ("volts",)}, "its_table_is_right", "volts"),
        ({"description": " "}, "its_table_is_right", "description"),
        ({"polling_interval": 0.0}, "its_table_is_right", "at least 1 s"),
        ({"aliases": frozenset({"bm6"})}, "its_names_are_nobody_elses", "BM6"),
        ({"names": frozenset({"battery guard"})}, "its_names_are_nobody_elses", "battery guard"),
        ({"configure": lambda driver, _: driver}, "a_wrong_config_is_refused", "was taken"),
        ({"codec": codec(begin=lambda _: (b"?",))}, "what_it_writes_is_bytes", "not b'?'"),
        ({"codec": codec(receive_data=raising)}, "any_notification_is_a_sample_or_a_ProtocolError", "KeyError"),
        (
            {"codec": codec(receive_data=lambda *_: Sample(voltage=float("nan")))},
            "any_notification_is_a_sample_or_a_ProtocolError",
            "finite",
        ),
        ({"codec": codec(receive_data=lambda *_: 12.6)}, "any_notification_is_a_sample_or_a_ProtocolError", "12.6"),
        ({"codec": Forgetful}, "captured_sessions_give_the_captured_samples", "next session"),
        ({"hear": raising}, "any_advertisement_is_heard_or_a_ProtocolError", "KeyError"),
        ({"decode": {"live": raising}}, "any_bytes_are_decoded_or_a_ProtocolError", "KeyError"),
    ],
)  # fmt: skip
def test_a_driver_that_breaks_a_rule_is_told_how(changes: dict[str, Any], rule: str, says: str) -> None:
    rules = {each.__name__: each for each in RULES}
    with pytest.raises(Broken, match=says):
        rules[rule](Exhibit(replace(SOUND, **changes), [GOOD]))


def test_a_value_that_is_not_as_captured_is_named() -> None:
    wrong = Session([b"12.60"], Sample(voltage=12.5, status="normal"))
    with pytest.raises(Broken, match=r"voltage: expected 12\.5, got 12\.6"):
        contract.captured_sessions_give_the_captured_samples(Exhibit(SOUND, [wrong]))


def test_an_advertisement_that_another_driver_understands_is_told() -> None:
    captured = next(each for each in EXHIBITS if each.driver.device_type == "BM6").adverts[0]
    greedy = replace(SOUND, hear=lambda _: Heard(captured.sample, proven=False, recordable=False))
    with pytest.raises(Broken, match="BM6 understood it, too"):
        contract.captured_advertisements_are_understood_by_it_alone(Exhibit(greedy, adverts=[captured]))
