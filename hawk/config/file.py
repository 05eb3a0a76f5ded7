"""system.json while the service runs: people edit it, the API changes it, and neither loses what the other did."""

import logging
import secrets
from pathlib import Path
from typing import Any

from hawk.config.changes import (
    Json,
    check_free,
    covered,
    differences,
    merged,
    misplaced,
    names_of,
    without_unchanged,
)
from hawk.config.load import VERSION, Loaded, SettingsError, content_of
from hawk.config.messages import Standing
from hawk.config.schema import Settings
from hawk.durable import ChangedUnderneath, encoded, swap, write
from hawk.errors import CannotWrite, ChangedMeanwhile, Outdated
from hawk.mistakes import Mistakes
from hawk.ownership import explain
from hawk.strict_json import parse

log = logging.getLogger(__name__)


class SettingsFile:
    """Owned by the process, so that a restarted actor goes on with the settings that hold."""

    def __init__(self, path: Path, loaded: Loaded) -> None:
        self._path, self._loaded, self._started = path, loaded, loaded.settings
        self._mistakes = Mistakes()  # in what is there now, which therefore does not hold
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
            problems=self._mistakes.said,
            warnings=self._loaded.warnings,
        )

    def look(self) -> None:
        """Takes in what somebody wrote into it. Blocks. A file that is gone is no change."""
        content = content_of(self._path)
        if content is None or content == self._loaded.content:
            self._mistakes.none()
            return
        try:
            loaded = self._loaded.surroundings.parse(content, self._path.name)
        except SettingsError as error:
            self._mistakes.found(str(content), error)
            return
        self._take(loaded)
        log.info("%s was changed, and holds from now on", self._path)

    def change(self, changes: Json, tag: str | None) -> None:
        """Returns when it is on the disk. Raises SettingsError, Overridden, Outdated, ChangedMeanwhile or
        CannotWrite; nothing is changed then.
        """
        loaded = self._loaded
        if tag not in {None, f"{self._run}-{self._count}"}:
            raise Outdated("the settings were changed since you read them: read them again")
        if content_of(self._path) not in {None, loaded.content}:
            raise self._changed()  # sooner than that what was sent is wrong
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
        self._loaded = loaded
        self._mistakes.none()
        self._count += 1

    def _changed(self) -> ChangedMeanwhile:
        return ChangedMeanwhile(
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
                write(self._path.with_name(f"{self._path.name}.last-good"), before, like=self._path)
            swap(self._path, content, lambda found: found == before)
        except ChangedUnderneath:
            raise self._changed() from None
        except OSError as error:
            raise CannotWrite(f"{self._path} cannot be written: {explain(self._path, error)}") from error


def _document(content: bytes | None) -> dict[str, Any]:
    """Of a file that holds."""
    document: dict[str, Any] = {} if content is None else parse(content)
    return document
