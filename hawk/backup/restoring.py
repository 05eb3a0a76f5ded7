"""Puts a backup into a data folder: all of it or nothing, and what was there before stays beside it."""

import json
import os
import shutil
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from hawk import replacing
from hawk.backup import archive
from hawk.backup.archive import DamagedBackup, Manifest
from hawk.datafolder import DataFolder
from hawk.errors import CannotWrite, ConfigurationError, Conflict, NotFound, OtherVersion
from hawk.ownership import explain
from hawk.registry.records import read_devices, read_vehicles
from hawk.store.copying import DamagedCopy, adopt
from hawk.store.schema import VERSION

Tell = Callable[[float], None]  # the share that is done, 0 to 1

_DATA = ("system.json", "devices.json", "vehicles.json", "readings.db")


@dataclass(frozen=True, slots=True)
class Restored:
    path: Path
    readings: int
    before: Path | None  # where what was there is kept
    made_at: str


def restore(backup: Path, data: Path, stamp: str, tell: Tell, *, force: bool) -> Restored:
    """`stamp` is in the name of the folder for what was there.

    Raises NotFound, NoBackup, DamagedBackup, Conflict for a folder that has data, CannotWrite,
    ConfigurationError for a backup of a newer program, AlreadyRunning.
    """
    manifest = _looked_at(backup)
    with DataFolder.open(data) as folder:
        there = [name for name in _DATA if (folder.path / name).exists()]
        if there and not force:
            raise Conflict(
                f"{folder.path} has data already ({', '.join(there)}): with --force the backup takes their place,"
                f" and they are kept in {folder.path}/{replacing.BEFORE}{stamp}."
            )
        try:
            return _replace(backup, manifest, folder.path, stamp, tell)
        except OSError as error:
            raise CannotWrite(f"{folder.path} cannot be written: {explain(folder.path, error)}") from error


def _looked_at(backup: Path) -> Manifest:
    try:
        manifest = archive.read_manifest(backup)
    except FileNotFoundError:
        raise NotFound(f"There is no {backup}.") from None
    except OSError as error:
        raise NotFound(f"{backup} cannot be read: {explain(backup, error)}") from error
    if manifest.store is not None and manifest.store > VERSION:
        raise ConfigurationError(
            f"The log in {backup} has format {manifest.store}, this program knows {VERSION}:"
            " update Battery Hawk first. Nothing was changed."
        )
    return manifest


def _replace(backup: Path, manifest: Manifest, folder: Path, stamp: str, tell: Tell) -> Restored:
    free = shutil.disk_usage(folder).free
    if free < manifest.size:
        raise CannotWrite(
            f"The backup needs {manifest.size >> 20} MiB, and {folder} has {free >> 20}: make room. Nothing was changed."
        )
    new, done = replacing.begin(folder), 0

    def told(count: int) -> None:
        nonlocal done
        done += count
        tell(done / max(1, manifest.size))

    with ExitStack() as on_failure:
        on_failure.callback(shutil.rmtree, new, ignore_errors=True)
        archive.unpack(backup, new, told)
        readings = _checked(backup, new)
        _give_to(folder, new)
        on_failure.pop_all()
    before = replacing.replace(folder, stamp)
    return Restored(folder, readings, before, manifest.made_at)


def _checked(backup: Path, new: Path) -> int:
    """How many readings it has. Whatever a service would not start with is found here."""
    for name, read in (
        ("devices.json", read_devices),
        ("vehicles.json", read_vehicles),
        ("system.json", dict),
    ):
        _check_document(backup, new / name, read)
    if not (new / archive.LOG).exists():
        return 0
    try:
        return adopt(new / archive.LOG)
    except DamagedCopy as error:
        raise DamagedBackup(f"The log in {backup} is damaged: {error}. Nothing was changed.") from error


def _check_document(backup: Path, file: Path, read: Callable[..., object]) -> None:
    try:
        if file.exists():
            read(json.loads(file.read_bytes()))
    except OtherVersion as error:
        raise OtherVersion(f"{file.name} in {backup}: {error}. Nothing was changed.") from error
    except (ValueError, TypeError, AttributeError, RecursionError, ConfigurationError) as error:
        raise DamagedBackup(
            f"{file.name} in {backup} cannot be used: {error}. Nothing was changed."
        ) from error


def _give_to(folder: Path, new: Path) -> None:
    """Root restores for the user of the service."""
    if os.geteuid() == 0:
        owner = folder.stat()
        for each in (new, *new.rglob("*")):
            os.chown(each, owner.st_uid, owner.st_gid)
