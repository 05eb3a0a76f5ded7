"""Where actors live: one nursery for all of them, the bus, and the top of the tree."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator, Callable
from typing import Any

import trio

from actors.actor import Actor, Birth, birth
from actors.bus import Bus
from actors.ref import ActorRef
from actors.spec import ChildSpec, ChildState
from actors.supervisor import Supervisor


class Hopeless(Exception):
    """Something vital hangs and cannot be ended: only a new process helps."""


class ActorSystem:
    """A crash of a top actor, which nobody supervises, ends the system with its error."""

    def __init__(
        self,
        nursery: trio.Nursery,
        expected: tuple[type[Exception], ...],
        on_hopeless: Callable[[str], None] | None,
    ) -> None:
        self.nursery = nursery
        self.bus = Bus()
        self.expected = expected
        self._on_hopeless = on_hopeless
        self._tops: dict[str, tuple[ChildSpec, ActorRef[Any], Actor]] = {}
        self._error: Exception | None = None
        self._running: set[Actor] = set()

    async def start(self, spec: ChildSpec) -> ActorRef[Any]:
        """Starts a top actor, usually the root supervisor; returns when its setup is done."""
        token = birth.set(Birth(self, self, spec.ref, spec.name))
        try:
            ref = spec.start()
        finally:
            birth.reset(token)
        actor: Actor = ref._actor_weakref()  # type: ignore[assignment]  # it was just made
        self._tops[spec.name] = (spec, ref, actor)
        await actor._ready.wait()
        return ref

    async def stop(self) -> None:
        """Ends the top actors, last first, each within its `shutdown`."""
        for spec, ref, actor in reversed(tuple(self._tops.values())):
            with trio.move_on_after(spec.shutdown):
                await actor._finish()
            actor._scope.cancel()
            ref._bury()
            actor._gone_for_good()

    def unfinished(self) -> bool:
        """Whether, after `stop`, something still runs that would not end."""
        return bool(self._running)

    def tree(self) -> tuple[ChildState, ...]:
        """Everything that runs, as it is now."""
        return tuple(_top(spec, ref, actor) for spec, ref, actor in self._tops.values())

    def give_up(self, reason: str) -> None:
        if self._on_hopeless is None:
            raise Hopeless(reason)
        self._on_hopeless(reason)

    def _adopt(self, actor: Actor) -> None:
        self._running.add(actor)
        self.nursery.start_soon(self._run, actor, name=str(actor))

    async def _run(self, actor: Actor) -> None:
        try:
            await actor._run()
        finally:
            self._running.discard(actor)

    def _child_ended(self, actor: Actor, error: Exception | None) -> None:
        actor.ref._bury()
        actor._gone_for_good()
        if error is not None:
            self._error = self._error or error
            self.nursery.cancel_scope.cancel()


def _top(spec: ChildSpec, ref: ActorRef[Any], actor: Actor) -> ChildState:
    return ChildState(
        name=spec.name,
        alive=not actor._ended.is_set(),
        restarts=0,
        incarnation=ref.incarnation,
        abandoned=0,
        last_error=None,
        mailbox=ref.statistics(),
        children=actor.children() if isinstance(actor, Supervisor) else (),
    )


@contextlib.asynccontextmanager
async def open_system(
    *,
    expected: tuple[type[Exception], ...] = (),
    on_hopeless: Callable[[str], None] | None = None,
) -> AsyncIterator[ActorSystem]:
    """Actors run while this block does, and stop when it is left.

    `expected`: the application's own errors; raised in an answer they go to the asker, and the
    actor lives. `on_hopeless` is called with the reason when only ending the process helps.
    """
    async with trio.open_nursery() as nursery:
        system = ActorSystem(nursery, expected, on_hopeless)
        token = birth.set(Birth(system, system))
        try:
            yield system
            await system.stop()
        finally:
            birth.reset(token)
            nursery.cancel_scope.cancel()
    if system._error is not None:
        raise system._error
