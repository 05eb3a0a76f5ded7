"""Ctrl-C while a command waits for a radio."""

import signal
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import TypeVar

import trio

R = TypeVar("R")


def run(fn: Callable[..., Awaitable[R]], *args: object) -> R:
    """`trio.run`, but Ctrl-C ends `fn` where it waits, and then raises KeyboardInterrupt.

    Python raises that wherever it happens to be, and that may be inside an import, whose callbacks swallow it.
    """
    return trio.run(_until_interrupted, fn, *args)


async def _until_interrupted(fn: Callable[..., Awaitable[R]], *args: object) -> R:
    with trio.open_signal_receiver(signal.SIGINT) as signals, trio.CancelScope() as scope:
        trio.lowlevel.spawn_system_task(_cancel_after, signals, scope)
        return await fn(*args)
    raise KeyboardInterrupt


async def _cancel_after(signals: AsyncIterator[int], scope: trio.CancelScope) -> None:
    await anext(signals)
    scope.cancel()
