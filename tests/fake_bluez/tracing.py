"""What org.bluez says, as lines that can be compared with a recording of the real daemon.

Left out: RSSI reports (their number depends on timing), whether bleak asks to disconnect before it
has heard that the link is gone (so does that), and what is below the Generic Attribute service
(each GATT server has its own).
"""

import asyncio
import re
from contextlib import suppress
from typing import Any

from bleak import BleakClient, BleakScanner
from bleak.backends.device import BLEDevice
from bleak.exc import BleakDBusError, BleakError
from dbus_fast import BusType, Message, MessageType, Variant, unpack_variants
from dbus_fast.aio import MessageBus

from tests.fake_bluez.monitors import APPLE, NOTIFY, WRITE, Monitor, crypt
from tests.fake_bluez.rig import FakeBluez

_SHOWN = {"Powered", "Discovering", "Connected", "ServicesResolved", "Notifying", "Paired"}
_DBUS: dict[str, Any] = {"destination": "org.freedesktop.DBus", "path": "/org/freedesktop/DBus"}


class Tracer:
    def __init__(self) -> None:
        self.lines: list[str] = []
        self._pending: dict[tuple[str | None, int | None], str] = {}
        self._bluez = ""

    async def start(self) -> None:
        self._bus = await MessageBus(bus_type=BusType.SYSTEM).connect()
        owner = await self._bus.call(
            Message(
                **_DBUS,
                interface="org.freedesktop.DBus",
                member="GetNameOwner",
                signature="s",
                body=["org.bluez"],
            )
        )
        assert owner is not None
        self._bluez = owner.body[0]
        self._bus.add_message_handler(self._seen)
        await become_monitor(self._bus)

    def stop(self) -> None:
        self._bus.disconnect()

    def _seen(self, message: Message) -> bool:
        kind = message.message_type
        if kind is MessageType.METHOD_CALL and message.destination in {"org.bluez", self._bluez}:
            self._pending[message.sender, message.serial] = f"{message.member} {_short(message.path or '')}"
        elif message.sender == self._bluez:
            asked = self._pending.pop((message.destination, message.reply_serial), None)
            match kind:
                case MessageType.METHOD_RETURN:
                    self._say("ok", asked)
                case MessageType.ERROR if message.error_name != "org.bluez.Error.NotConnected":
                    self._say("error", asked, message.error_name, *message.body)
                case MessageType.SIGNAL:
                    self._signal(message)
        return kind is MessageType.METHOD_CALL  # a monitor must answer nothing

    def _signal(self, message: Message) -> None:
        if message.member == "PropertiesChanged":
            _, changed, _ = unpack_variants(message.body)
            for name in changed:
                if name != "RSSI":
                    value = f"={changed[name]}" if name in _SHOWN else ""
                    self._say("changed", _short(message.path or ""), name + value)
        elif message.member == "InterfacesAdded":
            for name, properties in message.body[1].items():
                if name.startswith("org.bluez."):
                    self._say("added", _short(message.body[0]), name[10:], *sorted(properties))
        elif message.member == "InterfacesRemoved":
            self._say("removed", _short(message.body[0]))

    def _say(self, *words: str | None) -> None:
        if None not in words and not any("/service0006/" in str(word) for word in words):
            self.lines.append(" ".join(map(str, words)))


def _short(path: str) -> str:
    path = re.sub(r"/org/bluez/hci\d+", "A", path)
    return re.sub(r"/?dev_\w\w(_\w\w){5}", lambda found: f"/D{int(found[0][-2:], 16)}", path)


async def become_monitor(bus: MessageBus) -> None:
    await bus.call(
        Message(
            **_DBUS,
            interface="org.freedesktop.DBus.Monitoring",
            member="BecomeMonitor",
            signature="asu",
            body=[[], 0],
        )
    )


# -- sessions ----------------------------------------------------------------------------------

SESSION_FAULTS: list[dict[str, Any]] = [
    {"period": 0}, {"drop_after_frames": 2, "period": 0.5}, {"drop_on_write": True}, {"no_service": True},
]  # fmt: skip


async def sessions() -> list[str]:
    """A scan and five sessions with four devices that have SESSION_FAULTS."""
    tracer, told = Tracer(), list[str]()
    await tracer.start()
    found = await BleakScanner.discover(3)
    devices = sorted((each for each in found if each.name == "BM6"), key=lambda each: each.address)

    async def settle(title: str) -> None:
        await asyncio.sleep(1.0)
        lines, tracer.lines = tracer.lines, []
        if title == "scan":  # devices come in any order
            lines = sorted(line for line in lines if "added" in line) + [x for x in lines if "added" not in x]
        told.extend([f"# {title}", *lines])

    await settle("scan")
    for title, device, seconds in (
        ("read", devices[0], 1.0), ("read again", devices[0], 1.0), ("dropped after 2 frames", devices[1], 3.0),
        ("dropped on write", devices[2], 1.0), ("no fff0", devices[3], 1.0),
    ):  # fmt: skip
        end = await _session(device, seconds)
        await settle(title)
        told.append(end)
    tracer.stop()
    return told


