"""Readings on their way to the log. The store may be slow; a device must not wait for it."""

import logging
from collections import deque
from typing import Any

import trio

from actors import ActorRef
from hawk.model.reading import Reading

MOST = 1_000  # readings of one device; the oldest give way
FAREWELL = 3.0  # [s] for what is left when the device ends

log = logging.getLogger(__name__)


class Outbox:
    def __init__(self, store: ActorRef[Any], most: int = MOST) -> None:
        self._store, self._most = store, most
        self._waiting: deque[Reading] = deque()
        self._in_hand: Reading | None = None
        self._came = trio.Event()
        self.dropped = 0
        self._dropping = False

    def put(self, reading: Reading) -> None:
        if len(self._waiting) >= self._most:
            self._drop(self._waiting.popleft())
        self._waiting.append(reading)
        self._came.set()

    async def run(self) -> None:
        while True:
            await self._came.wait()
            self._came = trio.Event()
            await self._send_all()

    async def flush(self) -> None:
        """What `run` could not send any more."""
        with trio.move_on_after(FAREWELL):
            await self._send_all()
        for reading in ([self._in_hand] if self._in_hand else []) + list(self._waiting):
            self._drop(reading)

    async def _send_all(self) -> None:
        while self._in_hand or self._waiting:
            self._in_hand = self._in_hand or self._waiting.popleft()
            await self._store.send(self._in_hand)
            self._in_hand, self._dropping = None, False

    def _drop(self, reading: Reading) -> None:
        self.dropped += 1
        if not self._dropping:
            log.warning("the store takes nothing: readings of %s are being lost", reading.device_id)
        self._dropping = True
