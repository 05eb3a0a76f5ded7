"""What an endpoint says of itself, for the description of the API. Pure."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

from hawk.web.bodies import Body
from hawk.web.jsonapi import MEDIA_TYPE
from hawk.web.kinds import Kind
from hawk.web.query import NO_PARAMETERS, Parameters

F = TypeVar("F", bound=Callable[..., Any])


@dataclass(frozen=True, slots=True)
class Answer:
    """One that was not refused."""

    status: int = 200
    kinds: tuple[Kind, ...] = ()  # of what is in `data`
    many: bool = False
    nullable: bool = False  # `data` can be null
    placed: bool = False  # `links.self` says where it is
    document: Any = None  # all of it, as pydantic can describe it
    counted: bool = False  # `meta.total` says how many there are on all pages
    meta: Any = None  # what pydantic can describe
    sure: tuple[str, ...] | None = None  # the members that are always there; None: all
    headers: tuple[str, ...] = ()
    media: tuple[str, ...] = (MEDIA_TYPE,)


def one(
    kind: Kind,
    status: int = 200,
    *,
    meta: Any = None,
    sure: tuple[str, ...] | None = None,
    headers: tuple[str, ...] = (),
) -> Answer:
    return Answer(status, (kind,), meta=meta, sure=sure, headers=headers)


def page(*kinds: Kind, counted: bool = True) -> Answer:
    return Answer(kinds=kinds, many=True, counted=counted)


NOT_OURS = frozenset({409})  # a device that is not configured, or that is busy or left to others
NOTHING = Answer(204, media=())


@dataclass(frozen=True, slots=True)
class Operation:
    summary: str
    answers: tuple[Answer, ...]
    parameters: Parameters = NO_PARAMETERS
    headers: tuple[str, ...] = ()  # that it understands
    body: Body | None = None  # what is sent, if that means something
    refuses: frozenset[int] = frozenset()  # beyond what all such endpoints refuse
    needs_token: bool = True
    speaks_jsonapi: bool = True


def described(operation: Operation) -> Callable[[F], F]:
    """For endpoints that do not speak JSON:API; `endpoint` does it for those that do."""

    def keep(function: F) -> F:
        vars(function)["operation"] = operation
        return function

    return keep


def operation_of(function: Callable[..., Any]) -> Operation | None:
    found = getattr(function, "operation", None)
    return found if isinstance(found, Operation) else None
