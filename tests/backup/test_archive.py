"""An archive can come from anywhere: only what a backup has comes out of it, and nothing of a damaged one."""

import hashlib
import io
import json
import tarfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hawk.backup import archive
from hawk.backup.archive import DamagedBackup, Entry, Manifest, NoBackup
from hawk.errors import ConfigurationError

CONTENT = {
    "devices.json": b'{"devices": {}}',
    "gateway-id": b"0123456789ab\n",
    "drivers/mine.py": b"DRIVER = 1\n",
}


def made(folder: Path, content: dict[str, bytes] = CONTENT) -> Path:
    source = folder / "source"
    (source / "drivers").mkdir(parents=True)
    for name, said in content.items():
        (source / name).write_bytes(said)
    entries = tuple(archive.entry(name, source / name) for name in content)
    manifest = Manifest("0123456789ab", "2026-11-23T08:00:00.000Z", None, 0, entries)
    with (folder / "backup.tar.gz").open("wb") as file:
        archive.write(file, manifest, {name: source / name for name in content}, lambda _: None)
    return folder / "backup.tar.gz"


def forged(folder: Path, members: list[tuple[tarfile.TarInfo, bytes]], **changes: Any) -> Path:
    """With a manifest that names what it has, unless `changes` say otherwise."""
    files = [
        {"name": info.name, "size": len(said), "sha256": hashlib.sha256(said).hexdigest()}
        for info, said in members
    ]
    about = {
        "format": 1,
        "gateway_id": None,
        "made_at": "",
        "store": None,
        "readings": 0,
        "files": files,
    } | changes
    first = tarfile.TarInfo(archive.MANIFEST)
    with tarfile.open(folder / "forged.tar.gz", "w:gz") as tar:
        for info, said in [(first, json.dumps(about).encode()), *members]:
            info.size = len(said) if info.isreg() else 0
            tar.addfile(info, io.BytesIO(said))
    return folder / "forged.tar.gz"


def everything_below(folder: Path) -> set[str]:
    return {str(each.relative_to(folder)) for each in folder.rglob("*") if each.is_file()}


@pytest.fixture
def target(tmp_path: Path) -> Path:
    folder = tmp_path / "deep" / "target"
    folder.mkdir(parents=True)
    return folder


def test_what_went_in_comes_out(tmp_path: Path, target: Path) -> None:
    told: list[int] = []
    manifest = archive.unpack(made(tmp_path), target, told.append)
    assert {name: (target / name).read_bytes() for name in CONTENT} == CONTENT
    assert sum(told) == manifest.size == sum(map(len, CONTENT.values()))


@pytest.mark.parametrize(
    "name",
    [
        "../evil", "/etc/evil", "drivers/../../evil.py", "drivers/../api-token", "readings.db/../../x", "lock",
        "run.json", "drivers/deep/evil.py", "drivers/.hidden.py", "drivers/evil.so", "", ".", "drivers", "./devices.json",
    ],
)  # fmt: skip
def test_a_name_that_no_backup_has_is_refused(tmp_path: Path, target: Path, name: str) -> None:
    with pytest.raises(NoBackup):
        archive.unpack(forged(tmp_path, [(tarfile.TarInfo(name), b"x")]), target, lambda _: None)
    assert everything_below(tmp_path) == {"forged.tar.gz"}


@pytest.mark.parametrize(
    "kind", [tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.DIRTYPE, tarfile.FIFOTYPE, tarfile.CHRTYPE]
)
def test_a_link_or_anything_else_that_is_no_file_is_refused(
    tmp_path: Path, target: Path, kind: bytes
) -> None:
    info = tarfile.TarInfo("devices.json")
    info.type, info.linkname = kind, "/etc/passwd"
    with pytest.raises((NoBackup, DamagedBackup)):
        archive.unpack(forged(tmp_path, [(info, b"")]), target, lambda _: None)
    assert everything_below(tmp_path) == {"forged.tar.gz"}


def test_a_file_twice_is_refused(tmp_path: Path, target: Path) -> None:
    twice = [(tarfile.TarInfo("devices.json"), b"x"), (tarfile.TarInfo("devices.json"), b"x")]
    with pytest.raises(NoBackup):
        archive.unpack(forged(tmp_path, twice), target, lambda _: None)


