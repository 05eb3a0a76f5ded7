"""The layers of Bluetooth, each tried for real over D-Bus, from the bottom up. For asyncio."""

import asyncio
import re
import shutil
from collections.abc import Callable, Sequence

from hawk.ble.bluez import Bluez, KnownDevice
from hawk.ble.claim import claimed
from hawk.doctor import adapters
from hawk.doctor.checks import LAYERS, Check, good, refused, untold
from hawk.errors import BluetoothError, BluetoothOff, NoAdapter, NoPermission

LISTEN = 3.0  # [s]
OLDEST = (5, 55)  # the BlueZ that bleak needs
APPARMOR = (
    "in Docker add --security-opt apparmor=unconfined; elsewhere allow this user the interface"
    " org.bluez.Device1 in /etc/dbus-1/system.d"
)

Tell = Callable[[Check], None]


class Layers:
    """Told from the bottom up, each of them once."""

    def __init__(self, tell: Tell) -> None:
        self._tell = tell
        self._told: dict[str, Check] = {}

    def add(self, check: Check) -> None:
        self._told[check.name] = check
        self._tell(check)

    def stopped_by(self, error: BluetoothError) -> None:
        """It came while the lowest layer that is not told yet was tried."""
        left = [name for name in LAYERS if name not in self._told]
        self.add(refused(_layer(error, left), error))

    def end(self, why: str = "") -> None:
        """What is not told by now cannot be, because of what failed if nothing else is given."""
        broken = [check.name for check in self._told.values() if check.ok is False]
        for name in LAYERS if why or broken else ():
            if name not in self._told:
                self.add(untold(name, why or f"not checked: {broken[-1]} failed"))

    @property
    def left(self) -> bool:
        return len(self._told) < len(LAYERS)


def _layer(error: BluetoothError, left: Sequence[str]) -> str:
    if isinstance(error, NoPermission) and "permission" in left:
        return "permission"
    if isinstance(error, BluetoothOff) and "powered" in left:
        return "powered"
    return left[0]


async def examine(wanted: Sequence[str], service: str | None, tell: Tell, listen: float = LISTEN) -> bool:
    """Tells one check for each of the layers. A `service` that runs has the adapters for itself. True where
    only `connect` is left: then a device is to be read.
    """
    layers, why = Layers(tell), ""
    try:
        async with Bluez.opened() as bluez:
            layers.add(good("dbus", "the system's D-Bus answers"))
            there = await bluez.adapters()
            layers.add(await _version())
            layers.add(good("permission", "this user may talk to BlueZ"))
            for check in adapters.judged(there, wanted):
                layers.add(check)
            if used := adapters.working(there, wanted):
                why = await _left_to(service, bluez, used)
                if not why:
                    await _use(bluez, used, layers, listen)
    except BluetoothError as error:
        layers.stopped_by(error)
    layers.end(why)
    return layers.left


async def _left_to(service: str | None, bluez: Bluez, used: Sequence[str]) -> str:
    """Why the adapters are not ours to try; empty when they are."""
    if service is not None:
        return f"not checked: left to the service that runs ({service})"
    bus = await bluez.bus_id()
    for adapter in used:
        try:
            with claimed(bus, adapter):
                pass
        except NoAdapter:
            return f"not checked: left to another Battery Hawk, which uses {adapter}"
    return ""


async def _use(bluez: Bluez, used: Sequence[str], layers: Layers, listen: float) -> None:
    for adapter in used:
        await bluez.start_discovery(adapter)
    await asyncio.sleep(listen)
    heard = [each for each in await bluez.devices(used) if each.rssi is not None]
    for adapter in used:
        await bluez.stop_discovery(adapter)
    layers.add(good("scan", f"{len({each.address for each in heard})} devices heard in {listen:g} s"))
    if (barred := await _barred(bluez, [each for each in heard if not each.connected])) is not None:
        layers.add(barred)


async def _barred(bluez: Bluez, heard: Sequence[KnownDevice]) -> Check | None:
    """None if a device may be called at all: ends a link that is not there.

    Not of a paired device: BlueZ would no longer connect to that one by itself.
    """
    for device in heard:
        try:
            if not await bluez.paired(device.address, device.path):
                await bluez.disconnect(device.address, device.path)
                return None
        except NoPermission as error:
            return Check(
                "connect", False, f"scanning works, but devices may not be called ({error})", APPARMOR
            )
        except NoAdapter:
            raise
        except BluetoothError:
            return None
    return untold(
        "connect", "no device is near that it could be tried on: bring a monitor near and ask again"
    )


async def _version() -> Check:
    if (tool := shutil.which("bluetoothctl")) is None:
        return good("bluez", "BlueZ answers; its version cannot be told without bluetoothctl")
    process = await asyncio.create_subprocess_exec(
        tool, "--version", stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.DEVNULL
    )
    said, _ = await process.communicate()
    return version_check(said.decode(errors="replace"))


def version_check(said: str) -> Check:
    found = re.search(r"(\d+)\.(\d+)", said)
    if found is None:
        return good("bluez", "BlueZ answers; its version cannot be told")
    if (int(found[1]), int(found[2])) >= OLDEST:
        return good("bluez", f"BlueZ {found[0]} answers")
    return Check(
        "bluez", False, f"BlueZ {found[0]} is too old", "install 5.55 or later: sudo apt install bluez"
    )
