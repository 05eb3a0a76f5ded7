"""Query parameters of JSON:API: pages, filters, sorting, inclusion and sparse fieldsets. Pure."""

import base64
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from hawk.web.jsonapi import ApiError

DEFAULT_PAGE, LARGEST_PAGE = 100, 1000


@dataclass(frozen=True, slots=True)
class Asked:
    """A request as its endpoint gets it: the query, checked, and the body."""

    values: Mapping[str, str] = field(default_factory=dict)  # by whole name
    size: int = DEFAULT_PAGE
    after: str | None = None  # what the page begins behind
    before: str | None = None  # what it ends before; not together with `after`
    include: frozenset[str] = frozenset()
    fields: Mapping[str, frozenset[str]] = field(default_factory=dict)  # by type of resource
    body: bytes = b""

    def sparse(self, found: dict[str, Any]) -> dict[str, Any]:
        """Only the fields that were asked for."""
        if (wanted := self.fields.get(found["type"])) is None:
            return found
        kept = dict(found)
        for member in ("attributes", "relationships"):
            if member in found:
                kept[member] = {name: value for name, value in found[member].items() if name in wanted}
        return kept


@dataclass(frozen=True, slots=True)
class Parameter:
    """One of an endpoint's own."""

    name: str  # the whole one, such as `filter[from]`
    says: str
    words: tuple[str, ...] = ()  # all that it can be; none: something that its endpoint checks
    many: bool = False  # several of them, with commas between
    form: str = ""  # the pattern or format of what it can be, for the description of the API
    least: int | None = None  # it is a number
    most: int | None = None

    def check(self, text: str) -> None:
        """Raises ApiError 400."""
        if self.words and (set(_words(text)) if self.many else {text}) - set(self.words):
            verb = "can name" if self.many else "is one of"
            raise bad_parameter(self.name, f"{verb} {', '.join(self.words)}")
        if self.most is not None:
            number(self.name, text, self.least or 0, self.most)


@dataclass(frozen=True, slots=True)
class Parameters:
    """What an endpoint understands in its query."""

    own: tuple[Parameter, ...] = ()
    kinds: tuple[str, ...] = ()  # types in the answer, which `fields[type]` can narrow
    includes: tuple[str, ...] = ()
    paged: bool = False

    def known(self) -> frozenset[str]:
        return frozenset(
            (
                *(each.name for each in self.own),
                *(f"fields[{kind}]" for kind in self.kinds),
                *(("include",) if self.includes else ()),
                *(("page[size]", "page[after]", "page[before]") if self.paged else ()),
            )
        )

    def parse(self, arguments: Iterable[tuple[str, str]]) -> Asked:
        """Raises ApiError 400, which names the parameter."""
        values: dict[str, str] = {}
        known = self.known()
        for name, value in arguments:
            if name in values:
                raise bad_parameter(name, "stands there twice")
            if name not in known:
                raise bad_parameter(name, "is not known here")
            values[name] = value
        for parameter in self.own:
            if parameter.name in values:
                parameter.check(values[parameter.name])
        if {"page[after]", "page[before]"} <= values.keys():
            raise bad_parameter("page[before]", "goes without page[after]")
        return Asked(
            values=values,
            size=number("page[size]", values.get("page[size]", str(DEFAULT_PAGE)), 1, LARGEST_PAGE),
            after=decode_cursor("page[after]", values.get("page[after]")),
            before=decode_cursor("page[before]", values.get("page[before]")),
            include=self._included(values.get("include", "")),
            fields={
                kind: _words(values[name]) for kind in self.kinds if (name := f"fields[{kind}]") in values
            },
        )

    def _included(self, text: str) -> frozenset[str]:
        if (wanted := _words(text)) - set(self.includes):
            raise bad_parameter("include", f"can name {', '.join(self.includes)}")
        return wanted


NO_PARAMETERS = Parameters()


def bad_parameter(name: str, why: str) -> ApiError:
    return ApiError(400, "bad_parameter", f"the query parameter {name!r} {why}", parameter=name)


def encode_cursor(place: str) -> str:
    """Clients hand it back as it is; what is in it is nobody's business."""
    return base64.urlsafe_b64encode(place.encode()).decode().rstrip("=")


def decode_cursor(name: str, text: str | None) -> str | None:
    """Raises ApiError 400, which names the parameter, for what `encode_cursor` never made."""
    if text is None:
        return None
    try:
        place = base64.urlsafe_b64decode(text + "==").decode()
    except ValueError:
        raise bad_cursor(name) from None
    if encode_cursor(place) != text or not place:
        raise bad_cursor(name)
    return place


def bad_cursor(name: str) -> ApiError:
    return bad_parameter(name, "comes from the links of another page, and from nowhere else")


def number(name: str, text: str, least: int, most: int) -> int:
    """Raises ApiError 400."""
    if not (text.isascii() and text.isdecimal() and len(text) <= 4 and least <= int(text) <= most):
        raise bad_parameter(name, f"is a number from {least} to {most}")
    return int(text)


def _words(text: str) -> frozenset[str]:
    """Nothing is no word; nothing between two commas is one, which nobody knows."""
    return frozenset(text.split(",")) if text else frozenset()
