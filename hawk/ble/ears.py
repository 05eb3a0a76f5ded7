"""Several adapters side by side: each is listened to by a task of its own, and tried again by itself.

For asyncio; no bleak.
"""

import asyncio
from collections.abc import Callable, Collection, Iterator
from contextlib import AbstractAsyncContextManager, suppress

from hawk.ble.radio import Told
from hawk.ble.recovery import Patience
from hawk.errors import BluetoothError, BluetoothStuck

_PATIENCE = Patience()


class Ears(Collection[str]):
    """The adapters that are listened with, or would be if they let us."""

    def __init__(
        self,
        scanning: Callable[[str], AbstractAsyncContextManager[None]],
        told: Told,
        lost: Callable[[Exception], None],
    ) -> None:
        """`scanning` an adapter raises BluetoothError when that cannot begin. `lost` hears why none of
        them works, and of mistakes.
        """
        self._scanning, self._told, self._lost = scanning, told, lost
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._again: dict[str, asyncio.Event] = {}
        self._troubles: dict[str, BluetoothError | None] = {}  # without those that just begin

    def __contains__(self, adapter: object) -> bool:
        return adapter in self._tasks

    def __iter__(self) -> Iterator[str]:
        return iter(self._tasks)

    def __len__(self) -> int:
        return len(self._tasks)

    async def follow(self, adapters: Collection[str]) -> None:
        """With these from now on, and no others."""
        await self.end(self._tasks.keys() - set(adapters))
        for adapter in adapters:
            if adapter not in self._tasks:
                self._tasks[adapter] = asyncio.create_task(self._hear(adapter))
                self._tasks[adapter].add_done_callback(self._look)

    async def end(self, adapters: Collection[str]) -> None:
        tasks = [self._tasks.pop(adapter) for adapter in adapters if adapter in self._tasks]
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks)
        for adapter in adapters:
            self._troubles.pop(adapter, None)

    def again(self, adapter: str) -> None:
        """With a new scan; at once if it waits after a failure."""
        if adapter in self._tasks:
            self._again[adapter].set()

    async def _hear(self, adapter: str) -> None:
        failures = 0
        while True:
            again = self._again[adapter] = asyncio.Event()
            try:
                async with self._scanning(adapter):
                    failures = 0
                    self._say(adapter, None)
                    await again.wait()
            except BluetoothError as error:
                failures += 1
                self._say(adapter, error)
                with suppress(TimeoutError):
                    await asyncio.wait_for(again.wait(), _PATIENCE.retry_after(failures))

    def _say(self, adapter: str, trouble: BluetoothError | None) -> None:
        self._told(adapter, trouble)
        self._troubles[adapter] = trouble
        troubles = [self._troubles[each] for each in self._tasks if each in self._troubles]
        failed = [each for each in troubles if each is not None]
        if len(failed) == len(self._tasks):
            self._lost(next((each for each in failed if isinstance(each, BluetoothStuck)), failed[0]))

    def _look(self, task: asyncio.Task[None]) -> None:
        """A mistake in here is not to be lost with its task."""
        if not task.cancelled() and isinstance(error := task.exception(), Exception):
            self._lost(error)
