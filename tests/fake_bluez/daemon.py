"""org.bluez: answers what clients call, and keeps adapters, links and notify sessions."""

import asyncio
import os
import socket
import sys
from collections import Counter
from collections.abc import Coroutine
from typing import Any

from dbus_fast import Message, MessageType, Variant
from dbus_fast.aio import MessageBus

from tests.fake_bluez import modbus, shunt
from tests.fake_bluez.air import Air
from tests.fake_bluez.bus import Sender
from tests.fake_bluez.cranking import Start
from tests.fake_bluez.gatt import MODULE_NOTIFY, NOTIFY_HANDLE, add_services, scripted_path, uuid16
from tests.fake_bluez.monitors import NOTIFY, WRITE, Monitor
from tests.fake_bluez.objects import (
    ADAPTER,
    CHARACTERISTIC,
    DESCRIPTOR,
    DEVICE,
    OBJECT_MANAGER,
    PROPERTIES,
    BluezError,
    Objects,
    Properties,
    V,
)

Held = dict[str, Properties]


class Daemon:
    def __init__(self, bus: MessageBus, adv_interval: float, temporary: float, dedupe: str) -> None:
        self._bus = bus
        self.sender = Sender(bus)
        self.objects = Objects(self.sender)
        self.air = Air(self, adv_interval, dedupe)
        self.temporary = temporary  # [s] bluetoothd's TemporaryTimeout
        self.monitors: dict[str, Monitor] = {}  # by device path
        self.discovery: dict[tuple[str, str], dict[str, Variant]] = {}  # bus name, adapter -> filter
        self.notifying: dict[str, set[str]] = {}  # characteristic -> bus names
        self.connecting: dict[str, asyncio.Event] = {}  # device path -> "given up"
        self.calls: Counter[str] = Counter()
        self._adapters: dict[str, None] = {}  # that were ever there, in this order
        self.discovery_errors: dict[str, str] = {}  # by adapter path; "" for all
        self.deaf: set[str] = set()  # adapters whose scans bring nothing until one is started again
        self._filters: dict[tuple[str, str], dict[str, Variant]] = {}  # set, but no discovery yet
        self._pipes: dict[str, socket.socket] = {}  # AcquireNotify
        self._sessions: dict[str, list[asyncio.Task[None]]] = {}  # device path -> its tasks
        self._streams: dict[str, asyncio.Task[None]] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        bus.add_message_handler(self._on_message)

    def spawn(self, work: Coroutine[Any, Any, None], device: str | None = None) -> asyncio.Task[None]:
        task = asyncio.ensure_future(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        if device:
            self._sessions.setdefault(device, []).append(task)
        return task

    # -- what there is -----------------------------------------------------------------------

    def add_adapter(self, name: str, powered: bool = True) -> None:
        number = int(name.removeprefix("hci"))
        self._adapters[name] = None
        self.objects.add(
            f"/org/bluez/{name}",
            {
                ADAPTER: {
                    "Address": V("s", f"00:AA:01:00:00:{0x42 + number:02X}"),
                    "AddressType": V("s", "public"),
                    "Name": V("s", "fake"),
                    "Alias": V("s", "fake"),
                    "Class": V("u", 0),
                    "Powered": V("b", powered),
                    "Discoverable": V("b", False),
                    "DiscoverableTimeout": V("u", 180),
                    "Pairable": V("b", False),
                    "PairableTimeout": V("u", 0),
                    "Discovering": V("b", False),
                    "UUIDs": V("as", []),
                    "Modalias": V("s", "usb:v1D6Bp0246d0542"),
                    "Roles": V("as", ["central", "peripheral"]),
                },
                "org.bluez.GattManager1": {},
                "org.bluez.LEAdvertisingManager1": {},
            },
        )

    def add_monitor(self, monitor: Monitor) -> None:
        """In radio range; bluetoothd shows it once a scan hears it."""
        for adapter in monitor.adapters:
            self.monitors[f"/org/bluez/{adapter}/dev_{monitor.address.replace(':', '_')}"] = monitor

    def linked(self, path: str) -> bool:
        return path in self.objects and bool(self.objects[path][DEVICE]["Connected"].value)

    # -- links -------------------------------------------------------------------------------

    def drop(self, path: str, local: Message | None = None) -> None:
        """The link is gone. `local`: the Disconnect that asked for it, answered between the two
        signals as bluetoothd does. GATT objects stay, and so do notify sessions."""
        for task in self._sessions.pop(path, []):
            if task is not asyncio.current_task():
                task.cancel()
        if not self.linked(path):
            return
        for char in [each for each in self._pipes if each.startswith(path + "/")]:
            self._pipes.pop(char).close()
        off = {"Connected": V("b", False)}
        if self.objects[path][DEVICE]["ServicesResolved"].value:
            off = {"ServicesResolved": V("b", False), **off}
        if local is None:
            self.objects.change(path, DEVICE, off)
        else:
            for name, value in off.items():
                if name == "Connected":
                    self.sender.send(Message.new_method_return(local))
                self.objects.change(path, DEVICE, {name: value})
        self.air.expect(path)

    async def _resolve(self, path: str) -> None:
        faults = self.monitors[path].faults
        await asyncio.sleep(faults.resolve_delay)
        if faults.resolve_hang:
            return
        news = {"ServicesResolved": V("b", True)}
        if f"{path}/service0006" not in self.objects:
            own = add_services(self.objects, path, self.monitors[path])
            news = {"UUIDs": V("as", [uuid16("1800"), uuid16("1801"), *own]), **news}
        self.objects.change(path, DEVICE, news)

    async def _drop_later(self, path: str, delay: float) -> None:
        await asyncio.sleep(delay)
        self.drop(path)

    def _start_stream(self, path: str, char: str) -> None:
        if path in self._streams:
            self._streams[path].cancel()
        self._streams[path] = self.spawn(self._stream(path, char), path)

    async def _stream(self, path: str, char: str) -> None:
        monitor = self.monitors[path]
        faults = monitor.faults
        await asyncio.sleep(faults.reply_delay)
        while True:
            for frame in monitor.frames():
                self._push(char, frame)
            if 0 <= faults.drop_after_frames <= monitor.frames_sent:
                self.drop(path)
            if not faults.period or not self.linked(path):
                return
            await asyncio.sleep(faults.period)

    def _push(self, char: str, frame: bytes) -> None:
        if char in self._pipes:
            try:
                self._pipes[char].send(frame)
            except OSError:
                self._pipes.pop(char).close()
        elif self.notifying.get(char):
            self.objects.change(char, CHARACTERISTIC, {"Value": V("ay", frame)})

    # -- outages -----------------------------------------------------------------------------

    def power(self, path: str, on: bool, rfkill: bool = False) -> None:
        """Scans end with the power and do not come back with it. Devices are removed; when rfkill
        took the power they stay for their 30 s."""
        if self.objects[path][ADAPTER]["Powered"].value == on:
            return
        news = {"Powered": V("b", on)}
        if not on:
            for device in [each for each in self.monitors if each.startswith(path + "/")]:
                if device in self.connecting:
                    self.connecting[device].set()
                self.drop(device)
                if not rfkill:
                    self.objects.remove(device)
            self._forget_signal(path)
            if self.discovering(path):
                news = {"Discovering": V("b", False), **news}
            for client in [each for each in self.discovery if each[1] == path]:
                del self.discovery[client]
        self.objects.change(path, ADAPTER, news)

    async def crash(self) -> None:
        """bluetoothd dies at once: not a word about links, devices, scans."""
        for tasks in self._sessions.values():
            for task in tasks:
                task.cancel()
        for pipe in self._pipes.values():
            pipe.close()
        self.air.forget_expectations()
        for held in (self._sessions, self._pipes, self.objects.tree, self.discovery, self._filters,
                     self.notifying, self._streams, self.connecting):  # fmt: skip
            held.clear()
        await self._bus.release_name("org.bluez")

    async def start(self) -> None:
        await self._bus.request_name("org.bluez")
        for name in self._adapters:
            if f"/org/bluez/{name}" not in self.objects:
                self.add_adapter(name)

    def discovering(self, adapter: str) -> list[dict[str, Variant]]:
        """The filters of those who scan on this adapter."""
        return [asked for (_, where), asked in self.discovery.items() if where == adapter]

    def _forget_signal(self, adapter: str) -> None:
        for path in [each for each in self.objects.tree if each.startswith(adapter + "/")]:
            gone = tuple(name for name in ("TxPower", "RSSI") if name in self.objects[path].get(DEVICE, {}))
            if gone:
                self.objects.change(path, DEVICE, {}, gone)

    def _stop_discovery(self, client: tuple[str, str]) -> None:
        del self.discovery[client]
        adapter = client[1]
        if not self.discovering(adapter) and adapter in self.objects:
            self._forget_signal(adapter)
            self.objects.change(adapter, ADAPTER, {"Discovering": V("b", False)})

    def _client_gone(self, name: str) -> None:
        """bluetoothd ends a vanished client's discovery and notify sessions, and leaves links up."""
        for client in [each for each in self._filters if each[0] == name]:
            del self._filters[client]
        for client in [each for each in self.discovery if each[0] == name]:
            self._stop_discovery(client)
        for path in [each for each, clients in self.notifying.items() if name in clients]:
            self._stop_notify(path, name)

    # -- calls -------------------------------------------------------------------------------

    def _on_message(self, message: Message) -> bool | None:
        if message.message_type is MessageType.SIGNAL:
            if message.member == "NameOwnerChanged" and not message.body[2]:
                self._client_gone(message.body[0])
            return None
        if message.message_type is not MessageType.METHOD_CALL:
            return None
        interface = message.interface or ""
        if interface.startswith("org.freedesktop.DBus.") and interface not in {OBJECT_MANAGER, PROPERTIES}:
            return None
        self.calls[message.member or ""] += 1
        self.spawn(self._answer(message))
        return True

    async def _answer(self, message: Message) -> None:
        try:
            reply = await self._call(message)
        except BluezError as error:
            reply = Message.new_error(message, error.name, error.text)
        except Exception as error:  # noqa: BLE001  # a client must get an answer
            print(f"fake bluetoothd: {message.member}: {error!r}", file=sys.stderr)
            reply = Message.new_error(message, "org.bluez.Error.Failed", repr(error))
        if reply is not None:
            self.sender.send(reply)

    async def _call(self, message: Message) -> Message | None:
        path, interface = message.path or "", message.interface or ""
        if interface == OBJECT_MANAGER:
            return Message.new_method_return(message, "a{oa{sa{sv}}}", [self.objects.tree])
        held = self.objects.tree.get(path)
        if held is None or (interface != PROPERTIES and interface not in held):
            kind = "UnknownObject" if held is None else "UnknownMethod"
            called = f'"{message.member}" with signature "{message.signature}"'
            text = f'Method {called} on interface "{interface}" doesn\'t exist\n'
            raise BluezError(f"org.freedesktop.DBus.Error.{kind}", text)
        match interface:
            case "org.freedesktop.DBus.Properties":
                return self._on_properties(message, path, held)
            case "org.bluez.Adapter1":
                return self._on_adapter(message, path, held)
            case "org.bluez.Device1":
                return await self._on_device(message, path, held)
            case "org.bluez.GattCharacteristic1":
                return await self._on_characteristic(message, path, held)
            case "org.bluez.GattDescriptor1" if message.member == "ReadValue":
                return Message.new_method_return(message, "ay", [held[DESCRIPTOR]["Value"].value])
        raise BluezError("NotSupported", "Operation is not supported")

    def _on_properties(self, message: Message, path: str, held: Held) -> Message:
        interface = message.body[0]
        if interface not in held:
            raise BluezError("org.freedesktop.DBus.Error.InvalidArgs", f"No such interface '{interface}'")
        if message.member == "GetAll":
            return Message.new_method_return(message, "a{sv}", [held[interface]])
        name = message.body[1]
        if message.member == "Get":
            if name not in held[interface]:
                raise BluezError("org.freedesktop.DBus.Error.InvalidArgs", f"No such property '{name}'")
            return Message.new_method_return(message, "v", [held[interface][name]])
        if interface == ADAPTER and name == "Powered":
            self.power(path, message.body[2].value)
        else:
            self.objects.change(path, interface, {name: message.body[2]})
        return Message.new_method_return(message)

    def _on_adapter(self, message: Message, path: str, held: Held) -> Message | None:
        client, powered = (message.sender or "", path), held[ADAPTER]["Powered"].value
        match message.member:
            case "SetDiscoveryFilter":
                self._filters[client] = message.body[0]
            case "StartDiscovery":
                if error := self.discovery_errors.get(path) or self.discovery_errors.get(""):
                    raise BluezError(error, "injected")
                if not powered:
                    raise BluezError("NotReady", "Resource Not Ready")
                if client in self.discovery:
                    raise BluezError("InProgress", "Operation already in progress")
                self.deaf.discard(path)
                self.discovery[client] = self._filters.get(client, {})
                self.air.new_window()
                self.sender.send(Message.new_method_return(message))
                if not held[ADAPTER]["Discovering"].value:
                    self.objects.change(path, ADAPTER, {"Discovering": V("b", True)})
                return None
            case "StopDiscovery":
                if not powered:
                    raise BluezError("NotReady", "Resource Not Ready")
                if client not in self.discovery:
                    raise BluezError("Failed", "No discovery started")
                self.sender.send(Message.new_method_return(message))
                self._stop_discovery(client)
                return None
            case "RemoveDevice":
                if message.body[0] not in self.objects:
                    raise BluezError("DoesNotExist", "Does Not Exist")
                self.drop(message.body[0])
                self.objects.remove(message.body[0])
            case other:
                raise BluezError("org.freedesktop.DBus.Error.UnknownMethod", other or "")
        return Message.new_method_return(message)

    async def _on_device(self, message: Message, path: str, held: Held) -> Message | None:
        match message.member:
            case "Connect":
                await self._connect(path, held)
            case "Disconnect":
                if path in self.connecting:
                    self.connecting[path].set()
                    return Message.new_method_return(message)
                if not self.linked(path):
                    raise BluezError("NotConnected", "Not Connected")
                await asyncio.sleep(self.monitors[path].faults.disconnect_delay)
                if self.linked(path):
                    self.drop(path, local=message)
                    return None
            case "Pair":
                self.objects.change(path, DEVICE, {"Paired": V("b", True)})
            case other:
                raise BluezError("org.freedesktop.DBus.Error.UnknownMethod", other or "")
        return Message.new_method_return(message)

    async def _connect(self, path: str, held: Held) -> None:
        """One at a time: a second one for the same device makes both fail."""
        if not self.objects[held[DEVICE]["Adapter"].value][ADAPTER]["Powered"].value:
            raise BluezError("NotReady", "Resource Not Ready")
        if self.linked(path):  # whoever made the link: BlueZ says yes at once
            return
        if path in self.connecting:
            self.connecting[path].set()
            raise BluezError("InProgress", "Operation already in progress")
        faults, given_up = self.monitors[path].faults, asyncio.Event()
        self.connecting[path] = given_up
        try:
            async with asyncio.timeout(None if faults.connect_hang else faults.connect_delay):
                await given_up.wait()
            raise BluezError("Failed", "br-connection-canceled")
        except TimeoutError:
            pass
        finally:
            if self.connecting.get(path) is given_up:
                del self.connecting[path]
        if faults.connect_error and faults.connect_times:
            self._refuse_connect(path, faults.connect_error, faults.connect_message)
        if path not in self.objects:
            raise BluezError("org.freedesktop.DBus.Error.UnknownObject", "gone while connecting")
        self.objects.change(path, DEVICE, {"Connected": V("b", True)})
        self.spawn(self._resolve(path), path)
        if faults.drop_after_connect >= 0:
            self.spawn(self._drop_later(path, faults.drop_after_connect), path)

    def _refuse_connect(self, path: str, name: str, text: str) -> None:
        faults = self.monitors[path].faults
        faults.connect_times -= faults.connect_times > 0
        if text == "le-connection-abort-by-local":  # BlueZ shows the link coming up and going again
            self.objects.change(path, DEVICE, {"Connected": V("b", True)})
            self.spawn(self._drop_later(path, 0.02), path)
        raise BluezError(name, text)

    async def _on_characteristic(self, message: Message, path: str, held: Held) -> Message | None:
        properties, device = held[CHARACTERISTIC], path[:-21]
        if not self.linked(device):
            raise BluezError("Failed", "Not connected")
        match message.member:
            case "WriteValue":
                await self._write(message, path, device, properties)
            case "ReadValue":
                if properties["UUID"].value == modbus.WAKE:
                    self.monitors[device].module.asleep = False
                return Message.new_method_return(message, "ay", [properties["Value"].value])
            case "StartNotify":
                self._start_notify(message.sender or "", path, device, properties)
            case "AcquireNotify":
                return self._acquire_notify(message, path, properties)
            case "StopNotify":
                if message.sender not in self.notifying.get(path, ()):
                    raise BluezError("Failed", "No notify session started")
                self._stop_notify(path, message.sender or "")
            case other:
                raise BluezError("org.freedesktop.DBus.Error.UnknownMethod", other or "")
        return Message.new_method_return(message)

    async def _write(self, message: Message, path: str, device: str, properties: Properties) -> None:
        monitor, options = self.monitors[device], message.body[1]
        request = "type" not in options or options["type"].value == "request"
        if ("write" if request else "write-without-response") not in properties["Flags"].value:
            raise BluezError("NotSupported", "Operation is not supported")
        if request and monitor.module.write == "command":
            raise BluezError("Failed", "Operation failed with ATT error: 0x0e")
        await asyncio.sleep(monitor.faults.write_delay)
        if monitor.faults.write_hang:
            await asyncio.Event().wait()
        if monitor.faults.write_error:
            raise BluezError(monitor.faults.write_error, "Operation failed with ATT error: 0x0e")
        if monitor.faults.drop_on_write:
            self.drop(device)
            raise BluezError("Failed", "Operation failed with ATT error: 0x0e")
        if monitor.script:
            self.spawn(self._answer_by_script(device, bytes(message.body[0])), device)
        elif monitor.takes(properties["UUID"].value):
            monitor.module.ways.append("request" if request else "command")
            self.spawn(self._reply(device, bytes(message.body[0])), device)
            if request and monitor.module.write == "unacknowledged":
                raise BluezError("Failed", "Operation failed with ATT error: 0x0e")
        elif properties["UUID"].value == WRITE and monitor.accepts(bytes(message.body[0])):
            char = f"{path.rsplit('/', 1)[0]}/{NOTIFY_HANDLE}"
            if monitor.faults.notify == "ok" and monitor.adverts != "plain":
                self.spawn(self._acknowledge(monitor, char), device)
            self._start_stream(device, char)
        elif properties["UUID"].value == WRITE and (sent := monitor.remembered(bytes(message.body[0]))):
            self.spawn(self._recite(device, f"{path.rsplit('/', 1)[0]}/{NOTIFY_HANDLE}", sent), device)

    def crank(self, device: str, start: Start) -> None:
        monitor = self.monitors[device]
        monitor.start = start
        char = f"{device}/service000e/{NOTIFY_HANDLE}"
        if char in self.notifying:
            self.spawn(self._recite(device, char, monitor.cranked()), device)

    async def _recite(self, device: str, char: str, sent: list[bytes]) -> None:
        monitor = self.monitors[device]
        for frame in sent:
            self._push(char, frame)
            await asyncio.sleep(monitor.faults.reply_delay)
            monitor.frames_sent += 1
            if 0 <= monitor.faults.drop_after_frames <= monitor.frames_sent:
                monitor.faults.drop_after_frames = -1  # the next link holds
                self.drop(device)
                return

    async def _reply(self, device: str, written: bytes) -> None:
        monitor = self.monitors[device]
        await asyncio.sleep(monitor.faults.reply_delay + monitor.lateness(written))
        for piece in monitor.pieces(written):
            self._push(f"{device}/{MODULE_NOTIFY}", piece)
            monitor.frames_sent += 1
            if 0 <= monitor.faults.drop_after_frames <= monitor.frames_sent:
                self.drop(device)

    async def _answer_by_script(self, device: str, written: bytes) -> None:
        monitor = self.monitors[device]
        assert monitor.script is not None
        await asyncio.sleep(monitor.faults.reply_delay)
        frames = [] if monitor.faults.notify == "none" else monitor.script.reply(written)
        monitor.commands += bool(frames)
        for frame in frames:
            self._push(f"{device}/{scripted_path(monitor.script.services, monitor.script.notify)}", frame)
            monitor.frames_sent += 1

    async def _acknowledge(self, monitor: Monitor, char: str) -> None:
        """The first notification is no measurement."""
        self._push(char, monitor.acknowledgement())

    def _start_notify(self, client: str, path: str, device: str, properties: Properties) -> None:
        if "notify" not in properties["Flags"].value:
            raise BluezError("NotSupported", "Operation is not supported")
        if client in self.notifying.get(path, ()) or path in self._pipes:
            raise BluezError("InProgress", "Operation already in progress")
        self.notifying.setdefault(path, set()).add(client)
        if not properties["Notifying"].value:
            self.objects.change(path, CHARACTERISTIC, {"Notifying": V("b", True)})
        if self.monitors[device].streams_unasked and properties["UUID"].value in {NOTIFY, shunt.NOTIFY}:
            self._start_stream(device, path)

    def _acquire_notify(self, message: Message, path: str, properties: Properties) -> Message:
        if path in self._pipes:
            raise BluezError("InProgress", "Operation already in progress")
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        ours.setblocking(False)
        self._pipes[path] = ours
        self.objects.change(path, CHARACTERISTIC, {"NotifyAcquired": V("b", True)})
        fd = theirs.detach()
        asyncio.get_running_loop().call_later(5, os.close, fd)
        return Message(
            destination=message.sender, reply_serial=message.serial, message_type=MessageType.METHOD_RETURN,
            signature="hq", body=[0, properties["MTU"].value], unix_fds=[fd],
        )  # fmt: skip

    def _stop_notify(self, path: str, client: str) -> None:
        self.notifying[path].discard(client)
        if self.notifying[path]:
            return
        del self.notifying[path]
        if path in self.objects:  # the device may have been removed meanwhile
            self.objects.change(path, CHARACTERISTIC, {"Notifying": V("b", False)})
