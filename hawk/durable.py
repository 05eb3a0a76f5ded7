"""JSON on the disk: whole, or not at all."""

import json
import os
from collections.abc import Callable
from pathlib import Path


def encoded(document: object) -> bytes:
    """Raises ValueError for what JSON cannot say."""
    try:
        text = json.dumps(document, indent=2, ensure_ascii=False)
    except RecursionError:
        raise ValueError("it is nested too deeply") from None
    # half a surrogate pair has no UTF-8; its backslash form is the escape that JSON has for it
    return (text + "\n").encode(errors="backslashreplace")


def write(path: Path, content: bytes, check: Callable[[], None] = lambda: None) -> None:
    """Returns when it is on the disk. `check` is called at the last moment, and may still prevent it by raising."""
    temporary = path.with_name(f".{path.name}.new")
    with temporary.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    check()
    temporary.rename(path)
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)  # a rename is in the folder
    finally:
        os.close(folder)
