"""A JSON document on disk that survives a power cut at any moment, and whoever edits it.

Written to a temporary file, forced to the disk, and renamed over the old one; the version before
stays beside it as NAME.last-good. Nothing that we neither wrote nor read well is overwritten: what
is damaged is kept as NAME.damaged-TIME, what somebody edited meanwhile as NAME.edited-TIME.
"""

import errno
import json
import logging
import time
from collections.abc import Callable, Mapping
from itertools import count
from pathlib import Path

from hawk.durable import encoded, write
from hawk.errors import CannotWrite, ConfigurationError, OtherVersion
from hawk.ownership import explain

log = logging.getLogger(__name__)

_FULL = (errno.ENOSPC, errno.EDQUOT)


class _DamagedError(Exception):
    """Why a content is no document of ours."""


class DocumentFile:
    def __init__(
        self,
        path: Path,
        validate: Callable[[object], object],
        make_room: Callable[[], None] = lambda: None,
    ) -> None:
        """`validate` raises OtherVersion for a document that is not for us to touch, ConfigurationError
        or ValueError for a damaged one. `make_room` is called on a full disk, before it is tried again."""
        self._path, self._validate, self._make_room = path, validate, make_room
        self._last_good = path.with_name(f"{path.name}.last-good")
        self._ours: bytes | None = None  # what we read well or wrote last
        self._tried: bytes | None = None  # what we wrote without learning whether it is on the disk
        self._kept: bytes | None = None  # what is there instead, of which there is a copy now
        self.notice: str | None = None  # what had to be done last, for people

    def read(self) -> object:
        """The document, or its last good copy, or None if there is neither. Changes nothing on the disk.

        Raises ConfigurationError when nothing of it can be used."""
        wrong: dict[Path, _DamagedError] = {}
        for path in (self._path, self._last_good):
            if (content := _content(path)) is None:
                continue
            try:
                document = self._parsed(content)
            except OtherVersion as error:
                raise OtherVersion(f"{path}: {error}. Nothing was changed.") from error
            except _DamagedError as error:
                wrong[path] = error
                continue
            self._ours = content
            return document
        if wrong:
            raise _hopeless(wrong)
        return None

    def mend(self) -> None:
        """Puts the last good copy in the place of what was damaged or missing. Raises CannotWrite."""
        if self._ours is None:
            return
        if not self._path.exists():
            self._note(f"{self._path} is missing: went on with {self._last_good.name}")
        self.replace(self._ours)

    def replace(self, content: bytes) -> None:
        """Returns when it is on the disk. Raises CannotWrite; what was there before is still there."""
        try:
            self._put(content)
        except OSError as error:
            if error.errno not in _FULL:
                raise self._cannot_write(error) from error
            self._make_room()
            self._put_at_last(content)
        self._ours, self._kept = content, None

    # ----------------------------------------------------------------------------------------

    def _put_at_last(self, content: bytes) -> None:
        try:
            self._put(content)
        except OSError as error:
            raise self._cannot_write(error) from error

    def _put(self, content: bytes) -> None:
        there = self._path.read_bytes() if self._path.exists() else None
        if there is not None and there not in (content, self._ours, self._tried, self._kept):
            self._keep(there)
        if self._ours is not None and self._ours != content:
            write(self._last_good, self._ours)
        if there != content:
            self._tried = content
            write(self._path, content)

    def _cannot_write(self, error: OSError) -> CannotWrite:
        return CannotWrite(f"{self._path} cannot be written: {explain(self._path, error)}")

    def _parsed(self, content: bytes) -> object:
        try:
            document = json.loads(content)
            self._validate(document)
            encoded(document)
        except OtherVersion:
            raise
        except (ValueError, RecursionError, ConfigurationError) as error:
            raise _DamagedError(str(error)) from error
        return document

    def _keep(self, content: bytes) -> None:
        try:
            self._parsed(content)
        except OtherVersion as error:
            raise CannotWrite(f"{error}. It came while the service ran; nothing was changed.") from error
        except _DamagedError as error:
            copy = self._copy(content, "damaged")
            self._note(
                f"{self._path} cannot be used ({error}): went on with the last good copy;"
                f" the damaged file is kept as {copy.name}"
            )
        else:
            copy = self._copy(content, "edited")
            self._note(
                f"{self._path} was changed by somebody else while the service ran, and was written again"
                f" without that change, which is kept as {copy.name}: to use it, stop the service and"
                f" rename it to {self._path.name}"
            )
        self._kept = content

    def _copy(self, content: bytes, what: str) -> Path:
        name = f"{self._path.name}.{what}-{time.strftime('%Y%m%dT%H%M%SZ', time.gmtime())}"
        names = (self._path.with_name(f"{name}-{i}" if i else name) for i in count())
        copy = next(path for path in names if not path.exists())
        write(copy, content)
        return copy

    def _note(self, notice: str) -> None:
        self.notice = notice
        log.warning("%s", notice)


def _content(path: Path) -> bytes | None:
    """None if there is no such file. Raises ConfigurationError: what we may not read may be in order."""
    try:
        return path.read_bytes()
    except FileNotFoundError:
        return None
    except OSError as error:
        raise ConfigurationError(
            f"{path} cannot be read: {explain(path, error)} Nothing was changed."
        ) from error


def _hopeless(wrong: Mapping[Path, _DamagedError]) -> ConfigurationError:
    said = "; ".join(f"{path} cannot be used: {error}" for path, error in wrong.items())
    mend = "mend it" if len(wrong) == 1 else "mend one"
    return ConfigurationError(
        f"{said}. Nothing was changed: {mend}, or move {' and '.join(map(str, wrong))} away to begin anew."
    )
