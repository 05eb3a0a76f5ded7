"""The table of services that a monitor shows; bluetoothd never exports GAP (0x1800)."""

from tests.fake_bluez.modbus import Module
from tests.fake_bluez.monitors import NOTIFY, RENOGY, SERVICE, SHUNT, WRITE, Monitor
from tests.fake_bluez.objects import CHARACTERISTIC, DESCRIPTOR, Objects, Properties, V
from tests.fake_bluez.objects import SERVICE as GATT_SERVICE


def uuid16(short: str) -> str:
    return f"0000{short}-0000-1000-8000-00805f9b34fb"


# handle, uuid, flags, handle of the CCCD
_Characteristic = tuple[str, str, list[str], str | None]
_ATTRIBUTES: list[_Characteristic] = [("0007", uuid16("2a05"), ["indicate"], "0009")]
_OWN: list[_Characteristic] = [
    ("000f", WRITE, ["write-without-response", "write"], None),
    ("0011", NOTIFY, ["read", "notify"], "0013"),
]
NOTIFY_HANDLE = "char0011"
# A BT-2, from a phone's trace: the answers come from another service; a firmware service has the same 16 bits.
_MODULE: dict[str, tuple[str, list[_Characteristic]]] = {
    "service001c": (uuid16("ffd0"), [
        ("001d", uuid16("ffd1"), ["read", "write-without-response", "write"], None),
        ("0020", uuid16("ffd2"), ["read", "notify"], "0022"),
    ]),
    "service002d": (uuid16("fff0"), [
        ("002c", uuid16("fff1"), ["write"], None),  # some have it twice: the other one does not notify
        ("002e", uuid16("fff1"), ["read", "notify"], "0030"),
    ]),
    "service0040": ("f000ffd0-0451-4000-b000-000000000000", [
        ("0041", "f000ffd1-0451-4000-b000-000000000000", ["write-without-response", "write"], None),
    ]),
}  # fmt: skip
MODULE_NOTIFY = "service002d/char002e"
# A pack with Bluetooth of its own: both UUIDs twice, one copy to notify, one to write.
_PACK = {
    **_MODULE,
    "service001c": (uuid16("ffd0"), [
        ("001b", uuid16("ffd1"), ["read", "notify"], "001c"),
        ("001d", uuid16("ffd1"), ["write-without-response", "write"], None),
    ]),
}  # fmt: skip
_UNACKNOWLEDGED: dict[str, tuple[str, list[_Characteristic]]] = {
    **_PACK,
    "service001c": (uuid16("ffd0"), [("001d", uuid16("ffd1"), ["write"], None)]),
}
_INVERTER = {
    **_MODULE,
    "service001c": (uuid16("ffd0"), [*_MODULE["service001c"][1], ("0027", uuid16("ffd4"), ["read"], None)]),
}
_SHUNT: dict[str, tuple[str, list[_Characteristic]]] = {
    "service0010": (uuid16("c011"), [("0011", uuid16("c411"), ["notify"], "0013")]),
}


Services = dict[str, dict[str, list[str]]]  # UUID -> the UUIDs of its characteristics -> flags


def add_services(objects: Objects, path: str, monitor: Monitor) -> list[str]:
    """What this monitor offers, besides the service that all have; the UUIDs of its services."""
    _add_service(objects, f"{path}/service0006", path, uuid16("1801"), _ATTRIBUTES)
    offered = {} if monitor.faults.no_service else _offered(monitor)
    for name, (uuid, table) in offered.items():
        _add_service(objects, f"{path}/{name}", path, uuid, table)
    return [uuid for uuid, _ in offered.values()]


def _offered(monitor: Monitor) -> dict[str, tuple[str, list[_Characteristic]]]:
    if monitor.script:
        found = _numbered(monitor.script.services)
        return {f"service{table[0][0]}": (uuid, table) for uuid, table in found.items()}
    if monitor.family == SHUNT:
        return _SHUNT
    if monitor.family != RENOGY:
        return {"service000e": (SERVICE, _OWN)}
    if monitor.module.talks:
        return _elsewhere(monitor.module)
    if monitor.module.write == "unacknowledged":
        return _UNACKNOWLEDGED
    if monitor.module.twice:
        return _PACK
    return _INVERTER if monitor.module.asleep else _MODULE


def _elsewhere(module: Module) -> dict[str, tuple[str, list[_Characteristic]]]:
    talks, notify = module.talks, "0043" if "notify" in module.takes else None
    return {
        "service001c": (talks["service"], [("001d", talks["write"], module.takes, notify)]),
        "service002d": (talks["notify_service"], [("002e", talks["notify"], ["notify"], "0030")]),
    }


def scripted_path(services: Services, uuid: str) -> str:
    """Of a characteristic, below its device."""
    for table in _numbered(services).values():
        for handle, found, _, _ in table:
            if found == uuid:
                return f"service{table[0][0]}/char{handle}"
    raise KeyError(uuid)


def _numbered(services: Services) -> dict[str, list[_Characteristic]]:
    """With handles from 0020 on, as they come."""
    handle, found = 0x20, dict[str, list[_Characteristic]]()
    for service, characteristics in services.items():
        found[service] = []
        for uuid, flags in characteristics.items():
            cccd = f"{handle + 2:04x}" if {"notify", "indicate"} & set(flags) else None
            found[service].append((f"{handle:04x}", uuid, flags, cccd))
            handle += 4
    return found


def _add_service(
    objects: Objects, service: str, device: str, uuid: str, table: list[_Characteristic]
) -> None:
    shown = {"UUID": V("s", uuid), "Device": V("o", device), "Primary": V("b", True), "Includes": V("ao", [])}
    objects.add(service, {GATT_SERVICE: shown})
    for handle, uuid_, flags, cccd in table:
        char = f"{service}/char{handle}"
        properties: Properties = {"UUID": V("s", uuid_), "Service": V("o", service), "Value": V("ay", b"")}
        if cccd:
            properties["Notifying"] = V("b", False)
        properties["Flags"] = V("as", flags)
        if "write-without-response" in flags:
            properties["WriteAcquired"] = V("b", False)
        if "notify" in flags:
            properties["NotifyAcquired"] = V("b", False)
        properties["MTU"] = V("q", 23)
        objects.add(char, {CHARACTERISTIC: properties})
        if cccd:
            shown = {"UUID": V("s", uuid16("2902")), "Characteristic": V("o", char), "Value": V("ay", b"")}
            objects.add(f"{char}/desc{cccd}", {DESCRIPTOR: shown})
