"""Instants as text: RFC 3339 in UTC. Inside the program they are milliseconds since the epoch."""

from datetime import UTC, datetime, timedelta, tzinfo

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


def instant_in(text: str, zone: tzinfo | None) -> int:
    """Milliseconds since the epoch. `zone` is that of a text without an offset from UTC.

    Raises ValueError, also for what the clocks of `zone` showed twice, or never.
    """
    try:
        instant = datetime.fromisoformat(text)
    except ValueError:
        raise ValueError(f"{text[:40]!r} is no time such as 2026-11-23T10:30:00Z") from None
    if len(text) <= len("2026-11-23"):
        raise ValueError(f"{text!r} lacks the time of day")
    if instant.tzinfo is None:
        instant = _placed(instant, zone)
    return round((instant - _EPOCH) / timedelta(milliseconds=1))


def _placed(instant: datetime, zone: tzinfo | None) -> datetime:
    if zone is None:
        raise ValueError(f"{instant.isoformat()!r} lacks its offset from UTC")
    placed = instant.replace(tzinfo=zone)
    if placed.utcoffset() != placed.replace(fold=1).utcoffset():
        raise ValueError(f"{instant.isoformat()!r} was twice, or never, in {zone}")
    return placed
