"""Instants as text: RFC 3339 in UTC. Inside the program they are milliseconds since the epoch."""

from datetime import UTC, datetime, timedelta

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def rfc3339(ms: int) -> str:
    """ "2026-11-23T10:30:00.250Z": always with milliseconds and Z."""
    return (_EPOCH + timedelta(milliseconds=ms)).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def parse_rfc3339(text: str) -> int:
    """Milliseconds since the epoch. Raises ValueError, also without an offset from UTC."""
    instant = datetime.fromisoformat(text)
    if instant.tzinfo is None:
        raise ValueError(f"{text!r} lacks its offset from UTC: end it with Z")
    return round((instant - _EPOCH) / timedelta(milliseconds=1))