async def _session(device: BLEDevice, seconds: float) -> str:
    frames: list[bytes] = []
    ask = crypt(Monitor("").key, bytes.fromhex("d15507").ljust(16, b"\0"), seal=True)
    end = "bleak never connected"
    with suppress(BleakDBusError):  # NotConnected of the Disconnect on leaving: see above
        async with BleakClient(device, timeout=15) as client:
            try:
                await client.start_notify(NOTIFY, lambda _, value: frames.append(bytes(value)))
                await client.write_gatt_char(WRITE, ask, response=True)
                await asyncio.sleep(seconds)
                end = f"bleak {len(frames)} frames"
            except BleakError as error:
                end = f"bleak {type(error).__name__}: {error}"
    return end


# -- adverts -----------------------------------------------------------------------------------


class AdvertTracer:
    """What is said of one device and its adapter while adverts come in."""

    def __init__(self, monitor: Monitor) -> None:
        self.lines: list[str] = []
        self._monitor = monitor

    async def start(self) -> None:
        self._monitoring = await MessageBus(bus_type=BusType.SYSTEM).connect()
        self.bus = await MessageBus(bus_type=BusType.SYSTEM).connect()
        self._monitoring.add_message_handler(self._seen)
        await become_monitor(self._monitoring)

    def stop(self) -> None:
        self._monitoring.disconnect()
        self.bus.disconnect()

    def _seen(self, message: Message) -> bool:
        if message.message_type is MessageType.SIGNAL:
            if message.member == "PropertiesChanged" and message.body[0] in {
                "org.bluez.Device1",
                "org.bluez.Adapter1",
            }:
                self._changed(message)
            elif message.member == "InterfacesAdded" and "org.bluez.Device1" in message.body[1]:
                properties = unpack_variants(message.body[1]["org.bluez.Device1"])
                said = self._said(properties.get("ManufacturerData", {}))
                self.lines.append(f"added D {' '.join(sorted(properties))} [{said}]")
            elif (
                message.member == "InterfacesRemoved"
                and "/dev_" in message.body[0]
                and "/service" not in message.body[0]
            ):
                self.lines.append("removed D")
        return message.message_type is MessageType.METHOD_CALL

    def _changed(self, message: Message) -> None:
        _, changed, gone = unpack_variants(message.body)
        words = [
            self._word(name, value)
            for name, value in sorted(changed.items())
            if name not in {"Class", "UUIDs"}
        ]
        who = "D" if "/dev_" in (message.path or "") else "A"
        if words or gone:
            self.lines.append(" ".join(["changed", who, *words, *(f"-{name}" for name in sorted(gone))]))

    def _word(self, name: str, value: Any) -> str:
        if name == "ManufacturerData":
            return f"{name}[{self._said(value)}]"
        return f"{name}={value}" if name in {"Powered", "Discovering"} else name

    def _said(self, data: dict[int, bytes]) -> str:
        return " ".join(
            "beacon" if company == APPLE else self._volts(company, bytes(v)) for company, v in data.items()
        )

    def _volts(self, company: int, data: bytes) -> str:
        plain = crypt(self._monitor.key, company.to_bytes(2, "little") + data, seal=False)
        return f"{int.from_bytes(plain[6:8], 'big') / 100:.2f}"


async def adverts(bluez: FakeBluez) -> list[str]:
    """Scans with and without DuplicateData, and the adapter switched off in one."""
    tracer, told = AdvertTracer(bluez.monitors[0]), list[str]()
    await tracer.start()
    device = bluez.address(0).replace(":", "_")

    async def call(interface: str, member: str, signature: str, body: list[Any]) -> None:
        await tracer.bus.call(
            Message(destination="org.bluez", path="/org/bluez/hci0", interface=interface, member=member,
                    signature=signature, body=body)
        )  # fmt: skip

    async def settle(title: str, limit: int = 99) -> None:
        await asyncio.sleep(0.5)
        told.extend([f"# {title}", *tracer.lines[:limit]])
        tracer.lines.clear()

    async def hear(count: int) -> None:
        bluez.do("set", adverts_sent=0, sealed_sent=0, walk=[12.60, 12.61, 12.60])
        bluez.do("faults", silent=False)
        have = len(tracer.lines)
        while len(tracer.lines) < have + count:
            await asyncio.sleep(0.01)
        bluez.do("faults", silent=True)

    options: dict[str, Any] = {"bluez": {"filters": {"DuplicateData": True}}}
    for title, every in (("DuplicateData false", {}), ("DuplicateData true", options)):
        async with BleakScanner(**every):
            await asyncio.sleep(0.5)
            tracer.lines.clear()
            await hear(8)
            await settle(title, 8)
        await settle("scan stopped")
        if not every:
            await call("org.bluez.Adapter1", "RemoveDevice", "o", [f"/org/bluez/hci0/dev_{device}"])
            await settle("device removed by a client")
    scanner = BleakScanner(**options)
    await scanner.start()
    await asyncio.sleep(0.5)
    tracer.lines.clear()
    await hear(2)
    await settle("known device, DuplicateData true", 2)
    for on, title in ((False, "powered off while scanning"), (True, "powered on")):
        powered = ["org.bluez.Adapter1", "Powered", Variant("b", on)]
        await call("org.freedesktop.DBus.Properties", "Set", "ssv", powered)
        await asyncio.sleep(1)
        await settle(title)
    try:
        await scanner.stop()
    except BleakError as error:
        told.append(f"stop: {error}")
    tracer.stop()
    return told
