"""The JSON file with the `config` of a device."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from hawk import strict_json
from hawk.drivers.api import Driver
from hawk.errors import HawkError, Invalid
from hawk.strict_json import NotJson


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
        document = strict_json.parse(file.read_bytes())
    except OSError as error:
        raise WrongFile(f"it cannot be read: {error.strerror or error}", file) from None
    except NotJson as error:
        first = error.mistakes[0]
        raise WrongFile(f"it is no JSON: {first.said}", file, first.pointer) from None
    if not isinstance(document, dict):
        raise WrongFile("an object is expected", file, "/")
    return document


def driver_of(driver: Driver, file: Path) -> Driver:
    """As the file configures it. Raises WrongFile."""
    try:
        return driver.configured(read(file))
    except Invalid as error:
        raise WrongFile(str(error), file, error.pointer or "/") from None
