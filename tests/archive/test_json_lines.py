"""Readings as JSON lines, and back."""

import io
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hawk.archive.api import Assumed, Entry, Refused, Source
from hawk.archive.json_lines import JSON_LINES, write
from hawk.model.address import Address
from hawk.model.attributes import reading_attributes
from hawk.model.reading import Reading
from tests.archive.strategies import NOW, readings

ASSUMED = Assumed(NOW)


def entries(data: bytes, assumed: Assumed = ASSUMED) -> list[Entry]:
    return list(JSON_LINES.read(Source(io.BytesIO(data)), assumed))


def lines(found: list[Reading]) -> bytes:
    return write(map(reading_attributes, found))


@given(st.lists(readings, max_size=4))
def test_readings_come_back_as_they_were(found: list[Reading]) -> None:
    assert entries(lines(found)) == [replace(each, seq=None) for each in found]


@given(readings, st.data())
def test_of_a_line_that_was_cut_off_there_is_no_reading(reading: Reading, data: st.DataObject) -> None:
    line = lines([reading]).rstrip()
    cut = data.draw(st.integers(1, len(line) - 1))
    assert [type(each) for each in entries(line[:cut])] == [Refused]


@given(st.lists(readings, min_size=1, max_size=3), st.data())
def test_a_byte_that_was_changed_raises_nothing(found: list[Reading], data: st.DataObject) -> None:
    text = bytearray(lines(found))
    for _ in range(data.draw(st.integers(1, 4))):
        text[data.draw(st.integers(0, len(text) - 1))] = data.draw(st.integers(0, 255))
    for entry in entries(bytes(text)):
        assert isinstance(entry, Refused) or entries(lines([entry])) == [entry]


@given(st.binary(max_size=300))
def test_any_bytes_raise_nothing(data: bytes) -> None:
    assert all(isinstance(each, Refused) for each in entries(data))


@pytest.mark.parametrize(
    "line",
    [
        b"[]", b"1", b'"x"', b"null", b"{}", b"[" * 100_000, b'{"voltage":' + b"9" * 5000 + b"}",
        b'{"voltage":NaN}', b'{"voltage":12.5,"voltage":12.5}', b"{" + b" " * 300_000 + b"}", b"\xff",
    ],
)  # fmt: skip
def test_a_line_that_is_no_reading_is_refused_by_its_number(line: bytes) -> None:
    (refused,) = entries(b"\n" + line)
    assert isinstance(refused, Refused)
    assert refused.line == 2


def test_the_device_can_be_said_when_no_line_does() -> None:
    line = b'{"timestamp":"2026-11-01T00:00:00Z","voltage":12.5,"source":"gatt","device_type":"BM6"}'
    assert [type(each) for each in entries(line)] == [Refused]
    assert [type(each) for each in entries(line, Assumed(NOW, Address("50:54:7B:24:30:10")))] == [Reading]
