"""Whose a file or folder is, and what to do when we may not use it."""

import errno
import os
from pathlib import Path


def explain(path: Path, error: OSError, folder: Path | None = None) -> str:
    """Why `path` cannot be used, and where rights are missing the command that gives them, for the whole
    `folder` that it is in if one is named.
    """
    if error.errno == errno.EROFS:
        remedy = f"Run: sudo mount -o remount,rw {mount_point(path)} (in Docker: mount it without :ro)"
        return f"{error.strerror}. {remedy}"
    if not isinstance(error, PermissionError):
        return f"{error.strerror or error}."
    uid, gid = os.getuid(), os.getgid()
    there = next(each for each in (path, *path.parents) if os.path.exists(each))  # noqa: PTH110  # also where we may not look
    owner = there.stat().st_uid
    whose = f"{there} belongs to uid {owner}, this is uid {uid}"
    if owner == uid:
        return f"{whose}, but its mode forbids it. Run: chmod -R u+rwX {folder or there}"
    return f"{whose}. Run: sudo chown -R {uid}:{gid} {folder or there}"


def mount_point(path: Path) -> Path:
    """Of the file system that it is on."""
    return next(each for each in (path.absolute(), *path.absolute().parents) if each.is_mount())
