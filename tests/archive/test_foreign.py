"""Files of other programs."""

import io
import sqlite3
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hawk.archive.api import Assumed, Entry, Format, Refused, Source
from hawk.archive.bm2_history import BM2_HISTORY
from hawk.archive.bm6_app import BM6_APP
from hawk.archive.bmgateway import BMGATEWAY
from hawk.errors import Invalid
from hawk.model.address import Address
from hawk.model.instant import rfc3339
from hawk.model.reading import Reading
from hawk.model.reading import Source as Origin
from tests.archive.strategies import NOW

FIXTURES = Path(__file__).parents[1] / "fixtures" / "archive"
MAC = Address("50:54:7B:24:30:10")
MINE = Assumed(NOW, MAC, ZoneInfo("Europe/Berlin"))

# From 1stbenz/1stbenz.github.io, files/bm6_100Hz.log: some records of its two lists, and lines between them.
APP_LOG = (FIXTURES / "bm6-app.log").read_bytes()


def entries(kind: Format, data: bytes, assumed: Assumed = MINE) -> list[Entry]:
    return list(kind.read(Source(io.BytesIO(data)), assumed))


def said(entry: Entry) -> tuple[object, ...]:
    assert isinstance(entry, Reading), entry
    sample = entry.sample
    return (
        rfc3339(entry.moment.utc or 0), sample.voltage, sample.state_of_charge, sample.temperature, dict(sample.extra)
    )  # fmt: skip


# -- the maker's app -------------------------------------------------------------------------


def test_the_records_in_the_log_of_the_app_are_history() -> None:
    found = entries(BM6_APP, APP_LOG)
    assert [said(each) for each in found] == [
        ("2025-12-02T10:57:00.000Z", 13.23, 100, 23, {}),
        ("2025-12-02T10:55:00.000Z", 13.29, 100, 23, {}),
        ("2025-12-02T10:47:00.000Z", 13.27, 100, 23, {}),
        ("2025-12-02T12:27:00.000Z", 13.69, 100, 33, {}),
        ("2025-12-02T11:01:00.000Z", 13.68, 100, 24, {"flags": 1}),
        ("2025-12-02T10:59:00.000Z", 13.25, 100, 23, {}),
        ("2025-12-02T10:57:00.000Z", 13.23, 100, 23, {}),
    ]
    for each in found:
        assert isinstance(each, Reading)
        assert (each.device_id, each.source, each.device_type) == (MAC, Origin.HISTORY, "BM6")


def test_whose_the_log_of_the_app_is_has_to_be_said_when_it_does_not() -> None:
    refused = entries(BM6_APP, APP_LOG, Assumed(NOW))
    assert [each.line for each in refused if isinstance(each, Refused)] == [2, 2, 2, 10, 10, 10, 10]
    named = entries(BM6_APP, APP_LOG.replace(b"BT_ADDR_01", b"50547B243011"), Assumed(NOW))
    assert {each.device_id for each in named if isinstance(each, Reading)} == {"50:54:7B:24:30:11"}


def test_a_second_monitor_in_the_log_of_the_app_is_not_mixed_with_the_first() -> None:
    found = entries(BM6_APP, APP_LOG.replace(b'"BT_ADDR_01","mark":1', b'"BT_ADDR_02","mark":1'))
    (refused,) = [each for each in found if isinstance(each, Refused)]
    assert (refused.line, "another one" in refused.reason) == (10, True)
    assert len(found) == 7


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (b'"vol":13.25', b'"vol":1325.0'), (b'"vol":13.25', b'"vol":"13"'), (b'"vol":13.25', b'"volt":13.25'),
        (b"1764673140", b"99999999999"), (b"1764673140", b"9999999999999999"), (b"1764673140", b'"now"'),
        (b'"vol":13.25', b'"vol":true'), (b'"vol":13.25', b'"vol":1e999'), (b'"BT_ADDR_01","mark":1', b'7,"mark":1'),
        (b'"mark":1', b'"mark":[1]'), (b'"temp":24', b'"temp":240'),
    ],
)  # fmt: skip
def test_a_wrong_record_of_the_app_is_refused_alone(before: bytes, after: bytes) -> None:
    assert before in APP_LOG
    found = entries(BM6_APP, APP_LOG.replace(before, after))
    assert [type(each) for each in found].count(Refused) == 1
    assert len(found) == 7


