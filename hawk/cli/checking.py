"""Whether the files that people edit could be used, before a service has to."""

import os
from collections.abc import Iterable, Sequence
from pathlib import Path

from hawk.config.load import load
from hawk.errors import ConfigurationError, OtherVersion, Problem, WrongDocument
from hawk.registry.documents import DocumentFile
from hawk.registry.records import read_devices, read_vehicles

_READERS = {"devices": read_devices, "vehicles": read_vehicles}  # by how the name of the file begins


def check_all_in(data: Path) -> Sequence[str]:
    """Warnings. Raises WrongDocument."""
    return _check_each(data / name for name in ("system.json", "devices.json", "vehicles.json"))


def check_one(file: Path) -> Sequence[str]:
    """Warnings. Raises WrongDocument, also when it is not there."""
    if not file.exists():
        raise WrongDocument([Problem(str(file), "", None, "a file that is there")])
    return _check_each([file])


def _check_each(files: Iterable[Path]) -> Sequence[str]:
    """One that is not there is in order."""
    problems, warnings = list[Problem](), list[str]()
    for file in files:
        try:
            warnings += _check(file)
        except WrongDocument as error:
            problems += error.problems
        except OtherVersion as error:
            problems.append(Problem(file.name, "/version", None, str(error)))
        except ConfigurationError as error:
            problems.append(Problem(file.name, "", None, str(error)))
    if problems:
        raise WrongDocument(problems)
    return warnings


def _check(file: Path) -> Sequence[str]:
    for name, reader in _READERS.items():
        if file.name.startswith(name):
            document = DocumentFile(file, reader)
            content = document.content()
            if content is not None:
                document.parsed(content)
            return ()
    return load(file, os.environ).warnings
