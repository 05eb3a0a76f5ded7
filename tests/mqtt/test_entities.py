"""What the templates make of a state, rendered as Home Assistant does: nothing is undefined, nothing is refused."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jinja2 import Environment, StrictUndefined

from hawk.drivers.api import Shown
from hawk.drivers.showing import amperes, watt_hours, word, yes_or_no
from hawk.mqtt.entities import COUNTED, LONGEST_STATE, UNITS, extra

JINJA = Environment(undefined=StrictUndefined, autoescape=False)  # nothing here is a page
ENERGY, CURRENT, FAULTS, LOAD = watt_hours("made"), amperes("made"), word("made"), yes_or_no("made")
MODE = Shown("made", options=("bulk", "float", "bulk"))


def rendered(shown: Shown, state: dict[str, Any]) -> str:
    return JINJA.from_string(extra(shown, 600.0)["value_template"]).render(value_json=state)


@pytest.mark.parametrize(
    ("shown", "said", "expected"),
    [
        (ENERGY, 65936, "65936"), (ENERGY, None, "None"), (CURRENT, -1.25, "-1.25"), (CURRENT, 0, "0"),
        (FAULTS, "", "none"), (FAULTS, "fan_alarm, pv_reversed", "fan_alarm, pv_reversed"), (FAULTS, None, "None"),
        (FAULTS, "x" * 300, "x" * 255), (FAULTS, 0, "0"), (LOAD, True, "ON"), (LOAD, False, "OFF"), (LOAD, None, "None"),
        (MODE, "bulk", "bulk"), (MODE, "unknown_9", "None"), (MODE, None, "None"),
    ],
)  # fmt: skip
def test_a_value_is_shown_as_it_was_said(shown: Shown, said: object, expected: str) -> None:
    assert rendered(shown, {"extra": {"made": said}}) == expected
    if said is None:
        assert rendered(shown, {"extra": {}}) == rendered(shown, {}) == expected


@given(st.text(), st.one_of(st.none(), st.booleans(), st.integers(), st.floats(allow_nan=False), st.text()))
def test_any_key_and_any_value_can_be_shown(key: str, said: object) -> None:
    for shown in (Shown(key), Shown(key, on_or_off=True), Shown(key, options=(key,)), Shown(key, unit="W")):
        assert len(rendered(shown, {"extra": {key: said}})) <= max(LONGEST_STATE, len(str(said)))


def test_a_counter_does_not_expire_and_a_measurement_does() -> None:
    assert "expire_after" not in extra(ENERGY, 600.0)
    assert extra(CURRENT, 600.0)["expire_after"] == 600
    assert extra(ENERGY, 600.0)["device_class"] == "energy"
    assert extra(ENERGY, 600.0)["state_class"] == "total_increasing"


def test_an_option_that_stands_for_two_codes_is_there_once() -> None:
    assert extra(MODE, 600.0)["options"] == ["bulk", "float"]


def test_a_class_that_nobody_knows_is_left_out_and_the_unit_stays() -> None:
    found = extra(Shown("made", unit="V", device_class="tension", state_class="measurement"), 600.0)
    assert "device_class" not in found
    assert (found["unit_of_measurement"], found["state_class"]) == ("V", "measurement")


def test_what_counts_has_a_unit_of_its_own() -> None:
    assert COUNTED.keys() <= UNITS.keys()
