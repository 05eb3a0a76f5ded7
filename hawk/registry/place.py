"""A place in a JSON document that is read, where all that is wrong is noted."""

from dataclasses import dataclass, field
from typing import Any, TypeVar

from hawk.errors import Problem, pointer_to

T = TypeVar("T")

_WORDS: dict[type, str] = {str: "a text", bool: "true or false", int: "a whole number", dict: "an object"}
_OPEN = frozenset({"config"})  # may hold keys of devices


@dataclass(frozen=True, slots=True)
class Place:
    source: str
    value: Any = None
    pointer: str = ""
    problems: list[Problem] = field(default_factory=list)  # of the whole document

    def at(self, value: Any, *steps: str) -> "Place":
        return Place(self.source, value, self.pointer + pointer_to(*steps), self.problems)

    def wrong(self, value: Any, expected: str) -> None:
        """Of objects and lists not all is shown that is in them: it may be a secret."""
        shown = None if isinstance(value, dict | list) else value
        self.problems.append(Problem(self.source, self.pointer, shown, expected))

    def note(self, pointer: str, expected: str) -> None:
        """`pointer` goes on from here."""
        self.problems.append(Problem(self.source, self.pointer + pointer, None, expected))

    def get(self, key: str, kind: type[T], default: Any) -> Any:
        """The value at this key of an object; the default if there is none, or null, or a wrong one."""
        value = self.value.get(key)
        if value is None:
            return default
        if not isinstance(value, kind) or (isinstance(value, bool) and kind is not bool):
            self.at(value, key).wrong(None if key in _OPEN else value, _WORDS[kind])
            return default
        return value if not isinstance(value, str) or self.at(value, key).is_text(value) else default

    def needed(self, key: str) -> str:
        """A text."""
        if self.value.get(key) is None:
            self.note(pointer_to(key), "is missing: a text")
        found: str = self.get(key, str, default="")
        return found

    def inside(self, key: str) -> "Place":
        """An object; an empty one if there is none."""
        return self.at(self.get(key, dict, default={}), key)

    def is_text(self, text: str) -> bool:
        """JSON can say half of a surrogate pair; no file, database or topic takes it."""
        try:
            text.encode()
        except UnicodeEncodeError:
            self.wrong(text, "a text without half a character")
            return False
        return True
