"""Who records what passes the radio: all of it runs by here, and nothing is kept while nobody does.

A driver's codec is overheard for what it makes of each frame; the radio for all the rest.
"""

from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from typing import Any

from hawk.ble.radio import Conversation, Limits, Radio, Told, to_nobody
from hawk.ble.recording import (
    Decoded,
    DriverChosen,
    Event,
    Heard,
    LinkMoved,
    Outcome,
    Received,
    SessionBegan,
    SessionEnded,
    Written,
)
from hawk.drivers.api import Codec, Driver, Gatt, Library, Write
from hawk.errors import HawkError, ProtocolError
from hawk.model.address import Address
from hawk.model.advertisement import Advertisement
from hawk.model.device import LinkState
from hawk.model.reading import Sample

Hear = Callable[[Address, Event], None]


class Tape:
    """One for the process. Those who listen must not block, nor raise."""

    def __init__(self) -> None:
        self._listeners: dict[int, tuple[Address | None, Hear]] = {}
        self._last = 0

    @contextmanager
    def listening(self, hear: Hear, address: Address | None = None) -> Iterator[None]:
        """To one device, or to all."""
        self._last = number = self._last + 1
        self._listeners[number] = address, hear
        try:
            yield
        finally:
            del self._listeners[number]

    def wanted(self, address: Address) -> bool:
        return any(only is None or only == address for only, _ in self._listeners.values())

    def write(self, address: Address, event: Event) -> None:
        for only, hear in tuple(self._listeners.values()):
            if only is None or only == address:
                hear(address, event)

    def codec(self, address: Address, driver: Driver) -> Codec:
        """For one conversation."""
        if not self.wanted(address):
            return driver.codec()
        note = partial(self.write, address)
        note(DriverChosen(driver.device_type))
        return _TapedCodec(driver.codec(), driver.device_type, note)

    def samples(
        self, address: Address, driver: Driver, on_sample: Callable[[Sample], None]
    ) -> Callable[[Sample], None]:
        """For one session of a library, which has no codec to overhear."""
        self.write(address, DriverChosen(driver.device_type))

        def said(sample: Sample) -> None:
            self.write(address, Decoded(Outcome(driver.device_type, sample)))
            on_sample(sample)

        return said


@dataclass(frozen=True, slots=True)
class _TapedCodec:
    codec: Codec
    device_type: str
    note: Callable[[Event], None]

    def begin(self) -> tuple[Write, ...]:
        return self.codec.begin()

    def receive_data(self, data: bytes) -> Sample | None:
        try:
            sample = self.codec.receive_data(data)
        except ProtocolError as error:
            self.note(Decoded(Outcome(self.device_type, None, error.reason, str(error))))
            raise
        self.note(Decoded(Outcome(self.device_type, sample)))
        return sample

    def wants(self) -> tuple[Write, ...]:
        return self.codec.wants()


# -- the radio ---------------------------------------------------------------------------------


class TapedRadio:
    """Another radio, overheard."""

    def __init__(self, radio: Radio, tape: Tape, explain: Callable[[Advertisement], Outcome]) -> None:
        self._radio, self._tape, self._explain = radio, tape, explain
        self.simulated = radio.simulated

    async def run(self) -> None:
        await self._radio.run()

    async def scan(self, heard: Callable[[Advertisement], None], told: Told = to_nobody) -> None:
        def overheard(advertisement: Advertisement) -> None:
            if self._tape.wanted(advertisement.address):
                said = Heard(advertisement, self._explain(advertisement))
                self._tape.write(advertisement.address, said)
            heard(advertisement)

        await self._radio.scan(overheard, told)

    def rescan(self, adapter: str) -> None:
        self._radio.rescan(adapter)

    async def converse(
        self,
        address: Address,
        gatt: Gatt,
        conversation: Conversation,
        limits: Limits,
        on_link: Callable[[LinkState], None],
        adapter: str = "",
    ) -> None:
        if not self._tape.wanted(address):
            await self._radio.converse(address, gatt, conversation, limits, on_link, adapter)
            return
        note = partial(self._tape.write, address)

        def moved(state: LinkState) -> None:
            note(LinkMoved(state))
            on_link(state)

        note(SessionBegan(gatt, adapter))
        with _ending(note):
            await self._radio.converse(address, gatt, _Overheard(conversation, note), limits, moved, adapter)

    async def read_by_library(
        self,
        address: Address,
        library: Callable[[Any, Any], Library],
        limits: Limits,
        on_link: Callable[[LinkState], None],
        on_sample: Callable[[Sample], None],
        adapter: str = "",
    ) -> None:
        """Only its link is overheard: the frames are the library's own."""
        if not self._tape.wanted(address):
            await self._radio.read_by_library(address, library, limits, on_link, on_sample, adapter)
            return
        note = partial(self._tape.write, address)

        def moved(state: LinkState) -> None:
            note(LinkMoved(state))
            on_link(state)

        with _ending(note):
            await self._radio.read_by_library(address, library, limits, moved, on_sample, adapter)

    async def drop(self, address: Address) -> None:
        await self._radio.drop(address)

    async def links(self) -> tuple[Address, ...]:
        return await self._radio.links()

    async def clear(self, addresses: Collection[Address]) -> tuple[Address, ...]:
        return await self._radio.clear(addresses)

    async def renew(self) -> None:
        await self._radio.renew()

    async def power_cycle(self, adapters: Collection[str] = ()) -> None:
        await self._radio.power_cycle(adapters)


@contextmanager
def _ending(note: Callable[[Event], None]) -> Iterator[None]:
    ended = SessionEnded("cancelled")
    try:
        yield
        ended = SessionEnded("ok")
    except HawkError as error:
        ended = SessionEnded(error.outcome, str(error))
        raise
    finally:
        note(ended)


class _Overheard:
    """A conversation, with each frame noted."""

    def __init__(self, conversation: Conversation, note: Callable[[Event], None]) -> None:
        self._conversation, self._note = conversation, note

    @property
    def quiet(self) -> float:
        return self._conversation.quiet

    @property
    def done(self) -> bool:
        return self._conversation.done

    def begin(self) -> tuple[bytes, ...]:
        return self._written(self._conversation.begin())

    def receive(self, frame: bytes) -> tuple[bytes, ...]:
        self._note(Received(frame))
        return self._written(self._conversation.receive(frame))

    def silent(self) -> tuple[bytes, ...]:
        return self._written(self._conversation.silent())

    def _written(self, frames: Sequence[bytes]) -> tuple[bytes, ...]:
        for frame in frames:
            self._note(Written(frame))
        return tuple(frames)
