"""Readings as points: what the library makes of them is read back by a parser of its grammar."""

import math
import re
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hawk.model.reading import Sample
from hawk.sinks.influx import _lines
from hawk.sinks.points import clean, reading_row, summary_row
from tests.sinks.rows import T0, hour, reading

LINE = re.compile(
    r"(?P<measurement>(?:[^, \\]|\\.)+)(?P<tags>(?:,(?:[^,= \\]|\\.)+=(?:[^,= \\\n]|\\.|\\(?=[^,= ]))+)+)"
    r" (?P<fields>\w+=-?[0-9.e+-]+(?:,\w+=-?[0-9.e+-]+)*) (?P<utc>-?\d+)"
)


@pytest.mark.parametrize(
    ("name", "cleaned"),
    [
        ("Starter", "Starter"),
        (None, "unassigned"),
        ("", "unassigned"),
        (" \\ ", "unassigned"),
        ("a\nb\tc", "a b c"),
        ("ends\\\\", "ends"),
        ("in\\side", "in\\side"),
    ],
)
def test_a_name_becomes_a_tag_that_can_be_read_back(name: str | None, cleaned: str) -> None:
    assert clean(name) == cleaned


@given(st.text())
def test_no_tag_is_empty_or_has_what_would_break_a_line(name: str) -> None:
    tag = clean(name)
    assert tag
    assert tag.isprintable()
    assert not tag.endswith("\\")
    assert clean(tag) == tag


@given(st.text(), st.text(), st.floats() | st.none(), st.floats() | st.none(), st.integers(0, 2**45))
def test_a_reading_is_one_line_or_none(
    name: str, vehicle: str, voltage: float | None, temperature: float | None, utc: int
) -> None:
    row = replace(
        reading(1),
        device_name=name,
        vehicle_name=vehicle,
        sample=Sample(voltage=voltage, temperature=temperature),
    )
    lines = list(_lines([reading_row(row)]))
    measured = [each for each in (voltage, temperature) if each is not None and math.isfinite(each)]
    assert len(lines) == bool(measured)
    for line in lines:
        assert "\n" not in line
        found = LINE.fullmatch(line)
        assert found is not None, line
        assert [float(field.split("=")[1]) for field in found["fields"].split(",")] == sorted(
            measured, key=[temperature, voltage].index
        )


def test_the_line_of_a_reading() -> None:
    (line,) = _lines([reading_row(reading(1, voltage=12.0, state_of_charge=80, temperature=-3.5))])
    assert line == (
        "battery_reading,device_id=50:54:7B:00:00:01,device_name=Starter,device_type=BM6,vehicle_name=Camper"
        f" state_of_charge=80,temperature=-3.5,voltage=12 {T0 + 1000}"
    )


def test_the_row_of_a_summary() -> None:
    row = summary_row(hour(2))
    assert (row.measurement, row.utc) == ("battery_reading_1h", T0 + 2 * 3_600_000)
    assert row.fields == {
        "count": 60, "voltage_min": 12.1, "voltage_max": 12.9, "voltage_mean": 12.5, "voltage_last": 12.6,
        "voltage_count": 60,
    }  # fmt: skip
