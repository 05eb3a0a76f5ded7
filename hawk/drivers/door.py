"""Where drivers come in: the entry points of installed packages, and the files of a folder.

Loading them runs code that we did not write, in this process and with its rights. One that does not
load is left out, and said; it never keeps the others, or the service, from working.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from hawk import installed
from hawk.drivers import folder
from hawk.drivers.api import Driver
from hawk.drivers.guard import guarded
from hawk.errors import NotAdmitted
from hawk.installed import Source

GROUP = "hawk.drivers"


@dataclass(frozen=True, slots=True)
class Admitted:
    drivers: tuple[Driver, ...]
    problems: tuple[str, ...]  # a sentence for each that is left out


def admit(files: Path | None) -> Admitted:
    """Our own drivers come through the same door as those of other packages, but first. `files`: the
    folder of drop-in drivers, if there shall be any.
    """
    problems = list[str]()
    sources = [*installed.packages(GROUP), *_files(files, problems)]
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
    found = source.loaded()
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
