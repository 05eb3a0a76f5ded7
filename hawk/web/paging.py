"""Pages of a list, and the links between them. Pure."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar
from urllib.parse import quote

from hawk.web.query import Asked, encode_cursor

T = TypeVar("T")

Links = dict[str, str | None]


@dataclass(frozen=True, slots=True)
class Page(Generic[T]):
    items: Sequence[T]
    more: bool  # there are further ones in the direction that was asked for


def cut(asked: Asked, listed: Sequence[T], place: Callable[[T], Any], of: Callable[[str], Any]) -> Page[T]:
    """The page of a list that is in the order of `place`; `of` makes a place of what a cursor says."""
    if asked.before is not None:
        rest = [each for each in listed if place(each) < of(asked.before)]
        return Page(rest[-asked.size :], len(rest) > asked.size)
    rest = [each for each in listed if asked.after is None or place(each) > of(asked.after)]
    return Page(rest[: asked.size], len(rest) > asked.size)


def read(asked: Asked, items: Sequence[T], following: int | None) -> Page[T]:
    """Of the log, which begins to read at the cursor, in either direction; `following` is the cursor behind."""
    return Page(items if asked.before is None else items[::-1], following is not None)


def page_links(asked: Asked, path: str, page: Page[T], cursor: Callable[[T], str]) -> Links:
    """All four, null where there is no such page. Where one comes from there was a page at that time: it may be
    empty by now.
    """
    back, on = (page.more, True) if asked.before is not None else (asked.after is not None, page.more)

    def link(name: str, item: T) -> str:
        return _link(path, {**_elsewhere(asked), name: encode_cursor(cursor(item))})

    return {
        "self": _link(path, asked.values),
        "first": _link(path, _elsewhere(asked)),
        "prev": link("page[before]", page.items[0]) if back and page.items else None,
        "next": link("page[after]", page.items[-1]) if on and page.items else None,
    }


def _elsewhere(asked: Asked) -> dict[str, str]:
    return {name: said for name, said in asked.values.items() if name not in {"page[after]", "page[before]"}}


def _link(path: str, query: Mapping[str, str]) -> str:
    said = "&".join(f"{quote(name, safe='')}={quote(value, safe=',:')}" for name, value in query.items())
    return f"{path}?{said}" if said else path
