"""The file that a backup is: a tar.gz with a manifest in front, which names each file with its size and checksum.

What comes out of one is written under names of our own choice: an archive can come from anywhere.
"""

import gzip
import hashlib
import json
import os
import re
import tarfile
import zlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass
from io import BytesIO
from pathlib import Path
from typing import IO, Any

from hawk import __version__
from hawk.errors import ConfigurationError, HawkError

FORMAT = 1
MANIFEST = "manifest.json"
LOG = "readings.db"
TOKENS = ("api-token", "api-tokens.json")
DOCUMENTS = ("system.json", "devices.json", "vehicles.json", "gateway-id", *TOKENS)

_DRIVER = re.compile(r"drivers/[^/\0.][^/\0]*\.py")
_LARGEST_MANIFEST = 1 << 20  # [bytes]
_PIECE = 1 << 18  # [bytes]
_BROKEN = (tarfile.TarError, zlib.error, gzip.BadGzipFile, EOFError)

Tell = Callable[[int], None]  # bytes that were just done


class NoBackup(HawkError):
    code = "no_backup"


class DamagedBackup(HawkError):
    code = "damaged_backup"


@dataclass(frozen=True, slots=True)
class Entry:
    name: str
    size: int
    sha256: str


@dataclass(frozen=True, slots=True)
class Manifest:
    gateway_id: str | None
    made_at: str
    store: int | None  # format of the log; None if there is none
    readings: int
    files: tuple[Entry, ...]

    @property
    def size(self) -> int:
        """[bytes]"""
        return sum(entry.size for entry in self.files)


def is_known(name: str) -> bool:
    return name in {LOG, *DOCUMENTS} or _DRIVER.fullmatch(name) is not None


def entry(name: str, file: Path) -> Entry:
    """Raises OSError."""
    with file.open("rb") as opened:
        digest = hashlib.file_digest(opened, "sha256").hexdigest()
    return Entry(name, file.stat().st_size, digest)


# -- writing -----------------------------------------------------------------------------------


def write(target: IO[bytes], manifest: Manifest, files: Mapping[str, Path], tell: Tell) -> None:
    """`files`: where each of the manifest's is. Raises OSError."""
    with tarfile.open(fileobj=target, mode="w:gz", compresslevel=1, format=tarfile.PAX_FORMAT) as tar:
        about = {"format": FORMAT, "program": __version__, **asdict(manifest)}
        _add(tar, MANIFEST, (json.dumps(about, indent=2) + "\n").encode())
        for each in manifest.files:
            with files[each.name].open("rb") as opened:
                info = tarfile.TarInfo(each.name)
                info.size, info.mode = each.size, 0o600
                tar.addfile(info, _Told(opened, tell))


def _add(tar: tarfile.TarFile, name: str, content: bytes) -> None:
    info = tarfile.TarInfo(name)
    info.size, info.mode = len(content), 0o600
    tar.addfile(info, BytesIO(content))


class _Told(BytesIO):
    """A file that tells how much of it was read."""

    def __init__(self, file: IO[bytes], tell: Tell) -> None:
        super().__init__()
        self._file, self._tell = file, tell

    def read(self, size: int | None = -1) -> bytes:
        piece = self._file.read(-1 if size is None else size)
        self._tell(len(piece))
        return piece


# -- reading -----------------------------------------------------------------------------------


def read_manifest(archive: Path) -> Manifest:
    """Raises NoBackup, DamagedBackup, ConfigurationError for one of a newer program, OSError."""
    return _with_first(archive, lambda _, manifest: manifest)


def unpack(archive: Path, folder: Path, tell: Tell) -> Manifest:
    """All of it into an empty folder, forced to the disk. Raises as `read_manifest` does."""
    return _with_first(archive, lambda tar, manifest: _unpack(tar, manifest, folder, tell))


def _with_first(archive: Path, work: Callable[[tarfile.TarFile, Manifest], Manifest]) -> Manifest:
    begun = False
    try:
        with tarfile.open(archive, "r|gz") as tar:
            manifest = _manifest(tar)
            begun = True
            return work(tar, manifest)
    except NoBackup as error:
        raise NoBackup(f"{archive} is no backup of Battery Hawk: {error}. Nothing was changed.") from None
    except DamagedBackup as error:
        raise DamagedBackup(f"{archive} is damaged: {error}. Nothing was changed.") from None
    except _BROKEN as error:
        if begun:
            raise DamagedBackup(f"{archive} is damaged or cut short: {error}. Nothing was changed.") from None
        raise NoBackup(
            f"{archive} is no backup of Battery Hawk, or damaged: {error}. Nothing was changed."
        ) from None


def _manifest(tar: tarfile.TarFile) -> Manifest:
    first = tar.next()
    content = None if first is None or first.name != MANIFEST or not first.isreg() else tar.extractfile(first)
    if first is None or content is None or first.size > _LARGEST_MANIFEST:
        raise NoBackup("it does not begin with a manifest")
    try:
        return _parsed(json.loads(content.read()))
    except (ValueError, TypeError, LookupError, RecursionError):
        raise NoBackup("its manifest is not one of ours") from None


def _parsed(about: Any) -> Manifest:
    if about["format"] > FORMAT:
        raise ConfigurationError(
            f"The backup has format {about['format']}, this program knows {FORMAT}: update Battery Hawk first."
        )
    files = tuple(Entry(str(each["name"]), int(each["size"]), str(each["sha256"])) for each in about["files"])
    store = about["store"]
    return Manifest(
        gateway_id=about["gateway_id"],
        made_at=str(about["made_at"]),
        store=None if store is None else int(store),
        readings=int(about["readings"]),
        files=files,
    )


def _unpack(tar: tarfile.TarFile, manifest: Manifest, folder: Path, tell: Tell) -> Manifest:
    expected = {each.name: each for each in manifest.files}
    if wrong := [name for name in expected if not is_known(name)]:
        raise NoBackup(f"it has {wrong[0]!r}, which no backup has")
    for member in _members(tar):
        wanted = expected.pop(member.name, None)
        if wanted is None or not member.isreg():
            raise NoBackup(f"it has {member.name!r}, which its manifest does not name")
        content = tar.extractfile(member)
        if content is None or member.size != wanted.size:
            raise DamagedBackup(f"{wanted.name} has not the size that the manifest says")
        _write(folder / wanted.name, _pieces(content), wanted, tell)
    if expected:
        raise DamagedBackup(f"{', '.join(expected)} is missing in it")
    return manifest


def _members(tar: tarfile.TarFile) -> Iterator[tarfile.TarInfo]:
    while member := tar.next():
        yield member


def _pieces(content: IO[bytes]) -> Iterator[bytes]:
    while piece := content.read(_PIECE):
        yield piece


def _write(file: Path, pieces: Iterator[bytes], wanted: Entry, tell: Tell) -> None:
    digest = hashlib.sha256()
    file.parent.mkdir(exist_ok=True, mode=0o755)
    mode = 0o600 if wanted.name in TOKENS else 0o644
    with os.fdopen(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode), "wb") as new:
        for piece in pieces:
            digest.update(piece)
            new.write(piece)
            tell(len(piece))
        new.flush()
        os.fsync(new.fileno())
    if digest.hexdigest() != wanted.sha256:
        raise DamagedBackup(f"{wanted.name} is not as it was when the backup was made")
