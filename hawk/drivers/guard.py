"""A driver of somebody else's: its mistakes become errors of ours where they enter.

Otherwise one that raises a KeyError for a neighbour's advertisement would end the scanner for all.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from typing import Any, TypeVar

from hawk.drivers.api import Codec, Config, Download, Driver, Heard, History, Write
from hawk.drivers.sane import fault
from hawk.errors import DriverFailed, HawkError, Invalid, ProtocolError
from hawk.model.address import Address
from hawk.model.advertisement import Advertisement
from hawk.model.cranking import CrankingEvent
from hawk.model.reading import Sample

FAILED = "driver_failed"
T = TypeVar("T")


def guarded(driver: Driver, place: str) -> Driver:
    """`place` is where it came from, for people."""

    def hear(advertisement: Advertisement) -> Heard | None:
        with _refused(place):
            heard = _checked(driver.hear(advertisement), Heard)
            return heard if heard is None else replace(heard, sample=sane(heard.sample))

    def matches(advertisement: Advertisement) -> bool:
        try:
            with failing(place):
                return driver.matches(advertisement) is True
        except HawkError:  # what fails recognises nothing
            return False

    def configure(_: Driver, config: Config) -> Driver:
        try:
            with failing(place):
                return guarded(_needed(driver.configured(config), Driver), place)
        except DriverFailed as error:
            raise Invalid(str(error)) from error

    def by_name(_: Driver, name: str) -> Driver:
        with failing(place):
            return guarded(_needed(driver.named(name), Driver), place)

    return replace(
        driver,
        hear=hear,
        matches=matches,
        codec=lambda: _Codec(driver.codec, place),
        probe=driver.probe and partial(_Conversation, driver.probe, place),
        by_name=by_name,
        history=driver.history and _history(driver.history, place),
        cranking=driver.cranking and partial(_Remembering, driver.cranking, place),
        decode={kind: _decoder(function, place) for kind, function in driver.decode.items()},
        configure=configure,
    )


class _Codec:
    """Raises ProtocolError and DriverFailed, nothing else."""

    def __init__(self, make: Callable[[], Codec], place: str) -> None:
        self._place = place
        with failing(place):
            self._codec = make()

    def begin(self) -> tuple[Write, ...]:
        with failing(self._place):
            return _writes(self._codec.begin())

    def receive_data(self, data: bytes) -> Sample | None:
        with failing(self._place):
            sample = _checked(self._codec.receive_data(data), Sample)
            return sample if sample is None else sane(sample)

    def wants(self) -> tuple[Write, ...]:
        with failing(self._place):
            return _writes(self._codec.wants())


class _Conversation:
    """A download, a probe or a recollection. Raises HawkErrors, nothing else."""

    def __init__(self, make: Callable[[], Any], place: str) -> None:
        self._place = place
        with failing(place):
            self._conversation = make()

    def __getattr__(self, name: str) -> Any:
        with failing(self._place):
            return getattr(self._conversation, name)

    def begin(self) -> tuple[bytes, ...]:
        with failing(self._place):
            return tuple(self._conversation.begin())

    def receive(self, frame: bytes) -> tuple[bytes, ...]:
        with failing(self._place):
            return tuple(self._conversation.receive(frame))

    def silent(self) -> tuple[bytes, ...]:
        with failing(self._place):
            return tuple(self._conversation.silent())


class _Remembering(_Conversation):
    quiet: float
    done: bool

    @property
    def event(self) -> CrankingEvent | None:
        with failing(self._place):
            return _checked(self._conversation.event, CrankingEvent)


def _history(history: History, place: str) -> History:
    def sample(record: bytes) -> Sample | None:
        with failing(place):
            found = _checked(history.sample(record), Sample)
            return found if found is None else sane(found)

    def download(count: int) -> Download:
        return _Conversation(partial(history.download, count), place)

    def cranking(record: bytes) -> CrankingEvent | None:
        with failing(place):
            return _checked(history.cranking(record), CrankingEvent)

    return replace(history, download=download, sample=sample, cranking=cranking)


Decoder = Callable[[bytes, Address | None], object]


def _decoder(function: Decoder, place: str) -> Decoder:
    def decode(data: bytes, address: Address | None) -> object:
        with _refused(place):
            return function(data, address)

    return decode


@contextmanager
def failing(place: str) -> Iterator[None]:
    """HawkErrors pass through; all else is a mistake in what came from there, and raises DriverFailed."""
    try:
        yield
    except HawkError:
        raise
    except Exception as error:  # whatever somebody's code raises
        raise DriverFailed(
            f"The driver from {place} made a mistake, {type(error).__name__}: {error}. Tell its author."
        ) from error


@contextmanager
def _refused(place: str) -> Iterator[None]:
    """Where only ProtocolError is expected."""
    try:
        with failing(place):
            yield
    except DriverFailed as error:
        raise ProtocolError(FAILED, str(error)) from error


# -- what it gives -----------------------------------------------------------------------------


def _needed(given: object, kind: type[T]) -> T:
    if not isinstance(given, kind):
        raise TypeError(f"a {kind.__name__} is expected, not {given!r}")
    return given


def _checked(given: object, kind: type[T]) -> T | None:
    return None if given is None else _needed(given, kind)


def sane(sample: Sample) -> Sample:
    """Raises ValueError or TypeError for what is no sample, or one that cannot be."""
    if (wrong := fault(_needed(sample, Sample))) is not None:
        raise ValueError(wrong)
    return sample


def _writes(given: tuple[Write, ...]) -> tuple[Write, ...]:
    for each in given:
        _needed(_needed(each, Write).data, bytes)
    return tuple(given)
