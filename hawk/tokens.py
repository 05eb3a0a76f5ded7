"""Read-only tokens: made and taken back by name. Their file has digests alone, so it opens nothing for who reads it.

A digest without salt and stretching will do: what it is made of is 192 random bits.
"""

import contextlib
import fcntl
import hashlib
import json
import os
import re
import secrets
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

from hawk import durable
from hawk.errors import ConfigurationError, Conflict, Invalid, NotFound
from hawk.ownership import explain

VERSION = "1.0"
SHOWN = 4  # characters of a token that lists show, to tell it from others

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
_DIGEST = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True, slots=True)
class ReadOnlyToken:
    name: str
    made_at: str  # RFC 3339
    begins: str
    sha256: str

    @property
    def masked(self) -> str:
        return f"{self.begins}***"


def fresh() -> str:
    return secrets.token_urlsafe(24)


def digest(token: str) -> str:
    """Lower-case hex."""
    return hashlib.sha256(token.encode(errors="surrogatepass")).hexdigest()


class TokenFile:
    """All of it blocks."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def read(self) -> tuple[ReadOnlyToken, ...]:
        """Oldest first. Raises ConfigurationError."""
        try:
            return _tokens(json.loads(self._path.read_bytes()))
        except FileNotFoundError:
            return ()
        except OSError as error:
            raise ConfigurationError(f"{self._path} cannot be read: {explain(self._path, error)}") from error
        except (ValueError, TypeError, KeyError, RecursionError) as error:
            raise ConfigurationError(
                f"{self._path} is damaged: remove it, and make new read-only tokens."
            ) from error

    def add(self, name: str, made_at: str) -> str:
        """The token, which is nowhere kept. Raises Invalid, Conflict and ConfigurationError."""
        if not _NAME.fullmatch(name):
            raise Invalid(
                f"{name!r} is no name for a token: up to 64 letters, digits, '-', '_' and '.', a letter or digit first."
            )
        token = fresh()
        with self._alone():
            there = self.read()
            if name in {each.name for each in there}:
                raise Conflict(
                    f"There is a read-only token {name!r} already: remove it first, or take another name."
                )
            self._write([*there, ReadOnlyToken(name, made_at, token[:SHOWN], digest(token))])
        return token

    def remove(self, name: str) -> None:
        """Raises NotFound and ConfigurationError."""
        with self._alone():
            there = self.read()
            left = [each for each in there if each.name != name]
            if len(left) == len(there):
                names = ", ".join(each.name for each in there)
                raise NotFound(f"There is no read-only token {name!r}; there is {names or 'none at all'}.")
            self._write(left)

    @contextlib.contextmanager
    def _alone(self) -> Iterator[None]:
        """Two commands at once do not lose each other's token."""
        folder = os.open(self._path.parent, os.O_RDONLY)
        try:
            fcntl.flock(folder, fcntl.LOCK_EX)
            yield
        finally:
            os.close(folder)

    def _write(self, tokens: Iterable[ReadOnlyToken]) -> None:
        document = {"version": VERSION, "tokens": [asdict(each) for each in tokens]}
        try:
            durable.write(self._path, durable.encoded(document), mode=0o600)
        except OSError as error:
            why = explain(self._path, error, self._path.parent)
            raise ConfigurationError(f"{self._path} cannot be written: {why}") from error


def _tokens(document: object) -> tuple[ReadOnlyToken, ...]:
    """Raises ValueError, TypeError or KeyError."""
    if not isinstance(document, dict) or document["version"] != VERSION:
        raise ValueError("another version")
    return tuple(_token(each) for each in document["tokens"])


def _token(document: object) -> ReadOnlyToken:
    if not isinstance(document, dict) or not all(isinstance(each, str) for each in document.values()):
        raise TypeError("no token")
    token = ReadOnlyToken(**document)
    if not _NAME.fullmatch(token.name) or not _DIGEST.fullmatch(token.sha256):
        raise ValueError("no token")
    return token
