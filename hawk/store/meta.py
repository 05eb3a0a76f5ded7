"""What the log notes of itself, by name."""

import sqlite3

SEQ = "seq"  # no number up to this one is given again
RUNNING = "running"  # "yes" until the service that has it open ends in order

_PUT = "INSERT INTO meta (key, value) VALUES (?, ?) ON CONFLICT (key) DO UPDATE SET value = excluded.value"


def get(connection: sqlite3.Connection, key: str) -> str | None:
    row = connection.execute("SELECT value FROM meta WHERE key = ?", (key,)).fetchone()
    return None if row is None else str(row[0])


def put(connection: sqlite3.Connection, key: str, value: str) -> None:
    connection.execute(_PUT, (key, value))


def forget(connection: sqlite3.Connection, key: str) -> None:
    connection.execute("DELETE FROM meta WHERE key = ?", (key,))


def raise_seq(connection: sqlite3.Connection, seq: int) -> None:
    """From now on only greater numbers are given."""
    put(connection, SEQ, str(max(seq, int(get(connection, SEQ) or 0))))
