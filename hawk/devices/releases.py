"""Devices that are left to others for a while: a phone app, a display. Pure.

One table for the process, so that a device actor that restarts finds its release again. Times
are seconds of Trio's clock. A restart of the service ends all releases.
"""

import math

from hawk.model.address import Address


class Releases:
    def __init__(self) -> None:
        self._until: dict[Address, float] = {}
        self._all_until = -math.inf

    def release(self, address: Address | None, until: float) -> None:
        """One device, or all there are and will be; a later word counts more than an earlier one."""
        if address is None:
            self._all_until = until
        else:
            self._until[address] = until

    def end(self, address: Address | None) -> None:
        """For all: also of those that were released by themselves."""
        if address is None:
            self._until.clear()
            self._all_until = -math.inf
        else:
            self._until.pop(address, None)

    def until(self, address: Address, now: float) -> float | None:
        """When it may be connected to again; None if now."""
        latest = max(self._until.get(address, -math.inf), self._all_until)
        return latest if latest > now else None
