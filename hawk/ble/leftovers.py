"""Links of a former process that was killed: which ones may be ended at the start. Pure."""

from collections.abc import Callable, Iterable

from hawk.model.address import Address
from hawk.model.device import Device, Lifecycle


class Leftovers:
    """Looked for once in the life of a process, the first time Bluetooth works; whoever holds a link
    later is another program, and is not disturbed.
    """

    def __init__(self, *, killed: bool, released: Callable[[Address], bool]) -> None:
        """`killed`: the former process on this data folder did not end by itself. `released`: the
        device is left to others."""
        self._looked_for, self._released = not killed, released

    def suspects(self, devices: Iterable[Device]) -> tuple[Address, ...]:
        """The devices that the former process may have been reading."""
        if self._looked_for:
            return ()
        configured = (d.address for d in devices if d.lifecycle is Lifecycle.CONFIGURED)
        return tuple(address for address in configured if not self._released(address))

    def ended(self) -> None:
        """They have been looked for."""
        self._looked_for = True
