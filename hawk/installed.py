"""What installed packages bring along, by their entry points.

Loading one runs code that we did not write, in this process and with its rights. Our own come through the
same door, but first.
"""

import traceback
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib.metadata import EntryPoint, entry_points

from hawk.errors import NotAdmitted

OURS = "battery-hawk"


@dataclass(frozen=True, slots=True)
class Source:
    """Where something of somebody else's is to come from."""

    place: str  # for people
    remedy: str  # what to do when it does not load
    load: Callable[[], object]
    ours: bool = False

    def loaded(self) -> object:
        """Raises NotAdmitted, whatever went wrong."""
        try:
            return self.load()
        except NotAdmitted:
            raise
        except (Exception, SystemExit) as error:  # whatever somebody's code raises
            raise NotAdmitted(in_words(error)) from error


def packages(group: str) -> Iterator[Source]:
    found = entry_points(group=group)
    for entry in sorted(found, key=lambda entry: (_package(entry) != OURS, entry.name)):
        yield _source(entry)


def in_words(error: BaseException) -> str:
    """With the line, so that its author finds it."""
    text = f"{type(error).__name__}: {error}"
    if isinstance(error, SyntaxError):
        return text  # it names the line itself
    frame = traceback.extract_tb(error.__traceback__)[-1]
    return f"{text} ({frame.filename}, line {frame.lineno})"


def _source(entry: EntryPoint) -> Source:
    package = _package(entry)
    return Source(
        place=f"{entry.value} of the package {package}",
        remedy=f"Mend it, or 'pip uninstall {package}'.",
        load=entry.load,
        ours=package == OURS,
    )


def _package(entry: EntryPoint) -> str:
    return entry.dist.name if entry.dist else "?"
