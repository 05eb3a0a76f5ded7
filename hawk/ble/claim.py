"""An adapter is used by one Battery Hawk at a time: two would take the links from each other."""

import socket
from collections.abc import Iterator
from contextlib import contextmanager

from hawk.ble import refusal


@contextmanager
def claimed(bus_id: str, adapter: str) -> Iterator[None]:
    """Raises NoAdapter when another process has it. The kernel frees it with the process."""
    with socket.socket(socket.AF_UNIX) as claim:
        try:
            claim.bind(f"\0battery-hawk/{bus_id}/{adapter}")
        except OSError:
            raise refusal.adapter_taken(adapter) from None
        yield
