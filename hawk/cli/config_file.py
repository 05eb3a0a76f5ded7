"""The JSON file with the `config` of a device."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from hawk.drivers.api import Driver
from hawk.errors import HawkError, Invalid


class WrongFile(HawkError):
    """A mistake in a file that a person wrote, at a JSON pointer if it is JSON at all."""

    code = "invalid"

    def __init__(self, detail: str, file: Path, pointer: str = "") -> None:
        super().__init__(f"{file}: {pointer + ': ' if pointer else ''}{detail}")
        self._file, self._pointer = file, pointer

    def place(self) -> dict[str, str]:
        """For programs."""
        return {"source": str(self._file), "pointer": self._pointer}


def read(file: Path) -> Mapping[str, Any]:
    """Raises WrongFile."""
    try:
        document = json.loads(file.read_bytes(), parse_constant=_no_number)
    except OSError as error:
        raise WrongFile(f"it cannot be read: {error.strerror or error}", file) from None
    except (ValueError, RecursionError) as error:
        raise WrongFile(f"it is no JSON: {error}", file) from None
    if not isinstance(document, dict):
        raise WrongFile("an object is expected", file, "/")
    return document


def driver_of(driver: Driver, file: Path) -> Driver:
    """As the file configures it. Raises WrongFile."""
    try:
        return driver.configured(read(file))
    except Invalid as error:
        raise WrongFile(str(error), file, error.pointer or "/") from None


def _no_number(word: str) -> float:
    raise ValueError(f"{word} is no number")
