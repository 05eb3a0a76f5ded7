"""The content of a data folder is replaced as a whole: after a kill at any moment it is the old one or the new one.

The folder itself stays, for it may be a mount. What is new waits in a folder inside it, whose name says how far
it is: UNPACKING counts for nothing; once it is READY the old files go aside, and from MOVING on the new ones take
their place. Whoever opens the data folder next finishes what was begun.
"""

import os
import shutil
from pathlib import Path

UNPACKING = ".restore-unpacking"
READY = ".restore-ready-"  # then the stamp of the folder for what was there before
MOVING = ".restore-moving-"
BEFORE = "before-restore-"

_OURS = ("system.json*", "devices.json*", "vehicles.json*", "readings.db*", "gateway-id", "drivers")
_ACCESS = ("api-token", "api-tokens.json")  # each stays unless another comes


def begin(folder: Path) -> Path:
    """An empty folder for what is new."""
    finish(folder)
    new = folder / UNPACKING
    new.mkdir(mode=0o700)
    return new


def replace(folder: Path, stamp: str) -> Path | None:
    """By what was put into the folder that `begin` made, and forced to the disk. Where the old files are now."""
    (folder / UNPACKING).rename(folder / f"{READY}{stamp}")
    finish(folder)
    before = folder / f"{BEFORE}{stamp}"
    return before if before.exists() else None


def is_unfinished(folder: Path) -> bool:
    return any(folder.glob(f"{READY}*")) or any(folder.glob(f"{MOVING}*"))


def finish(folder: Path) -> None:
    """What was begun, if anything was."""
    shutil.rmtree(folder / UNPACKING, ignore_errors=True)
    for ready in folder.glob(f"{READY}*"):
        stamp = ready.name.removeprefix(READY)
        also = tuple(name for name in _ACCESS if (ready / name).exists())
        _put_aside(folder, folder / f"{BEFORE}{stamp}", also)
        ready.rename(folder / f"{MOVING}{stamp}")
        _sync(folder)
    for moving in folder.glob(f"{MOVING}*"):
        for each in moving.iterdir():
            each.rename(folder / each.name)
        _sync(folder)
        moving.rmdir()


def _put_aside(folder: Path, before: Path, also: tuple[str, ...]) -> None:
    for pattern in (*_OURS, *also):
        for each in folder.glob(pattern):
            before.mkdir(mode=0o700, exist_ok=True)
            each.rename(before / each.name)
    _sync(folder)


def _sync(folder: Path) -> None:
    opened = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(opened)  # a rename is in the folder
    finally:
        os.close(opened)
