"""Which kind of file it is."""

from pathlib import Path

import pytest

from hawk.archive.api import Assumed
from hawk.archive.comma import heading
from hawk.archive.formats import FORMATS, open_archive
from hawk.cli.imports import KINDS
from hawk.errors import Invalid
from hawk.model.address import Address
from hawk.model.reading_json import NAMES
from tests.archive.strategies import NOW
from tests.archive.test_foreign import APP_LOG, BM2_LINES, LIVE, MINE, database

LINE = (
    b'{"device_id":"50:54:7B:24:30:10","timestamp":"2026-11-01T00:00:00Z","source":"gatt","device_type":"BM6",'
    b'"voltage":12}\n'
)


def kind_of(path: Path, kind: str | None = None, assumed: Assumed = MINE) -> str:
    with open_archive(str(path), kind, assumed) as archive:
        return archive.format.name


@pytest.mark.parametrize(
    ("data", "kind"),
    [
        (heading(NAMES), "csv"), (b"\xef\xbb\xbf" + heading(NAMES)[:-2] + b"\n", "csv"), (LINE, "jsonl"),
        (b"\n" + LINE, "jsonl"), (APP_LOG, "bm6-app"), (BM2_LINES, "bm2-history"),
    ],
)  # fmt: skip
def test_it_is_found_out(tmp_path: Path, data: bytes, kind: str) -> None:
    path = tmp_path / "file"
    path.write_bytes(data)
    assert kind_of(path) == kind


def test_a_database_of_bmgateway_is_known(tmp_path: Path) -> None:
    assert kind_of(database(tmp_path / "gateway.db", LIVE)) == "bmgateway"


@pytest.mark.parametrize(
    "data",
    [
        b"", b"\n", b"a,b,c\n1,2,3\n", b"\x00\x01", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", b"{}", b"[1,2]", b"{",
        b"entity_id,state,last_changed\n", b"timestamp,voltage_min\n", heading(NAMES).replace(b",", b";"),
        b"[" * 100_000,
    ],
)  # fmt: skip
def test_what_is_not_known_is_refused_with_what_is(tmp_path: Path, data: bytes) -> None:
    path = tmp_path / "file"
    path.write_bytes(data)
    with pytest.raises(Invalid, match=r"empty|bm6-app") as refused:
        kind_of(path)
    assert str(path) in str(refused.value)


def test_what_a_file_lacks_is_said_before_anything_is_read(tmp_path: Path) -> None:
    path = tmp_path / "bm2.txt"
    path.write_bytes(BM2_LINES)
    with pytest.raises(Invalid, match="--timezone"):
        kind_of(path, assumed=Assumed(NOW, Address("50:54:7B:24:30:10")))


@pytest.mark.parametrize("name", ["nowhere", "."])
def test_a_file_that_cannot_be_read_is_said(tmp_path: Path, name: str) -> None:
    with pytest.raises(Invalid, match="cannot be read"):
        kind_of(tmp_path / name)


def test_each_kind_can_be_named_and_is_documented() -> None:
    page = (Path(__file__).parents[2] / "docs" / "export.md").read_text()
    assert set(KINDS) == set(FORMATS)
    assert [name for name in FORMATS if f"`{name}`" not in page] == []
