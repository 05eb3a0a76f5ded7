"""From Trio to an asyncio loop and back, so that neither takes the other down.

trio-asyncio alone is not enough: a loop's context reaches only its own subtree, a call on a
closed loop hangs, and a loop that dies throws asyncio.CancelledError, a BaseException, at
everybody who waits on it.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar, cast

import trio
import trio_asyncio

R = TypeVar("R")

logger = logging.getLogger(__name__)


class LoopGone(Exception):
    """The asyncio loop is not running, or ended before the call did."""


class _Call:
    def __init__(self, fn: Callable[..., Awaitable[Any]], args: tuple[Any, ...]) -> None:
        self.fn, self.args = fn, args
        self.scope, self.done = trio.CancelScope(), trio.Event()
        self.value: Any = None
        self.error: BaseException | None = None


class Bridge:
    """One asyncio loop; its owner runs it, any Trio task calls into it."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._calls: trio.MemorySendChannel[_Call] | None = None
        self._opened = trio.Event()

    @property
    def is_open(self) -> bool:
        return self._calls is not None

    async def wait_open(self) -> None:
        await self._opened.wait()

    async def run(self) -> None:
        """Runs the loop until cancelled, or until it dies with an exception. Can be run again."""
        send, receive = trio.open_memory_channel[_Call](float("inf"))
        serving: set[_Call] = set()
        try:
            async with trio_asyncio.open_loop() as loop:
                loop.set_exception_handler(self._complain)
                async with trio.open_nursery() as nursery:
                    self._calls = send
                    self._opened.set()
                    async for call in receive:
                        serving.add(call)
                        nursery.start_soon(self._serve, call, serving)
        finally:
            self._calls, self._opened = None, trio.Event()
            self._end(serving, receive)

    def _end(self, serving: set[_Call], receive: trio.MemoryReceiveChannel[_Call]) -> None:
        while True:
            try:
                serving.add(receive.receive_nowait())
            except trio.WouldBlock:
                break
        for call in serving:
            call.error = LoopGone(f"the loop of {self._name} ended")
            call.done.set()

    async def call(self, fn: Callable[..., Awaitable[R]], *args: Any, deadline: float = float("inf")) -> R:
        """Runs an asyncio coroutine function in the loop. Raises what it raises, LoopGone, or
        trio.TooSlowError. Returns only when it has ended, also when given up or cancelled: its
        own clean-up is waited for."""
        if self._calls is None:
            raise LoopGone(f"the loop of {self._name} is not running")
        call = _Call(fn, args)
        self._calls.send_nowait(call)
        with trio.move_on_after(deadline) as patience:
            try:
                await call.done.wait()
            finally:
                if not call.done.is_set():
                    call.scope.cancel()
                    with trio.CancelScope(shield=True):
                        await call.done.wait()
        if call.error is not None:
            raise call.error
        if patience.cancelled_caught:
            raise trio.TooSlowError
        return cast("R", call.value)

    async def _serve(self, call: _Call, serving: set[_Call]) -> None:
        try:
            with call.scope:
                call.value = await trio_asyncio.aio_as_trio(call.fn)(*call.args)
                return
        except asyncio.CancelledError:
            call.error = LoopGone(f"the loop of {self._name} cancelled a call")
        except Exception as error:
            call.error = _single(error)
        except trio.Cancelled:
            call.error = LoopGone(f"the loop of {self._name} ended")
            raise
        finally:
            serving.discard(call)
            call.done.set()

    def _complain(self, _: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        """The default handler would end the loop, and all in it, for one forgotten task."""
        logger.warning("%s: %s", self._name, context.get("message"), exc_info=context.get("exception"))


def _single(error: Exception) -> Exception:
    """trio-asyncio wraps what it re-raises in groups of one."""
    while isinstance(error, ExceptionGroup) and len(error.exceptions) == 1:
        error = error.exceptions[0]
    return error
