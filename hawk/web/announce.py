"""mDNS: the service is found in the local network as `_battery-hawk._tcp.local.` (python-zeroconf)."""

import contextlib
import logging
import socket
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any, Self

import trio

from actors import Actor
from hawk.config.messages import Follow
from hawk.config.schema import Settings, is_loopback
from hawk.web.announcement import KIND, Announcement, Place, announcement
from hawk.web.entrance import EntranceMoved

if TYPE_CHECKING:
    from zeroconf import Zeroconf

LOOK = 60.0  # [s] between two looks at the addresses of this machine, and between two tries
FAREWELL = 2.0  # [s]

log = logging.getLogger(__name__)


class CannotAnnounce(Exception):
    """The network refuses, or is not there yet."""


class Beacon:
    """One announcement, in the network from `start` on. All of it blocks, for a second at most."""

    def __init__(self, zeroconf: "Zeroconf") -> None:
        self._zeroconf = zeroconf

    @classmethod
    def start(cls, said: Announcement) -> Self:
        """Raises CannotAnnounce."""
        from zeroconf import Error, IPVersion, ServiceInfo, Zeroconf

        info = ServiceInfo(
            KIND,
            f"{said.name}.{KIND}",
            said.port,
            properties=said.properties,
            server=said.host,
            parsed_addresses=list(said.addresses),
        )
        try:
            zeroconf = Zeroconf(interfaces=list(said.addresses), ip_version=IPVersion.V4Only)
        except OSError as error:
            raise CannotAnnounce(str(error)) from None
        try:
            zeroconf.register_service(info, allow_name_change=True)
        except (Error, OSError) as error:
            zeroconf.close()
            raise CannotAnnounce(str(error) or type(error).__name__) from None
        return cls(zeroconf)

    def end(self) -> None:
        """Says goodbye: nobody shows the service any more."""
        self._zeroconf.close()


class AnnouncerActor(Actor):
    """Says what `wanted` says, whenever that is another: it is asked in a thread, once a minute, and at once after
    a change of the settings or a move.
    """

    def __init__(self, wanted: Callable[[], Announcement | None]) -> None:
        super().__init__()
        self._wanted = wanted
        self._said: Announcement | None = None
        self._beacon: Beacon | None = None
        self._trouble = ""
        self._look = trio.Event()

    async def setup(self) -> None:
        self.subscribe(EntranceMoved)
        self.spawn(self._announce_until_the_end)

    def on_receive(self, message: Any) -> Any:
        match message:
            case Follow() | EntranceMoved():
                self._look.set()
                return None
            case _:
                return super().on_receive(message)

    async def _announce_until_the_end(self) -> None:
        """Nothing is left behind by an end in the middle of a beginning: that one is waited for."""
        try:
            await self._keep_announcing()
        finally:
            with trio.move_on_after(FAREWELL, shield=True):
                await trio.to_thread.run_sync(self._fall_silent, abandon_on_cancel=True)

    async def _keep_announcing(self) -> None:
        while True:
            self._look = trio.Event()
            try:
                await trio.to_thread.run_sync(self._follow)
                self._trouble = ""
            except CannotAnnounce as error:
                self._complain(str(error))
            with trio.move_on_after(LOOK):
                await self._look.wait()

    def _follow(self) -> None:
        if (wanted := self._wanted()) == self._said:
            return
        self._fall_silent()
        if wanted is not None:
            self._beacon = Beacon.start(wanted)
            log.info("announced in the local network as %r", wanted.name)
        self._said = wanted

    def _fall_silent(self) -> None:
        beacon, self._beacon, self._said = self._beacon, None, None
        if beacon is not None:
            beacon.end()

    def _complain(self, trouble: str) -> None:
        """Once: it is asked again every minute."""
        if trouble != self._trouble:
            log.warning(
                "the service cannot be announced in the local network (%s); it works all the same, at its address."
                " zeroconf.enabled switches this off",
                trouble,
            )
        self._trouble = trouble


def wanted_now(settings: Settings, gateway_id: str, listener: socket.socket) -> Announcement | None:
    """Blocks a little: the kernel is asked for the addresses."""
    address, port = listener.getsockname()[:2]
    if not settings.zeroconf.enabled or is_loopback(address):
        return None
    return announcement(settings, gateway_id, socket.gethostname(), (address, port), places())


def places() -> Iterator[Place]:
    import ifaddr

    with contextlib.suppress(OSError):
        for adapter in ifaddr.get_adapters():
            for each in adapter.ips:
                if isinstance(each.ip, str):  # IPv6 has a tuple
                    yield Place(adapter.name, each.ip)
