"""All kinds of sinks that are installed."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cache

from hawk import installed
from hawk.errors import NotAdmitted
from hawk.sinks.api import SinkType

GROUP = "hawk.sinks"


@dataclass(frozen=True, slots=True)
class Catalogue:
    sinks: tuple[SinkType, ...]
    problems: tuple[str, ...] = ()  # a sentence for each that is left out


@cache
def load() -> Catalogue:
    return admit(installed.packages(GROUP))


def admit(sources: Iterable[installed.Source]) -> Catalogue:
    problems = list[str]()
    sinks = tuple(_loaded(sources, problems))
    return Catalogue(sinks, tuple(problems))


def _loaded(sources: Iterable[installed.Source], problems: list[str]) -> Iterator[SinkType]:
    owners = dict[str, str]()  # of each name
    for source in sources:
        try:
            sink = _sink(source, owners)
        except NotAdmitted as error:
            problems.append(f"The sink from {source.place} is left out: {error}. {source.remedy}")
            continue
        owners[sink.name] = source.place
        yield sink


def _sink(source: installed.Source, owners: dict[str, str]) -> SinkType:
    """Raises NotAdmitted."""
    found = source.loaded()
    if not isinstance(found, SinkType):
        raise NotAdmitted(f"it is a {type(found).__name__}, no hawk.sinks.api.SinkType")
    if not str(found.name).strip():
        raise NotAdmitted("it has no name")
    if found.name in owners:
        raise NotAdmitted(f"{found.name!r} is already the name of a sink, from {owners[found.name]}")
    return found
