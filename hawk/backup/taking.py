"""Makes a backup of a data folder, whether a service runs on it or not."""

import fcntl
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from hawk.backup import archive
from hawk.backup.archive import Manifest
from hawk.errors import CannotWrite, Conflict, NotFound, StoreUnavailable
from hawk.model.instant import rfc3339
from hawk.ownership import explain
from hawk.store.copying import DamagedCopy, copy
from hawk.store.schema import VERSION

Tell = Callable[[float], None]  # the share that is done, 0 to 1

_COPYING = 0.5  # of the whole work
_WORKSHOP = ".hawk-backup-"


@dataclass(frozen=True, slots=True)
class Taken:
    path: Path
    bytes: int
    readings: int


def take(data: Path, target: Path, now: int, tell: Tell, *, with_token: bool, force: bool) -> Taken:
    """`now` in ms since the epoch. Raises NotFound where there is nothing, Conflict for a file that is there
    already, CannotWrite, StoreUnavailable.
    """
    if target.exists() and not force:
        raise Conflict(f"{target} is there already: choose another name, or --force.")
    try:
        with _workshop(target.parent) as folder:
            found = dict(_documents(data, folder, with_token=with_token))
            readings = _copy_log(data / archive.LOG, folder / archive.LOG, found, tell)
            if not found:
                raise NotFound(f"{data} has nothing to keep: name the data folder with --data.")
            size = _write(_manifest(found, readings, now), found, folder, target, tell)
    except OSError as error:
        raise CannotWrite(f"{target} cannot be written: {explain(target, error)}") from error
    return Taken(target, size, readings)


@contextmanager
def _workshop(place: Path) -> Iterator[Path]:
    """A folder that is gone afterwards; those of backups that were killed go, too."""
    for left in place.glob(f"{_WORKSHOP}*"):
        with suppress(OSError), _owned(left):
            shutil.rmtree(left)
    with tempfile.TemporaryDirectory(prefix=_WORKSHOP, dir=place) as folder, _owned(Path(folder)):
        yield Path(folder)


@contextmanager
def _owned(folder: Path) -> Iterator[None]:
    """Raises BlockingIOError while another process works in it."""
    opened = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(opened, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield
    finally:
        os.close(opened)


def _documents(data: Path, folder: Path, *, with_token: bool) -> Iterator[tuple[str, Path]]:
    """Copies of them: a service may write them at any moment."""
    (folder / "drivers").mkdir()
    drivers = [f"drivers/{file.name}" for file in sorted((data / "drivers").glob("*.py"))]
    for name in (*archive.DOCUMENTS, *filter(archive.is_known, drivers)):
        if (data / name).is_file() and (with_token or name not in archive.TOKENS):
            (folder / name).write_bytes((data / name).read_bytes())
            yield name, folder / name


def _copy_log(log: Path, copied: Path, found: dict[str, Path], tell: Tell) -> int:
    if not log.exists():
        return 0
    try:
        readings = copy(log, copied, lambda share: tell(share * _COPYING))
    except DamagedCopy as error:
        raise StoreUnavailable(
            f"{log} is damaged ({error}), so no backup of it was made",
            "Start the service: it sets that file aside and brings what it still has into a new one",
        ) from error
    found[archive.LOG] = copied
    return readings


def _manifest(found: Mapping[str, Path], readings: int, now: int) -> Manifest:
    gateway = found.get("gateway-id")
    return Manifest(
        gateway_id=gateway.read_text().strip() if gateway else None,
        made_at=rfc3339(now),
        store=VERSION if archive.LOG in found else None,
        readings=readings,
        files=tuple(archive.entry(name, file) for name, file in found.items()),
    )


def _write(manifest: Manifest, found: Mapping[str, Path], folder: Path, target: Path, tell: Tell) -> int:
    """[bytes] of the archive, which appears whole or not at all."""
    done = 0

    def told(count: int) -> None:
        nonlocal done
        done += count
        tell(_COPYING + (1 - _COPYING) * done / max(1, manifest.size))

    with _private(folder / "archive") as new:
        archive.write(new, manifest, found, told)
        new.flush()
        os.fsync(new.fileno())
    (folder / "archive").replace(target)
    return target.stat().st_size


@contextmanager
def _private(path: Path) -> Iterator[IO[bytes]]:
    """The settings in it may have passwords."""
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        yield file