def test_a_record_that_was_no_measurement_is_none() -> None:
    assert len(entries(BM6_APP, APP_LOG.replace(b'"vol":13.25', b'"vol":0.0'))) == 6


def test_a_list_that_was_cut_off_has_no_readings() -> None:
    second = APP_LOG.index(b'{"serial":"BT_ADDR_01","mark":0,"vol":13.68')
    found = entries(BM6_APP, APP_LOG[: second + 100])
    assert [each.line for each in found if isinstance(each, Refused)] == [10]
    assert len(found) == 4


# -- bm2_history.py: it prints f"{date:%Y-%m-%d %H:%M:%S} = {voltage} V" --------------------

BM2_LINES = b"2026-07-01 12:00:00 = 12.61 V\n2026-07-01 12:02:00 = 12.6 V\n2026-07-01 12:04:00 = 0.0 V\n"


def test_what_bm2_history_prints_is_history_in_local_time() -> None:
    assert [said(each) for each in entries(BM2_HISTORY, BM2_LINES)] == [
        ("2026-07-01T10:00:00.000Z", 12.61, None, None, {}),
        ("2026-07-01T10:02:00.000Z", 12.6, None, None, {}),
    ]


@pytest.mark.parametrize("assumed", [Assumed(NOW), Assumed(NOW, MAC), Assumed(NOW, None, MINE.zone)])
def test_it_has_to_be_said_whose_and_where_that_was(assumed: Assumed) -> None:
    with pytest.raises(Invalid, match=r"--device|--timezone"):
        entries(BM2_HISTORY, BM2_LINES, assumed)


@pytest.mark.parametrize(
    "line",
    [
        b"2026-07-01 12:00:00 = 12.61", b"2026-07-01 12:00:00 = 126.1 V", b"2026-07-01 12:00:00 = nan V",
        b"2026-07-01 25:00:00 = 12.61 V", b"2025-10-26 02:30:00 = 12.61 V", b"2026-12-24 12:00:00 = 12.61 V", b"\xff",
    ],
)  # fmt: skip
def test_any_other_line_is_refused(line: bytes) -> None:
    assert [type(each) for each in entries(BM2_HISTORY, BM2_LINES + line)] == [Reading, Reading, Refused]


@pytest.mark.parametrize("kind", [BM6_APP, BM2_HISTORY], ids=lambda kind: kind.name)
@given(data=st.data())
def test_a_byte_that_was_changed_raises_nothing(kind: Format, data: st.DataObject) -> None:
    text = bytearray({BM6_APP.name: APP_LOG, BM2_HISTORY.name: BM2_LINES}[kind.name])
    for _ in range(data.draw(st.integers(1, 5))):
        text[data.draw(st.integers(0, len(text) - 1))] = data.draw(st.integers(0, 255))
    entries(kind, bytes(text))


@pytest.mark.parametrize("kind", [BM6_APP, BM2_HISTORY], ids=lambda kind: kind.name)
@given(data=st.binary(max_size=300))
def test_in_any_bytes_there_is_no_reading(kind: Format, data: bytes) -> None:
    assert not [each for each in entries(kind, data) if isinstance(each, Reading)]


# -- BMGateway: columns as its python/src/bm_gateway/state_store.py makes them -------------

