"""system.json while the service runs: people edit it, the API changes it, and neither loses what the other did."""

import logging
import secrets
from pathlib import Path
from typing import Any

from hawk.config.changes import (
    ChangedMeanwhile,
    Json,
    check_free,
    covered,
    differences,
    merged,
    misplaced,
    names_of,
    without_unchanged,
)
from hawk.config.load import VERSION, Loaded, SettingsError, content_of, from_json
from hawk.config.messages import Standing
from hawk.config.schema import Settings
from hawk.durable import encoded, write
from hawk.errors import CannotWrite, Outdated
from hawk.ownership import explain

log = logging.getLogger(__name__)


class SettingsFile:
    """Owned by the process, so that a restarted actor goes on with the settings that hold."""

    def __init__(self, path: Path, loaded: Loaded) -> None:
        self._path, self._loaded, self._started = path, loaded, loaded.settings
        self._seen: object = loaded.content  # at the last look
        self._wrong: SettingsError | None = None  # what is there now does not hold
        self._run, self._count = secrets.token_hex(4), 0
        self.told = loaded.settings  # those who follow; only the actor moves it

    @property
    def settings(self) -> Settings:
        """Those that hold."""
        return self._loaded.settings

    def standing(self, followed: frozenset[str]) -> Standing:
        changed = differences(self._started, self.settings)
        return Standing(
            settings=self.settings,
            tag=f"{self._run}-{self._count}",
            overridden=names_of(self._loaded.overridden),
            restart_required=changed - covered(changed, followed),
            problems=() if self._wrong is None else tuple(map(str, self._wrong.problems)),
            warnings=self._loaded.warnings,
        )

    def look(self) -> None:
        """Takes in what somebody wrote into it. Blocks.

        What is wrong must be so at two looks: an editor may be at work. A file that is gone is no change.
        """
        content = content_of(self._path)
        if content is None or content == self._loaded.content:
            self._seen, self._wrong = content, None
            return
        try:
            loaded = self._loaded.surroundings.parse(content, self._path.name)
        except SettingsError as error:
            if str(content) == str(self._seen):
                self._complain(error)
            self._seen = content
            return
        self._seen = content
        self._take(loaded)
        log.info("%s was changed, and holds from now on", self._path)

    def change(self, changes: Json, tag: str | None) -> None:
        """Returns when it is on the disk. Raises SettingsError, Overridden, Outdated, ChangedMeanwhile or
        CannotWrite; nothing is changed then.
        """
        loaded = self._loaded
        if tag not in {None, f"{self._run}-{self._count}"}:
            raise Outdated("the settings were changed since you read them: read them again")
        self._check_unchanged()
        overridden = names_of(loaded.overridden)
        changes = without_unchanged(changes, self.settings, overridden)
        check_free(changes, loaded.sources, overridden)
        before = _document(loaded.content)
        content = self._encoded(merged(before, changes))
        new = self._checked(content, changes)
        if content == self._encoded({"version": VERSION, **before}):
            return
        self._write(content)
        self._take(new)

    # ----------------------------------------------------------------------------------------

    def _take(self, loaded: Loaded) -> None:
        self._loaded, self._wrong = loaded, None
        self._count += 1

    def _complain(self, error: SettingsError) -> None:
        if self._wrong is None or str(self._wrong) != str(error):
            log.error("%s is wrong, the settings of before stay until it is mended: %s", self._path, error)
        self._wrong = error

    def _check_unchanged(self) -> None:
        """Raises ChangedMeanwhile. One that is gone is written again.

        Between this look and the rename that follows it are some ten microseconds in which an edit would be lost:
        no call of POSIX replaces a file only if it is still the same.
        """
        if content_of(self._path) not in {None, self._loaded.content}:
            raise ChangedMeanwhile(
                f"{self._path.name} was changed by somebody else just now, and nothing was written: read the"
                " settings again; if it is wrong, mend it first"
            )

    def _checked(self, content: bytes, changes: Json) -> Loaded:
        """Raises SettingsError with all that is wrong in both."""
        wrong = list(misplaced(changes))
        try:
            loaded = self._loaded.surroundings.parse(content, self._path.name)
        except SettingsError as error:
            raise SettingsError([*wrong, *error.problems]) from None
        if wrong:
            raise SettingsError(wrong)
        return loaded

    def _encoded(self, document: Json) -> bytes:
        try:
            return encoded(document)
        except ValueError as error:
            raise CannotWrite(f"{self._path} cannot be written as JSON: {error}") from error

    def _write(self, content: bytes) -> None:
        before = self._loaded.content
        try:
            if before is not None:
                write(self._path.with_name(f"{self._path.name}.last-good"), before)
            write(self._path, content, self._check_unchanged)
        except OSError as error:
            raise CannotWrite(f"{self._path} cannot be written: {explain(self._path, error)}") from error


def _document(content: bytes | None) -> dict[str, Any]:
    """Of a file that holds."""
    document: dict[str, Any] = {} if content is None else from_json(content)
    return document
