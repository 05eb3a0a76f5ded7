"""What is done for the log beside the writing: the look after a kill, the salvage, the ballast."""

import logging
from collections.abc import Awaitable, Callable

import trio

from hawk.errors import StoreUnavailable
from hawk.store.readings import Log

log = logging.getLogger(__name__)

INTERVAL = 60.0  # [s]

InWriter = Callable[[Callable[[], bool]], Awaitable[bool]]


class Care:
    def __init__(self, log: Log, in_writer: InWriter, reconsider: Callable[[], None]) -> None:
        """`reconsider` is called when something may have changed about the state of the store."""
        self._log, self._in_writer, self._reconsider = log, in_writer, reconsider
        self._wanted = trio.Event()

    def want(self) -> None:
        """Soon, instead of in a minute."""
        self._wanted.set()

    async def run(self) -> None:
        while True:
            self._wanted = trio.Event()
            try:
                await self._look_through()
                while await self._in_writer(self._log.salvage):
                    pass
            except StoreUnavailable as error:
                log.debug("%s; looked after later", error)  # who writes says it
            await trio.to_thread.run_sync(self._log.ballast.make)
            self._reconsider()
            with trio.move_on_after(INTERVAL):
                await self._wanted.wait()

    async def _look_through(self) -> None:
        if self._log.doubtful:
            log.info("the service before this one did not end in order: looking through the log")
            await trio.to_thread.run_sync(self._log.look_through, abandon_on_cancel=True)
            self._reconsider()
