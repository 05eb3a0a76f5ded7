"""For tests of actors: an open system that is checked at its end, and an actor that only listens."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator, Callable
from typing import Any

import pykka
import trio

from actors.actor import Actor
from actors.system import ActorSystem, open_system


@contextlib.asynccontextmanager
async def open_test_system(*, expected: tuple[type[Exception], ...] = ()) -> AsyncIterator[ActorSystem]:
    """As `open_system`; asserts that no actor is left behind."""
    async with open_system(expected=expected) as system:
        yield system
    left = pykka.ActorRegistry.get_all()
    assert left == [], f"left behind: {left}"


class Probe(Actor):
    """Keeps what it is told, and subscribes to what it is given."""

    def __init__(self, messages: list[Any], *events: type) -> None:
        super().__init__()
        self._messages, self._events = messages, events

    async def setup(self) -> None:
        self.subscribe(*self._events)

    def on_receive(self, message: Any) -> None:
        self._messages.append(message)


async def wait_until(condition: Callable[[], object], within: float = 60.0) -> None:
    """In virtual time; looks again whenever everything else has come to rest."""
    with trio.fail_after(within):
        while not condition():
            await trio.sleep(0.01)
