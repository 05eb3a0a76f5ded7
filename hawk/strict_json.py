"""JSON as people write it into files: read strictly, with every mistake at its place, in our words.

Refused is also what Python would take though JSON has it not (NaN), and what would be lost in silence: a key that stands
there twice, a number that no computer holds.
"""

import json
import math
from collections import Counter, deque
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from hawk.errors import pointer_to

DEEPEST = 100  # objects and lists within each other; ours need seven

_TOO_DEEP = f"objects and lists are nested more than {DEEPEST} deep"
_MISSING = {  # by what Python's decoder says
    "Expecting ',' delimiter": "a comma or the closing bracket is missing here",
    "Expecting ':' delimiter": "a colon is missing between key and value",
    "Expecting value": "a value is missing here, or a text without its quotes",
    "Expecting property name enclosed in double quotes": "a key in double quotes is missing here",
    "Illegal trailing comma before end of object": "a comma too much before the closing bracket",
    "Illegal trailing comma before end of array": "a comma too much before the closing bracket",
    "Unexpected UTF-8 BOM (decode using utf-8-sig)": "a byte order mark too much",
    "Extra data": "after the end of the document there is more",
    "Unterminated string starting at": "the text that begins here has no closing quote",
    "Invalid control character at": "a line break or another control character within a text",
}
_ELSE = "a backslash in a text is followed by something that JSON does not know"


@dataclass(frozen=True, slots=True)
class Mistake:
    pointer: str  # JSON pointer
    said: str


class NotJson(ValueError):
    def __init__(self, *mistakes: Mistake) -> None:
        super().__init__("; ".join(each.said for each in mistakes))
        self.mistakes = mistakes


class _Twice(dict[str, Any]):
    """An object in which keys stand more than once."""

    keys_twice: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class _NoNumber:
    text: str


def parse(content: str | bytes) -> Any:
    """UTF-8, also with a byte order mark. Raises NotJson."""
    text = content if isinstance(content, str) else _decoded(content)
    try:
        document = json.loads(
            text, object_pairs_hook=_object, parse_constant=_NoNumber, parse_float=_float, parse_int=_int
        )
    except json.JSONDecodeError as error:
        why = _MISSING.get(error.msg, _ELSE)
        raise NotJson(Mistake("", f"line {error.lineno}, column {error.colno}: {why}")) from None
    except RecursionError:
        raise NotJson(Mistake("", _TOO_DEEP)) from None
    if mistakes := tuple(_mistakes(document)):
        raise NotJson(*mistakes)
    return document


def _decoded(content: bytes) -> str:
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content[: error.start].count(b"\n") + 1
        raise NotJson(Mistake("", f"line {line}: what stands there is no UTF-8: save it as UTF-8")) from None


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) == len(pairs):
        return found
    twice = _Twice(found)
    twice.keys_twice = tuple(key for key, times in Counter(key for key, _ in pairs).items() if times > 1)
    return twice


def _float(text: str) -> float | _NoNumber:
    return number if math.isfinite(number := float(text)) else _NoNumber(text)


def _int(text: str) -> int | _NoNumber:
    return int(text) if math.isfinite(float(text)) else _NoNumber(text)


def _mistakes(document: object) -> Iterator[Mistake]:
    waiting: deque[tuple[tuple[str, ...], Any]] = deque([((), document)])
    while waiting:
        place, value = waiting.popleft()
        match value:
            case _NoNumber(text):
                yield Mistake(pointer_to(*place), f"{text[:20]} is no number that JSON has")
            case dict() | list() if len(place) >= DEEPEST:
                yield Mistake(pointer_to(*place), _TOO_DEEP)
            case dict():
                for key in getattr(value, "keys_twice", ()):
                    yield Mistake(pointer_to(*place, key), "this key stands there twice")
                waiting.extend(((*place, key), each) for key, each in value.items())
            case list():
                waiting.extend(((*place, str(i)), each) for i, each in enumerate(value))
