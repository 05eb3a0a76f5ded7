"""Calibration and plausibility as JSON."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hawk.errors import Invalid
from hawk.model.reading import QUANTITIES
from hawk.model.rules import (
    ANY_BATTERY,
    Bounds,
    Correction,
    narrowed,
    parse_calibration,
    parse_plausibility,
    patched,
    to_json,
)


def test_what_is_left_out_changes_nothing() -> None:
    assert parse_calibration({"voltage": {"offset": -0.05}, "power": {}}) == {
        "voltage": Correction(scale=1, offset=-0.05),
        "power": Correction(),
    }
    assert parse_plausibility({"voltage": {"max": 16}}) == {"voltage": Bounds(max=16)}


@pytest.mark.parametrize(
    ("document", "pointer"),
    [
        ([], ""),
        (None, ""),
        ({"volts": {}}, "/volts"),
        ({"a/b~": {}}, "/a~1b~0"),
        ({"voltage": 1.01}, "/voltage"),
        ({"voltage": {"factor": 2}}, "/voltage/factor"),
        ({"voltage": {"x/y": 2}}, "/voltage/x~1y"),
        ({"voltage": {"scale": "2"}}, "/voltage/scale"),
        ({"voltage": {"scale": True}}, "/voltage/scale"),
        ({"voltage": {"scale": None}}, "/voltage/scale"),
        ({"voltage": {"scale": 0}}, "/voltage/scale"),
        ({"voltage": {"scale": 5000}}, "/voltage/scale"),
        ({"voltage": {"offset": float("nan")}}, "/voltage/offset"),
        ({"voltage": {"offset": float("inf")}}, "/voltage/offset"),
        ({"voltage": {"offset": 10**400}}, "/voltage/offset"),
    ],
)
def test_a_wrong_calibration_is_named_with_its_place(document: Any, pointer: str) -> None:
    with pytest.raises(Invalid) as refused:
        parse_calibration(document)
    assert refused.value.pointer == pointer


@pytest.mark.parametrize(
    ("document", "pointer"),
    [
        ({"voltage": {"min": 16, "max": 10}}, "/voltage/min"),
        ({"voltage": {"min": 10, "max": 10}}, "/voltage/min"),
        ({"current": {"max_jump": 0}}, "/current/max_jump"),
        ({"current": {"max_jump": -1}}, "/current/max_jump"),
        ({"current": {"offset": 1}}, "/current/offset"),
    ],
)
def test_wrong_limits_are_named_with_their_place(document: Any, pointer: str) -> None:
    with pytest.raises(Invalid) as refused:
        parse_plausibility(document)
    assert refused.value.pointer == pointer


def test_a_device_narrows_the_limits_of_its_family_one_by_one() -> None:
    limits = narrowed(ANY_BATTERY, {"voltage": Bounds(max=16, max_jump=3)})
    assert limits["voltage"] == Bounds(-1, 16, 3)
    assert limits["temperature"] == ANY_BATTERY["temperature"]
    assert narrowed({}, {"power": Bounds(min=0)}) == {"power": Bounds(min=0)}


@pytest.mark.parametrize(
    ("document", "patch", "expected"),
    [  # the examples of RFC 7396, appendix A
        ({"a": "b"}, {"a": "c"}, {"a": "c"}),
        ({"a": "b"}, {"b": "c"}, {"a": "b", "b": "c"}),
        ({"a": "b"}, {"a": None}, {}),
        ({"a": "b", "b": "c"}, {"a": None}, {"b": "c"}),
        ({"a": ["b"]}, {"a": "c"}, {"a": "c"}),
        ({"a": "c"}, {"a": ["b"]}, {"a": ["b"]}),
        ({"a": {"b": "c"}}, {"a": {"b": "d", "c": None}}, {"a": {"b": "d"}}),
        ({"a": [{"b": "c"}]}, {"a": [1]}, {"a": [1]}),
        (["a", "b"], ["c", "d"], ["c", "d"]),
        ({"a": "b"}, ["c"], ["c"]),
        ({"a": "foo"}, None, None),
        ({"e": None}, {"a": 1}, {"e": None, "a": 1}),
        ([1, 2], {"a": "b", "c": None}, {"a": "b"}),
        ({}, {"a": {"bb": {"ccc": None}}}, {"a": {"bb": {}}}),
    ],
)
def test_a_merge_patch_does_what_its_standard_says(document: Any, patch: Any, expected: Any) -> None:
    assert patched(document, patch) == expected


NUMBER = st.floats(-1e9, 1e9) | st.integers(-(10**9), 10**9)
ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3)
    | st.dictionaries(st.sampled_from([*QUANTITIES, "scale", "min", "max_jump"]) | st.text(max_size=3), inner),
    max_leaves=12,
)  # fmt: skip


@given(ANYTHING)
def test_anything_is_understood_or_refused_with_its_place(document: Any) -> None:
    for parse in (parse_calibration, parse_plausibility):
        try:
            found = parse(document)
        except Invalid as error:
            assert error.pointer == "" or error.pointer.startswith("/")
        else:
            assert parse(json.loads(json.dumps(to_json(found)))) == found


@given(st.dictionaries(st.sampled_from(QUANTITIES), st.builds(Bounds, max=NUMBER)))
def test_limits_are_written_and_read_again_the_same(limits: dict[str, Bounds]) -> None:
    assert parse_plausibility(json.loads(json.dumps(to_json(limits)))) == limits
