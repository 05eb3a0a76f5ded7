"""How far each sink has read each stream of the log.

A cursor is one integer: all rows with a `seq` up to it were delivered, refused or given up. As the
one writer gives out the numbers, no row ever appears behind a cursor unseen.
"""

import sqlite3

from hawk.store.messages import Cursor, Stream

COUNTED = 100_000  # unsent rows; to count on would only say "many" more slowly

_GET = "SELECT seq, dropped FROM sink_cursor WHERE sink = ? AND stream = ?"

_MOVE = """
INSERT INTO sink_cursor (sink, stream, seq, dropped) VALUES (?, ?, ?, ?)
ON CONFLICT (sink, stream) DO UPDATE SET seq = max(seq, excluded.seq), dropped = dropped + excluded.dropped"""

_TABLE = {Stream.READING: "reading", Stream.ROLLUP: "rollup"}


def cursor(connection: sqlite3.Connection, sink: str, stream: Stream) -> Cursor | None:
    """None for a sink that never moved it."""
    row = connection.execute(_GET, (sink, stream)).fetchone()
    return Cursor(*row) if row else None


def move(connection: sqlite3.Connection, sink: str, stream: Stream, seq: int, dropped: int) -> None:
    """Never back; `dropped` is added to what was."""
    connection.execute(_MOVE, (sink, stream, seq, dropped))


def unsent(connection: sqlite3.Connection, sink: str, stream: Stream) -> int:
    """Rows that are still in the log and beyond the cursor: exact, but at most COUNTED."""
    found = cursor(connection, sink, stream)
    sql = f"SELECT count(*) FROM (SELECT 1 FROM {_TABLE[stream]} WHERE seq > ? LIMIT ?)"
    row = connection.execute(sql, (found.seq if found else 0, COUNTED)).fetchone()
    return int(row[0])


def held(connection: sqlite3.Connection, stream: Stream, sinks: frozenset[str] | None) -> dict[str, int]:
    """How far these have read it; None is all that have a cursor.

    One without a cursor has read no reading; but summaries it may not read at all.
    """
    rows = dict(connection.execute("SELECT sink, seq FROM sink_cursor WHERE stream = ?", (stream,)))
    if sinks is None:
        return rows
    absent = {} if stream is Stream.ROLLUP else dict.fromkeys(sinks, 0)
    return absent | {sink: seq for sink, seq in rows.items() if sink in sinks}


def skip_gap(connection: sqlite3.Connection, sink: str, stream: Stream, given: int) -> None:
    """To right before the next row that is still there; behind the last, to the last seq `given`."""
    found = cursor(connection, sink, stream)
    sql = f"SELECT seq FROM {_TABLE[stream]} WHERE seq > ? ORDER BY seq LIMIT 1"
    row = connection.execute(sql, (found.seq if found else 0,)).fetchone()
    move(connection, sink, stream, row[0] - 1 if row else given, 0)