SAMPLES = """
CREATE TABLE device_samples (
    id INTEGER PRIMARY KEY AUTOINCREMENT, device_id TEXT NOT NULL, sample_ts TEXT NOT NULL, source TEXT NOT NULL,
    source_profile TEXT NOT NULL, source_priority INTEGER NOT NULL, device_type TEXT NOT NULL, name TEXT NOT NULL,
    mac TEXT NOT NULL, enabled INTEGER NOT NULL, connected INTEGER NOT NULL, voltage REAL NOT NULL, soc INTEGER,
    temperature REAL, rssi INTEGER, state TEXT NOT NULL, error_code TEXT, error_detail TEXT,
    last_seen TEXT NOT NULL, min_crank_voltage REAL, event_type INTEGER, raw_record TEXT, page_selector INTEGER,
    record_index INTEGER, timestamp_quality TEXT NOT NULL DEFAULT 'observed', imported_at TEXT NOT NULL,
    adapter TEXT NOT NULL, driver TEXT NOT NULL, UNIQUE (device_id, sample_ts, source, source_profile)
)"""
COLUMNS = (
    "sample_ts, source, source_profile, device_type, mac, connected, voltage, soc, temperature, rssi, state,"
    " error_code"
)
WHEN = "2024-01-01T00:00:00+00:00"
LIVE = (WHEN, "live", "live", "bm200", "AA:BB:CC:DD:EE:01", 1, 12.73, 58, None, -60, "normal", None)
THEN = "2024-01-01T01:02:00+01:00"
KEPT = (
    THEN,
    "device_archive",
    "bm7",
    "bm300pro",
    "AA:BB:CC:DD:EE:02",
    1,
    13.1,
    80,
    7.0,
    None,
    "archive",
    None,
)
FAILED = (*LIVE[:5], 0, 0.0, 0, None, None, "error", "timeout")
WRONG = (*KEPT[:2], "legacy_bm2_history", *KEPT[3:])
OTHER = (*LIVE[:3], "bm2", *LIVE[4:])


def database(path: Path, *rows: tuple[object, ...]) -> Path:
    with sqlite3.connect(path) as connection:
        connection.execute(SAMPLES)
        for number, row in enumerate(rows):
            marks = ", ".join("?" for _ in row)
            connection.execute(
                f"INSERT INTO device_samples ({COLUMNS}, device_id, source_priority, name, enabled, last_seen,"
                f" imported_at, adapter, driver) VALUES ({marks}, ?, 1, 'House', 1, '', '', 'hci0', 'bm200')",
                (*row, str(number)),
            )
    connection.close()
    return path


def test_the_samples_of_bmgateway_are_readings(tmp_path: Path) -> None:
    path = database(tmp_path / "gateway.db", LIVE, FAILED, KEPT, WRONG, OTHER)
    live, kept, other = BMGATEWAY.read(Source(io.BytesIO(), path), Assumed(NOW))
    assert said(live) == ("2024-01-01T00:00:00.000Z", 12.73, 58, None, {})
    assert said(kept) == ("2024-01-01T00:02:00.000Z", 13.1, 80, 7, {})
    assert isinstance(live, Reading)
    assert isinstance(kept, Reading)
    assert (live.source, live.device_type, live.device_id) == (Origin.GATT, "BM6", "AA:BB:CC:DD:EE:01")
    assert (live.device_name, live.rssi, live.sample.status) == ("House", -60, None)
    assert (kept.source, kept.device_type) == (Origin.HISTORY, "BM7")
    assert other == Refused(5, "device_type is missing")


def test_many_samples_of_bmgateway_come_all(tmp_path: Path) -> None:
    rows = [(f"2024-01-01T{n // 60:02}:{n % 60:02}:00+00:00", *LIVE[1:]) for n in range(1300)]
    path = database(tmp_path / "gateway.db", *rows)
    assert len(list(BMGATEWAY.read(Source(io.BytesIO(), path), Assumed(NOW)))) == 1300


def test_another_or_damaged_database_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "other.db"
    with sqlite3.connect(path) as connection:
        connection.execute("CREATE TABLE something (id INTEGER)")
    connection.close()
    for _ in range(2):
        with pytest.raises(Invalid, match="no database of BMGateway"):
            list(BMGATEWAY.read(Source(io.BytesIO(), path), Assumed(NOW)))
        path.write_bytes(path.read_bytes()[:100] + b"\xff" * 5000)


def test_a_database_cannot_be_piped(tmp_path: Path) -> None:
    data = database(tmp_path / "gateway.db", LIVE).read_bytes()
    with pytest.raises(Invalid, match="pipe"):
        entries(BMGATEWAY, data)
