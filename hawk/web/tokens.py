"""The tokens that open the API: the one of the service, and read-only ones."""

import hmac
import logging
from collections.abc import Callable
from typing import TypeVar

from hawk.errors import ConfigurationError
from hawk.tokens import ReadOnlyToken, TokenFile, digest
from hawk.web.auth import Grant

T = TypeVar("T")

log = logging.getLogger(__name__)


class Tokens:
    def __init__(self, own: Callable[[], str], read_only: TokenFile | None = None) -> None:
        """`own` tells the token of the service as it is now; it blocks, and raises ConfigurationError."""
        self._own, self._read_only = own, read_only
        self.text = own()
        self._readers: tuple[ReadOnlyToken, ...] = ()
        self._grants = frozenset[Grant]()
        self._ended = frozenset[Grant]()  # since the start
        self._troubles = set[str]()
        self.look()

    def grant_of(self, token: str) -> Grant | None:
        """None for one that opens nothing. Takes the same time for all of them."""
        given, found = digest(token), None
        for grant in self._grants:
            if hmac.compare_digest(given, grant.sha256):
                found = grant
        return found

    def holds(self, grant: Grant) -> bool:
        return grant in self._grants

    def was_one(self, token: str) -> bool:
        """Whether it opened something until it was changed or removed: to show it is no guess."""
        given = digest(token)
        return any(hmac.compare_digest(given, grant.sha256) for grant in self._ended)

    def look(self) -> bool:
        """Takes those that are there now; whether one of before opens nothing any more. Blocks.

        While a file is none that could be one, what it said before holds.
        """
        before, troubles = self._grants, set[str]()
        self.text = _read(self._own, self.text, troubles)
        if self._read_only is not None:
            self._readers = _read(self._read_only.read, self._readers, troubles)
        self._complain(troubles)
        readers = {Grant(each.sha256, read_only=True) for each in self._readers}
        self._grants = frozenset({Grant(digest(self.text)), *readers})
        self._ended = (self._ended | before) - self._grants
        return not before <= self._grants

    def _complain(self, troubles: set[str]) -> None:
        for each in troubles - self._troubles:
            log.warning("the tokens of before go on to hold: %s", each)
        self._troubles = troubles


def _read(read: Callable[[], T], before: T, troubles: set[str]) -> T:
    try:
        return read()
    except ConfigurationError as error:
        troubles.add(str(error))
        return before
