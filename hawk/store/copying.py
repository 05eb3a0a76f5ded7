"""A copy of the log while others write to it, and a copy that becomes the log."""

import contextlib
import sqlite3
from collections.abc import Callable, Iterator
from pathlib import Path

from hawk.store import meta, queries
from hawk.store.connection import translated
from hawk.store.salvage import out_of_reach
from hawk.store.schema import check_version

_AT_A_TIME = 1000  # pages

Tell = Callable[[float], None]  # the share that is done, 0 to 1


class DamagedCopy(Exception):
    """What SQLite says of it."""


def copy(source: Path, target: Path, tell: Tell) -> int:
    """As the log is at this moment, in one file; how many readings it has. Raises StoreUnavailable, and
    DamagedCopy when the log itself is damaged.
    """
    with translated(source), _opened(source) as log:
        log.execute("BEGIN")  # holds this moment, or each commit meanwhile would start it over
        log.execute("SELECT count(*) FROM sqlite_schema").fetchone()
        with translated(target), _opened(target, "rwc") as new:
            log.backup(new, pages=_AT_A_TIME, progress=lambda _, left, total: tell(1 - left / max(1, total)))
            new.execute("PRAGMA journal_mode = DELETE")
            _check(new)
            meta.put(new, meta.RUNNING, "no")
            return queries.count_readings(new)


def adopt(path: Path) -> int:
    """Makes a copy fit to go on with; how many readings it has.

    Numbers that were given after it was made are out of reach from now on: they may be known elsewhere.
    Raises ConfigurationError for one of a newer program, DamagedCopy, StoreUnavailable.
    """
    with translated(path), _opened(path) as log:
        try:
            check_version(log)
            _check(log)
            meta.raise_seq(log, max(out_of_reach(), queries.last_seq(log)))
            meta.put(log, meta.RUNNING, "no")
            return queries.count_readings(log)
        except sqlite3.DatabaseError as error:
            raise DamagedCopy(str(error)) from error


def _check(log: sqlite3.Connection) -> None:
    (said,) = log.execute("PRAGMA quick_check(1)").fetchone()
    if said != "ok":
        raise DamagedCopy(said)


@contextlib.contextmanager
def _opened(path: Path, mode: str = "rw") -> Iterator[sqlite3.Connection]:
    uri = f"{path.absolute().as_uri()}?mode={mode}"
    with contextlib.closing(sqlite3.connect(uri, uri=True, isolation_level=None)) as connection:
        connection.execute("PRAGMA busy_timeout = 5000")
        yield connection
