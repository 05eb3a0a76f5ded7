"""Messages and errors of the runtime, and what an answer may be besides a value."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Generic, TypeVar

if TYPE_CHECKING:
    from actors.future import Future
    from actors.ref import ActorRef

R = TypeVar("R")


class Query(Generic[R]):
    """Base of messages that are answered with an `R`: `await ref.ask(query).within(2)`."""

    __slots__ = ()


@dataclass(frozen=True, slots=True)
class Down:
    """That incarnation of a monitored actor has ended; the next one may be on its way."""

    ref: ActorRef[Any]
    incarnation: int


class AskTimeout(Exception):
    """No answer came in time. The ask is marked as given up."""


class ActorCrashed(Exception):
    """The actor crashed while it had the question. It may be back already; the question is gone."""


class MailboxFull(Exception):
    """A bounded mailbox refuses; `await ref.send(...)` waits for room."""


class Later(Generic[R]):
    """An answer that comes later: a handler returns it, keeps it, and resolves it some time.

    Resolving says whether somebody still waited. If the actor crashes first, the asker gets
    ActorCrashed.
    """

    __slots__ = ("_future", "_on_given_up", "_settled")

    def __init__(self, on_given_up: Callable[[], object] | None = None) -> None:
        """`on_given_up` is called in the Trio thread when the asker no longer waits."""
        self._future: Future[R] | None = None
        self._on_given_up = on_given_up
        self._settled: tuple[R | None, Exception | None] | None = None

    @property
    def given_up(self) -> bool:
        return self._future is not None and self._future.given_up

    def resolve(self, value: R) -> bool:
        """False if the asker has given up (or told the message, and so never asked)."""
        return self._settle(value, None)

    def fail(self, error: Exception) -> bool:
        return self._settle(None, error)

    def _settle(self, value: R | None, error: Exception | None) -> bool:
        if self._settled is not None:
            return False
        self._settled = value, error
        return self._future is None or self._answer(self._future)

    def _bind(self, future: Future[R]) -> None:
        """The handler has returned it: from now on it answers that ask."""
        self._future = future
        if self._on_given_up is not None:
            future.when_given_up(self._on_given_up)
        if self._settled is not None:
            self._answer(future)

    def _answer(self, future: Future[R]) -> bool:
        assert self._settled is not None
        value, error = self._settled
        return future.offer(value, error)
