"""Which kind of file it is, and its entries."""

import io
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import cast

from hawk.archive.api import Assumed, Entry, Format, Source
from hawk.archive.bm2_history import BM2_HISTORY
from hawk.archive.bm6_app import BM6_APP
from hawk.archive.bmgateway import BMGATEWAY
from hawk.archive.comma import CSV
from hawk.archive.json_lines import JSON_LINES
from hawk.errors import Invalid

FORMATS = {each.name: each for each in (CSV, JSON_LINES, BMGATEWAY, BM6_APP, BM2_HISTORY)}

_HEAD = 64 * 1024  # bytes


@dataclass(slots=True)
class Archive:
    """A file that was opened and recognised, and its first entry read."""

    name: str
    format: Format
    size: int | None  # [bytes] None: of a pipe
    entries: Iterator[Entry]
    _file: io.BufferedReader

    @property
    def position(self) -> int:
        """[bytes] read so far."""
        return self._file.tell() if self.size is not None else 0


@contextmanager
def open_archive(name: str, kind: str | None, assumed: Assumed) -> Iterator[Archive]:
    """`name` of a file, or "-" for what is piped in. Raises Invalid when it cannot be read, or is not ours;
    later, when it is iterated, too.
    """
    try:
        with _opened(name) as file:
            path = None if name == "-" else Path(name)
            found = FORMATS[kind] if kind else _recognised(file.peek(_HEAD)[:_HEAD])
            entries = found.read(Source(file, path), assumed)
            begun = chain([first] if (first := next(entries, None)) is not None else [], entries)
            yield Archive(name, found, None if path is None else path.stat().st_size, begun, file)
    except OSError as error:
        raise Invalid(f"{name} cannot be read: {error.strerror or error}") from error
    except Invalid as error:
        raise Invalid(f"{name}: {error}") from None


@contextmanager
def _opened(name: str) -> Iterator[io.BufferedReader]:
    if name == "-":
        yield cast("io.BufferedReader", sys.stdin.buffer)
    else:
        with Path(name).open("rb", buffering=0) as file:
            yield cast("io.BufferedReader", io.BufferedReader(file, _HEAD))


def _recognised(head: bytes) -> Format:
    if not head:
        raise Invalid("it is empty")
    for each in FORMATS.values():
        if each.fits(head):
            return each
    known = "; ".join(f"{each.what} ({each.name})" for each in FORMATS.values())
    raise Invalid(f"it is nothing that can be imported. What can: {known}")
