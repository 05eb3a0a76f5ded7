"""Whether a row of a damaged log can be what was once written: SQLite has no checksums. Pure."""

import functools
import json
from collections.abc import Callable, Sequence
from typing import Any

from hawk.model.reading import Source

_GREATEST = 2**53


def is_sound(columns: tuple[str, ...], row: Sequence[Any]) -> bool:
    return all(rule(value) for rule, value in zip(_rules(columns), row, strict=True))


def is_count(value: object) -> bool:
    return type(value) is int and 0 <= value < _GREATEST


def _is_instant(value: object) -> bool:
    return type(value) is int and abs(value) < _GREATEST


def _is_source(value: object) -> bool:
    return type(value) is int and value in set(Source)


def _is_whole_or_absent(value: object) -> bool:
    return value is None or _is_instant(value)


def _is_text_or_absent(value: object) -> bool:
    return value is None or type(value) is str


def _is_object_or_absent(value: object) -> bool:
    if value is None:
        return True
    try:
        return type(value) is str and type(json.loads(value)) is dict
    except (ValueError, RecursionError):
        return False


def _is_quantity(value: object) -> bool:
    return value is None or type(value) in {int, float}


_RULES: dict[str, Callable[[object], bool]] = {
    "ts": _is_instant,
    "stored_at": _is_instant,
    "seq": is_count,
    "series_id": is_count,
    "n": is_count,
    "source": _is_source,
    "status": _is_text_or_absent,
    "adapter": _is_text_or_absent,
    "status_code": _is_whole_or_absent,
    "rssi": _is_whole_or_absent,
    "extra": _is_object_or_absent,
}


@functools.cache
def _rules(columns: tuple[str, ...]) -> list[Callable[[object], bool]]:
    return [is_count if name.endswith("_n") else _RULES.get(name, _is_quantity) for name in columns]
