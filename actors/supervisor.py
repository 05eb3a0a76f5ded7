"""Supervision: starts children in order, restarts them when they crash, gives up when that is too often."""

from __future__ import annotations

import logging
import math
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, ClassVar

import trio

from actors.actor import Actor, Birth, birth
from actors.backoff import Intensity, delay, recent
from actors.messages import Later
from actors.ref import ActorRef
from actors.spec import (
    ChildSpec,
    ChildState,
    FindChild,
    Restart,
    RestartChild,
    StartChild,
    StopChild,
    Strategy,
    WhichChildren,
)

logger = logging.getLogger(__name__)

LONGEST_SETUP = 10.0  # [s] setup only spawns; longer than this is a bug
POLITENESS = 1.0  # [s] to read what was sent before the end
DESPAIR = 60.0  # [s] that a vital child may stay abandoned


class RestartIntensityExceeded(Exception):
    """Children crash faster than the supervisor is allowed to restart them: it crashes itself."""


@dataclass(frozen=True, slots=True)
class _Exited:
    name: str
    incarnation: int
    error: Exception | None


@dataclass(slots=True)
class _Child:
    spec: ChildSpec
    ref: ActorRef[Any] | None
    actor: Actor | None = None
    last: Actor | None = None  # also after its end: it may have refs to bury
    ending: bool = False  # by us: no crash
    restarts: int = 0
    last_error: Exception | None = None
    abandoned: list[Actor] = field(default_factory=list)


@dataclass(slots=True, eq=False)
class _Recovery:
    """A restart under way, of these children in the order of their start."""

    names: tuple[str, ...]
    scope: trio.CancelScope | None = None


