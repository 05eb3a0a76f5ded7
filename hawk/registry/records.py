"""devices.json and vehicles.json: the specified shapes, to records and back.

Keys that we do not know stay where they are: whoever added them by hand keeps them.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeAlias, TypeVar

from hawk.errors import BadAddress, ConfigurationError, Invalid, OtherVersion
from hawk.model.address import Address, parse_address
from hawk.model.device import Device, Lifecycle, Retry
from hawk.model.instant import parse_rfc3339, rfc3339
from hawk.model.rules import parse_calibration, parse_plausibility, to_json
from hawk.model.vehicle import Vehicle
from hawk.registry.messages import Snapshot
from hawk.registry.naming import vehicle_name, vehicle_number

VERSION = "1.0"

Json: TypeAlias = dict[str, Any]  # an object of a JSON document, before it is a record


@dataclass(frozen=True, slots=True)
class Documents:
    """Both files as they were read, for the keys that are not ours."""

    devices: Json = field(default_factory=dict)
    vehicles: Json = field(default_factory=dict)


def from_documents(documents: Documents) -> Snapshot:
    """A vehicle that only its devices know is made again. Raises ConfigurationError with the place
    of what is wrong."""
    devices = read_devices(documents.devices)
    vehicles = _with_lost_ones(read_vehicles(documents.vehicles), devices.values())
    remembered = [each.get("last_vehicle") for each in (documents.devices, documents.vehicles)]
    used = [number for number in remembered if isinstance(number, int)]
    return Snapshot(devices, vehicles, max([0, *used, *map(vehicle_number, vehicles)]))


def to_documents(snapshot: Snapshot, old: Documents) -> Documents:
    # a key made by hand may spell the address in another way
    old_devices = {parse_address(key): record for key, record in old.devices.get("devices", {}).items()}
    old_vehicles = old.vehicles.get("vehicles", {})
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


def _over(old: Json, ours: Json) -> Json:
    """With the keys of others, also in its `connection_config`."""
    connection = {**(old.get("connection_config") or {}), **ours["connection_config"]}
    return {**old, **ours, "connection_config": connection}


def read_devices(document: Json) -> Mapping[Address, Device]:
    where = "devices.json"
    return {
        _address(key, f"{where} /devices/{key}"): _device(key, record, f"{where} /devices/{key}")
        for key, record in _objects(document, "devices", where).items()
    }


def read_vehicles(document: Json) -> Mapping[str, Vehicle]:
    where = "vehicles.json"
    return {
        key: Vehicle(
            id=key,
            name=_get(record, "name", str, f"{where} /vehicles/{key}"),
            created_at=_instant(record, "created_at", f"{where} /vehicles/{key}"),
            automatic=_get(record, "automatic", bool, f"{where} /vehicles/{key}", default=False),
        )
        for key, record in _objects(document, "vehicles", where).items()
    }


def _with_lost_ones(vehicles: Mapping[str, Vehicle], devices: Iterable[Device]) -> Mapping[str, Vehicle]:
    """Under the old id, so that readings of before and after are of one vehicle."""
    found = dict(vehicles)
    for vehicle_id in sorted({device.vehicle_id for device in devices if device.vehicle_id} - found.keys()):
        name = vehicle_name(max(1, vehicle_number(vehicle_id)), (each.name for each in found.values()))
        found[vehicle_id] = Vehicle(vehicle_id, name, None, automatic=True)
    return found


# -- one record --------------------------------------------------------------------------


def _device(key: str, record: Json, where: str) -> Device:
    retry, defaults = _get(record, "connection_config", dict, where, default={}), Retry()
    device_type = _get(record, "device_type", str, where)
    return Device(
        address=_address(key, where),
        device_type=device_type,
        friendly_name=_get(record, "friendly_name", str, where, default=device_type),
        vehicle_id=_get(record, "vehicle_id", str, where, default=None),
        lifecycle=_lifecycle(_get(record, "status", str, where, default="configured"), where),
        discovered_at=_instant(record, "discovered_at", where),
        configured_at=_instant(record, "configured_at", where),
        polling_interval=_seconds(record, "polling_interval", where, None),
        retry=Retry(
            attempts=max(1, _get(retry, "retry_attempts", int, where, default=defaults.attempts)),
            interval=_seconds(retry, "retry_interval", where, defaults.interval) or defaults.interval,
            reconnection_delay=_seconds(retry, "reconnection_delay", where, defaults.reconnection_delay)
            or defaults.reconnection_delay,
        ),
        config=_get(record, "config", dict, where, default={}),
        calibration=_parsed(parse_calibration, record, "calibration", where),
        plausibility=_parsed(parse_plausibility, record, "plausibility", where),
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


# -- values ------------------------------------------------------------------------------

_REQUIRED = object()
T = TypeVar("T")


def _objects(document: Json, key: str, where: str) -> dict[str, Json]:
    version = document.get("version", VERSION)
    if version != VERSION:
        raise OtherVersion(
            f"{where} has version {version!r}, this program reads {VERSION!r}: update Battery Hawk"
        )
    found = _get(document, key, dict, where, default={})
    for name, record in found.items():
        _check_text(name, f"{where} /{key}")
        if not isinstance(record, dict):
            raise ConfigurationError(f"{where} /{key}/{name}: expected an object")
    return dict(found)


def _get(record: Json, key: str, kind: type, where: str, default: Any = _REQUIRED) -> Any:
    value = record.get(key)
    if value is None:
        if default is _REQUIRED:
            raise ConfigurationError(f"{where}: {key!r} is missing")
        return default
    if isinstance(value, kind) and (kind is bool or not isinstance(value, bool)):
        if isinstance(value, str):
            _check_text(value, f"{where}/{key}")
        return value
    raise ConfigurationError(f"{where}/{key}: {value!r} is not of type {kind.__name__}")


def _check_text(text: str, where: str) -> None:
    """JSON can say half of a surrogate pair; no file, database or topic takes it."""
    try:
        text.encode()
    except UnicodeEncodeError:
        raise ConfigurationError(f"{where}: {text!r} contains half a character") from None


def _seconds(record: Json, key: str, where: str, default: float | None) -> float | None:
    value = record.get(key, default)
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float) or not 1 <= value <= 1e9:
        raise ConfigurationError(f"{where}/{key}: {value!r} is no duration of at least 1 s")
    return value


def _parsed(parse: Callable[[object], T], record: Json, key: str, where: str) -> T:
    try:
        return parse(_get(record, key, dict, where, default={}))
    except Invalid as error:
        raise ConfigurationError(f"{where}/{key}{error.pointer}: {error}") from None


def _instant(record: Json, key: str, where: str) -> int | None:
    text = _get(record, key, str, where, default=None)
    try:
        return None if text is None else parse_rfc3339(text)
    except ValueError as error:
        raise ConfigurationError(f"{where}/{key}: {error}") from None


def _instant_to_json(ms: int | None) -> str | None:
    return None if ms is None else rfc3339(ms)


def _lifecycle(word: str, where: str) -> Lifecycle:
    """The specification also writes link states into `status`; a device that has one is configured."""
    if word in {"connected", "disconnected", "error"}:
        return Lifecycle.CONFIGURED
    try:
        return Lifecycle(word)
    except ValueError:
        raise ConfigurationError(f"{where}/status: {word!r} is no status of a device") from None


def _address(text: str, where: str) -> Address:
    try:
        return parse_address(text)
    except BadAddress as error:
        raise ConfigurationError(f"{where}: {error}") from None
