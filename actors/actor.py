"""A pykka actor that runs as Trio tasks."""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Awaitable, Callable, Hashable
from contextvars import ContextVar
from dataclasses import dataclass
from types import CoroutineType
from typing import TYPE_CHECKING, Any, ClassVar, Protocol, Self, TypeVar, cast

import pykka
import trio
from pykka._envelope import Envelope
from pykka.messages import _ActorStop

from actors.future import Future
from actors.mailbox import Mailbox, MailboxSpec
from actors.messages import ActorCrashed, Down, Later, MailboxFull
from actors.ref import ActorRef

if TYPE_CHECKING:
    from actors.system import ActorSystem

logger = logging.getLogger(__name__)

A = TypeVar("A", bound="Actor")


class Parent(Protocol):
    """Whoever is told of the end of an incarnation."""

    def _child_ended(self, actor: Actor, error: Exception | None) -> None: ...


@dataclass(frozen=True, slots=True)
class Birth:
    """How the next `start()` in this context is meant."""

    system: ActorSystem
    parent: Parent
    ref: ActorRef[Any] | None = None  # to take the place behind; None makes a new one
    name: str | None = None


birth: ContextVar[Birth] = ContextVar("birth")


class Actor(pykka.Actor):
    """One incarnation. Its state dies with it; its ref and its mailbox go on to the next.

    Constructors only store. A crash anywhere, in a handler, in `setup`, in a spawned task, ends
    the incarnation and is told to the parent, which may start another one.
    """

    mailbox: ClassVar[MailboxSpec] = MailboxSpec()
    stop_grace: ClassVar[float] = 5.0  # [s] for teardown

    def __init__(self) -> None:
        super().__init__()
        born = birth.get()
        ref = born.ref or ActorRef(type(self), born.name or type(self).__name__)
        ref._take(self)
        self._actor_ref = ref
        self._born = born
        self.incarnation = ref.incarnation
        self._scope = trio.CancelScope()
        self._nursery: trio.Nursery
        self._error: Exception | None = None
        self._owed: set[Future[Any]] = set()
        self._endings: list[Callable[[], None]] = []
        self._closed = False
        self._ready = trio.Event()
        self._ended = trio.Event()

    # -- for subclasses ----------------------------------------------------------------------

    async def setup(self) -> None:
        """Before the first message. Only spawns and subscribes: it asks nobody and waits for nothing."""

    async def teardown(self, error: Exception | None) -> None:
        """At the end, also after a crash (`error`) or when cancelled; `stop_grace` seconds at most."""

    @property
    def ref(self) -> ActorRef[Self]:
        return cast("ActorRef[Self]", self._actor_ref)

    @property
    def expected(self) -> tuple[type[Exception], ...]:
        """The application's own errors, which go to askers."""
        return self._born.system.expected

    def spawn(self, fn: Callable[..., Awaitable[object]], *args: Any) -> trio.CancelScope:
        """Runs a task beside the mailbox. It ends with this incarnation; its crash is the actor's."""
        scope = trio.CancelScope()
        self._nursery.start_soon(self._guard, scope, fn, *args, name=f"{self.ref}: {fn}")
        return scope

    def after(self, seconds: float, message: Any) -> trio.CancelScope:
        """Tells itself the message once."""
        return self.spawn(self._tell_after, seconds, message)

    def every(self, seconds: float, message: Any) -> trio.CancelScope:
        """Tells itself the message again and again; a tick still unread is not followed by another."""
        return self.spawn(self._tick, seconds, message)

    def publish(self, event: object) -> None:
        self._born.system.bus.publish(event)

    def subscribe(self, *kinds: type, key: Hashable = None) -> None:
        """Events come as messages, until this incarnation ends."""
        self._endings.append(self._born.system.bus.subscribe(self.ref.tell, kinds, key))

    def monitor(self, ref: ActorRef[Any]) -> None:
        """A `Down` comes when the present incarnation behind `ref` has ended, at once if there is none."""
        watched = ref._actor_weakref()
        if watched is None or watched._ended.is_set():
            self.ref.tell(Down(ref, ref.incarnation))
        else:
            watched._endings.append(lambda: self._tell_down(Down(ref, watched.incarnation)))

    # -- what pykka asks of a kind of actor --------------------------------------------------

    @classmethod
    def start(cls, *args: Any, **kwargs: Any) -> ActorRef[Self]:
        return cast("ActorRef[Self]", super().start(*args, **kwargs))

    @classmethod
    def reserve(cls, name: str) -> ActorRef[Self]:
        """A ref without an actor: a ChildSpec puts one behind it. Messages wait until then."""
        return ActorRef(cls, name)

    @classmethod
    def _create_actor_inbox(cls) -> Mailbox:  # type: ignore[override]  # a static method there
        return cast("Mailbox", None)  # the ref brings it

    @staticmethod
    def _create_future() -> Future[Any]:
        return Future()

    def _start_actor_loop(self) -> None:
        self._born.system._adopt(self)

    def __str__(self) -> str:
        return str(self._actor_ref)

    # -- life --------------------------------------------------------------------------------

    async def _run(self) -> None:
        try:
            with self._scope:
                async with trio.open_nursery() as self._nursery:
                    await self._guard(trio.CancelScope(), self._live)
                    self._scope.cancel()
        finally:
            await self._close()
            self._forget()
            self._born.parent._child_ended(self, self._error)

    async def _live(self) -> None:
        birth.set(Birth(self._born.system, self._born.system))
        await self.setup()
        self._ready.set()
        inbox = cast("Mailbox", self.actor_inbox)
        while not self.actor_stopped.is_set():
            await self._handle(await inbox.get())

    async def _handle(self, envelope: Envelope[Any]) -> None:
        reply_to = cast("Future[Any] | None", envelope.reply_to)
        try:
            answer = self._handle_receive(envelope.message)
            if type(answer) is CoroutineType:
                answer = await answer
        except BaseException as error:
            if reply_to is None:
                raise
            if isinstance(error, self.expected):
                reply_to.offer(None, error)
                return
            reply_to.offer(None, self._crashed())
            raise
        if reply_to is None:
            return
        if isinstance(answer, Later):
            self._owe(answer, reply_to)
        else:
            reply_to.offer(answer, None)

    def _owe(self, later: Later[Any], future: Future[Any]) -> None:
        self._owed = {owed for owed in self._owed if not owed.settled}
        self._owed.add(future)
        later._bind(future)

    def _crashed(self) -> ActorCrashed:
        return ActorCrashed(f"{self.ref} crashed before it answered")

    async def _stop(self) -> None:  # type: ignore[override]  # pykka's is not a coroutine
        self.actor_stopped.set()
        await self._close()

    async def _finish(self) -> None:
        """Ends it after what waits in its mailbox; returns when it has ended."""
        with contextlib.suppress(MailboxFull):
            self.actor_inbox.put(Envelope(_ActorStop()))
            await self._ended.wait()

    async def _close(self) -> None:
        if self._closed:
            return
        self._closed = True
        if self._error is not None:
            logger.error("%s crashed: %r", self, self._error, exc_info=self._error)
        try:
            with trio.move_on_after(self.stop_grace, shield=True):
                await self.teardown(self._error)
        except Exception as error:
            logger.exception("%s crashed in its teardown", self)
            self._error = self._error or error

    def _forget(self) -> None:
        """Nothing of this incarnation is left over for the next."""
        for owed in self._owed:
            owed.offer(None, self._crashed())
        self._ended.set()
        self._ready.set()
        for end in self._endings:
            end()
        pykka.ActorRegistry.unregister(self.actor_ref)

    async def _guard(self, scope: trio.CancelScope, fn: Callable[..., Awaitable[object]], *args: Any) -> None:
        try:
            with scope:
                await fn(*args)
        except Exception as error:
            self._fail(error)

    def _fail(self, error: Exception) -> None:
        self._error = self._error or error
        self._scope.cancel()

    async def _tell_after(self, seconds: float, message: Any) -> None:
        await trio.sleep(seconds)
        await self.ref.send(message)

    async def _tick(self, seconds: float, message: Any) -> None:
        """`send` waits while a bounded mailbox is full, and the next tick waits until this one is read."""
        inbox = cast("Mailbox", self.actor_inbox)
        due = trio.current_time()
        while True:
            due = max(due + seconds, trio.current_time())
            await trio.sleep_until(due)
            if not inbox.holds(message):
                await self.ref.send(message)

    def _gone_for_good(self) -> None:
        """No further incarnation will come."""

    def _tell_down(self, down: Down) -> None:
        if not self._ended.is_set():
            try:
                self.ref.tell(down)
            except (MailboxFull, pykka.ActorDeadError):
                logger.warning("%s could not be told %s", self, down)
