"""Our readings as JSON lines: each line one reading as the API says it (docs/export.md)."""

import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from hawk.archive.api import Assumed, Entry, Format, Refused, Source
from hawk.archive.lines import first_line, is_too_long, numbered
from hawk.errors import Invalid
from hawk.model.reading_json import reading_of

_OURS = {"device_id", "timestamp", "source"}


def write(records: Iterable[Mapping[str, Any]]) -> bytes:
    return "".join(f"{dumps(each)}\n" for each in records).encode()


def dumps(value: object) -> str:
    return json.dumps(value, separators=(",", ":"), allow_nan=False)


def loads(text: str) -> Any:
    """Raises ValueError, also for NaN, for a name that comes twice, and for what is nested too deep."""
    try:
        return json.loads(text, parse_constant=_no_number, object_pairs_hook=_object)
    except RecursionError:
        raise ValueError("it is nested too deep") from None


def _read(source: Source, assumed: Assumed) -> Iterator[Entry]:
    for number, line in numbered(source.file):
        if line.strip():
            yield _entry(number, line, assumed)


def _entry(number: int, line: bytes, assumed: Assumed) -> Entry:
    if is_too_long(line):
        return Refused(number, "it is too long for a reading")
    try:
        said = loads(line.decode())
        if not isinstance(said, dict):
            return Refused(number, "it is no JSON object")
        if assumed.device is not None and said.get("device_id") is None:
            said["device_id"] = assumed.device
        return reading_of(said, assumed.now, assumed.zone)
    except Invalid as error:
        return Refused(number, str(error))
    except ValueError as error:
        return Refused(number, f"it is no JSON: {error}")


def _fits(head: bytes) -> bool:
    try:
        said = loads(first_line(head))
    except ValueError:
        return False
    return isinstance(said, dict) and said.keys() >= _OURS


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a name comes twice")
    return found


def _no_number(word: str) -> float:
    raise ValueError(f"{word} is no number")


JSON_LINES = Format("jsonl", "JSON lines of 'hawk export'", _fits, _read)
