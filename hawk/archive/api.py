"""What a kind of file is, and what comes of reading one."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import tzinfo
from pathlib import Path
from typing import BinaryIO

from hawk.model.address import Address
from hawk.model.reading import Moment, Reading


@dataclass(frozen=True, slots=True)
class Refused:
    """A line of which no reading came."""

    line: int  # from 1
    reason: str


Entry = Reading | Refused


@dataclass(frozen=True, slots=True)
class Assumed:
    """What holds where a file does not say it."""

    now: Moment
    device: Address | None = None
    zone: tzinfo | None = None


@dataclass(frozen=True, slots=True)
class Source:
    file: BinaryIO
    path: Path | None = None  # None when it is a pipe


@dataclass(frozen=True, slots=True)
class Format:
    name: str
    what: str  # for people
    fits: Callable[[bytes], bool]  # by its first bytes
    read: Callable[[Source, Assumed], Iterator[Entry]]
    """Line by line, in little memory. Raises Invalid when it turns out to be something else."""
