"""What is read out of BlueZ's objects and signals, and in which words it refuses. No bus."""

from typing import Any

import pytest
from dbus_fast import Message, Variant

from hawk.ble import refusal
from hawk.ble.bluez import Adapter, Moved, Objects, adapters_in, change_in, chosen, devices_in, idle
from hawk.errors import (
    BluetoothError,
    BluetoothOff,
    BluetoothStuck,
    ConnectFailed,
    LinkLost,
    NoAdapter,
    NoPermission,
    NotHeard,
    ScannedByAnother,
)
from hawk.model.address import Address

ADDRESS = Address("50:54:7B:00:11:22")
DEVICE_PATH = "/org/bluez/hci1/dev_50_54_7B_00_11_22"
OBJECTS: Objects = {
    "/org/bluez": {"org.bluez.AgentManager1": {}},
    "/org/bluez/hci10": {"org.bluez.Adapter1": {"Powered": True, "Roles": ["central"]}},
    "/org/bluez/hci1": {"org.bluez.Adapter1": {"Powered": False, "Roles": ["central", "peripheral"]}},
    "/org/bluez/hci2": {"org.bluez.Adapter1": {"Powered": True, "Roles": []}},
    "/org/bluez/hci3": {"org.bluez.Adapter1": {"Powered": True}},
    DEVICE_PATH: {"org.bluez.Device1": {"Address": ADDRESS, "Connected": True}},
    DEVICE_PATH + "/service0010": {"org.bluez.GattService1": {}},
}


def test_adapters_are_those_that_can_connect_in_the_order_of_their_numbers() -> None:
    assert adapters_in(OBJECTS) == (Adapter("hci1", False), Adapter("hci3", True), Adapter("hci10", True))


def test_a_device_knows_its_adapter_and_whether_a_link_is_up() -> None:
    (device,) = devices_in(OBJECTS)
    assert (device.path, device.address, device.adapter, device.connected) == (
        DEVICE_PATH,
        ADDRESS,
        "hci1",
        True,
    )


HCI = [Adapter("hci0", False), Adapter("hci1", True), Adapter("hci2", True)]


@pytest.mark.parametrize(
    ("there", "wanted", "expected"),
    [
        (HCI, (), ("hci1",)),
        (HCI, ("hci2", "hci1", "hci0"), ("hci1", "hci2")),
        (HCI, ("hci2",), ("hci2",)),
    ],
)
def test_listening_is_with_the_wanted_adapters_or_with_the_first_that_works(
    there: list[Adapter], wanted: tuple[str, ...], expected: tuple[str, ...]
) -> None:
    assert chosen(there, wanted) == expected


@pytest.mark.parametrize(
    ("there", "wanted", "words"),
    [
        ([], (), "no Bluetooth adapter"),
        (HCI[:1], (), "hci0 is switched off"),
        (HCI, ("hci0",), "hci0 is switched off"),
        (HCI, ("hci7",), "no Bluetooth adapter hci7"),
    ],
)
def test_what_keeps_from_listening_is_said_in_words(
    there: list[Adapter], wanted: tuple[str, ...], words: str
) -> None:
    with pytest.raises(NoAdapter, match=words):
        chosen(there, wanted)


def changed(path: str, interface: str, **properties: bool) -> Message:
    values = {name: Variant("b", value) for name, value in properties.items()}
    return Message.new_signal(
        path, "org.freedesktop.DBus.Properties", "PropertiesChanged", "sa{sv}as", [interface, values, []]
    )


def removed(path: str, *interfaces: str) -> Message:
    return Message.new_signal(
        "/", "org.freedesktop.DBus.ObjectManager", "InterfacesRemoved", "oas", [path, list(interfaces)]
    )


def owner(name: str, old: str, new: str) -> Message:
    return Message.new_signal(
        "/org/freedesktop/DBus", "org.freedesktop.DBus", "NameOwnerChanged", "sss", [name, old, new]
    )


def added(path: str, *interfaces: str) -> Message:
    body: list[Any] = [path, {interface: {} for interface in interfaces}]
    return Message.new_signal(
        "/", "org.freedesktop.DBus.ObjectManager", "InterfacesAdded", "oa{sa{sv}}", body
    )


ADAPTER1 = "org.bluez.Adapter1"


@pytest.mark.parametrize("signal", [owner("org.bluez", ":1.4", ""), owner("org.bluez", "", ":1.9")])
def test_without_its_daemon_all_hearing_ends(signal: Message) -> None:
    assert "BlueZ is not running" in str(change_in(signal, ("hci0",), ()))


