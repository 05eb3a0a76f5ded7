"""The layers of Bluetooth, each tried for real over D-Bus, from the bottom up. For asyncio."""

import asyncio
import re
import shutil
from collections.abc import Callable, Sequence
from pathlib import Path

from hawk.ble.bluez import Bluez, chosen
from hawk.doctor.checks import Check, good, refused, untold
from hawk.errors import BluetoothError, BluetoothOff, NoPermission

LISTEN = 3.0  # [s]
OLDEST = (5, 55)  # the BlueZ that bleak needs
_APPARMOR = (
    "in Docker add --security-opt apparmor=unconfined; elsewhere allow this user the interface"
    " org.bluez.Device1 in /etc/dbus-1/system.d"
)
_ORDER = ("dbus", "bluez", "permission", "adapter", "powered", "scan", "connect")

Tell = Callable[[Check], None]


async def examine(adapters: Sequence[str], tell: Tell, listen: float = LISTEN) -> None:
    """Tells one check for each of the layers; above one that fails nothing can be checked."""
    told: list[Check] = []

    def note(check: Check) -> None:
        told.append(check)
        tell(check)

    try:
        async with Bluez.opened() as bluez:
            note(good("dbus", "the system's D-Bus answers"))
            await _examine_daemon(bluez, adapters, note, listen)
    except BluetoothError as error:
        note(refused(_layer(error, told), error))
    broken = next(check.name for check in told if check.ok is False) if told[-1].ok is False else ""
    for name in _ORDER:
        if name not in {check.name for check in told}:
            note(untold(name, f"not checked: {broken} failed"))


def _layer(error: BluetoothError, told: Sequence[Check]) -> str:
    """Where an error belongs that came after these checks."""
    if isinstance(error, NoPermission):
        return "permission"
    if isinstance(error, BluetoothOff):
        return "powered"
    return _ORDER[len(told)]


async def _examine_daemon(bluez: Bluez, adapters: Sequence[str], note: Tell, listen: float) -> None:
    there = await bluez.adapters()
    note(await _version())
    note(good("permission", "this user may talk to BlueZ"))
    used = chosen(there, adapters)
    note(good("adapter", ", ".join(adapter.name for adapter in there)))
    note(good("powered", f"{', '.join(used)} on"))
    heard = 0
    for adapter in used:
        await bluez.start_discovery(adapter)
        await asyncio.sleep(listen)
        heard += sum(
            device.adapter == adapter and device.rssi is not None for device in await bluez.devices()
        )
        await bluez.stop_discovery(adapter)
    note(good("scan", f"{heard} devices heard in {listen:g} s"))
    note(await _connect(bluez))


async def _connect(bluez: Bluez) -> Check:
    """Whether a device may be called at all. To end a link that is not there does nothing."""
    device = next((each for each in await bluez.devices() if not each.connected), None)
    if device is None:
        return untold("connect", "no device is known that it could be tried on: come near one and ask again")
    try:
        await bluez.disconnect(device.address, device.path)
    except NoPermission as error:
        return Check("connect", False, f"scanning works, but devices may not be called ({error})", _APPARMOR)
    return good("connect", "devices may be called")


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
    version = (int(found[1]), int(found[2]))
    if version < OLDEST:
        return Check(
            "bluez",
            False,
            f"BlueZ {found[0]} is too old",
            "install BlueZ 5.55 or later: sudo apt install bluez",
        )
    return good("bluez", f"BlueZ {found[0]} answers")


def rfkill(root: Path = Path("/sys/class/rfkill")) -> Check:
    """Switches that block the radio: of the system (soft), or of the machine's case (hard)."""
    for switch in sorted(root.glob("*")):
        if _read(switch / "type") != "bluetooth":
            continue
        if _read(switch / "hard") == "1":
            return Check("rfkill", False, "a switch of the machine blocks Bluetooth", "turn that switch on")
        if _read(switch / "soft") == "1":
            return Check("rfkill", False, "Bluetooth is blocked", "sudo rfkill unblock bluetooth")
    return good("rfkill", "Bluetooth is not blocked")


def wifi(root: Path = Path("/sys/class/net")) -> Check:
    """2.4 GHz Wi-Fi on the chip of the adapter costs a third of all connects."""
    used = [
        card.name
        for card in sorted(root.glob("*"))
        if (card / "phy80211").exists() and _read(card / "operstate") == "up"
    ]
    if not used:
        return good("wifi", "no Wi-Fi is in use")
    return untold(
        "wifi",
        f"{', '.join(used)} is in use: at 2.4 GHz, and as a hotspot above all, it disturbs Bluetooth on the same chip;"
        " use 5 GHz or a Bluetooth adapter of its own if links fail often",
    )


def _read(path: Path) -> str:
    try:
        return path.read_text().strip()
    except OSError:
        return ""
