"""Times as people say them: `2026-11-23T10:30:00Z`, `2026-11-23`, `7d` ago. Days are those of UTC, as in summaries."""

import re
from datetime import UTC

from hawk.errors import Invalid
from hawk.model.instant import instant_in

EARLIEST, LATEST = -(2**62), 2**62  # [ms since the epoch] as far as anything may be

_AGO = re.compile(r"([0-9]{1,6})([mhdw])")
_MS = {"m": 60_000, "h": 3_600_000, "d": 86_400_000, "w": 7 * 86_400_000}
_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")


def instant_of(text: str, now: int, *, end: bool = False) -> int:
    """[ms since the epoch] `end`: a date means its last instant, not its first. Raises Invalid."""
    if ago := _AGO.fullmatch(text):
        return now - int(ago[1]) * _MS[ago[2]]
    try:
        if _DATE.fullmatch(text):
            return instant_in(f"{text}T00:00", UTC) + (_MS["d"] - 1 if end else 0)
        return instant_in(text, None)
    except ValueError as error:
        raise Invalid(f"{error}; a date, or 7d or 12h ago, is a time, too") from None
