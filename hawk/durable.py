"""Files that are whole after a power cut at any moment: the old content or the new one.

What is new is written beside, forced to the disk, and then takes the place of the old. Mode and owner stay as they were.
docs/decisions/0010-edits-by-hand.md says why it is done so.
"""

import ctypes
import errno
import json
import os
import stat
from collections.abc import Callable
from pathlib import Path

_HERE = -100  # AT_FDCWD: a path is as it always is
_NOREPLACE, _EXCHANGE = 1, 2  # linux/fs.h
_CANNOT = {errno.EINVAL, errno.ENOSYS, errno.ENOTSUP}  # a filesystem, or a kernel, that does not know how


class ChangedUnderneath(Exception):
    """Somebody else wrote into the file, and what he wrote stays."""


def encoded(document: object) -> bytes:
    """Raises ValueError for what JSON cannot say."""
    try:
        text = json.dumps(document, indent=2, ensure_ascii=False)
    except RecursionError:
        raise ValueError("it is nested too deeply") from None
    # half a surrogate pair has no UTF-8; its backslash form is the escape that JSON has for it
    return (text + "\n").encode(errors="backslashreplace")


def write(path: Path, content: bytes, *, like: Path | None = None, mode: int | None = None) -> None:
    """Over whatever is there; returns when it is on the disk. Mode and owner are those of `like`, else of what was
    there, unless `mode` says otherwise. Raises OSError.
    """
    _written_beside(path, content, like or path, mode).rename(path)
    _sync(path.parent)


def swap(path: Path, content: bytes, is_known: Callable[[bytes], bool]) -> None:
    """Over what is known, or nothing; returns when it is on the disk. Raises ChangedUnderneath, also for what
    somebody else puts there in the same instant, and OSError.
    """
    new = _written_beside(path, content, path, None)
    try:
        _check(path, is_known)
        _exchange(new, path, content, is_known)
    finally:
        new.unlink(missing_ok=True)
    _sync(path.parent)


# -- taking the place ------------------------------------------------------------------------


def _exchange(new: Path, path: Path, content: bytes, is_known: Callable[[bytes], bool]) -> None:
    """Both change places at once, and only then it is looked what was there: nobody can come in between."""
    try:
        if _changed_places(new, path) and not is_known(new.read_bytes()):
            _give_back(new, path, content)
            raise ChangedUnderneath
    except OSError as error:
        if error.errno not in _CANNOT:
            raise
        _check(path, is_known)
        new.rename(path)  # where nothing better is to be had, an edit can be lost within microseconds


def _give_back(new: Path, path: Path, content: bytes) -> None:
    """What was there. If even that meets with another one, that is the newest, and goes where it was."""
    placed, found = content, new.read_bytes()
    while _changed_places(new, path) and new.read_bytes() != placed:
        placed, found = found, new.read_bytes()


def _changed_places(new: Path, path: Path) -> bool:
    """False if nothing was there; then `new` is."""
    while True:
        try:
            _rename(new, path, _EXCHANGE)
        except FileNotFoundError:
            if _is_placed(new, path):
                return False
        else:
            return True


def _is_placed(new: Path, path: Path) -> bool:
    try:
        _rename(new, path, _NOREPLACE)
    except FileExistsError:
        return False
    return True


def _rename(old: Path, new: Path, flags: int) -> None:
    try:
        call = ctypes.CDLL(None, use_errno=True).renameat2
    except AttributeError:
        raise OSError(errno.ENOSYS, "no renameat2 in this C library") from None
    if call(_HERE, os.fsencode(old), _HERE, os.fsencode(new), flags) != 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number), str(new))


def _check(path: Path, is_known: Callable[[bytes], bool]) -> None:
    try:
        found = path.read_bytes()
    except FileNotFoundError:
        return
    if not is_known(found):
        raise ChangedUnderneath


# -- beside it -------------------------------------------------------------------------------


def _written_beside(path: Path, content: bytes, like: Path, mode: int | None) -> Path:
    new = path.with_name(f".{path.name}.new")
    new.unlink(missing_ok=True)  # of one who was killed
    with os.fdopen(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode or 0o666), "wb") as file:
        _make_like(file.fileno(), like, mode)
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    return new


def _make_like(opened: int, like: Path, mode: int | None) -> None:
    there = like if like.exists() else like.parent
    if mode is None and there is like:
        os.fchmod(opened, stat.S_IMODE(like.stat().st_mode))
    if os.geteuid() == 0:  # by sudo: the service, which may run as another user, has to read it
        owner = there.stat()
        os.fchown(opened, owner.st_uid, owner.st_gid)


def _sync(folder: Path) -> None:
    opened = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(opened)  # a rename is in the folder
    finally:
        os.close(opened)
