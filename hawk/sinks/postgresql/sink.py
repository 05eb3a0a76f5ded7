"""PostgreSQL as a sink: makes its tables, and writes a batch with one statement."""

import logging
from collections.abc import Sequence

from hawk.config.schema import Postgresql
from hawk.errors import SinkDenied, SinkUnreachable
from hawk.model.reading import Reading
from hawk.model.summary import Summary
from hawk.sinks.api import Wanted
from hawk.sinks.postgresql import tables
from hawk.sinks.postgresql.database import Database, database
from hawk.sinks.postgresql.rows import batch, reading_row, summary_row
from hawk.sinks.postgresql.session import Session

log = logging.getLogger(__name__)

_OLDEST = 120_000  # PostgreSQL 12: nobody keeps up what is older

# [s] Together with the time that connecting has (see database.py) below the port's TIMEOUT.
_TO_ASK = 3.0
_TO_MAKE = 4.0
_TO_WRITE = 12.0

_ABOUT = """
SELECT split_part(current_setting('server_version'), ' ', 1), current_setting('server_version_num')::integer,
current_setting('server_encoding'), quote_ident(coalesce(current_schema(), 'public')), quote_ident(current_user)"""


class PostgresqlSink:
    def __init__(self, target: Database) -> None:
        self._target = target
        self._session: Session | None = None
        self._to_make = self._to_write = ""  # what to do when rights are missing

    def connect(self) -> str:
        session, server = self._open()
        with session.transaction(_TO_MAKE, remedy=self._to_make):
            _make_tables(session)
        return server

    def rehearse(self) -> str:
        """What answered. Tries all that connecting and delivering need, and nothing of it stays."""
        session, server = self._open()
        with session.transaction(_TO_MAKE, remedy=self._to_make):
            _make_tables(session)
            session.undo()
        with session.transaction(_TO_ASK, remedy=self._to_write):
            if _version(session) == tables.VERSION:  # otherwise they will be ours
                for statement in (tables.UPSERT_READINGS, *tables.UPSERT_SUMMARIES.values()):
                    session.execute(statement, ("[]",))
        return server

    def deliver_readings(self, readings: Sequence[Reading]) -> None:
        self._write([(tables.UPSERT_READINGS, batch(reading_row, readings))], len(readings))

    def deliver_summaries(self, summaries: Sequence[Summary]) -> None:
        groups = {
            each: [row for row in summaries if row.resolution is each] for each in tables.UPSERT_SUMMARIES
        }
        writes = [(tables.UPSERT_SUMMARIES[each], batch(summary_row, rows)) for each, rows in groups.items()]
        self._write(writes, len(summaries))

    def life(self) -> None:
        """What it has committed is on its disk."""

    def close(self) -> None:
        if self._session:
            self._session.close()
            self._session = None

    def _open(self) -> tuple[Session, str]:
        """And what answered."""
        self._session = session = Session.open(self._target.parameters, self._target.place)
        with session.transaction(_TO_ASK):
            version, number, encoding, schema, user = session.row(_ABOUT)
        self._check(version, number, encoding)
        self._to_make = _grant("USAGE, CREATE", f"SCHEMA {schema}", user)
        self._to_write = _grant("SELECT, INSERT, UPDATE", ", ".join(tables.TABLES), user)
        return session, f"PostgreSQL {version}"

    def _write(self, writes: Sequence[tuple[str, str]], rows: int) -> None:
        """Statements with what each writes, as JSON."""
        if self._session is None:
            raise SinkUnreachable(f"PostgreSQL at {self._target.place} is not connected")
        with self._session.transaction(_TO_WRITE, rows, self._to_write):
            for statement, written in writes:
                self._session.execute(statement, (written,))

    def _check(self, version: str, number: int, encoding: str) -> None:
        if number < _OLDEST:
            raise SinkDenied(
                f"PostgreSQL {version} at {self._target.place} is too old: 12 or newer is needed"
            )
        if encoding != "UTF8":
            raise SinkDenied(
                f"the database at {self._target.place} has the encoding {encoding}, which cannot hold every name:"
                " make one with CREATE DATABASE ... ENCODING 'UTF8' TEMPLATE template0"
            )


def _grant(rights: str, what: str, user: str) -> str:
    return f"as its owner run: GRANT {rights} ON {what} TO {user}"


def _make_tables(session: Session) -> None:
    """By the first who comes; the others find them."""
    if _version(session) >= tables.VERSION:
        return
    session.row(tables.LOCK)
    found = _version(session)
    for statement in tables.statements(found):
        session.execute(statement)
    if found == 0 and session.row(tables.CAN_PARTITION)[0]:
        _partition(session)


def _version(session: Session) -> int:
    """0: there are none."""
    (there,) = session.row(tables.ARE_THERE)
    return session.row(tables.GET_VERSION)[0] if there else 0


def _partition(session: Session) -> None:
    if trouble := session.tried(tables.PARTITION):
        log.warning("%s stays a plain table, which works as well; TimescaleDB: %s", tables.READING, trouble)


def wanted(section: Postgresql) -> Wanted:
    """Raises ConfigurationError."""
    target = database(section)
    return Wanted(target.place, explicit=True, section=section, make=lambda: PostgresqlSink(target))
