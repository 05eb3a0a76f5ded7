"""A JSON document on disk that survives a power cut at any moment.

Written to a temporary file, forced to the disk, and renamed over the old one; the version before
stays beside it as NAME.last-good. A damaged document is set aside, never overwritten.
"""

import json
import os
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from hawk.errors import CannotWrite, ConfigurationError


@dataclass(frozen=True, slots=True)
class Opened:
    document: object
    recovered: str | None = None  # what had to be done, for log and status


def open_document(path: Path, validate: Callable[[object], object]) -> Opened | None:
    """None if there is no such file yet. `validate` raises ConfigurationError or ValueError.

    Raises ConfigurationError when neither the file nor its last good copy is valid; both are
    left as they are."""
    if not path.exists() and not _last_good(path).exists():
        return None
    try:
        return Opened(_read(path, validate))
    except (OSError, ValueError, RecursionError, ConfigurationError) as error:
        return _from_last_good(path, validate, error)


def replace(path: Path, document: object) -> None:
    """Returns when it is on the disk. Raises CannotWrite; what was there before is still there."""
    content = (json.dumps(document, indent=2, ensure_ascii=False) + "\n").encode()
    try:
        if path.exists():
            if path.read_bytes() == content:
                return
            _write(_last_good(path), path.read_bytes())
        _write(path, content)
    except OSError as error:
        raise CannotWrite(f"{path} cannot be written: {error.strerror or error}") from error


def _read(path: Path, validate: Callable[[object], object]) -> object:
    document = json.loads(path.read_bytes())
    validate(document)
    return document


def _from_last_good(path: Path, validate: Callable[[object], object], error: Exception) -> Opened:
    try:
        document = _read(_last_good(path), validate)
    except (OSError, ValueError, RecursionError, ConfigurationError):
        raise ConfigurationError(
            f"{path} cannot be used: {error}. Nothing was changed: mend it, or move it away to begin anew."
        ) from error
    kept = ""
    if path.exists():
        damaged = path.with_name(f"{path.name}.damaged-{time.strftime('%Y%m%dT%H%M%SZ', time.gmtime())}")
        path.rename(damaged)
        kept = f"; the damaged file is kept as {damaged.name}"
    _write(path, json.dumps(document, indent=2, ensure_ascii=False).encode() + b"\n")
    return Opened(document, f"{path.name} cannot be used ({error}): went on with the last good copy{kept}")


def _last_good(path: Path) -> Path:
    return path.with_name(f"{path.name}.last-good")


def _write(path: Path, content: bytes) -> None:
    temporary = path.with_name(f".{path.name}.new")
    with temporary.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    temporary.rename(path)
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)  # a rename is in the folder
    finally:
        os.close(folder)
