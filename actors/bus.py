"""Facts for whoever wants to know. Publishing never waits: who cannot take an event loses it, counted."""

from __future__ import annotations

import contextlib
from collections import defaultdict
from collections.abc import Callable, Hashable, Iterator
from dataclasses import dataclass
from typing import Any

import trio

from actors.messages import MailboxFull

Subscriber = Callable[[Any], None]
_ANY = object()  # the key of subscriptions without one


@dataclass(slots=True)
class Channel:
    """Events for one task that is no actor."""

    events: trio.MemoryReceiveChannel[Any]
    overflowed: bool = False  # an event did not fit: there is a gap after what is in `events`


class Bus:
    """For the Trio thread. A subscription with a key gets only events whose `key` equals it."""

    def __init__(self) -> None:
        self._subscribers: defaultdict[tuple[type, Hashable], list[Subscriber]] = defaultdict(list)
        self.lost = 0  # events that found a mailbox full

    def publish(self, event: object) -> None:
        """Reaches the subscribers of the event's class and of its bases."""
        key = getattr(event, "key", None)
        for kind in type(event).__mro__[:-1]:
            for subscriber in self._of(kind, _ANY) + self._of(kind, key):
                try:
                    subscriber(event)
                except MailboxFull:
                    self.lost += 1

    def subscribe(
        self, subscriber: Subscriber, kinds: tuple[type, ...], key: Hashable = None
    ) -> Callable[[], None]:
        """Without a key (None) all events of those kinds. Answers with what ends it."""
        places = [self._subscribers[kind, _ANY if key is None else key] for kind in kinds]
        for place in places:
            place.append(subscriber)

        def end() -> None:
            for place in places:
                with contextlib.suppress(ValueError):
                    place.remove(subscriber)

        return end

    @contextlib.contextmanager
    def channel(self, *kinds: type, size: int) -> Iterator[Channel]:
        """`with bus.channel(ReadingTaken, size=256) as channel: async for event in channel.events`."""
        send, receive = trio.open_memory_channel[Any](size)
        channel = Channel(receive)

        def put(event: object) -> None:
            try:
                send.send_nowait(event)
            except trio.WouldBlock:
                channel.overflowed = True
                send.close()
            except trio.ClosedResourceError:
                pass  # after an overflow nothing more fits behind the gap

        end = self.subscribe(put, kinds)
        try:
            with send, receive:
                yield channel
        finally:
            end()

    def _of(self, kind: type, key: Hashable) -> list[Subscriber]:
        found = self._subscribers.get((kind, key))
        return list(found) if found else []
