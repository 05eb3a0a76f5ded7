"""The object tree of org.bluez, and the signals that tell of its changes."""

from typing import Any

from dbus_fast import Message, Variant

from tests.fake_bluez.bus import Sender

OBJECT_MANAGER = "org.freedesktop.DBus.ObjectManager"
PROPERTIES = "org.freedesktop.DBus.Properties"
ADAPTER = "org.bluez.Adapter1"
DEVICE = "org.bluez.Device1"
SERVICE = "org.bluez.GattService1"
CHARACTERISTIC = "org.bluez.GattCharacteristic1"
DESCRIPTOR = "org.bluez.GattDescriptor1"

V = Variant
Properties = dict[str, Variant]


class BluezError(Exception):
    """An error reply; `name` without a dot is one of org.bluez.Error."""

    def __init__(self, name: str, text: str = "") -> None:
        super().__init__(name, text)
        self.name = name if "." in name else f"org.bluez.Error.{name}"
        self.text = text


class Objects:
    def __init__(self, sender: Sender) -> None:
        self._sender = sender
        self.tree: dict[str, dict[str, Properties]] = {}

    def __contains__(self, path: str) -> bool:
        return path in self.tree

    def __getitem__(self, path: str) -> dict[str, Properties]:
        return self.tree[path]

    def add(self, path: str, interfaces: dict[str, Properties]) -> None:
        named: dict[str, Properties] = {
            "org.freedesktop.DBus.Introspectable": {}, **interfaces, PROPERTIES: {},
        }  # fmt: skip
        self.tree[path] = named
        self._signal("/", OBJECT_MANAGER, "InterfacesAdded", "oa{sa{sv}}", [path, named])

    def remove(self, path: str) -> None:
        """With what is below it, leaves first."""
        for child in sorted((p for p in self.tree if p.startswith(path + "/")), reverse=True):
            self.remove(child)
        interfaces = self.tree.pop(path, None)
        if interfaces is not None:
            self._signal("/", OBJECT_MANAGER, "InterfacesRemoved", "oas", [path, list(interfaces)])

    def change(self, path: str, interface: str, values: Properties, gone: tuple[str, ...] = ()) -> None:
        held = self.tree[path][interface]
        held.update(values)
        for name in gone:
            held.pop(name, None)
        self._signal(path, PROPERTIES, "PropertiesChanged", "sa{sv}as", [interface, values, list(gone)])

    def _signal(self, path: str, interface: str, member: str, signature: str, body: list[Any]) -> None:
        self._sender.send(Message.new_signal(path, interface, member, signature, body))