def test_what_the_manifest_does_not_name_is_refused(tmp_path: Path, target: Path) -> None:
    with pytest.raises(NoBackup):
        archive.unpack(
            forged(tmp_path, [(tarfile.TarInfo("devices.json"), b"x")], files=[]), target, lambda _: None
        )


@pytest.mark.parametrize(
    "wrong", [{"size": 2}, {"size": 10**15}, {"sha256": "0" * 64}, {"name": "vehicles.json"}], ids=str
)
def test_what_is_not_as_the_manifest_says_is_damaged(
    tmp_path: Path, target: Path, wrong: dict[str, Any]
) -> None:
    named = {"name": "devices.json", "size": 1, "sha256": hashlib.sha256(b"x").hexdigest()} | wrong
    path = forged(tmp_path, [(tarfile.TarInfo("devices.json"), b"x")], files=[named])
    with pytest.raises((DamagedBackup, NoBackup)):
        archive.unpack(path, target, lambda _: None)


def test_a_file_that_is_missing_is_said(tmp_path: Path, target: Path) -> None:
    named = {"name": "devices.json", "size": 1, "sha256": ""}
    with pytest.raises(DamagedBackup, match=r"devices\.json is missing"):
        archive.unpack(forged(tmp_path, [], files=[named]), target, lambda _: None)


@pytest.mark.parametrize("content", [b"", b"hello", b"\x1f\x8b", b"PK\x03\x04" * 100])
def test_another_file_is_no_backup(tmp_path: Path, target: Path, content: bytes) -> None:
    path = tmp_path / "other"
    path.write_bytes(content)
    with pytest.raises(NoBackup, match="no backup of Battery Hawk"):
        archive.read_manifest(path)


def test_a_tar_of_somebody_else_is_no_backup(tmp_path: Path) -> None:
    with tarfile.open(tmp_path / "other.tar.gz", "w:gz") as tar:
        tar.addfile(tarfile.TarInfo("readings.db"))
    with pytest.raises(NoBackup, match="manifest"):
        archive.read_manifest(tmp_path / "other.tar.gz")


def test_a_backup_of_a_newer_program_is_not_touched(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="format 2"):
        archive.read_manifest(forged(tmp_path, [], format=2))


@pytest.mark.parametrize("share", [0.1, 0.3, 0.6, 0.9])
def test_a_backup_cut_short_is_damaged(tmp_path: Path, target: Path, share: float) -> None:
    path = made(tmp_path, {"devices.json": bytes(range(256)) * 4000})
    path.write_bytes(path.read_bytes()[: int(path.stat().st_size * share)])
    with pytest.raises((DamagedBackup, NoBackup), match="Nothing was changed"):
        archive.unpack(path, target, lambda _: None)


@settings(max_examples=300, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(at=st.integers(0), value=st.integers(0, 255))
def test_a_byte_changed_anywhere_gives_the_same_or_an_error(tmp_path: Path, at: int, value: int) -> None:
    folder = tmp_path / str(len(list(tmp_path.iterdir())))
    (folder / "target").mkdir(parents=True)
    path = made(folder)
    content = bytearray(path.read_bytes())
    content[at % len(content)] = value
    path.write_bytes(content)
    try:
        archive.unpack(path, folder / "target", lambda _: None)
    except (DamagedBackup, NoBackup, ConfigurationError):
        return
    assert {name: (folder / "target" / name).read_bytes() for name in CONTENT} == CONTENT


@given(
    st.recursive(st.none() | st.integers() | st.text(), lambda x: st.lists(x) | st.dictionaries(st.text(), x))
)
def test_any_manifest_is_judged_without_a_crash(said: object) -> None:
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w") as tar:
        info, content = tarfile.TarInfo(archive.MANIFEST), json.dumps(said).encode()
        info.size = len(content)
        tar.addfile(info, io.BytesIO(content))
    stream.seek(0)
    with tarfile.open(fileobj=stream, mode="r|") as tar, pytest.raises(NoBackup):
        archive._manifest(tar)


def test_entries_know_their_checksums(tmp_path: Path) -> None:
    (tmp_path / "x").write_bytes(b"abc")
    assert archive.entry("x", tmp_path / "x") == Entry("x", 3, hashlib.sha256(b"abc").hexdigest())
