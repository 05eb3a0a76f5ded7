"""What is wrong in files that people edit while the service runs."""

import logging

from hawk.errors import ConfigurationError

log = logging.getLogger(__name__)


class Mistakes:
    """Believed at the second look that finds the same, for at the first an editor may be at work; logged once."""

    def __init__(self) -> None:
        self._seen: object = None  # what was wrong at the last look
        self._error: ConfigurationError | None = None

    @property
    def said(self) -> tuple[str, ...]:
        """For people, one line each; none when all is well."""
        return () if self._error is None else tuple(str(self._error).splitlines())

    def found(self, content: object, error: ConfigurationError) -> None:
        """`content` is what was looked at."""
        seen, self._seen = self._seen, content
        if seen != content:
            return
        if self.said != tuple(str(error).splitlines()):
            log.error("what was edited is wrong; what held before stays until it is mended: %s", error)
        self._error = error

    def none(self) -> None:
        self._seen = self._error = None