@pytest.mark.parametrize(
    ("signal", "wanted", "expected"),
    [
        (changed("/org/bluez/hci0", ADAPTER1, Powered=False), (), Moved("hci0", False)),
        (removed("/org/bluez/hci0", ADAPTER1), (), Moved("hci0", False)),
        (added("/org/bluez/hci1", ADAPTER1), ("all",), Moved("hci1", True)),
        (added("/org/bluez/hci1", ADAPTER1), ("hci0", "hci1"), Moved("hci1", True)),
        (changed("/org/bluez/hci1", ADAPTER1, Powered=True), ("all",), Moved("hci1", True)),
        (added("/org/bluez/hci1", ADAPTER1), ("hci0",), None),
        (added("/org/bluez/hci1", ADAPTER1), (), None),
        (changed("/org/bluez/hci0", ADAPTER1, Powered=True), ("all",), None),
        (changed("/org/bluez/hci0", ADAPTER1, Discovering=False), ("all",), None),
        (changed("/org/bluez/hci1", ADAPTER1, Powered=False), ("all",), Moved("hci1", False)),
        (changed("/org/bluez/hci1", ADAPTER1, Powered=False), ("hci0",), None),
        (changed("/org/bluez/hci0/dev_1", "org.bluez.Device1", Powered=False), (), None),
        (removed("/org/bluez/hci0/dev_1", "org.bluez.Device1"), (), None),
        (added("/org/bluez/hci0/dev_1", "org.bluez.Device1"), ("all",), None),
        (removed("/org/bluez/hci1", ADAPTER1), ("all",), Moved("hci1", False)),
        (removed("/org/bluez/hci1", ADAPTER1), (), None),
        (owner("org.other", ":1.4", ""), ("all",), None),
    ],
)
def test_an_adapter_that_goes_or_a_wanted_one_that_comes_is_told(
    signal: Message, wanted: tuple[str, ...], expected: Moved | None
) -> None:
    assert change_in(signal, ("hci0",), wanted) == expected


BUS, BLUEZ = "org.freedesktop.DBus.Error.", "org.bluez.Error."


@pytest.mark.parametrize(
    ("name", "text", "linked", "error", "words"),
    [
        (BUS + "ServiceUnknown", "The name is not activatable", False, NoAdapter, "BlueZ is not running"),
        (BUS + "ServiceUnknown", "", True, NoAdapter, "BlueZ is not running"),
        (BUS + "Spawn.ExecFailed", "", False, NoAdapter, "BlueZ is not running"),
        (BUS + "AccessDenied", "Rejected send message", False, NoPermission, "no permission"),
        (BLUEZ + "NotPermitted", "", True, NoPermission, "no permission"),
        (BLUEZ + "NotReady", "Resource Not Ready", False, BluetoothOff, "switched off"),
        (BUS + "UnknownObject", "", False, NotHeard, ADDRESS),
        (BUS + "UnknownObject", "", True, LinkLost, ADDRESS),
        (BLUEZ + "Failed", "le-connection-abort-by-local", False, ConnectFailed, "abort-by-local"),
        (BLUEZ + "Failed", "br-connection-canceled", False, ConnectFailed, "canceled"),
        (BLUEZ + "InProgress", "In Progress", False, ConnectFailed, "In Progress"),
        (BLUEZ + "Failed", "Not connected", True, LinkLost, "Not connected"),
        (BLUEZ + "NotConnected", "", False, LinkLost, "NotConnected"),
    ],
)
def test_a_refusal_about_a_device_is_said_in_words(
    name: str, text: str, linked: bool, error: type[BluetoothError], words: str
) -> None:
    refused = refusal.refused(name, text, ADDRESS, linked=linked)
    assert type(refused) is error
    assert words in str(refused)


@pytest.mark.parametrize(
    ("name", "error"),
    [("InProgress", ScannedByAnother), ("Failed", BluetoothStuck), ("NotReady", BluetoothOff)],
)
def test_a_refusal_about_an_adapter_says_whether_to_start_anew(name: str, error: type[NoAdapter]) -> None:
    assert type(refusal.refused(BLUEZ + name, "why")) is error


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (FileNotFoundError(2, "No such file or directory"), "D-Bus cannot be reached"),
        (PermissionError(13, "Permission denied"), "no permission"),
        (EOFError(), "EOFError"),
    ],
)
def test_a_bus_that_fails_is_said_in_words(error: OSError | EOFError, words: str) -> None:
    assert words in str(refusal.no_bus(error))


@pytest.mark.parametrize(
    ("wanted", "used", "expected"),
    [
        ((), (), {}),
        ((), ("hci1", "hci2"), {"hci1": "switched off", "hci2": "no Bluetooth adapter hci2"}),
        (("all",), (), {"hci1": "switched off"}),
        (("all",), ("hci0", "hci2"), {"hci1": "switched off", "hci2": "no Bluetooth adapter hci2"}),
        (("hci0", "hci3"), (), {"hci3": "no Bluetooth adapter hci3"}),
    ],
)
def test_adapters_that_do_not_work_are_named_with_the_reason(
    wanted: tuple[str, ...], used: tuple[str, ...], expected: dict[str, str]
) -> None:
    found = idle((Adapter("hci0", powered=True), Adapter("hci1", powered=False)), wanted, used)
    assert found.keys() == expected.keys()
    assert all(words in str(found[name]) for name, words in expected.items())
