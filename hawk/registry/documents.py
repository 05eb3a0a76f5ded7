"""A JSON document on disk that survives a power cut at any moment, and whoever edits it.

The version before stays beside it as NAME.last-good. What somebody else wrote into it is never overwritten; what is
damaged at the start is kept as NAME.damaged-TIME.
"""

import errno
import logging
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from itertools import count
from pathlib import Path

from hawk import strict_json
from hawk.durable import ChangedUnderneath, swap, write
from hawk.errors import (
    CannotWrite,
    ChangedMeanwhile,
    ConfigurationError,
    OtherVersion,
    Problem,
    WrongDocument,
)
from hawk.ownership import explain
from hawk.strict_json import NotJson

log = logging.getLogger(__name__)

_FULL = (errno.ENOSPC, errno.EDQUOT)


class DocumentFile:
    def __init__(
        self,
        path: Path,
        validate: Callable[[object], object],
        make_room: Callable[[], None] = lambda: None,
    ) -> None:
        """`validate` raises OtherVersion for a document that is not for us to touch, WrongDocument for a damaged one.
        `make_room` is called on a full disk, before it is tried again."""
        self.path, self._validate, self._make_room = path, validate, make_room
        self._last_good = path.with_name(f"{path.name}.last-good")
        self._ours: bytes | None = None  # what we read well or wrote last
        self._tried: bytes | None = None  # what we wrote without learning whether it is on the disk
        self._damage: WrongDocument | None = None  # of the file that was found at the start
        self.notice: str | None = None  # what had to be done last, for people

    def read(self) -> object:
        """The document, or its last good copy, or None if there is neither. Changes nothing on the disk.

        Raises ConfigurationError when nothing of it can be used."""
        wrong: dict[Path, WrongDocument] = {}
        for path in (self.path, self._last_good):
            if (content := _content(path)) is None:
                continue
            try:
                document = self.parsed(content)
            except OtherVersion as error:
                raise OtherVersion(f"{path}: {error}. Nothing was changed.") from error
            except WrongDocument as error:
                wrong[path] = error
                self._damage = wrong.get(self.path)
                continue
            self._ours = content
            return document
        if wrong:
            raise _hopeless(wrong)
        return None

    def mend(self) -> None:
        """Puts the last good copy in the place of what was damaged or missing. Raises CannotWrite."""
        there = _content(self.path)
        if self._ours is None or there == self._ours:
            return
        if there is None:
            self._note(f"{self.path} is missing: went on with {self._last_good.name}")
        else:
            self._set_aside(there)
        self._write(self._ours, there)

    def replace(self, content: bytes) -> None:
        """Returns when it is on the disk. Raises CannotWrite and ChangedMeanwhile; what was there before is still
        there. One that is gone is written again."""
        self.check_unchanged()
        if content == self._ours == _content(self.path):
            return
        self._write(content)
        self._ours = content

    # -- what others write into it -----------------------------------------------------------

    def content(self) -> bytes | None:
        """What others wrote; None if it is what we know, or gone. Raises ConfigurationError."""
        there = _content(self.path)
        return None if there is None or self._is_known(there) else there

    def check_unchanged(self) -> None:
        """Raises ChangedMeanwhile, also for what may not be read."""
        try:
            changed = self.content() is not None
        except ConfigurationError as error:
            raise ChangedMeanwhile(str(error)) from None
        if changed:
            raise self._changed()

    def parsed(self, content: bytes) -> object:
        """Raises WrongDocument and OtherVersion."""
        try:
            document: object = strict_json.parse(content)
        except NotJson as error:
            name = self.path.name
            raise WrongDocument(
                [Problem(name, each.pointer, None, each.said) for each in error.mistakes]
            ) from None
        self._validate(document)
        return document

    def take(self, content: bytes) -> None:
        """What others wrote is good: it is ours from now on."""
        self._ours = content
        try:
            write(self._last_good, content, like=self.path)
        except OSError as error:
            log.warning("%s cannot be written: %s", self._last_good, explain(self._last_good, error))

    # ----------------------------------------------------------------------------------------

    def _write(self, content: bytes, damaged: bytes | None = None) -> None:
        try:
            self._put(content, damaged)
        except OSError as error:
            if error.errno not in _FULL:
                raise self._cannot_write(error) from error
            self._make_room()
            self._put_at_last(content, damaged)

    def _put_at_last(self, content: bytes, damaged: bytes | None) -> None:
        try:
            self._put(content, damaged)
        except OSError as error:
            raise self._cannot_write(error) from error

    def _put(self, content: bytes, damaged: bytes | None) -> None:
        """Over what is known, and over `damaged`, of which there is a copy."""
        if self._ours is not None and self._ours != content:
            write(self._last_good, self._ours, like=self.path)
        try:
            swap(self.path, content, lambda found: found == damaged or self._is_known(found))
        except ChangedUnderneath:
            raise self._changed() from None
        except OSError:
            self._tried = content
            raise

    def _is_known(self, content: bytes) -> bool:
        return content in (self._ours, self._tried)

    def _changed(self) -> ChangedMeanwhile:
        return ChangedMeanwhile(
            f"{self.path.name} was changed by somebody else just now, and nothing was written: look at it again, and"
            " repeat what you asked for; if the file is wrong, mend it first"
        )

    def _cannot_write(self, error: OSError) -> CannotWrite:
        return CannotWrite(f"{self.path} cannot be written: {explain(self.path, error)}")

    def _set_aside(self, damaged: bytes) -> None:
        name = f"{self.path.name}.damaged-{time.strftime('%Y%m%dT%H%M%SZ', time.gmtime())}"
        names = (self.path.with_name(f"{name}-{i}" if i else name) for i in count())
        copy = next(path for path in names if not path.exists())
        try:
            write(copy, damaged, like=self.path)
        except OSError as error:
            raise self._cannot_write(error) from error
        self._note(
            f"{self.path} cannot be used ({self._damage}): went on with the last good copy; the damaged file is"
            f" kept as {copy.name}"
        )

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


def _hopeless(wrong: Mapping[Path, WrongDocument]) -> WrongDocument:
    problems = [replace(each, source=str(path)) for path, error in wrong.items() for each in error.problems]
    names = " and ".join(map(str, wrong))
    mend = "mend it" if len(wrong) == 1 else "mend one"
    return WrongDocument(
        problems,
        f"{names} cannot be used. Nothing was changed: {mend}, or move {names} away to begin anew.",
    )
