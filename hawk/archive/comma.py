"""Our readings as CSV (RFC 4180): UTF-8, a heading, CRLF; an empty field was not measured (docs/export.md).

A line without its end is never taken for a whole one: the file was cut off.
"""

import csv
import io
import re
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

from hawk.archive.api import Assumed, Entry, Format, Refused, Source
from hawk.archive.json_lines import dumps, loads
from hawk.archive.lines import LONGEST, first_line, is_too_long, numbered
from hawk.errors import Invalid
from hawk.model.reading import QUANTITIES
from hawk.model.reading_json import NAMES, reading_of

_NUMBER = re.compile(r"[+-]?[0-9]{1,40}(\.[0-9]{1,40})?([eE][+-]?[0-9]{1,3})?")
_WHOLE = re.compile(r"[+-]?[0-9]{1,19}")
_NEEDED = frozenset({"device_id", "timestamp", "source"})


# -- written ---------------------------------------------------------------------------------


def heading(names: Sequence[str]) -> bytes:
    return ",".join(names).encode() + b"\r\n"


def write(records: Iterable[Mapping[str, Any]]) -> bytes:
    """Without the heading; each with the same names, in the same order."""
    text = io.StringIO(newline="")
    csv.writer(text, lineterminator="\r\n").writerows(map(_cells, records))
    return text.getvalue().encode()


def _cells(record: Mapping[str, Any]) -> Iterator[str | None]:
    return (_cell(value) for value in record.values())


def _cell(value: object) -> str | None:
    match value:
        case None | str():
            return value
        case bool():
            return "true" if value else "false"
        case dict():
            return dumps(value) if value else None
        case _:
            return repr(value)  # the shortest that is this very number


# -- read ------------------------------------------------------------------------------------


def _read(source: Source, assumed: Assumed) -> Iterator[Entry]:
    lines = numbered(source.file)
    names = _names_in(next(lines, (1, b""))[1])
    missing = _NEEDED - set(names) - ({"device_id"} if assumed.device else set())
    if missing or not set(names) <= set(NAMES):
        raise Invalid(f"its first line is not the heading of 'hawk export': {', '.join(NAMES)}")
    for number, fields in _records(lines, len(names)):
        if isinstance(fields, str):
            yield Refused(number, fields)
        else:
            yield _entry(number, dict(zip(names, fields, strict=True)), assumed)


def _entry(number: int, cells: Mapping[str, str], assumed: Assumed) -> Entry:
    try:
        said = {name: _value(name, text) for name, text in cells.items() if text}
        if assumed.device is not None:
            said.setdefault("device_id", assumed.device)
        return reading_of(said, assumed.now, assumed.zone)
    except Invalid as error:
        return Refused(number, str(error))
    except ValueError as error:
        return Refused(number, f"extra: {error}")


def _value(name: str, text: str) -> Any:
    """What is no number stays text, which is refused by name. Raises ValueError for `extra`."""
    return _VALUES[name](text) if name in _VALUES else text


def _number(text: str) -> float | str:
    return float(text) if _NUMBER.fullmatch(text) else text


def _whole(text: str) -> int | str:
    return int(text) if _WHOLE.fullmatch(text) else text


def _yes(text: str) -> bool | str:
    return {"true": True, "false": False}.get(text.lower(), text)


_VALUES: Mapping[str, Callable[[str], Any]] = {
    **dict.fromkeys(QUANTITIES, _number),
    **dict.fromkeys(("status_code", "rssi", "seq"), _whole),
    "simulated": _yes,
    "extra": loads,
}


def _records(lines: Iterator[tuple[int, bytes]], width: int) -> Iterator[tuple[int, list[str] | str]]:
    """Each with the number of its first line: its fields, or why it has none.

    A quoted field may go over several lines. When what comes of that is no record, only the first of these
    lines is given up, and the next one is looked at by itself: a quote that was lost takes no others with it.
    """
    waiting: deque[tuple[int, bytes]] = deque()
    while first := waiting.popleft() if waiting else next(lines, None):
        number, text = first
        if not text.strip():
            continue
        joined = []
        while text.count(b'"') % 2 and len(text) < LONGEST:
            if (more := waiting.popleft() if waiting else next(lines, None)) is None:
                break
            joined.append(more)
            text += more[1]
        fields = _fields(text, width)
        if isinstance(fields, str):
            waiting.extendleft(reversed(joined))
        yield number, fields


def _fields(text: bytes, width: int) -> list[str] | str:
    """Or why it has none."""
    if is_too_long(text) or text.count(b'"') % 2:
        return "a quote is never closed" if b'"' in text else "it is too long for a reading"
    if not text.endswith(b"\n"):
        return "the file ends in the middle of it; if it is whole, end it with a new line"
    try:
        rows = list(csv.reader([_without_end(text.decode())], strict=True))
    except UnicodeDecodeError:
        return "it is no UTF-8"
    except csv.Error as error:
        return f"it is no CSV: {error}"
    if len(rows) != 1 or len(rows[0]) != width:
        return f"it has {sum(map(len, rows))} fields, {width} belong there"
    return rows[0]


def _without_end(text: str) -> str:
    return text.removesuffix("\n").removesuffix("\r")


def _names_in(line: bytes) -> list[str]:
    return [name.strip(' "\r\n') for name in line.decode(errors="replace").split(",")]


def _fits(head: bytes) -> bool:
    names = _names_in(first_line(head).encode())
    return set(names) >= {"timestamp", "source"} and set(names) <= set(NAMES)


CSV = Format("csv", "CSV of 'hawk export'", _fits, _read)
