"""A sink, and the threads it is called in.

A thread that waits for the network cannot be ended. It is left alone instead: who called goes on at once,
and the sink is closed as soon as that thread lets go of it, or with the process.
"""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TypeVar

import trio

from hawk.errors import SinkUnreachable
from hawk.sinks.api import TIMEOUT, Sink

T = TypeVar("T")

PATIENCE = (
    4 * TIMEOUT
)  # [s] with a sink that does not keep its promise, or a name server that does not answer
MOST = 3  # threads at a time; all but one are left alone


class Line:
    """For one connection."""

    def __init__(self, sink: Sink, threads: trio.CapacityLimiter) -> None:
        self.sink = sink
        self._threads = threads
        self._using = threading.Lock()

    async def call(self, work: Callable[..., T], *args: object) -> T:
        """`work` is a method of the sink. Raises what that raises, and SinkUnreachable if it hangs."""
        with trio.move_on_after(PATIENCE):
            return await trio.to_thread.run_sync(
                self._alone, work, *args, abandon_on_cancel=True, limiter=self._threads
            )
        raise SinkUnreachable(f"no answer within {PATIENCE:g} s")

    def close(self) -> None:
        """Soon, by a thread that nobody waits for."""
        trio.lowlevel.start_thread_soon(lambda: self._alone(self.sink.close), lambda _: None)

    def _alone(self, work: Callable[..., T], *args: object) -> T:
        with self._using:
            return work(*args)


@contextmanager
def opened(make: Callable[[], Sink], threads: trio.CapacityLimiter) -> Iterator[Line]:
    line = Line(make(), threads)
    try:
        yield line
    finally:
        line.close()
