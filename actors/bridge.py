"""From Trio to an asyncio loop and back, so that neither takes the other down.

trio-asyncio alone is not enough: a loop's context reaches only its own subtree, a call on a
closed loop hangs, and a loop that dies throws asyncio.CancelledError, a BaseException, at
everybody who waits on it.
"""

from __future__ import annotations

import asyncio
import contextvars
import logging
import math
from collections.abc import Awaitable, Callable, Collection, Coroutine
from typing import Any, TypeVar, cast

import trio
import trio_asyncio

R = TypeVar("R")

CLEAN_UP = 20.0  # [s] for calls that are ended with the loop
AGAIN = 1.0  # [s] for a task of a library to hear that it is cancelled

logger = logging.getLogger(__name__)


class LoopGone(Exception):
    """The asyncio loop is not running, or ended before the call did."""


class _Call:
    """A coroutine in the loop, and who waits for its end."""

    def __init__(self, task: asyncio.Task[Any]) -> None:
        self.task, self.done = task, trio.Event()
        task.add_done_callback(lambda _: self.done.set())


class Bridge:
    """One asyncio loop; its owner runs it, any Trio task calls into it."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._loop: asyncio.AbstractEventLoop | None = None
        self._context = contextvars.copy_context()
        self._opened = trio.Event()
        self._calls: set[_Call] = set()

    @property
    def is_open(self) -> bool:
        return self._loop is not None

    async def wait_open(self) -> None:
        await self._opened.wait()

    async def run(self) -> None:
        """Runs the loop until cancelled; raises LoopGone when it dies. Can be run again."""
        try:
            async with trio_asyncio.open_loop() as loop:
                loop.set_exception_handler(self._complain)
                self._loop, self._context = loop, contextvars.copy_context()
                self._opened.set()
                try:
                    await loop.wait_stopped()
                finally:
                    await self._close(loop)
        finally:
            self._tell_callers()
        raise LoopGone(f"the loop of {self._name} died")

    async def call(
        self, fn: Callable[..., Coroutine[Any, Any, R]], *args: Any, deadline: float = float("inf")
    ) -> R:
        """Runs an asyncio coroutine function in the loop. Raises what it raises, LoopGone, or
        trio.TooSlowError. Returns only when it has ended, also when given up or cancelled: its
        own clean-up is waited for."""
        if self._loop is None:
            raise LoopGone(f"the loop of {self._name} is not running")
        coroutine = fn(*args)
        try:
            call = _Call(self._context.run(self._loop.create_task, coroutine))
        except RuntimeError as error:  # closed just now
            coroutine.close()
            raise LoopGone(f"the loop of {self._name} ended") from error
        self._calls.add(call)
        try:
            with trio.move_on_after(deadline) as patience:
                await self._ended(call)
        finally:
            self._calls.discard(call)
        if patience.cancelled_caught:
            raise trio.TooSlowError
        return cast("R", self._result(call))

    async def _ended(self, call: _Call) -> None:
        try:
            await call.done.wait()
        finally:
            if not call.done.is_set():
                call.task.cancel()
                with trio.CancelScope(shield=True):
                    await call.done.wait()

    def _result(self, call: _Call) -> Any:  # an R
        if not call.task.done() or call.task.cancelled():
            raise LoopGone(f"the loop of {self._name} ended before the call did")
        if (error := call.task.exception()) is not None:
            raise _single(error)
        return call.task.result()

    # -- the end -----------------------------------------------------------------------------

    async def _close(self, loop: trio_asyncio.TrioEventLoop) -> None:
        """Ends the calls first, while what they need to clean up still lives, then the tasks that libraries have in
        the loop. One that died is set going once more for that: otherwise they would wait for it for ever.
        """
        self._loop, self._opened = None, trio.Event()
        with trio.CancelScope(shield=True):
            async with trio.open_nursery() as nursery:
                if died := not loop.is_running():
                    await nursery.start(loop._main_loop)
                await self._end(tuple(self._calls), loop)
                await self._end([_Call(task) for task in asyncio.all_tasks(loop)], loop, again=AGAIN)
                if died:
                    loop.stop(trio.Event())  # without an event of its own only a loop's first stop counts
        if not loop.is_running():
            self._tell_callers()
            for task in asyncio.all_tasks(loop):
                asyncio.tasks._unregister_task(task)  # asyncio's door for those who write loops

    async def _end(
        self, calls: Collection[_Call], loop: trio_asyncio.TrioEventLoop, again: float = math.inf
    ) -> None:
        """Unless the loop dies (again) meanwhile, or they take too long. A cancellation is repeated after `again`
        seconds: one that comes together with what it waits for is lost by `asyncio.wait_for` in Python 3.11.
        """
        for call in calls:
            call.task.cancel()
        with trio.move_on_after(CLEAN_UP):
            async with trio.open_nursery() as nursery:
                nursery.start_soon(_until, loop.wait_stopped, nursery.cancel_scope)
                for call in calls:
                    while not call.done.is_set():
                        with trio.move_on_after(again):
                            await call.done.wait()
                            break
                        call.task.cancel()
                nursery.cancel_scope.cancel()

    def _tell_callers(self) -> None:
        self._loop = None
        for call in self._calls:
            call.done.set()

    def _complain(self, _: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        """The default handler would end the loop, and all in it, for one forgotten task."""
        logger.warning("%s: %s", self._name, context.get("message"), exc_info=context.get("exception"))


async def _until(event: Callable[[], Awaitable[Any]], over: trio.CancelScope) -> None:
    await event()
    over.cancel()


def _single(error: BaseException) -> BaseException:
    """trio-asyncio wraps what it re-raises in groups of one."""
    while isinstance(error, BaseExceptionGroup) and len(error.exceptions) == 1:
        error = error.exceptions[0]
    return error
