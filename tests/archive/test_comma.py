"""Readings as CSV, and back."""

import csv
import io
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hawk.archive.api import Assumed, Entry, Refused, Source
from hawk.archive.comma import CSV, heading, write
from hawk.errors import Invalid
from hawk.model.address import Address
from hawk.model.attributes import reading_attributes
from hawk.model.reading import Reading
from hawk.model.reading_json import NAMES
from tests.archive.strategies import NOW, readings

HEADING = heading(NAMES)
ASSUMED = Assumed(NOW)


def entries(data: bytes, assumed: Assumed = ASSUMED) -> list[Entry]:
    return list(CSV.read(Source(io.BytesIO(data)), assumed))


def lines(found: list[Reading]) -> list[bytes]:
    return [write([reading_attributes(each)]) for each in found]


def as_imported(reading: Reading) -> Reading:
    return replace(reading, seq=None)


@given(st.lists(readings, max_size=4))
def test_readings_come_back_as_they_were(found: list[Reading]) -> None:
    assert entries(HEADING + b"".join(lines(found))) == [as_imported(each) for each in found]


@given(st.lists(readings, max_size=4))
def test_it_is_what_rfc_4180_says(found: list[Reading]) -> None:
    text = (HEADING + b"".join(lines(found))).decode()
    rows = list(csv.reader(io.StringIO(text, newline=""), strict=True))
    assert rows[0] == list(NAMES)
    assert [len(row) for row in rows] == [len(NAMES)] * (len(found) + 1)
    assert [row[NAMES.index("device_name")] for row in rows[1:]] == [each.device_name for each in found]


@given(readings, st.data())
def test_of_a_line_that_was_cut_off_there_is_no_reading(reading: Reading, data: st.DataObject) -> None:
    (line,) = lines([reading])
    whole = len(line.rstrip(b"\r\n"))
    cut = data.draw(st.integers(1, whole))
    assert all(isinstance(each, Refused) for each in entries(HEADING + line[:cut]))


@given(st.lists(readings, min_size=1, max_size=3), st.data())
def test_a_byte_that_was_changed_raises_nothing(found: list[Reading], data: st.DataObject) -> None:
    text = bytearray(HEADING + b"".join(lines(found)))
    for _ in range(data.draw(st.integers(1, 4))):
        text[data.draw(st.integers(len(HEADING), len(text) - 1))] = data.draw(st.integers(0, 255))
    for entry in entries(bytes(text)):
        assert isinstance(entry, Refused) or entries(HEADING + lines([entry])[0]) == [entry]


@given(st.binary(max_size=300))
def test_any_bytes_after_the_heading_raise_nothing(data: bytes) -> None:
    assert all(isinstance(each, Refused) for each in entries(HEADING + data))


@given(st.binary(max_size=300))
def test_any_bytes_are_refused(data: bytes) -> None:
    with pytest.raises(Invalid, match="heading"):
        entries(data)


PLAIN = b"50:54:7B:24:30:10,2026-11-01T00:0%d:00Z,12.5,,,,,normal,0,gatt,BM6,Starter,,,-70,false,,,\r\n"


def test_a_quote_that_was_lost_takes_no_other_lines_with_it() -> None:
    damaged = (PLAIN % 2).replace(b"Starter", b'"Starter')
    found = entries(HEADING + PLAIN % 1 + damaged + PLAIN % 3 + PLAIN % 4)
    assert [each.line if isinstance(each, Refused) else 0 for each in found] == [0, 3, 0, 0]
    twice = entries(HEADING + damaged + PLAIN % 3 + damaged + PLAIN % 4)
    assert [each.line if isinstance(each, Refused) else 0 for each in twice] == [2, 0, 4, 0]


def test_lines_without_an_end_are_refused_and_not_gathered() -> None:
    found = entries(HEADING + b"x" * 1_000_000 + b"\r\n" + PLAIN % 1)
    assert [isinstance(each, Refused) for each in found] == [True, False]


def test_a_spreadsheet_may_have_been_at_it() -> None:
    names = "timestamp,voltage,device_id,source,device_type\n"
    data = f"\ufeff{names}2026-11-01T00:00:00+01:00,12.5,50547b243010,gatt,BM6\n\n"
    (reading,) = entries(data.encode())
    assert isinstance(reading, Reading)
    assert (reading.device_id, reading.sample.voltage) == ("50:54:7B:24:30:10", 12.5)


@pytest.mark.parametrize("number", ["nan", "inf", "1_000", "12,5", " 12.5", "0x10", "1e999", "١٢"])
def test_what_is_no_number_is_refused(number: str) -> None:
    line = (PLAIN % 1).decode().replace("12.5", f'"{number}"')
    (refused,) = entries(HEADING + line.encode())
    assert isinstance(refused, Refused)
    assert "voltage" in refused.reason


def test_the_device_can_be_said_when_no_column_does() -> None:
    data = b"timestamp,voltage,source,device_type\n2026-11-01T00:00:00Z,12.5,gatt,BM6\n"
    with pytest.raises(Invalid, match="heading"):
        entries(data)
    (reading,) = entries(data, Assumed(NOW, Address("50:54:7B:24:30:10")))
    assert isinstance(reading, Reading)


def test_the_heading_is_documented() -> None:
    page = (Path(__file__).parents[2] / "docs" / "export.md").read_text()
    assert HEADING.decode().strip() in page
