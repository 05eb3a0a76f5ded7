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

_UNSENT = {
    Stream.READING: "SELECT count(*) FROM (SELECT 1 FROM reading WHERE seq > ? LIMIT ?)",
    Stream.ROLLUP: "SELECT count(*) FROM (SELECT 1 FROM rollup WHERE seq > ? LIMIT ?)",
}


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
    row = connection.execute(_UNSENT[stream], (found.seq if found else 0, COUNTED)).fetchone()
    return int(row[0])
