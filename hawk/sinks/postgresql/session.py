"""A connection to PostgreSQL through psycopg and libpq: its limits in time, and its errors."""

import contextlib
import logging
import os
import socket
import threading
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Self

from hawk.errors import SinkDenied, SinkUnreachable
from hawk.sinks.postgresql.refusals import of_connecting, of_statement

if TYPE_CHECKING:
    import psycopg

_EARLIER = 1.0  # [s] the server gives up before we do, and so lets go of its locks


class Session:
    """For one thread. Raises SinkError, from everything but `close`."""

    def __init__(self, connection: "psycopg.Connection", place: str) -> None:
        self._connection, self._place = connection, place

    @classmethod
    def open(cls, parameters: Mapping[str, Any], place: str) -> Self:
        psycopg = _library()
        try:
            # Without prepared statements, which do not get through a pooler.
            text = psycopg.conninfo.make_conninfo(**parameters)
            connection = psycopg.connect(text, autocommit=True, prepare_threshold=None)
        except psycopg.Error as error:
            asked = error.pgconn is not None and (error.pgconn.used_password or error.pgconn.needs_password)
            raise of_connecting(str(error), place, password_asked=bool(asked)) from error
        except UnicodeError:  # of the resolver; it shows more than the name
            raise SinkDenied(f"{place} has a host that cannot be: postgresql.url is wrong") from None
        return cls(connection, place)

    @contextlib.contextmanager
    def transaction(self, patience: float, rows: int = 0, remedy: str = "") -> Iterator[None]:
        """Over within `patience` [s], either way. `remedy` is what to do about missing rights."""
        import psycopg

        hung_up = threading.Event()
        try:
            with (
                hanging_up_after(patience, self._connection.fileno(), hung_up),
                self._connection.transaction(),
            ):
                self.execute(f"SET LOCAL statement_timeout = {round((patience - _EARLIER) * 1000)}")
                yield
        except psycopg.Error as error:
            if hung_up.is_set():
                raise SinkUnreachable(
                    f"PostgreSQL at {self._place} has not answered for {patience:.0f} s"
                ) from error
            raise of_statement(error.sqlstate, str(error), self._place, rows, remedy) from error

    def execute(self, statement: str, parameters: Sequence[str] = ()) -> None:
        self._connection.execute(statement, parameters or None)

    def row(self, statement: str) -> tuple[Any, ...]:
        """The first."""
        found = self._connection.execute(statement).fetchone()
        return found or ()

    def tried(self, statement: str) -> str | None:
        """In a transaction, which goes on when the server refuses it; why it did."""
        import psycopg

        try:
            with self._connection.transaction():
                self.execute(statement)
        except psycopg.Error as error:
            if error.sqlstate is None:
                raise
            return str(error)
        return None

    def undo(self) -> None:
        """All that the transaction has done, and ends it."""
        import psycopg

        raise psycopg.Rollback

    def close(self) -> None:
        self._connection.close()


def _library() -> Any:
    """In the sink's thread, for it takes 25 MB."""
    try:
        import psycopg
    except ImportError as error:  # psycopg itself or, where its wheel has none, libpq
        reason = str(error).splitlines()[0]
        raise SinkDenied(
            "PostgreSQL needs the library psycopg, which is not installed, or has no libpq:"
            f" pip install 'battery-hawk[postgresql]' ({reason})"
        ) from error
    logging.getLogger("psycopg").setLevel(logging.ERROR)  # it warns of what it raises as well
    return psycopg


@contextlib.contextmanager
def hanging_up_after(seconds: float, fileno: int, hung_up: threading.Event) -> Iterator[None]:
    """A server that stands still keeps its end open, and would be waited for for ever."""
    with socket.socket(fileno=os.dup(fileno)) as line:  # of our own, whatever becomes of the other

        def hang_up() -> None:
            hung_up.set()
            with contextlib.suppress(OSError):  # it is gone already
                line.shutdown(socket.SHUT_RDWR)

        timer = threading.Timer(seconds, hang_up)
        timer.daemon = True  # a process that ends does not wait for it
        timer.start()
        try:
            yield
        finally:
            timer.cancel()
            timer.join()