class Supervisor(Actor):
    stop_grace: ClassVar[float] = (
        math.inf
    )  # each child has its own bound, and so has this one at its parent's

    def __init__(
        self,
        children: Iterable[ChildSpec] = (),
        strategy: Strategy = Strategy.ONE_FOR_ONE,
        intensity: Intensity = Intensity(),
    ) -> None:
        super().__init__()
        self._specs, self._strategy, self._intensity = tuple(children), strategy, intensity
        self._children: dict[str, _Child] = {}
        self._crashes: list[float] = []
        self._recoveries: list[_Recovery] = []

    async def setup(self) -> None:
        for spec in self._specs:
            self._children[spec.name] = _Child(spec, spec.ref)
        for child in tuple(self._children.values()):
            await self._begin(child)

    async def teardown(self, error: Exception | None) -> None:  # noqa: ARG002  # it makes no difference
        for child in reversed(tuple(self._children.values())):
            await self._end_for_good(child)

    async def _end_for_good(self, child: _Child) -> None:
        await self._end(child, polite=True)
        if child.ref is not None and child.spec.ref is None:
            child.ref._bury()

    def on_receive(self, message: Any) -> Any:
        match message:
            case WhichChildren():
                return self.children()
            case FindChild(name):
                child = self._children.get(name)
                return child.ref if child is not None else None
            case StartChild(spec):
                return self._in_task(self._add, spec)
            case StopChild(name):
                return self._in_task(self._remove, name)
            case RestartChild(name, spec):
                return self._in_task(self._replace, name, spec)
            case _Exited(name, incarnation, error):
                self._exited(name, incarnation, error)
                return None
            case _:
                return super().on_receive(message)

    def children(self) -> tuple[ChildState, ...]:
        return tuple(_state(child) for child in self._children.values())

    # -- requests ----------------------------------------------------------------------------

    def _in_task(self, fn: Any, *args: Any) -> Later[Any]:
        """Ending a child may take long, and this mailbox must not wait for it."""
        later: Later[Any] = Later()

        async def work() -> None:
            later.resolve(await fn(*args))

        self.spawn(work)
        return later

    async def _add(self, spec: ChildSpec) -> ActorRef[Any]:
        if (known := self._children.get(spec.name)) is not None and known.ref is not None:
            return known.ref
        child = self._children[spec.name] = _Child(spec, spec.ref)
        await self._begin(child)
        assert child.ref is not None
        return child.ref

    async def _remove(self, name: str) -> bool:
        if (child := self._children.get(name)) is None:
            return False
        self._give_up_recoveries((name,))
        await self._end(child, polite=True)
        if self._children.get(name) is child:
            self._drop(child)
        return True

    async def _replace(self, name: str, spec: ChildSpec | None) -> bool:
        if (child := self._children.get(name)) is None:
            return False
        child.spec = spec or child.spec
        self._give_up_recoveries((name,))
        await self._end(child)
        await self._begin(child)
        return True

    # -- crashes -----------------------------------------------------------------------------

    def _child_ended(self, actor: Actor, error: Exception | None) -> None:
        """Called by the child's own task, as its last act."""
        for child in self._children.values():
            if child.actor is actor:
                child.actor = None
                if not child.ending:
                    self.ref.tell(_Exited(child.spec.name, actor.incarnation, error))
            elif actor in child.abandoned:
                child.abandoned.remove(actor)
                logger.info("%s has ended at last", actor)

    def _exited(self, name: str, incarnation: int, error: Exception | None) -> None:
        child = self._children.get(name)
        if child is None or child.actor is not None or (child.ref and child.ref.incarnation != incarnation):
            return  # stopped, or back already
        child.last_error = error or child.last_error
        policy = child.spec.restart
        if policy is Restart.TEMPORARY or (policy is Restart.TRANSIENT and error is None):
            self._drop(child)
            return
        self._recover(self._affected(name), self._note_crash(name, error))

    def _note_crash(self, name: str, error: Exception | None) -> float:
        now = trio.current_time()
        self._crashes = [*recent(self._crashes, now, self._intensity), now]
        wait = delay(len(self._crashes), self._intensity)
        if wait is None:
            raise RestartIntensityExceeded(f"{name} and its siblings under {self.ref}") from error
        logger.info("%s restarts %s in %.1f s", self.ref, name, wait)
        return wait

    def _affected(self, name: str) -> tuple[str, ...]:
        names = tuple(self._children)
        match self._strategy:
            case Strategy.ONE_FOR_ONE:
                return (name,)
            case Strategy.REST_FOR_ONE:
                return names[names.index(name) :]
            case Strategy.ONE_FOR_ALL:
                return names

    def _recover(self, names: tuple[str, ...], wait: float) -> None:
        """A restart of some of these that is under way is given up; this one takes all of them over."""
        wanted = {*names, *self._give_up_recoveries(names)}
        recovery = _Recovery(tuple(name for name in self._children if name in wanted))
        self._recoveries.append(recovery)
        recovery.scope = self.spawn(self._restart, recovery, wait)

    def _give_up_recoveries(self, names: tuple[str, ...]) -> set[str]:
        given_up: set[str] = set()
        for recovery in tuple(self._recoveries):
            if set(names) & set(recovery.names):
                given_up.update(recovery.names)
                self._recoveries.remove(recovery)
                if recovery.scope is not None:
                    recovery.scope.cancel()
        return given_up

    async def _restart(self, recovery: _Recovery, wait: float) -> None:
        children = [self._children[name] for name in recovery.names if name in self._children]
        for child in reversed(children):
            await self._end(child)
        await trio.sleep(wait)
        for child in children:
            if self._children.get(child.spec.name) is child:
                await self._begin(child)
        if recovery in self._recoveries:
            self._recoveries.remove(recovery)

    # -- one incarnation -----------------------------------------------------------------------

    async def _begin(self, child: _Child) -> None:
        """Returns when its setup is done or has failed; failing is a crash like any other."""
        child.ending = False
        known = child.ref
        if known is not None and known.incarnation:
            child.restarts += 1
        token = birth.set(Birth(self._born.system, self, known, child.spec.name))
        try:
            child.ref = child.spec.start()
        except Exception as error:
            logger.exception("%s cannot even be made", child.spec.name)
            incarnation = known.incarnation if known else 0
            self.ref.tell(_Exited(child.spec.name, incarnation, error))
            return
        finally:
            birth.reset(token)
        actor = child.actor = child.last = child.ref._actor_weakref()
        assert actor is not None
        with trio.move_on_after(LONGEST_SETUP) as patience:
            await actor._ready.wait()
        if patience.cancelled_caught:
            actor._fail(TimeoutError(f"setup took longer than {LONGEST_SETUP:g} s: it may only spawn"))

    async def _end(self, child: _Child, *, polite: bool = False) -> None:
        """Returns when it has ended or is abandoned. `polite`: it may first read what was sent to it."""
        if (actor := child.actor) is None:
            return
        child.ending = True
        if polite:
            with trio.move_on_after(POLITENESS):
                await actor._finish()
        actor._scope.cancel()
        with trio.move_on_after(child.spec.shutdown):
            await actor._ended.wait()
            child.actor = None
            return
        child.actor = None
        child.abandoned.append(actor)
        logger.error("%s does not end: abandoned after %g s", actor, child.spec.shutdown)
        if child.spec.vital:
            self._born.system.nursery.start_soon(self._despair, actor)

    async def _despair(self, actor: Actor) -> None:
        with trio.move_on_after(DESPAIR):
            await actor._ended.wait()
            return
        self._born.system.give_up(f"{actor} is vital and has not ended for {DESPAIR:g} s")

    def _drop(self, child: _Child) -> None:
        del self._children[child.spec.name]
        _bury(child)

    def _gone_for_good(self) -> None:
        for child in self._children.values():
            _bury(child)


def _bury(child: _Child) -> None:
    if child.ref is not None:
        child.ref._bury()
    if child.last is not None:
        child.last._gone_for_good()


def _state(child: _Child) -> ChildState:
    return ChildState(
        name=child.spec.name,
        alive=child.actor is not None,
        restarts=child.restarts,
        incarnation=child.ref.incarnation if child.ref else 0,
        abandoned=len(child.abandoned),
        last_error=repr(child.last_error) if child.last_error else None,
        mailbox=child.ref.statistics() if child.ref else None,
        children=child.actor.children() if isinstance(child.actor, Supervisor) else (),
    )
