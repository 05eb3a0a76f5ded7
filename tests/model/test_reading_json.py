"""A reading as JSON, and back."""

import json
import math
from dataclasses import replace
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hawk.errors import Invalid
from hawk.model.attributes import reading_attributes
from hawk.model.instant import parse_rfc3339
from hawk.model.reading import Moment, Reading
from hawk.model.reading_json import NAMES, reading_of
from tests.archive.strategies import NOW, readings

SAID = {
    "device_id": "50:54:7B:24:30:10",
    "timestamp": "2026-11-23T00:00:00Z",
    "source": "gatt",
    "device_type": "BM6",
    "voltage": 12.5,
}
BERLIN = ZoneInfo("Europe/Berlin")


@given(readings)
def test_a_reading_comes_back_as_it_was_but_its_number(reading: Reading) -> None:
    said = reading_attributes(reading)
    assert tuple(said) == NAMES
    assert reading_of(json.loads(json.dumps(said)), NOW) == replace(reading, seq=None)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("voltage", math.nan), ("voltage", math.inf), ("voltage", "12.5"), ("voltage", True), ("voltage", 1001),
        ("voltage", 10**400), ("state_of_charge", 100.1), ("state_of_charge", -1), ("temperature", -273),
        ("current", []), ("status", 1), ("status", "\ud800"), ("status", "x" * 257), ("status_code", 1.0),
        ("status_code", 2**31), ("rssi", -200), ("simulated", 1), ("simulated", None), ("source", "guessed"),
        ("source", None), ("source", []), ("device_type", ""), ("device_type", None), ("device_id", "50:54"),
        ("device_id", None), ("gateway_id", "xyz"), ("seq", "1"), ("seq", -1), ("extra", []),
        ("extra", {"a": []}), ("extra", {"a": math.nan}), ("extra", {"a": "x" * 20_000}), ("extra", {"\ud800": 1}),
        ("timestamp", None), ("timestamp", 1_795_392_000), ("timestamp", "yesterday"),
        ("timestamp", "2026-11-23T00:00:00"), ("timestamp", "2026-11-23"), ("timestamp", "1970-01-01T00:00:09Z"),
        ("timestamp", "2026-11-23T00:02:00Z"), ("timestamp", "9999-12-31T23:59:59-23:59"),
        ("timestamp", "0001-01-01T00:00:00+23:59"), ("volts", 12.5),
    ],
)  # fmt: skip
def test_what_no_log_can_have_is_refused_with_its_place(name: str, value: Any) -> None:
    with pytest.raises(Invalid) as refused:
        reading_of({**SAID, name: value}, NOW)
    assert refused.value.pointer == f"/{name}"
    assert len(str(refused.value)) < 200


def test_a_reading_that_says_nothing_is_none() -> None:
    with pytest.raises(Invalid, match="nothing was measured"):
        reading_of({**SAID, "voltage": None}, NOW)


def utc(text: str, zone: ZoneInfo | None = BERLIN) -> int | None:
    return reading_of({**SAID, "timestamp": text}, NOW, zone).moment.utc


def test_a_time_without_an_offset_is_one_of_the_zone_that_was_said() -> None:
    assert utc("2026-07-01T12:00:00") == parse_rfc3339("2026-07-01T10:00:00Z")
    assert utc("2026-01-01 12:00:00.250") == parse_rfc3339("2026-01-01T11:00:00.250Z")
    assert utc("2026-07-01T12:00:00Z") == parse_rfc3339("2026-07-01T12:00:00Z")


@pytest.mark.parametrize("text", ["2025-10-26T02:30:00", "2026-03-29T02:30:00"])
def test_an_hour_that_was_twice_or_never_is_refused(text: str) -> None:
    with pytest.raises(Invalid, match="twice, or never, in Europe/Berlin"):
        utc(text)


@given(
    st.dictionaries(
        st.sampled_from(NAMES),
        st.none()
        | st.booleans()
        | st.integers()
        | st.floats()
        | st.text(max_size=30)
        | st.lists(st.integers()),
    )
)
def test_anything_is_a_reading_or_refused(said: dict[str, Any]) -> None:
    try:
        reading = reading_of({**SAID, **said}, Moment(None, 1.0))
    except Invalid:
        return
    assert reading.moment.utc is not None
