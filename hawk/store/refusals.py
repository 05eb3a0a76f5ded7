"""Why the disk refuses, and what to do about it."""

import contextlib
import errno
import os
import sqlite3
from pathlib import Path

from hawk.errors import DiskFull, StoreUnavailable
from hawk.ownership import explain, mount_point

FULL = (errno.ENOSPC, errno.EDQUOT)
_NO_ROOM = 65536  # [bytes] SQLite calls it an I/O error where it cannot lengthen its shared memory
_DISK = "Linux says in 'dmesg' what is wrong with the disk."
_CORRUPT = (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)
_MAY_NOT = (sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_READONLY, sqlite3.SQLITE_PERM)
_LOCKED = (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED)


def refusal(error: sqlite3.DatabaseError | OSError, path: Path) -> StoreUnavailable:
    """`path` is the log. The words stay the same as long as the trouble does."""
    folder, code = path.parent, _code(error)
    if code in _CORRUPT:
        return StoreUnavailable(
            f"{path} is damaged ({error})",
            "It is set aside, and what it still has is brought into a new one",
        )
    if _is_full(error, folder):
        return full(folder)
    if _is_read_only(folder):
        return StoreUnavailable(
            f"{folder} lies on a file system that is mounted read-only",
            f"{_DISK} Then try: sudo mount -o remount,rw {mount_point(folder)}",
        )
    if code == sqlite3.SQLITE_IOERR or getattr(error, "errno", None) == errno.EIO:
        return StoreUnavailable(
            f"the disk that holds {folder} fails ({_name(error)})",
            f"{_DISK} A card that does so is about to die: make a copy with 'hawk backup' and replace it",
        )
    if code in _MAY_NOT and (shut := _shut(path)):
        return StoreUnavailable(f"{path} cannot be used: {error}", explain(shut, PermissionError(), folder))
    if code == sqlite3.SQLITE_READONLY:
        return StoreUnavailable(
            f"{folder} cannot be written any more", f"{_DISK} Then mount it again, or restart"
        )
    if code in _LOCKED:
        return StoreUnavailable(
            f"another program keeps {path} locked", f"End it: 'sudo fuser -v {path}' shows which one it is"
        )
    return StoreUnavailable(f"the store cannot be used: {error}")


def full(folder: Path, how: str = "full") -> DiskFull:
    fix = f"Make room on it: 'sudo du -xh {mount_point(folder)} | sort -h | tail' finds what is large"
    return DiskFull(f"the disk that holds {folder} is {how}", fix)


def is_corrupt(error: sqlite3.DatabaseError) -> bool:
    return _code(error) in _CORRUPT


def free(folder: Path) -> int:
    """[bytes] for us. Raises OSError."""
    status = os.statvfs(folder)
    return status.f_bavail * status.f_frsize


def _code(error: sqlite3.DatabaseError | OSError) -> int | None:
    code: int | None = getattr(error, "sqlite_errorcode", None)  # absent when SQLite did not raise it
    return None if code is None else code & 0xFF


def _name(error: sqlite3.DatabaseError | OSError) -> str:
    return str(getattr(error, "sqlite_errorname", error))


def _is_full(error: sqlite3.DatabaseError | OSError, folder: Path) -> bool:
    if _code(error) == sqlite3.SQLITE_FULL or getattr(error, "errno", None) in FULL:
        return True
    with contextlib.suppress(OSError):
        return _code(error) == sqlite3.SQLITE_IOERR and not _is_read_only(folder) and free(folder) < _NO_ROOM
    return False


def _is_read_only(folder: Path) -> bool:
    with contextlib.suppress(OSError):
        return bool(os.statvfs(folder).f_flag & os.ST_RDONLY)
    return False


def _shut(path: Path) -> Path | None:
    """What of it we may not write."""
    files = (path.parent, *(path.with_name(path.name + suffix) for suffix in ("", "-wal", "-shm")))
    return next((each for each in files if each.exists() and not os.access(each, os.W_OK)), None)
