"""The address of an actor. It outlives incarnations, and may exist before the first."""

from __future__ import annotations

import threading
import uuid
import weakref
from typing import TYPE_CHECKING, Any, TypeVar, overload

import pykka
import trio
from pykka._envelope import Envelope
from pykka.messages import _ActorStop

from actors.future import Future
from actors.mailbox import Mailbox, MailboxStatistics
from actors.messages import Query

if TYPE_CHECKING:
    from actors.actor import Actor

A = TypeVar("A", bound="Actor")
R = TypeVar("R")


class ActorRef(pykka.ActorRef[A]):
    """Messages sent between two incarnations wait for the next one.

    It is dead once its actor will not come back: `tell` then raises pykka.ActorDeadError, and so
    do the answers to what still waited.
    """

    actor_inbox: Mailbox  # type: ignore[assignment]  # pykka's protocol has a blocking get()

    def __init__(self, actor_class: type[A], name: str) -> None:
        # Not super().__init__(): pykka takes all this from a living actor.
        self.actor_class = actor_class
        self.actor_urn = uuid.uuid4().urn
        self.actor_inbox = Mailbox(actor_class.mailbox)
        self.actor_stopped = threading.Event()  # set when it is buried
        self.name = name
        self.incarnation = 0
        self._actor_weakref = lambda: None  # type: ignore[assignment]  # nobody yet
        self._watchers: list[ActorRef[Any]] = []

    def __str__(self) -> str:
        return f"{self.name}#{self.incarnation}"

    def statistics(self) -> MailboxStatistics:
        return self.actor_inbox.statistics()

    # -- sending -----------------------------------------------------------------------------

    async def send(self, message: Any) -> None:
        """`tell` with back-pressure: waits while the mailbox is full."""
        if not self.is_alive():
            raise pykka.ActorDeadError(f"{self} not found")
        await self.actor_inbox.wait_put(Envelope(message))

    @overload
    def ask(self, message: Query[R], *, block: None = None, timeout: float | None = None) -> Future[R]: ...
    @overload
    def ask(self, message: Any, *, block: bool | None = None, timeout: float | None = None) -> Any: ...
    def ask(self, message: Any, *, block: bool | None = None, timeout: float | None = None) -> Any:
        """`await ref.ask(query).within(2)` in Trio; other threads block, as in pykka."""
        if block is None:
            block = not trio.lowlevel.in_trio_run()
        return super().ask(message, block=block, timeout=timeout)

    def stop(self, *, block: bool | None = None, timeout: float | None = None) -> Any:
        if block is None:
            block = not trio.lowlevel.in_trio_run()
        return super().stop(block=block, timeout=timeout)

    # -- for the runtime ---------------------------------------------------------------------

    def _take(self, actor: A) -> None:
        """`actor` is the next incarnation behind this ref and its mailbox."""
        actor.actor_urn = self.actor_urn
        actor.actor_inbox = self.actor_inbox  # type: ignore[assignment]  # ours, where pykka has a queue
        self._actor_weakref = weakref.ref(actor)
        self.incarnation += 1

    def _bury(self) -> None:
        """It will not come back: answers what is left in the mailbox."""
        self.actor_stopped.set()
        for envelope in self.actor_inbox.drain():
            if envelope.reply_to is None:
                continue
            if isinstance(envelope.message, _ActorStop):
                envelope.reply_to.set(None)
                continue
            error = pykka.ActorDeadError(f"{self} ended before it answered")
            envelope.reply_to.set_exception((pykka.ActorDeadError, error, None))
