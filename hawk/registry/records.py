"""devices.json and vehicles.json: the specified shapes, to records and back.

Keys that we do not know stay where they are: whoever added them by hand keeps them.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeAlias, TypeVar

from hawk.errors import BadAddress, Invalid, OtherVersion, WrongDocument
from hawk.model.address import Address, parse_address
from hawk.model.device import Device, Lifecycle, Retry
from hawk.model.instant import parse_rfc3339, rfc3339
from hawk.model.rules import parse_calibration, parse_plausibility, to_json
from hawk.model.vehicle import Vehicle
from hawk.registry.messages import Snapshot
from hawk.registry.naming import vehicle_name, vehicle_number
from hawk.registry.place import Place

VERSION = "1.0"

Json: TypeAlias = dict[str, Any]  # an object of a JSON document, before it is a record


@dataclass(frozen=True, slots=True)
class Documents:
    """Both files as they were read, for the keys that are not ours."""

    devices: Json = field(default_factory=dict)
    vehicles: Json = field(default_factory=dict)


def from_documents(documents: Documents) -> Snapshot:
    """A vehicle that only its devices know is made again. Raises WrongDocument with all that is wrong in
    the first that is."""
    devices = read_devices(documents.devices)
    vehicles = _with_lost_ones(read_vehicles(documents.vehicles), devices.values())
    remembered = [each.get("last_vehicle") for each in (documents.devices, documents.vehicles)]
    used = [number for number in remembered if isinstance(number, int)]
    return Snapshot(devices, vehicles, max([0, *used, *map(vehicle_number, vehicles)]))


def to_documents(snapshot: Snapshot, old: Documents) -> Documents:
    # a key made by hand may spell the address in another way
    old_devices = {parse_address(key): record for key, record in records_of(old.devices, "devices").items()}
    old_vehicles = records_of(old.vehicles, "vehicles")
    count = dict.fromkeys(snapshot.vehicles, 0)
    for device in snapshot.devices.values():
        if device.vehicle_id in count:
            count[device.vehicle_id] += 1
    devices = {
        address: _over(old_devices.get(address, {}), _device_to_json(device))
        for address, device in sorted(snapshot.devices.items())
    }
    vehicles = {
        vehicle.id: {**old_vehicles.get(vehicle.id, {}), **_vehicle_to_json(vehicle, count[vehicle.id])}
        for vehicle in snapshot.vehicles.values()
    }
    return Documents(
        devices={
            **old.devices,
            "version": VERSION,
            "devices": devices,
            "last_vehicle": snapshot.last_vehicle,  # in both: either file may be lost
        },
        vehicles={
            **old.vehicles,
            "version": VERSION,
            "vehicles": vehicles,
            "last_vehicle": snapshot.last_vehicle,
        },
    )


def records_of(document: Json, key: str) -> Json:
    """Of a document that was read well: there are none, too, where it says null."""
    found: Json = document.get(key) or {}
    return found


def _over(old: Json, ours: Json) -> Json:
    """With the keys of others, also in its `connection_config`."""
    connection = {**(old.get("connection_config") or {}), **ours["connection_config"]}
    return {**old, **ours, "connection_config": connection}


def read_devices(document: object) -> Mapping[Address, Device]:
    """Raises WrongDocument with all that is wrong, or OtherVersion."""
    place = Place("devices.json")
    found: dict[Address, Device] = {}
    for key, record in _records(document, "devices", place):
        if (address := _address(key, record)) in found:
            record.wrong(key, "this device stands there already, in another spelling")
        elif address is not None:
            found[address] = _device(address, record)
    _check(place)
    return found


def read_vehicles(document: object) -> Mapping[str, Vehicle]:
    """Raises WrongDocument with all that is wrong, or OtherVersion."""
    place = Place("vehicles.json")
    found = {
        key: Vehicle(
            id=key,
            name=record.needed("name"),
            created_at=_instant(record, "created_at"),
            automatic=record.get("automatic", bool, default=False),
        )
        for key, record in _records(document, "vehicles", place)
    }
    _check(place)
    return found


def _with_lost_ones(vehicles: Mapping[str, Vehicle], devices: Iterable[Device]) -> Mapping[str, Vehicle]:
    """Under the old id, so that readings of before and after are of one vehicle."""
    found = dict(vehicles)
    for vehicle_id in sorted({device.vehicle_id for device in devices if device.vehicle_id} - found.keys()):
        name = vehicle_name(max(1, vehicle_number(vehicle_id)), (each.name for each in found.values()))
        found[vehicle_id] = Vehicle(vehicle_id, name, None, automatic=True)
    return found


# -- one record --------------------------------------------------------------------------


def _device(address: Address, record: Place) -> Device:
    retry, defaults = record.inside("connection_config"), Retry()
    device_type = record.needed("device_type")
    return Device(
        address=address,
        device_type=device_type,
        friendly_name=record.get("friendly_name", str, default=device_type),
        vehicle_id=record.get("vehicle_id", str, default=None),
        lifecycle=_lifecycle(record),
        discovered_at=_instant(record, "discovered_at"),
        configured_at=_instant(record, "configured_at"),
        polling_interval=_seconds(record, "polling_interval", None),
        retry=Retry(
            attempts=max(1, retry.get("retry_attempts", int, default=defaults.attempts)),
            interval=_seconds(retry, "retry_interval", defaults.interval),
            reconnection_delay=_seconds(retry, "reconnection_delay", defaults.reconnection_delay),
        ),
        config=record.get("config", dict, default={}),
        calibration=_rules(parse_calibration, record, "calibration"),
        plausibility=_rules(parse_plausibility, record, "plausibility"),
    )


def _device_to_json(device: Device) -> Json:
    return {
        "mac_address": device.address,
        "device_type": device.device_type,
        "friendly_name": device.friendly_name,
        "vehicle_id": device.vehicle_id,
        "status": device.lifecycle.value,
        "discovered_at": _instant_to_json(device.discovered_at),
        "configured_at": _instant_to_json(device.configured_at),
        "polling_interval": device.polling_interval,
        "connection_config": {
            "retry_attempts": device.retry.attempts,
            "retry_interval": device.retry.interval,
            "reconnection_delay": device.retry.reconnection_delay,
        },
        "config": dict(device.config),
        "calibration": to_json(device.calibration),
        "plausibility": to_json(device.plausibility),
    }


def _vehicle_to_json(vehicle: Vehicle, device_count: int) -> Json:
    return {
        "name": vehicle.name,
        "created_at": _instant_to_json(vehicle.created_at),
        "device_count": device_count,
        "automatic": vehicle.automatic,
    }


# -- values: what is wrong is noted in its place, and what is returned then is of no use ----------

T = TypeVar("T")
S = TypeVar("S", float, float | None)

_LAST_ID = 10**15  # hawk/registry/naming.py reads as many digits


def _records(document: object, key: str, place: Place) -> Iterable[tuple[str, Place]]:
    if not isinstance(document, dict):
        place.wrong(document, "an object")
        return
    version = document.get("version", VERSION)
    if version != VERSION:
        raise OtherVersion(
            f"{place.source} has version {version!r}, this program reads {VERSION!r}: update Battery Hawk"
        )
    root = place.at(document)
    if not 0 <= root.get("last_vehicle", int, default=0) < _LAST_ID:
        root.at(None, "last_vehicle").wrong(document["last_vehicle"], "a whole number from 0 to 1e15")
    records = root.inside(key)
    for name, record in records.value.items():
        found = records.at(record, name)
        if not isinstance(record, dict):
            found.wrong(record, "an object")
        elif found.is_text(name):
            yield name, found


def _check(place: Place) -> None:
    if place.problems:
        raise WrongDocument(place.problems)


def _seconds(record: Place, key: str, default: S) -> S:
    value = record.value.get(key)
    if value is None:
        return default
    if isinstance(value, int | float) and not isinstance(value, bool) and 1 <= value <= 1e9:
        return value
    record.at(value, key).wrong(value, "seconds, a number from 1 to 1e9")
    return default


def _rules(parse: Callable[[object], Mapping[str, T]], record: Place, key: str) -> Mapping[str, T]:
    """Each quantity by itself, for one that is wrong hides the others."""
    found: dict[str, T] = {}
    for quantity, said in record.inside(key).value.items():
        try:
            found.update(parse({quantity: said}))
        except Invalid as error:
            record.note(f"/{key}{error.pointer}", str(error))
    return found


def _instant(record: Place, key: str) -> int | None:
    text = record.get(key, str, default=None)
    try:
        return None if text is None else parse_rfc3339(text)
    except (ValueError, OverflowError):
        record.at(text, key).wrong(text, "a time such as 2026-11-23T10:30:00Z, with its offset from UTC")
        return None


def _instant_to_json(ms: int | None) -> str | None:
    return None if ms is None else rfc3339(ms)


def _lifecycle(record: Place) -> Lifecycle:
    """The specification also writes link states into `status`; a device that has one is configured."""
    word = record.get("status", str, default="configured")
    if word in {"connected", "disconnected", "error"}:
        return Lifecycle.CONFIGURED
    try:
        return Lifecycle(word)
    except ValueError:
        record.at(word, "status").wrong(word, f"one of {', '.join(Lifecycle)}")
        return Lifecycle.CONFIGURED


def _address(key: str, record: Place) -> Address | None:
    try:
        return parse_address(key)
    except BadAddress:
        record.wrong(None, "the key is no Bluetooth address such as AA:BB:CC:DD:EE:FF")
        return None
