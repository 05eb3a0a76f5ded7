"""A conversation over one link, and how to wait so that the clean-up always runs. For asyncio; no bleak."""

import asyncio
import math
from collections.abc import Awaitable, Callable, Coroutine, Iterable, Iterator
from contextlib import contextmanager
from types import TracebackType
from typing import Any, TypeVar

from hawk.ble.radio import Conversation
from hawk.errors import BluetoothError

R = TypeVar("R")

_ALL = "end the conversation"

# What came over the link: a notification, or the reason why nothing more will come.
News = asyncio.Queue[bytes | BluetoothError]


async def talk(conversation: Conversation, news: News, write: Callable[[bytes], Awaitable[None]]) -> None:
    """Until it is done. Raises the error in `news`, and what `write` and the conversation raise."""
    await _write_all(conversation.begin(), write)
    while not conversation.done:
        await _write_all(await _turn(conversation, news), write)


async def _turn(conversation: Conversation, news: News) -> Iterable[bytes]:
    try:
        came = await _next(news, conversation.quiet)
    except TimeoutError:
        return conversation.silent()
    if isinstance(came, BluetoothError):
        raise came
    return conversation.receive(came)


async def _next(news: News, seconds: float) -> bytes | BluetoothError:
    if not news.empty():  # a timer costs more than all the rest here
        return news.get_nowait()
    async with asyncio.timeout(seconds):
        return await news.get()


async def _write_all(frames: Iterable[bytes], write: Callable[[bytes], Awaitable[None]]) -> None:
    for frame in frames:
        await write(frame)


# -- deadlines -------------------------------------------------------------------------------


class Deadlines:
    """Of a session and its steps, for the price of one timer: each of asyncio's costs a session more
    than all that is said in it.
    """

    def __init__(self, whole: float, step: float) -> None:
        """In seconds. What does not end in time raises TimeoutError out of `async with`; `what` is
        then what was waited for.
        """
        self._whole, self._step = whole, step
        self._timeout = asyncio.timeout(None)
        self._clock = asyncio.get_running_loop()
        self._end = self._until = math.inf
        self.what = _ALL

    async def __aenter__(self) -> None:
        await self._timeout.__aenter__()
        now = self._clock.time()
        self._end = self._until = now + self._whole
        self._timer = self._clock.call_at(min(self._end, now + self._step), self._look)

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._timer.cancel()
        await self._timeout.__aexit__(kind, error, trace)

    @contextmanager
    def step(self, what: str) -> Iterator[None]:
        """`what` the device has to do within one step's time."""
        self.what, self._until = what, min(self._end, self._clock.time() + self._step)
        yield
        self.what, self._until = _ALL, self._end

    def _look(self) -> None:
        """Never later than a deadline: none is set that ends sooner than one step from its beginning."""
        now = self._clock.time()
        if now >= self._until:
            self._timeout.reschedule(now)
        else:
            self._timer = self._clock.call_at(min(self._until, now + self._step), self._look)


# -- waiting ---------------------------------------------------------------------------------


async def bounded(coroutine: Coroutine[Any, Any, R], seconds: float, undo: float) -> R:
    """Its result. It is given up when the caller is cancelled, or after `seconds` with
    TimeoutError, and then has `undo` seconds to clean up.
    """
    task = asyncio.create_task(coroutine)
    try:
        await asyncio.wait({task}, timeout=seconds)
        if not task.done():
            raise TimeoutError
        return task.result()
    finally:
        if not task.done():
            task.cancel()
            try:
                await _outlast(task, undo)
            finally:
                task.cancel()  # out of a clean-up that hangs


async def finished(coroutine: Coroutine[Any, Any, R], seconds: float) -> R:
    """Its result, even if the caller is cancelled meanwhile: that goes on when it has ended.

    After `seconds` it is given up, with TimeoutError.
    """
    task = asyncio.create_task(coroutine)
    try:
        await _outlast(task, seconds)
        if not task.done():
            raise TimeoutError
        return task.result()
    finally:
        task.cancel()


async def _outlast(task: asyncio.Task[Any], seconds: float) -> None:
    """Waits for its end, for so long; a cancellation meanwhile is raised afterwards."""
    task.add_done_callback(_look)
    clock = asyncio.get_running_loop()
    deadline, cancelled = clock.time() + seconds, None
    while not task.done() and clock.time() < deadline:
        try:
            await asyncio.wait({task}, timeout=deadline - clock.time())
        except asyncio.CancelledError as error:
            cancelled = error
    if cancelled is not None:
        raise cancelled


def _look(task: asyncio.Task[Any]) -> None:
    """An exception that nobody looked at is a complaint of asyncio's in the log."""
    if not task.cancelled():
        task.exception()
