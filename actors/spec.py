"""What a supervisor knows of its children, and what it can be asked."""

from __future__ import annotations

import enum
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from actors.mailbox import MailboxStatistics
from actors.messages import Query
from actors.ref import ActorRef


class Strategy(enum.Enum):
    ONE_FOR_ONE = "the crashed child"
    REST_FOR_ONE = "the crashed child and those started after it"
    ONE_FOR_ALL = "all children"


class Restart(enum.Enum):
    PERMANENT = "always"
    TRANSIENT = "after a crash"
    TEMPORARY = "never"


@dataclass(frozen=True, slots=True)
class ChildSpec:
    name: str
    start: Callable[[], ActorRef[Any]]  # a partial of SomeActor.start
    ref: ActorRef[Any] | None = None  # reserved before; it then survives the supervisor, too
    restart: Restart = Restart.PERMANENT
    shutdown: float = 15.0  # [s] for its end, then it is abandoned
    vital: bool = False  # abandoned for a minute, it ends the process


@dataclass(frozen=True, slots=True)
class ChildState:
    """A child as it is now; `children` are its own, if it is a supervisor."""

    name: str
    alive: bool
    restarts: int
    incarnation: int
    abandoned: int  # former incarnations that would not end
    last_error: str | None
    mailbox: MailboxStatistics | None
    children: tuple[ChildState, ...] = ()


@dataclass(frozen=True, slots=True)
class WhichChildren(Query[tuple[ChildState, ...]]):
    pass


@dataclass(frozen=True, slots=True)
class FindChild(Query["ActorRef[Any] | None"]):
    name: str


@dataclass(frozen=True, slots=True)
class StartChild(Query["ActorRef[Any]"]):
    spec: ChildSpec


@dataclass(frozen=True, slots=True)
class StopChild(Query[bool]):
    """For good. False if there is none of that name."""

    name: str


@dataclass(frozen=True, slots=True)
class RestartChild(Query[bool]):
    """Another incarnation behind the same ref, with new arguments if there is a spec."""

    name: str
    spec: ChildSpec | None = None
