"""A pykka future that is awaited in Trio and read from any other thread."""

from __future__ import annotations

import contextlib
import queue
import sys
import threading
from collections.abc import Callable, Generator
from typing import TYPE_CHECKING, Any, TypeVar

import outcome
import pykka
import trio

from actors.messages import AskTimeout

if TYPE_CHECKING:
    from pykka._types import OptExcInfo

T = TypeVar("T")


class WouldBlock(RuntimeError):
    """`get()` was called in the Trio thread before the result was there."""

    def __init__(self, future: Future[Any]) -> None:
        super().__init__("get() would block Trio: await the future instead")
        self.future = future


class Future(pykka.Future[T]):
    """`await future.within(seconds)` in Trio, `future.get(timeout=seconds)` in other threads.

    pykka derives futures (`map`, `join`, `ref.stop()`) by a hook that reads another one. In the
    Trio thread that reading raises WouldBlock; waiting for the future it names and asking again
    makes them all work unchanged.
    """

    def __init__(self) -> None:
        super().__init__()
        self._lock = threading.Lock()
        self._outcome: outcome.Maybe[T] | None = None
        self._wakers: list[Callable[[], object]] = []
        self._on_given_up: list[Callable[[], object]] = []
        self.given_up = False  # nobody waits for the answer any more
        self._read = False

    # -- waiting -----------------------------------------------------------------------------

    def __await__(self) -> Generator[Any, Any, T]:
        return self._wait().__await__()

    __iter__ = __await__

    async def within(self, seconds: float) -> T:
        """Raises AskTimeout when there is no answer by then; the ask is given up."""
        with trio.move_on_after(seconds):
            return await self._wait()
        raise AskTimeout(f"no answer within {seconds:g} s")

    def get(self, *, timeout: float | None = None) -> T:
        if self._get_hook is not None:  # derived: pykka asks the one it comes from
            return super().get(timeout=timeout)
        if self._outcome is None:
            if trio.lowlevel.in_trio_run():
                raise WouldBlock(self)
            resolved = threading.Event()
            self._wake_with(resolved.set)
            if not resolved.wait(timeout):
                self._give_up()
                raise pykka.Timeout(f"{timeout} seconds")
        return self._answer()

    def _answer(self) -> T:
        assert self._outcome is not None
        self._read = True
        if isinstance(self._outcome, outcome.Error):  # not unwrap(): it can be read any number of times
            raise self._outcome.error
        return self._outcome.value

    async def _wait(self) -> T:
        try:
            await trio.lowlevel.checkpoint_if_cancelled()
        except trio.Cancelled:
            self._give_up()
            raise
        if self._get_hook is None:
            if self._outcome is None:
                await self._resolved()
            return self._answer()
        while True:
            try:
                return self.get()
            except WouldBlock as pending:
                await pending.future._resolved()

    async def _resolved(self) -> None:
        event, token = trio.Event(), trio.lowlevel.current_trio_token()

        def wake() -> None:
            if trio.lowlevel.in_trio_run():
                event.set()
            else:
                token.run_sync_soon(event.set)

        self._wake_with(wake)
        try:
            await event.wait()
        except trio.Cancelled:
            self._give_up()
            raise

    @property
    def settled(self) -> bool:
        return self._outcome is not None

    # -- answering ---------------------------------------------------------------------------

    def set(self, value: T | None = None) -> None:
        self._resolve(outcome.Value(value))  # type: ignore[arg-type]  # pykka types it so

    def set_exception(self, exc_info: OptExcInfo | None = None) -> None:
        error = (exc_info or sys.exc_info())[1]
        assert error is not None
        self._resolve(outcome.Error(error))

    def offer(self, value: T | None, error: BaseException | None) -> bool:
        """Resolves it unless it is resolved already; whether somebody still waits."""
        with contextlib.suppress(queue.Full):
            self._resolve(outcome.Value(value) if error is None else outcome.Error(error))  # type: ignore[arg-type]  # pykka types it so
            return not self.given_up
        return False

    def when_given_up(self, callback: Callable[[], object]) -> None:
        """Calls it in the thread of whoever gives up; at once if that has happened."""
        if self.given_up:
            callback()
        else:
            self._on_given_up.append(callback)

    def _give_up(self) -> None:
        """Also when an answer came at the last moment: who was cancelled will not read it."""
        if not self._read and not self.given_up:
            self.given_up = True
            for callback in self._on_given_up:
                callback()

    def _wake_with(self, waker: Callable[[], object]) -> None:
        with self._lock:
            if self._outcome is None:
                self._wakers.append(waker)
                return
        waker()

    def _resolve(self, result: outcome.Maybe[T]) -> None:
        with self._lock:
            if self._outcome is not None or self._get_hook is not None:
                raise queue.Full  # what pykka raises
            self._outcome = result
            wakers, self._wakers = self._wakers, []
        for waker in wakers:
            waker()
