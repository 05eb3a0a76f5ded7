"""Asking those who may be unable to answer just now."""

from typing import Any, TypeVar

import trio

from actors import ActorCrashed, ActorDeadError, ActorRef, AskTimeout, Query
from hawk.errors import StoreUnavailable

R = TypeVar("R")

NO_ANSWER = (StoreUnavailable, AskTimeout, ActorCrashed, ActorDeadError)
_ANSWER = 10.0  # [s]
_AGAIN = 1.0  # [s]


async def answered(ref: ActorRef[Any], query: Query[R]) -> R:
    """A disk that refuses, or an actor just being started anew, is waited for."""
    while True:
        try:
            return await ref.ask(query).within(_ANSWER)
        except NO_ANSWER:
            await trio.sleep(_AGAIN)
