"""Text files line by line: numbered, and never more of one in memory than makes sense."""

from collections.abc import Iterator
from typing import BinaryIO

LONGEST = 256 * 1024  # bytes; a line of the app of the BM6 has 5 KB

_BOM = b"\xef\xbb\xbf"  # what spreadsheets put in front


def numbered(file: BinaryIO) -> Iterator[tuple[int, bytes]]:
    """With their ends; of a line that is too long the beginning, which nobody takes for whole: it has no end."""
    number = 0
    while line := file.readline(LONGEST):
        number += 1
        yield number, line.removeprefix(_BOM) if number == 1 else line
        while len(line) == LONGEST and not line.endswith(b"\n"):
            line = file.readline(LONGEST)  # the rest of the same


def is_too_long(line: bytes) -> bool:
    return len(line) == LONGEST and not line.endswith(b"\n")


def first_line(head: bytes) -> str:
    """Of the first bytes of a file, without its end; "" when it is no text."""
    for line in head.removeprefix(_BOM).split(b"\n"):
        if text := line.strip():
            return text.decode(errors="ignore")
    return ""
