"""Times as people say them."""

import pytest

from hawk.archive.span import instant_of
from hawk.errors import Invalid
from hawk.model.instant import parse_rfc3339, rfc3339

NOW = parse_rfc3339("2026-11-23T10:30:00Z")


@pytest.mark.parametrize(
    ("text", "first", "last"),
    [
        ("2026-11-01", "2026-11-01T00:00:00.000Z", "2026-11-01T23:59:59.999Z"),
        ("2026-11-01T12:00:00+01:00", "2026-11-01T11:00:00.000Z", "2026-11-01T11:00:00.000Z"),
        ("7d", "2026-11-16T10:30:00.000Z", "2026-11-16T10:30:00.000Z"),
        ("12h", "2026-11-22T22:30:00.000Z", "2026-11-22T22:30:00.000Z"),
        ("30m", "2026-11-23T10:00:00.000Z", "2026-11-23T10:00:00.000Z"),
        ("2w", "2026-11-09T10:30:00.000Z", "2026-11-09T10:30:00.000Z"),
    ],
)
def test_a_time_a_date_and_so_long_ago(text: str, first: str, last: str) -> None:
    assert rfc3339(instant_of(text, NOW)) == first
    assert rfc3339(instant_of(text, NOW, end=True)) == last


@pytest.mark.parametrize("text", ["", "yesterday", "7", "-7d", "2026-13-01", "2026-11-01T12:00", "1.5d"])
def test_anything_else_is_refused(text: str) -> None:
    with pytest.raises(Invalid, match="7d"):
        instant_of(text, NOW)
