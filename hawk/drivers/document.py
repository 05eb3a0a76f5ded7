"""Checks of a JSON document that a person wrote: each raises Invalid with a pointer to the mistake."""

import re
from collections.abc import Callable, Mapping
from typing import Any

from hawk.errors import Invalid

Json = Mapping[str, Any]
Check = Callable[[Any, str], None]  # what was said, and where

_MOST = 1e12


def escaped(name: str) -> str:
    """As a part of a JSON pointer."""
    return name.replace("~", "~0").replace("/", "~1")


def check_object(
    said: object, where: str, known: Mapping[str, Check], required: tuple[str, ...] = ()
) -> Json:
    if not isinstance(said, Mapping):
        raise Invalid("an object is expected", where)
    for key in required:
        if key not in said:
            raise Invalid(f"{key!r} is missing", f"{where}/{key}")
    for key, value in said.items():
        place = f"{where}/{escaped(key)}"
        if key not in known:
            raise Invalid(f"there is no key {key!r}; known: {', '.join(sorted(known))}", place)
        known[key](value, place)
    return said


def group(known: Mapping[str, Check], required: tuple[str, ...] = ()) -> Check:
    def check(said: object, where: str) -> None:
        check_object(said, where, known, required)

    return check


def listed(check: Check, least: int = 0) -> Check:
    def check_all(said: object, where: str) -> None:
        if not isinstance(said, list) or len(said) < least:
            raise Invalid(f"a list of at least {least} is expected" if least else "a list is expected", where)
        for i, each in enumerate(said):
            check(each, f"{where}/{i}")

    return check_all


def whole(least: int, most: int) -> Check:
    def check(said: object, where: str) -> None:
        if isinstance(said, bool) or not isinstance(said, int) or not least <= said <= most:
            raise Invalid(f"a whole number from {least} to {most} is expected", where)

    return check


def real(least: float = -_MOST, most: float = _MOST) -> Check:
    def check(said: object, where: str) -> None:
        if isinstance(said, bool) or not isinstance(said, int | float) or not least <= said <= most:
            raise Invalid(f"a number from {least:g} to {most:g} is expected", where)

    return check


def one_of(*words: str | int) -> Check:
    def check(said: object, where: str) -> None:
        if not any(type(said) is type(word) and said == word for word in words):
            raise Invalid(f"one of {', '.join(map(str, words))} is expected", where)

    return check


def matching(pattern: re.Pattern[str], what: str) -> Check:
    def check(said: object, where: str) -> None:
        if not isinstance(said, str) or not pattern.fullmatch(said):
            raise Invalid(f"{what} is expected", where)

    return check


def yes_or_no(said: object, where: str) -> None:
    if not isinstance(said, bool):
        raise Invalid("true or false is expected", where)


text = matching(re.compile(r".+", re.DOTALL), "a text")


def numbered(least: int, most: int) -> Check:
    """An object of texts whose keys are numbers."""

    def check(said: object, where: str) -> None:
        if not isinstance(said, Mapping) or not said:
            raise Invalid('an object is expected, as {"0": "off", "1": "on"}', where)
        for key, value in said.items():
            place = f"{where}/{escaped(key)}"
            if not re.fullmatch(r"-?[0-9]{1,20}", key) or not least <= int(key) <= most:
                raise Invalid(f"the key is a whole number from {least} to {most}", place)
            text(value, place)

    return check
