"""Connections to readings.db: their settings, their errors, and the file that cannot be opened."""

import contextlib
import logging
import sqlite3
import time
from collections import deque
from collections.abc import Callable, Iterator
from pathlib import Path

from hawk.store.refusals import is_corrupt, refusal
from hawk.store.schema import migrate

log = logging.getLogger(__name__)

# FULL, for the log is the outbox too: what was acknowledged survives a power cut.
_WRITER = (
    "PRAGMA journal_mode = WAL",
    "PRAGMA synchronous = FULL",
    "PRAGMA cache_size = -8000",
    "PRAGMA journal_size_limit = 8388608",
    "PRAGMA busy_timeout = 5000",
)
_READER = (
    "PRAGMA query_only = ON",
    "PRAGMA cache_size = -2000",
    "PRAGMA busy_timeout = 5000",
)
_BUGS = (
    sqlite3.IntegrityError,
    sqlite3.InterfaceError,
    sqlite3.ProgrammingError,
    sqlite3.NotSupportedError,
)


@contextlib.contextmanager
def translated(path: Path) -> Iterator[None]:
    """What the disk refuses is StoreUnavailable; what our statements do wrong stays a bug."""
    try:
        yield
    except _BUGS:
        raise
    except (sqlite3.DatabaseError, OSError) as error:
        raise refusal(error, path) from error


def open_writer(path: Path) -> sqlite3.Connection:
    """With today's tables. Raises ConfigurationError for a file of a newer program."""
    with contextlib.ExitStack() as on_failure:
        connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
        on_failure.callback(connection.close)
        for pragma in _WRITER:
            connection.execute(pragma)
        migrate(connection)
        on_failure.pop_all()
    return connection


def set_aside(path: Path) -> Path:
    """Renames a damaged file and what belongs to it; its new name, under which SQLite can open it."""
    stamp = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime())
    target = _free_name(path.with_name(f"{path.name}.corrupt-{stamp}"))
    for suffix in ("-wal", "-shm", ""):  # the database last: an interrupted rename is done again
        with contextlib.suppress(FileNotFoundError):
            path.with_name(path.name + suffix).replace(target.with_name(target.name + suffix))
    log.error("%s is damaged; it is kept as %s, and a new one is begun", path, target.name)
    return target


def _free_name(path: Path) -> Path:
    """A board without a clock may show the same time after each boot."""
    name, number = path, 1
    while name.exists():
        number += 1
        name = path.with_name(f"{path.name}-{number}")
    return name


class Readers:
    """Connections that only read, lent to one thread at a time."""

    def __init__(self, path: Path, on_damage: Callable[[], None] = lambda: None) -> None:
        self._path, self._on_damage = path, on_damage
        self._idle: deque[sqlite3.Connection] = deque()
        self._closed = False

    @contextlib.contextmanager
    def borrow(self) -> Iterator[sqlite3.Connection]:
        """Raises StoreUnavailable."""
        with translated(self._path), contextlib.ExitStack() as on_failure:
            try:
                connection = self._take()
                on_failure.callback(connection.close)
                yield connection
            except sqlite3.DatabaseError as error:
                if is_corrupt(error):
                    self._on_damage()
                raise
            on_failure.pop_all()
            self._idle.append(connection)
        if self._closed:
            self.close()

    def close(self) -> None:
        """What is still lent is closed when it comes back."""
        self._closed = True
        while self._idle:
            with contextlib.suppress(IndexError):  # another thread came first
                self._idle.pop().close()

    def _take(self) -> sqlite3.Connection:
        with contextlib.suppress(IndexError):
            return self._idle.pop()
        uri = f"{self._path.absolute().as_uri()}?mode=rw"  # never creates it
        connection = sqlite3.connect(uri, uri=True, isolation_level=None, check_same_thread=False)
        for pragma in _READER:
            connection.execute(pragma)
        return connection
