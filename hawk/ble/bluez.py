"""BlueZ asked directly over D-Bus, for what bleak does not tell.

That is: which adapters there are, which links the daemon holds, and the news that all hearing
has ended (bleak raises nothing then, its scanner just falls silent). Each object is a D-Bus
connection of its own, for as long as it is open. For asyncio.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Collection, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass
from typing import Any

from dbus_fast import AuthError, BusType, DBusError, Message, MessageType, Variant, unpack_variants
from dbus_fast.aio import MessageBus

from hawk.ble import refusal
from hawk.errors import NoAdapter
from hawk.model.address import Address, parse_address

_BLUEZ = "org.bluez"
_ADAPTER = "org.bluez.Adapter1"
_DEVICE = "org.bluez.Device1"
_PROPERTIES = "org.freedesktop.DBus.Properties"
_DBUS = "org.freedesktop.DBus"
_ANSWER = 12.0  # [s] the daemon takes 2 s to let a link go, more when the device is silent

Objects = Mapping[str, Mapping[str, Mapping[str, Any]]]  # path -> interface -> property -> value


@dataclass(frozen=True, slots=True)
class Adapter:
    name: str  # "hci0"
    powered: bool


@dataclass(frozen=True, slots=True)
class KnownDevice:
    path: str
    address: Address
    adapter: str
    connected: bool
    rssi: int | None = None  # [dBm]; None while it is not heard


@dataclass(frozen=True, slots=True)
class Moved:
    """An adapter came or went: which there are is to be looked up again."""

    adapter: str
    there: bool


class Bluez:
    def __init__(self, bus: MessageBus) -> None:
        self._bus = bus
        self._watcher: asyncio.Task[None] | None = None

    @staticmethod
    @asynccontextmanager
    async def opened() -> AsyncIterator["Bluez"]:
        """Raises NoAdapter when there is no D-Bus to speak to."""
        bus = MessageBus(bus_type=BusType.SYSTEM, auth_timeout=_ANSWER)
        with _translated():
            await bus.connect()
        try:
            yield Bluez(bus)
        finally:
            bus.disconnect()
            with suppress(OSError, EOFError):  # how the connection ended matters to nobody now
                await _ended(bus)

    @property
    def connected(self) -> bool:
        """Whether the bus is still there; dbus-fast never answers a call on a broken connection."""
        return bool(self._bus.connected)

    async def adapters(self) -> tuple[Adapter, ...]:
        return adapters_in(await self._objects())

    async def devices(self, adapters: Collection[str] = ()) -> tuple[KnownDevice, ...]:
        """Those known to these adapters; with none named, or "all", to any."""
        known, every = devices_in(await self._objects()), not adapters or "all" in adapters
        return tuple(device for device in known if every or device.adapter in adapters)

    async def connected_to(self, address: Address, path: str) -> bool:
        """Whether the daemon holds a link to the device there. Raises BluetoothError."""
        try:
            (connected,) = await self._call(path, _PROPERTIES, "Get", _DEVICE, "Connected", address=address)
        except _NoSuchLinkError:
            return False
        return bool(connected.value)

    async def disconnect(self, address: Address, path: str) -> None:
        """Ends the link, or the attempt to make one. Raises BluetoothError."""
        with suppress(_NoSuchLinkError):
            await self._call(path, _DEVICE, "Disconnect", address=address)

    async def paired(self, address: Address, path: str) -> bool:
        """Whether the daemon keeps keys for the device there. Raises BluetoothError."""
        try:
            (paired,) = await self._call(path, _PROPERTIES, "Get", _DEVICE, "Paired", address=address)
        except _NoSuchLinkError:
            return False
        return bool(paired.value)

    async def start_discovery(self, adapter: str) -> None:
        """Until `stop_discovery`, or the end of this connection."""
        await self._call(f"/org/bluez/{adapter}", _ADAPTER, "StartDiscovery")

    async def stop_discovery(self, adapter: str) -> None:
        await self._call(f"/org/bluez/{adapter}", _ADAPTER, "StopDiscovery")

    async def power(self, adapter: str, *, on: bool) -> None:
        await self._send(
            f"/org/bluez/{adapter}", _PROPERTIES, "Set", "ssv", [_ADAPTER, "Powered", Variant("b", on)]
        )

    async def bus_id(self) -> str:
        """Of the D-Bus daemon: another one, another machine or container."""
        (found,) = await self._call("/org/freedesktop/DBus", _DBUS, "GetId", to=_DBUS)
        return str(found)

    async def watch(
        self, used: Collection[str], wanted: Collection[str], tell: Callable[[NoAdapter | Moved], None]
    ) -> None:
        """From now on tells when an adapter that is then in `used` goes, when one of the `wanted` comes or
        goes, and when the daemon or the bus ends.
        """

        def heard(message: Message) -> None:
            if message.message_type is MessageType.SIGNAL and (news := change_in(message, used, wanted)):
                tell(news)

        self._bus.add_message_handler(heard)
        for rule in (
            f"type='signal',sender='org.freedesktop.DBus',member='NameOwnerChanged',arg0='{_BLUEZ}'",
            f"type='signal',sender='{_BLUEZ}',member='PropertiesChanged',arg0='{_ADAPTER}'",
            f"type='signal',sender='{_BLUEZ}',member='InterfacesRemoved'",
            f"type='signal',sender='{_BLUEZ}',member='InterfacesAdded'",
        ):
            await self._call("/org/freedesktop/DBus", _DBUS, "AddMatch", rule, to=_DBUS)
        self._watcher = asyncio.create_task(self._watch_bus(tell))

    async def _watch_bus(self, tell: Callable[[NoAdapter], None]) -> None:
        try:
            await _ended(self._bus)
        except (OSError, EOFError) as error:
            tell(refusal.no_bus(error))

    async def _objects(self) -> Objects:
        (objects,) = await self._call("/", "org.freedesktop.DBus.ObjectManager", "GetManagedObjects")
        return unpack_variants(objects)  # type: ignore[no-any-return]  # the library says Any

    async def _call(
        self,
        path: str,
        interface: str,
        member: str,
        *arguments: str,
        to: str = _BLUEZ,
        address: Address | None = None,
    ) -> list[Any]:
        signature = "s" * len(arguments)
        return await self._send(path, interface, member, signature, list(arguments), to=to, address=address)

    async def _send(
        self,
        path: str,
        interface: str,
        member: str,
        signature: str,
        body: list[Any],
        *,
        to: str = _BLUEZ,
        address: Address | None = None,
    ) -> list[Any]:
        question = Message(
            destination=to, path=path, interface=interface, member=member, signature=signature, body=body
        )
        with _translated():
            async with asyncio.timeout(_ANSWER):
                reply = await self._bus.call(question)
        if reply.message_type is not MessageType.ERROR:
            return reply.body
        error, text = reply.error_name or "", " ".join(str(part) for part in reply.body)
        if address is not None and error.endswith(("UnknownObject", "NotConnected", "DoesNotExist")):
            raise _NoSuchLinkError
        raise refusal.refused(error, text, address)


class _NoSuchLinkError(Exception):
    """Nothing is left to disconnect."""


async def _ended(bus: MessageBus) -> None:
    await bus.wait_for_disconnect()  # type: ignore[no-untyped-call]  # dbus-fast left it untyped


@contextmanager
def _translated() -> Iterator[None]:
    try:
        yield
    except TimeoutError as error:
        raise refusal.daemon_silent() from error
    except AuthError as error:
        raise refusal.no_permission(str(error)) from error
    except DBusError as error:
        raise refusal.refused(str(error.type), error.text) from error
    except (OSError, EOFError, ValueError) as error:
        raise refusal.no_bus(error) from error


def adapters_in(objects: Objects) -> tuple[Adapter, ...]:
    """The adapters that can connect to devices, by name."""
    found = [
        Adapter(adapter_of(path), bool(interfaces[_ADAPTER].get("Powered")))
        for path, interfaces in objects.items()
        if _ADAPTER in interfaces and "central" in interfaces[_ADAPTER].get("Roles", ("central",))
    ]
    return tuple(sorted(found, key=lambda adapter: (len(adapter.name), adapter.name)))


def devices_in(objects: Objects) -> tuple[KnownDevice, ...]:
    return tuple(
        KnownDevice(
            path,
            parse_address(interfaces[_DEVICE]["Address"]),
            adapter_of(path),
            bool(interfaces[_DEVICE].get("Connected")),
            interfaces[_DEVICE].get("RSSI"),
        )
        for path, interfaces in objects.items()
        if _DEVICE in interfaces
    )


def change_in(signal: Message, used: Collection[str], wanted: Collection[str]) -> NoAdapter | Moved | None:
    """What this signal of BlueZ or of the bus changes for who listens with the adapters in `used`.
    NoAdapter is the end of all of them.
    """
    match signal.member, signal.body:
        case "NameOwnerChanged", [str(name), str(), str()] if name == _BLUEZ:
            return refusal.no_daemon()
        case "PropertiesChanged", [str(interface), dict(changed), list()] if interface == _ADAPTER:
            if "Powered" in changed:
                return _moved(adapter_of(signal.path or ""), changed["Powered"].value, used, wanted)
        case "InterfacesRemoved", [str(path), list(interfaces)] if _ADAPTER in interfaces:
            return _moved(adapter_of(path), False, used, wanted)
        case "InterfacesAdded", [str(path), dict(interfaces)] if _ADAPTER in interfaces:
            return _moved(adapter_of(path), True, used, wanted)
    return None


def _moved(name: str, there: bool, used: Collection[str], wanted: Collection[str]) -> Moved | None:
    asked = not {name, "all"}.isdisjoint(wanted)
    concerns = asked and name not in used if there else asked or name in used
    return Moved(name, there) if concerns else None


def chosen(there: Collection[Adapter], wanted: Collection[str]) -> tuple[str, ...]:
    """The adapters to listen with: the wanted ones that work, or the first one that works;
    "all" are wanted by that word.

    Raises NoAdapter when none does.
    """
    every = "all" in wanted
    asked = [a for a in there if a.name in wanted] if wanted and not every else list(there)
    if working := [a.name for a in asked if a.powered]:
        return tuple(working) if wanted else (working[0],)
    if asked:
        raise refusal.powered_off(asked[0].name)
    if wanted and not every:
        raise refusal.adapter_missing(next(iter(wanted)))
    raise refusal.no_adapter()


def idle(
    there: Collection[Adapter], wanted: Collection[str], used: Collection[str]
) -> Mapping[str, NoAdapter]:
    """Those that were used or are wanted and do not work, with the reason."""
    named = set(used) | {name for name in wanted if name != "all"}
    if "all" in wanted:
        named |= {adapter.name for adapter in there}
    powered = {adapter.name: adapter.powered for adapter in there}
    return {
        name: refusal.powered_off(name) if name in powered else refusal.adapter_missing(name)
        for name in sorted(named)
        if not powered.get(name)
    }


def adapter_of(path: str) -> str:
    """The hci0 in /org/bluez/hci0/dev_50_54_7B_00_11_22."""
    parts = path.split("/")
    return parts[3] if len(parts) > 3 else ""
