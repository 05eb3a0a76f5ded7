"""The radio as the rest of the program sees it: two implementations, bleak's and a simulated one.

A session is one call, `converse`, so that its end, however it comes, always releases the link
(a Trio deadline around single steps would cancel the clean-up too).
"""

from collections.abc import Callable, Collection
from dataclasses import dataclass
from typing import Any, Protocol

from hawk.drivers.api import Gatt, Library
from hawk.errors import BluetoothError, HeldByAnother
from hawk.model.address import Address
from hawk.model.advertisement import Advertisement
from hawk.model.device import LinkState
from hawk.model.reading import Sample

_SPARE = 5.0  # [s] for all between


@dataclass(frozen=True, slots=True)
class Limits:
    """Deadlines of one session, in seconds."""

    connect: float = 45.0  # to a link with its services known
    step: float = 15.0  # to subscribe, and for each command to be taken
    session: float = 60.0  # from the link to the last frame
    release: float = 10.0  # for a link to go, or an attempt to be undone: bluetoothd lets a link linger for 2
    confirm: float = 5.0  # to see that it went, and to ask once more

    @property
    def longest(self) -> float:
        """After this a session has ended or hangs."""
        return self.connect + self.release + self.session + self.release + self.confirm + _SPARE


def held_by_another(address: Address) -> HeldByAnother:
    """As the radio finds it, or whoever seeks it in vain."""
    return HeldByAnother(
        f"Another program on this machine holds the link to {address}, and only one can: end it there"
        " (Home Assistant's own Bluetooth, bluetoothctl, another gateway)."
    )


class Conversation(Protocol):
    """What is said over one link; pure, driven by the radio."""

    @property
    def quiet(self) -> float:
        """[s] of silence after which `silent` is called."""
        ...

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


# Of one adapter: why it does not hear (for now), None when it does.
Told = Callable[[str, BluetoothError | None], None]


def to_nobody(adapter: str, trouble: BluetoothError | None) -> None:
    """For those who only want to know whether any adapter hears."""


class Radio(Protocol):
    """All methods raise BluetoothError, and nothing else that is expected."""

    simulated: bool

    async def run(self) -> None:
        """Serves the other methods until cancelled; raises when its loop dies. Can be run again."""
        ...

    async def scan(self, heard: Callable[[Advertisement], None], told: Told = to_nobody) -> None:
        """Listens until cancelled, calling `heard` in the Trio thread for each advertisement
        heard from now on, and `told` when an adapter begins to hear, ceases to, or fails to once
        more. Each adapter is tried again by itself. Raises NoAdapter when none hears (any more)."""
        ...

    def rescan(self, adapter: str) -> None:
        """Starts the scan of this adapter anew; those of the others go on."""
        ...

    async def converse(
        self,
        address: Address,
        gatt: Gatt,
        conversation: Conversation,
        limits: Limits,
        on_link: Callable[[LinkState], None],
        adapter: str = "",
    ) -> None:
        """One session: connect, subscribe, talk until `conversation.done`, release.

        Returns or raises only after the link is gone, also when cancelled. `on_link` hears
        CONNECTING, CONNECTED, DISCONNECTING, DISCONNECTED. Two sessions with one device at a
        time raise Busy; a link that another program holds raises HeldByAnother, and is left alone.
        Without `adapter`: through the one that hears the device best."""
        ...

    async def read_by_library(
        self,
        address: Address,
        library: Callable[[Any, Any], Library],
        limits: Limits,
        on_link: Callable[[LinkState], None],
        on_sample: Callable[[Sample], None],
        adapter: str = "",
    ) -> None:
        """One session, as `converse`, of a library that connects and talks by itself. `on_sample` is called
        as soon as there is one: the link takes seconds to end. Raises DriverFailed for its mistakes."""
        ...

    async def drop(self, address: Address) -> None:
        """Makes sure that no link of ours to this device is left."""
        ...

    async def links(self) -> tuple[Address, ...]:
        """Which devices the stack holds links to, ours or a killed predecessor's."""
        ...

    async def clear(self, addresses: Collection[Address]) -> tuple[Address, ...]:
        """Ends links that no session here holds, and says which there were: to these devices, and
        those of former sessions that nobody saw go."""
        ...

    async def renew(self) -> None:
        """Begins anew, with a new connection to the stack; ends all scans and sessions."""
        ...

    async def power_cycle(self, adapters: Collection[str] = ()) -> None:
        """Switches these adapters off and on, and with them ends their scans and sessions; with none
        named, all that are used. They are on again also when cancelled."""
        ...
