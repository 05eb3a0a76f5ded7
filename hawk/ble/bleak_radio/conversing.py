"""A conversation with a device that is connected: subscribe, knock, write, hear."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress

from bleak import BleakClient
from bleak.backends.characteristic import BleakGATTCharacteristic
from bleak.exc import BleakError

from hawk.ble.radio import Conversation, Limits
from hawk.ble.talk import Deadlines, News, finished, talk
from hawk.drivers.api import Gatt
from hawk.errors import SilentDevice, Undecodable

_WRITABLE = frozenset({"write", "write-without-response"})
_NOTIFYING = frozenset({"notify", "indicate"})
_BASE = "-0000-1000-8000-00805f9b34fb"  # of the UUIDs that have a short form


def clear(news: News) -> None:
    while not news.empty():
        news.get_nowait()


async def converse(
    client: BleakClient, gatt: Gatt, conversation: Conversation, news: News, limits: Limits
) -> None:
    watch = Deadlines(limits.session, limits.step)
    write = _writer(client, gatt, watch)
    notifying = _characteristic(client, gatt.notify_service or gatt.service, gatt.notify, _NOTIFYING)
    try:
        async with watch:
            with watch.step("let us subscribe"):
                await client.start_notify(notifying, lambda _, data: news.put_nowait(bytes(data)))
            await asyncio.sleep(gatt.settle)
            await _knock(client, gatt, watch)
            await talk(conversation, news, write)
    except TimeoutError as error:
        raise SilentDevice(f"{client.address} is connected, but did not {watch.what} in time.") from error


def _writer(client: BleakClient, gatt: Gatt, watch: Deadlines) -> Callable[[bytes], Awaitable[None]]:
    """Raises Undecodable when the device has no place to write to."""
    if not gatt.write:
        return _write_nothing
    writable = _characteristic(client, gatt.service, gatt.write, _WRITABLE)
    offered = "write" in writable.properties, "write-without-response" in writable.properties
    response = offered[0] and (gatt.acknowledged or not offered[1])
    ignored = (BleakError,) if response and not gatt.acknowledged else ()

    async def write(data: bytes) -> None:
        await asyncio.sleep(gatt.pause)
        with watch.step("take a command"), suppress(*ignored):
            await client.write_gatt_char(writable, data, response=response)

    return write


async def _write_nothing(data: bytes) -> None:
    raise ValueError(f"{data.hex()} for a device that is only listened to")  # a bug in its driver


async def _knock(client: BleakClient, gatt: Gatt, watch: Deadlines) -> None:
    """What comes of it says nothing."""
    for each in client.services.characteristics.values() if gatt.knock else ():
        if each.uuid == gatt.knock:
            with watch.step("let itself be read"), suppress(BleakError):
                await client.read_gatt_char(each)


def _characteristic(
    client: BleakClient, service: str, uuid: str, properties: frozenset[str]
) -> BleakGATTCharacteristic:
    """The one with one of these properties: some devices show a UUID twice. Raises Undecodable."""
    found = [
        each
        for each in client.services.characteristics.values()
        if each.uuid == uuid
        and service in {"", each.service_uuid}
        and not properties.isdisjoint(each.properties)
    ]
    if not found:
        where = (
            f"service {_short(service)} with {_short(uuid)}" if service else f"characteristic {_short(uuid)}"
        )
        raise Undecodable(f"{client.address} offers no {where}: it is of another family than its type says.")
    if len(services := {each.service_uuid for each in found}) > 1:
        several = ", ".join(sorted(services))
        raise Undecodable(f"{client.address} has {_short(uuid)} in several services ({several}): say which.")
    return found[0]


def _short(uuid: str) -> str:
    return uuid[4:8] if uuid.endswith(_BASE) else uuid


async def disconnect(client: BleakClient, within: float) -> bool:
    """Whether BlueZ said that the link is gone.

    Called for a link that was lost, too: until then the client keeps its D-Bus connection. Not called
    after a connect that failed, which has undone itself: bleak 3.1 may then wait for ever.
    """
    try:
        await finished(client.disconnect(), within)
    except (BleakError, OSError, EOFError):  # so it is looked at, and asked for once more
        return False
    return True
