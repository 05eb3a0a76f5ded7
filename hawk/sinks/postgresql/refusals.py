"""What PostgreSQL refuses, as the errors of a sink. Pure.

A statement that fails has a code, the SQLSTATE. A connection that does not come about has none, only words, and a
server may say them in its own language: then whether it had asked for the password tells that somebody who
is in charge answered.
"""

import re
from collections.abc import Callable

from hawk.errors import BatchRefused, BatchTooLarge, SinkBusy, SinkDenied, SinkError, SinkUnreachable

FEW = 500  # rows; so many are to be taken by the slowest server

_SOON = 1.0  # [s]


def of_statement(code: str | None, words: str, place: str, rows: int = 0, remedy: str = "") -> SinkError:
    """`remedy`: what to do about missing rights. `rows`: how many were to be written."""
    said = f"PostgreSQL at {place}: {_first_line(words)}"
    if code is None:
        return SinkUnreachable(said)
    if code == "57014":  # statement_timeout, which covers waiting for locks
        return BatchTooLarge(said) if rows > FEW else SinkBusy(said)
    for codes, made in _STATEMENTS:
        if re.match(codes, code):
            return made(said, remedy)
    return SinkDenied(said)


def of_connecting(words: str, place: str, *, password_asked: bool) -> SinkError:
    said = f"PostgreSQL at {place}: {_first_line(words)}"
    for pattern, made in _CONNECTIONS:
        if re.search(pattern, words):
            return made(said, "")
    return SinkDenied(said) if password_asked else SinkUnreachable(said)


def _first_line(words: str) -> str:
    """Without what the driver puts before what was said."""
    lines = words.strip().splitlines() or ["it gave no reason"]
    return re.sub(
        r"^(connection (failed|is bad): )?(connection to server .* failed: |consuming input failed: )?(FATAL:\s+)?",
        "",
        lines[0],
    )


_Maker = Callable[[str, str], SinkError]


def _unreachable(said: str, _: str) -> SinkError:
    return SinkUnreachable(said)


def _busy(said: str, _: str) -> SinkError:
    return SinkBusy(said)


def _soon(said: str, _: str) -> SinkError:
    return SinkBusy(said, _SOON)


def _refused(said: str, _: str) -> SinkError:
    return BatchRefused(said)


def _too_large(said: str, _: str) -> SinkError:
    return BatchTooLarge(said)


def _denied(advice: str = "") -> _Maker:
    return lambda said, _: SinkDenied(f"{said}; {advice}" if advice else said)


def _no_right(said: str, remedy: str) -> SinkError:
    return SinkDenied(f"{said}; {remedy}" if remedy else said)


# SQLSTATE (appendix A of the PostgreSQL manual), the first that fits.
_STATEMENTS: tuple[tuple[str, _Maker], ...] = (
    ("08|57P|58|XX|25P", _unreachable),  # connections, shutting down, files, its own bugs, sessions it ended
    ("42P01", _unreachable),  # somebody dropped the tables: they are made anew by the next connection
    ("40|55P03", _soon),  # deadlock, serialization, a lock that is not waited for
    ("53100", lambda said, _: SinkBusy(f"{said}; the disk of the server is full: make room there")),
    ("53", _busy),  # memory, connections
    ("54", _too_large),
    ("22|23|P0001", _refused),  # values, constraints, a trigger that raises
    ("25006", _denied("it only reads, as a replica does: name the primary in postgresql.url")),
    ("42501", _no_right),
    ("42", _denied("a table of that name is not as Battery Hawk makes it: rename it, and a new one is made")),
)

# In the order in which they are looked for.
_CONNECTIONS: tuple[tuple[str, _Maker], ...] = (
    (r"too many (clients|connections)|connection slots are reserved", _busy),
    (r"is (starting up|shutting down)|in recovery mode|not yet accepting connections", _unreachable),
    (r"server closed the connection|timeout expired|Connection reset", _unreachable),
    (
        r"server does not support SSL",
        _denied(
            "it does not encrypt: let it, or, in a network that you trust, add ?sslmode=disable to"
            " postgresql.url"
        ),
    ),
    (
        r"certificate verify failed|root certificate file|does not match host name|server certificate",
        _denied(
            "name the authority that signed its certificate in postgresql.ca_file, or set postgresql.verify_tls to"
            " false"
        ),
    ),
    (r"pg_hba\.conf", _denied("its pg_hba.conf has to let this machine in")),
    (r"no password supplied", _denied("postgresql.url has none")),
    (r"password authentication failed", _denied("postgresql.url has the wrong name or password")),
    (r'database ".*" does not exist', _denied("make it, with: CREATE DATABASE ... ENCODING 'UTF8'")),
    (r"permission denied for database", _denied("its owner has to GRANT CONNECT on it")),
    (
        r"does not exist|not permitted to log in|not currently accepting|authentication (failed|method)",
        _denied(),
    ),
    (
        r"invalid (port|.*value|connection option)|bad value for|definition of service",
        _denied("postgresql.url is wrong"),
    ),
)
