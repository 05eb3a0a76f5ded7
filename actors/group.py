"""A supervisor whose children come and go with records that somebody else owns.

It holds no truth: after each start, and whenever it is told to, it makes its children what a
fresh snapshot of those records says.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

import pykka
import trio

from actors.backoff import Intensity, delay
from actors.messages import ActorCrashed, AskTimeout
from actors.ref import ActorRef
from actors.spec import ChildSpec
from actors.supervisor import Supervisor

logger = logging.getLogger(__name__)

T = TypeVar("T")

_PATIENCE = Intensity(restarts=1_000_000, first_delay=0.1, longest_delay=5.0)


@dataclass(frozen=True, slots=True)
class Reconcile:
    """The records may have changed. Many at a time are one."""


class Group(Supervisor, Generic[T]):
    def __init__(self, intensity: Intensity = Intensity()) -> None:
        super().__init__(intensity=intensity)
        self._records: dict[str, T] = {}  # what the children that live were made of
        self._asked = trio.Event()

    # -- for subclasses ----------------------------------------------------------------------

    async def wanted(self) -> Mapping[str, T]:
        """The records by child name, asked of their owner; tried again until it answers."""
        raise NotImplementedError

    def spec(self, name: str, record: T) -> ChildSpec:
        raise NotImplementedError

    def changed(self, ref: ActorRef[Any], name: str, record: T) -> None:
        """The record of a living child is another than before."""

    # ------------------------------------------------------------------------------------------

    async def setup(self) -> None:
        await super().setup()
        self._asked.set()
        self.spawn(self._reconcile)

    async def teardown(self, error: Exception | None) -> None:  # noqa: ARG002  # it makes no difference
        """All at once: siblings of a kind need no order, and each may take seconds to let go."""
        async with trio.open_nursery() as nursery:
            for child in tuple(self._children.values()):
                nursery.start_soon(self._end_for_good, child)

    def on_receive(self, message: Any) -> Any:
        if isinstance(message, Reconcile):
            self._asked.set()
            return None
        return super().on_receive(message)

    async def _reconcile(self) -> None:
        while True:
            await self._asked.wait()
            self._asked = trio.Event()
            records = await self._snapshot()
            for name in self._records.keys() - records.keys():
                del self._records[name]
                self.spawn(self._remove, name)
            for name, record in records.items():
                if name not in self._records:
                    await self._add(self.spec(name, record))
                elif self._records[name] != record and (child := self._children.get(name)) and child.ref:
                    self.changed(child.ref, name, record)
                self._records[name] = record

    async def _snapshot(self) -> Mapping[str, T]:
        failures = 0
        refusals: tuple[type[Exception], ...] = (
            AskTimeout,
            ActorCrashed,
            pykka.ActorDeadError,
            *self.expected,
        )
        while True:
            try:
                return await self.wanted()
            except refusals as error:
                failures += 1
                wait = delay(failures, _PATIENCE) or _PATIENCE.longest_delay
                logger.info("%s has no snapshot (%s), asks again in %.1f s", self.ref, error, wait)
                await trio.sleep(wait)
