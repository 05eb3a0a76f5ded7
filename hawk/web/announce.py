"""mDNS: the service is found in the local network as `_battery-hawk._tcp.local.` (python-zeroconf)."""

import asyncio
import contextlib
import logging
import socket
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any, Self

import trio

from actors import Actor
from actors.bridge import Bridge, LoopGone
from hawk.config.messages import Follow
from hawk.config.schema import Settings, is_loopback
from hawk.web.announcement import KIND, Announcement, Place, announcement
from hawk.web.entrance import EntranceMoved

if TYPE_CHECKING:
    from zeroconf.asyncio import AsyncZeroconf

LOOK = 60.0  # [s] between two looks at the addresses of this machine, and between two tries
FAREWELL = 2.0  # [s]

log = logging.getLogger(__name__)


class CannotAnnounce(Exception):
    """The network refuses, or is not there yet."""


class Beacon:
    """One announcement, in the network from `start` on. Lives in an asyncio loop."""

    def __init__(self, zeroconf: "AsyncZeroconf") -> None:
        self._zeroconf = zeroconf

    @classmethod
    async def start(cls, said: Announcement) -> Self:
        """Raises CannotAnnounce."""
        from zeroconf import Error, IPVersion
        from zeroconf.asyncio import AsyncServiceInfo, AsyncZeroconf

        info = AsyncServiceInfo(
            KIND,
            f"{said.name}.{KIND}",
            said.port,
            properties=said.properties,
            server=said.host,
            parsed_addresses=list(said.addresses),
        )
        try:
            zeroconf = AsyncZeroconf(interfaces=list(said.addresses), ip_version=IPVersion.V4Only)
        except OSError as error:
            raise CannotAnnounce(str(error)) from None
        try:
            await (await zeroconf.async_register_service(info, allow_name_change=True))
        except (Error, OSError) as error:
            await cls(zeroconf).end()
            raise CannotAnnounce(str(error) or type(error).__name__) from None
        except asyncio.CancelledError:
            await cls(zeroconf).end()
            raise
        return cls(zeroconf)

    async def end(self) -> None:
        """Says goodbye: nobody shows the service any more."""
        await self._zeroconf.async_close()


class AnnouncerActor(Actor):
    """Says what `wanted` says, whenever that is another: it is asked in a thread, once a minute, and at once after
    a change of the settings or a move.
    """

    stop_grace = FAREWELL + 1.0

    def __init__(self, wanted: Callable[[], Announcement | None]) -> None:
        super().__init__()
        self._wanted = wanted
        self._bridge = Bridge("mDNS")
        self._said: Announcement | None = None
        self._beacon: Beacon | None = None
        self._at_work = trio.Lock()  # the end waits for what is under way: half a goodbye leaves sockets open
        self._trouble = ""
        self._look = trio.Event()

    async def setup(self) -> None:
        self.subscribe(EntranceMoved)
        self.spawn(self._bridge.run)
        self.spawn(self._keep_announcing)

    async def teardown(self, error: Exception | None) -> None:  # noqa: ARG002  # it makes no difference
        with trio.move_on_after(FAREWELL), contextlib.suppress(LoopGone):
            async with self._at_work:
                await self._fall_silent()

    def on_receive(self, message: Any) -> Any:
        match message:
            case Follow() | EntranceMoved():
                self._look.set()
                return None
            case _:
                return super().on_receive(message)

    async def _keep_announcing(self) -> None:
        await self._bridge.wait_open()
        while True:
            self._look = trio.Event()
            try:
                await self._follow(await trio.to_thread.run_sync(self._wanted))
                self._trouble = ""
            except CannotAnnounce as error:
                self._complain(str(error))
            with trio.move_on_after(LOOK):
                await self._look.wait()

    async def _follow(self, wanted: Announcement | None) -> None:
        """Raises CannotAnnounce."""
        async with self._at_work:
            if wanted == self._said:
                return
            await self._fall_silent()
            if wanted is not None:
                self._beacon = await self._bridge.call(Beacon.start, wanted)
                log.info("announced in the local network as %r", wanted.name)
            self._said = wanted

    async def _fall_silent(self) -> None:
        beacon, self._beacon, self._said = self._beacon, None, None
        if beacon is not None:
            await self._bridge.call(beacon.end)

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
