"""The actors that tests of the runtime share."""

from dataclasses import dataclass
from functools import partial
from typing import Any

import trio

from actors import Actor, ActorRef, ChildSpec, Later, MailboxSpec, Query, Supervisor
from actors.system import ActorSystem


class Refused(Exception):
    """An error of the application's own family."""


@dataclass(frozen=True, slots=True)
class Add:
    n: int


@dataclass(frozen=True, slots=True)
class Total(Query[int]):
    pass


@dataclass(frozen=True, slots=True)
class Fail(Query[int]):
    error: BaseException


@dataclass(frozen=True, slots=True)
class FailInTask:
    error: BaseException


@dataclass(frozen=True, slots=True)
class Sleep:
    seconds: float


@dataclass(frozen=True, slots=True)
class Defer(Query[int]):
    """Answered by whoever resolves what it puts into `Counter.deferred`."""


class Counter(Actor):
    """Counts, fails and sleeps as it is told; writes its life into `log`."""

    def __init__(self, name: str = "counter", log: list[str] | None = None, first: int = 0) -> None:
        super().__init__()
        self.name, self.log, self.total = name, [] if log is None else log, first
        self.deferred: list[Later[int]] = []

    async def setup(self) -> None:
        self.log.append(f"{self.name} up")

    async def teardown(self, error: Exception | None) -> None:
        self.log.append(f"{self.name} {'crashed' if error else 'down'}")

    async def on_receive(self, message: Any) -> Any:
        match message:
            case Add(n):
                self.total += n
            case Total():
                return self.total
            case Fail(error):
                raise error
            case FailInTask(error):
                self.spawn(self._fail_soon, error)
            case Sleep(seconds):
                await trio.sleep(seconds)
            case Defer():
                self.deferred.append(Later())
                return self.deferred[-1]
        return None

    async def _fail_soon(self, error: BaseException) -> None:
        raise error


class Small(Counter):
    mailbox = MailboxSpec(size=2)


def spec(
    name: str, log: list[str] | None = None, ref: ActorRef[Any] | None = None, **options: Any
) -> ChildSpec:
    return ChildSpec(name, partial(Counter.start, name, log), ref, **options)


async def supervised(system: ActorSystem, *children: ChildSpec, **options: Any) -> ActorRef[Any]:
    start = partial(Supervisor.start, list(children), **options)
    return await system.start(ChildSpec("root", start))


def living(ref: ActorRef[Any]) -> Any:
    """The present incarnation behind a ref."""
    actor = ref._actor_weakref()
    assert actor is not None
    return actor
