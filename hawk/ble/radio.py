"""The radio as the rest of the program sees it: two implementations, bleak's and a simulated one.

A session is one call, `converse`, so that its end, however it comes, always releases the link
(a Trio deadline around single steps would cancel the clean-up too).
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from hawk.drivers.api import Gatt
from hawk.model.address import Address
from hawk.model.advertisement import Advertisement
from hawk.model.device import LinkState


@dataclass(frozen=True, slots=True)
class Limits:
    """Deadlines of one session, in seconds."""

    connect: float = 45.0  # to a link with its services known
    session: float = 60.0  # from there to the last frame

    @property
    def longest(self) -> float:
        """After this a session has ended or hangs: BlueZ may take 10 s to let a link go."""
        return self.connect + self.session + 15.0


class Conversation(Protocol):
    """What is said over one link; pure, driven by the radio."""

    quiet: float  # [s] of silence after which `silent` is called

    def begin(self) -> tuple[bytes, ...]:
        """To be written once notifications are on."""
        ...

    def receive(self, frame: bytes) -> tuple[bytes, ...]:
        """A notification came; what to write next. Raises Undecodable when too many made no sense."""
        ...

    def silent(self) -> tuple[bytes, ...]:
        """Nothing came for `quiet` seconds; what to write next. Raises SilentDevice or
        Undecodable when its patience has ended."""
        ...

    @property
    def done(self) -> bool: ...


class Radio(Protocol):
    """All methods raise BluetoothError, and nothing else that is expected."""

    simulated: bool

    async def run(self) -> None:
        """Serves the other methods until cancelled; raises when its loop dies. Can be run again."""
        ...

    async def scan(self, heard: Callable[[Advertisement], None]) -> None:
        """Listens until cancelled, calling `heard` in the Trio thread for each advertisement
        heard from now on. Raises NoAdapter when nothing can be heard (any more)."""
        ...

    async def converse(
        self,
        address: Address,
        gatt: Gatt,
        conversation: Conversation,
        limits: Limits,
        on_link: Callable[[LinkState], None],
    ) -> None:
        """One session: connect, subscribe, talk until `conversation.done`, release.

        Returns or raises only after the link is gone, also when cancelled. `on_link` hears
        CONNECTING, CONNECTED, DISCONNECTING, DISCONNECTED. Two sessions with one device at a
        time raise Busy."""
        ...

    async def drop(self, address: Address) -> None:
        """Makes sure that no link to this device is left."""
        ...

    async def links(self) -> tuple[Address, ...]:
        """Which devices the stack holds links to, ours or a killed predecessor's."""
        ...
