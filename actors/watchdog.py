"""Notices that the Trio thread stands still, from a thread of its own."""

from __future__ import annotations

import contextlib
import faulthandler
import os
import socket
import sys
import threading
import time
from collections.abc import Callable

import trio


def notify_systemd(state: str) -> None:
    """Tells the service manager, if there is one ("READY=1", "WATCHDOG=1", "STOPPING=1")."""
    path = os.environ.get("NOTIFY_SOCKET")
    if not path:
        return
    address = "\0" + path[1:] if path.startswith("@") else path
    with contextlib.suppress(OSError), socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.sendto(state.encode(), address)


class Watchdog:
    """After `patience` seconds without a beat of the Trio thread it dumps all stacks and ends the process."""

    def __init__(
        self, beat: float = 5.0, patience: float = 60.0, end: Callable[[int], object] = os._exit
    ) -> None:
        self._beat, self._patience, self._end = beat, patience, end
        self._last = time.monotonic()

    async def run(self) -> None:
        """Beats until cancelled; the thread that listens ends with it."""
        over = threading.Event()
        threading.Thread(target=self._listen, args=(over,), name="watchdog", daemon=True).start()
        try:
            while True:
                self._last = time.monotonic()
                notify_systemd("WATCHDOG=1")
                await trio.sleep(self._beat)
        finally:
            over.set()

    def _listen(self, over: threading.Event) -> None:
        while not over.wait(min(self._beat, self._patience) / 4):
            if time.monotonic() - self._last > self._patience:
                sys.stderr.write(f"no beat for {self._patience:g} s: the process hangs; all stacks:\n")
                faulthandler.dump_traceback(all_threads=True)
                self._end(70)
                return
