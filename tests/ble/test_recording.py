"""Recordings: whatever passed the radio is read again as it was, and damage takes no other line with it."""

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hawk.ble.recording import (
    LONGEST,
    Damaged,
    Decoded,
    DriverChosen,
    Event,
    Header,
    Heard,
    Line,
    LinesLost,
    LinkMoved,
    Outcome,
    Received,
    SessionBegan,
    SessionEnded,
    Written,
    header_line,
    line_bytes,
    read_lines,
)
from hawk.ble.recording_file import read_recording, recording_to
from hawk.drivers.api import Gatt
from hawk.errors import CannotWrite, Invalid
from hawk.model.address import Address
from hawk.model.advertisement import Advertisement
from hawk.model.device import LinkState
from hawk.model.reading import Moment, Sample
from tests.doubles import NOON, VirtualClock, address

NOW = Moment(NOON, 12.5)
HEADER = header_line(NOW, simulated=False)

TEXT = st.text(max_size=12)
NUMBER = st.floats(-1e6, 1e6) | st.integers(-(10**6), 10**6)
BYTES = st.binary(max_size=40)
UUIDS = st.uuids().map(str)
MOMENTS = st.builds(
    Moment, st.none() | st.integers(0, 4_000_000_000_000), st.integers(0, 10**12).map(lambda us: us / 1e6)
)
ADDRESSES = st.binary(min_size=6, max_size=6).map(lambda octets: Address(octets.hex(":").upper()))
SAMPLES = st.builds(
    Sample,
    *[st.none() | NUMBER] * 5,
    st.none() | TEXT,
    st.none() | st.integers(0, 255),
    st.dictionaries(TEXT, st.none() | TEXT | NUMBER | st.booleans(), max_size=3),
)
OUTCOMES = st.builds(Outcome, st.none() | TEXT, st.none() | SAMPLES) | st.builds(
    Outcome, TEXT, st.none(), TEXT, TEXT
)
GATTS = st.builds(Gatt, UUIDS, UUIDS, UUIDS, st.just("") | UUIDS, st.booleans())


@st.composite
def lines(draw: st.DrawFn) -> Line:
    sender = draw(ADDRESSES)
    heard = st.builds(
        Advertisement,
        address=st.just(sender),
        name=st.none() | TEXT,
        rssi=st.integers(-127, 20),
        adapter=TEXT,
        manufacturer_data=st.dictionaries(st.integers(0, 0xFFFF), BYTES, max_size=2),
        service_uuids=st.lists(UUIDS, max_size=3).map(tuple),
        service_data=st.dictionaries(UUIDS, BYTES, max_size=2),
        connectable=st.booleans(),
        simulated=st.booleans(),
    )
    events: st.SearchStrategy[Event] = st.one_of(
        st.builds(Heard, heard, OUTCOMES),
        st.builds(DriverChosen, TEXT),
        st.builds(SessionBegan, GATTS, TEXT),
        st.builds(LinkMoved, st.sampled_from(LinkState)),
        st.builds(Written, BYTES),
        st.builds(Received, BYTES),
        st.builds(Decoded, OUTCOMES),
        st.builds(SessionEnded, TEXT, TEXT),
        st.builds(LinesLost, st.integers(1, 10**6)),
    )
    return Line(sender, draw(MOMENTS), draw(events))


def said(*texts: bytes) -> list[Header | Line | Damaged]:
    return [each for _, each in read_lines(texts)]


@given(st.lists(lines(), max_size=5))
def test_whatever_is_recorded_is_read_again_as_it_was(recorded: list[Line]) -> None:
    texts = [line_bytes(line) for line in recorded]
    assert all(text.endswith(b"\n") and text.count(b"\n") == 1 for text in texts)
    assert said(HEADER, *texts)[1:] == recorded


def test_a_recording_begins_with_its_format() -> None:
    document = json.loads(header_line(NOW, simulated=True))
    assert next(iter(document)) == "battery_hawk_recording"
    assert document["battery_hawk_recording"] == 1
    (header,) = said(header_line(NOW, simulated=True))
    assert isinstance(header, Header)
    assert (header.moment, header.simulated) == (NOW, True)


@pytest.mark.parametrize(
    ("first", "words"),
    [
        (b'{"version": "1.0", "devices": {}}', "no recording"),
        (b"{}", "no recording"),
        (b'{"battery_hawk_recording": 2, "t": 0}', "update"),
    ],
)
def test_what_is_no_recording_or_a_newer_one_is_refused(first: bytes, words: str) -> None:
    with pytest.raises(Invalid, match=words):
        said(first, line_bytes(Line(address(1), NOW, Written(b"x"))))


def test_a_number_that_no_json_can_say_is_null() -> None:
    sample = Sample(voltage=12.6, extra={"pv": float("nan"), "load": float("inf"), "model": "x"})
    (line,) = said(HEADER, line_bytes(Line(address(1), NOW, Decoded(Outcome("X", sample)))))[1:]
    assert isinstance(line, Line) and isinstance(line.event, Decoded) and line.event.outcome.sample
    assert line.event.outcome.sample.extra == {"pv": None, "load": None, "model": "x"}


# -- damage ------------------------------------------------------------------------------------

