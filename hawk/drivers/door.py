"""Where drivers come in: the entry points of installed packages, and the files of a folder.

Loading them runs code that we did not write, in this process and with its rights. One that does not
load is left out, and said; it never keeps the others, or the service, from working.
"""

import traceback
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import partial
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path

from hawk.drivers import folder
from hawk.drivers.api import Driver
from hawk.drivers.guard import guarded
from hawk.errors import NotAdmitted

GROUP = "hawk.drivers"
OURS = "battery-hawk"


@dataclass(frozen=True, slots=True)
class Source:
    """Where one driver is to come from."""

    place: str  # for people
    remedy: str  # what to do when it does not load
    load: Callable[[], object]
    ours: bool = False


@dataclass(frozen=True, slots=True)
class Admitted:
    drivers: tuple[Driver, ...]
    problems: tuple[str, ...]  # a sentence for each that is left out


def admit(files: Path | None) -> Admitted:
    """Our own drivers come through the same door as those of other packages, but first. `files`: the
    folder of drop-in drivers, if there shall be any.
    """
    problems = list[str]()
    sources = [*_packages(), *_files(files, problems)]
    drivers = tuple(_loaded(sources, problems))
    return Admitted(drivers, tuple(problems))


def _loaded(sources: Iterable[Source], problems: list[str]) -> Iterator[Driver]:
    owners = dict[str, str]()  # of each word for a type
    for source in sources:
        try:
            driver = _driver(source, owners)
        except NotAdmitted as error:
            problems.append(f"The driver from {source.place} is left out: {error}. {source.remedy}")
            continue
        owners |= dict.fromkeys(driver.words, source.place)
        yield driver if source.ours else guarded(driver, source.place)


def _driver(source: Source, owners: dict[str, str]) -> Driver:
    """Raises NotAdmitted."""
    try:
        found = source.load()
    except NotAdmitted:
        raise
    except (Exception, SystemExit) as error:  # whatever somebody's code raises
        raise NotAdmitted(_in_words(error)) from error
    if not isinstance(found, Driver):
        raise NotAdmitted(f"it is a {type(found).__name__}, no hawk.drivers.api.Driver")
    if not all(_is_word(each) for each in (found.device_type, *found.aliases)):
        raise NotAdmitted("its device_type and aliases are not all words")
    for word in sorted(found.words):
        if word in owners:
            raise NotAdmitted(f"{word!r} is already the name of a type, from {owners[word]}")
    return found


def _is_word(given: object) -> bool:
    return isinstance(given, str) and bool(given.strip())


def _in_words(error: BaseException) -> str:
    """With the line, so that its author finds it."""
    text = f"{type(error).__name__}: {error}"
    if isinstance(error, SyntaxError):
        return text  # it names the line itself
    frame = traceback.extract_tb(error.__traceback__)[-1]
    return f"{text} ({frame.filename}, line {frame.lineno})"


# -- entry points ------------------------------------------------------------------------------


def _packages() -> Iterator[Source]:
    found = entry_points(group=GROUP)
    for entry in sorted(found, key=lambda entry: (_package(entry) != OURS, entry.name)):
        yield _package_source(entry)


def _package_source(entry: EntryPoint) -> Source:
    package = _package(entry)
    return Source(
        place=f"{entry.value} of the package {package}",
        remedy=f"Mend it, or 'pip uninstall {package}'.",
        load=entry.load,
        ours=package == OURS,
    )


def _package(entry: EntryPoint) -> str:
    return entry.dist.name if entry.dist else "?"


# -- files -------------------------------------------------------------------------------------


def _files(path: Path | None, problems: list[str]) -> Iterator[Source]:
    if path is None:
        return
    try:
        files = folder.files(path)
    except NotAdmitted as error:
        problems.append(f"No driver is loaded from {path}: {error}.")
        return
    for file in files:
        yield Source(str(file), "Mend the file, or remove it.", partial(folder.load, file))