GOOD = line_bytes(Line(address(1), NOW, Received(b"12.60")))
ADVERT = json.loads(line_bytes(Line(address(1), NOW, Heard(Advertisement(address(1), "BM6", -60, "hci0")))))


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        (GOOD[:40], "cut"),
        (b"\xff\xfe\n", "no JSON"),
        (b"[" * 60_000, "no JSON"),
        (b"[1, 2]\n", "object"),
        (b'{"t": NaN, "kind": "lost"}\n', "no JSON"),
        (b'{"x": "' + b"a" * LONGEST + b'"}\n', "longer"),
        (b"9" * 5000, "no JSON"),
        (b"{}", "/kind: text is missing"),
    ],
)
def test_a_damaged_line_is_named_by_its_number_and_takes_no_other_with_it(wrong: bytes, words: str) -> None:
    found = list(read_lines([HEADER, GOOD, wrong, b"\n", GOOD]))
    assert [number for number, _ in found] == [1, 2, 3, 5]
    assert [each for _, each in (found[1], found[3])] == said(HEADER, GOOD, GOOD)[1:]
    assert isinstance(damaged := found[2][1], Damaged)
    assert words in damaged.detail


@pytest.mark.parametrize(
    ("key", "value", "words"),
    [
        ("kind", "rumour", "/kind: there is no kind 'rumour'"),
        ("kind", ["advertisement"], "/kind"),
        ("address", "x", "/address"),
        ("address", None, "/address: text is missing"),
        ("t", "now", "/t: a number is expected"),
        ("t", 10**400, "/t"),
        ("t", True, "/t"),
        ("utc", "yesterday", "/utc"),
        ("utc", "2026-11-23T10:30:00", "/utc"),
        ("rssi", -60.5, "/rssi: a whole number"),
        ("rssi", None, "/rssi"),
        ("name", 6, "/name"),
        ("connectable", 1, "/connectable: true or false"),
        ("manufacturer_data", [], "/manufacturer_data: an object"),
        ("manufacturer_data", {"4c": "00"}, "/manufacturer_data/4c"),
        ("manufacturer_data", {"004c": "0"}, "/manufacturer_data/004c: an even number"),
        ("manufacturer_data", {"004c": 0}, "/manufacturer_data/004c: text"),
        ("service_uuids", "fff0", "/service_uuids"),
        ("service_uuids", [1], "/service_uuids"),
        ("sample", [], "/sample"),
        ("sample", {"voltage": "12"}, "/sample/voltage"),
        ("error", {"code": 3}, "/error/code"),
    ],
)
def test_a_wrong_value_is_named_with_its_place(key: str, value: Any, words: str) -> None:
    (_, damaged) = said(HEADER, json.dumps({**ADVERT, key: value}).encode())
    assert isinstance(damaged, Damaged)
    assert words in damaged.detail


def test_a_heading_that_is_cut_loses_nothing_else() -> None:
    first, second = said(HEADER[:20], GOOD)
    assert isinstance(first, Damaged)
    assert isinstance(second, Line)


@given(st.lists(lines(), min_size=3, max_size=3), st.integers(0, 2), st.data())
def test_however_a_line_is_mutated_the_others_are_read(
    recorded: list[Line], which: int, data: st.DataObject
) -> None:
    texts = [line_bytes(line) for line in recorded]
    broken = bytearray(texts[which].rstrip(b"\n"))
    for _ in range(data.draw(st.integers(1, 4))):
        broken[data.draw(st.integers(0, len(broken) - 1))] = data.draw(st.integers(0, 255))
    texts[which] = bytes(broken)
    try:
        found = [each for _, each in read_lines([HEADER, *texts])][1:]
    except Invalid:  # it became a heading of a newer format: not with these keys
        pytest.fail("a mutated line is no heading")
    if len(found) == 3:  # it may have become blank
        del found[which]
    assert found == [line for i, line in enumerate(recorded) if i != which]


@given(st.lists(st.binary(max_size=60), max_size=6))
def test_any_bytes_are_read_or_refused_in_words(texts: list[bytes]) -> None:
    for each in said(HEADER, *texts)[1:]:
        assert isinstance(each, Line | Header) or each.detail


# -- on the disk -------------------------------------------------------------------------------


def test_a_file_is_read_as_it_was_written_whatever_was_appended_to_it(tmp_path: Path) -> None:
    path, clock = tmp_path / "scan.jsonl", Still()
    with recording_to(path, clock, simulated=False) as recorder:
        recorder.hear(address(1), Received(b"12.60"))
        recorder.hear(address(2), Written(b"?"))
    assert (recorder.lines, recorder.error) == (2, None)
    with path.open("ab") as file:
        file.write(b"x" * 3 * LONGEST)  # an end of line is nowhere near
    numbers, found = zip(*read_recording(path), strict=True)
    assert numbers == (1, 2, 3, 4)
    assert [type(each) for each in found] == [Header, Line, Line, Damaged]
    with path.open("ab") as file:
        file.write(b"\n" + GOOD)
    assert [type(each) for _, each in read_recording(path)] == [Header, Line, Line, Damaged, Line]


def test_a_disk_that_is_full_ends_the_recording_alone() -> None:
    with recording_to(Path("/dev/full"), Still(), simulated=False) as recorder:
        recorder.hear(address(1), Received(b"12.60"))
    assert recorder.lines == 0
    assert "No space left" in str(recorder.error)


def test_a_file_that_cannot_be_written_or_read_is_named(tmp_path: Path) -> None:
    with (
        pytest.raises(CannotWrite, match="nowhere"),
        recording_to(tmp_path / "nowhere" / "x", Still(), simulated=False),
    ):
        pass
    with pytest.raises(Invalid, match="missing"):
        list(read_recording(tmp_path / "missing"))
    (tmp_path / "system.json").write_text("{}")
    with pytest.raises(Invalid, match=r"system\.json: this is no recording"):
        list(read_recording(tmp_path / "system.json"))


class Still(VirtualClock):
    """Outside of Trio."""

    def moment(self) -> Moment:
        return NOW
