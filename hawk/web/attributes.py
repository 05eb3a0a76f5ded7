"""Attributes that a client sends, checked one by one: wrong and unknown ones are refused with their place.

What only the registry can judge (names, device types, vehicles) it judges itself.
"""

import enum

from hawk.errors import BadAddress, Invalid
from hawk.jobs.messages import StartDiscovery
from hawk.model.address import Address, parse_address
from hawk.model.device import Lifecycle
from hawk.model.reading import QUANTITIES, Moment, Reading
from hawk.model.reading_json import reading_of
from hawk.registry.messages import DeviceChanges, VehicleChanges
from hawk.web.jsonapi import ApiError, Json, Sent, parse_document, parse_json

VEHICLE_ID = "/data/attributes/vehicle_id"
VEHICLE_LINK = "/data/relationships/vehicle/data/id"

RELEASE_MINUTES = 30  # unless somebody says otherwise
MOST_IMPORTED = 1000  # readings in a request

DEVICES_LINK = "/data/relationships/devices/data"

_HERE, _LINKS = "/data/attributes", "/data/relationships"
_RETRY = f"{_HERE}/connection_config"
_LONGEST = 1e9  # [s]
_DEVICE = {
    "mac_address", "device_type", "friendly_name", "polling_interval", "vehicle_id", "connection_config", "config",
    "calibration", "plausibility", "status",
}  # fmt: skip


def device_address(sent: Sent) -> Address:
    """Of a device that is named in the body alone. Raises Invalid."""
    if sent.id is not None:
        return _address(sent.id, "/data/id")
    if (text := _text(sent.attributes, "mac_address")) is None:
        raise Invalid("say which device: its address is the id", "/data/id")
    return _address(text, f"{_HERE}/mac_address")


def device_changes(address: Address, sent: Sent) -> DeviceChanges:
    """Raises ApiError 409 when another device is named, Invalid for the rest."""
    _same(address, sent.id, "/data/id")
    _same(address, _text(sent.attributes, "mac_address"), f"{_HERE}/mac_address")
    attributes = sent.attributes
    _only(attributes, _DEVICE, _HERE)
    _only(sent.relationships, {"vehicle"}, _LINKS)
    retry = attributes.get("connection_config", {})
    if not isinstance(retry, dict):
        raise Invalid("connection_config is an object", _RETRY)
    _only(retry, {"retry_attempts", "retry_interval", "reconnection_delay"}, _RETRY)
    vehicle_id, no_vehicle = _vehicle(attributes, sent.relationships)
    return DeviceChanges(
        device_type=_text(attributes, "device_type"),
        friendly_name=_text(attributes, "friendly_name"),
        polling_interval=_seconds(attributes, "polling_interval", _HERE),
        vehicle_id=vehicle_id,
        no_vehicle=no_vehicle,
        retry_attempts=_count(retry, "retry_attempts", _RETRY),
        retry_interval=_seconds(retry, "retry_interval", _RETRY),
        reconnection_delay=_seconds(retry, "reconnection_delay", _RETRY),
        lifecycle=_lifecycle(attributes),
        config=_config(attributes),
        calibration=_patch(attributes, "calibration"),
        plausibility=_patch(attributes, "plausibility"),
    )


class Trying(enum.Enum):
    """Whether a device is read before it is registered."""

    NO = enum.auto()
    FIRST = enum.auto()  # it is registered if that works
    ONLY = enum.auto()  # it is not registered


def trying(sent: Sent) -> Trying:
    """By the document's `meta`. Raises Invalid."""
    for name in ("test", "dry_run"):
        if not isinstance(sent.meta.get(name, False), bool):
            raise Invalid(f"{name} is true or false", f"/meta/{name}")
    if sent.meta.get("dry_run"):
        return Trying.ONLY
    return Trying.FIRST if sent.meta.get("test") else Trying.NO


def release_seconds(body: bytes) -> float:
    """How long to release. Raises what `parse_document` raises, and Invalid."""
    attributes = parse_document(body, "releases").attributes if body else {}
    _only(attributes, {"minutes"}, _HERE)
    minutes = attributes.get("minutes", RELEASE_MINUTES)
    if isinstance(minutes, bool) or not isinstance(minutes, int | float) or not 1 <= minutes <= 24 * 60:
        raise Invalid("minutes is a number from 1 to 1440", f"{_HERE}/minutes")
    return minutes * 60.0


def history_days(body: bytes) -> float | None:
    """How many of the last days; None for all. Raises what `parse_document` raises, and Invalid."""
    attributes = parse_document(body, "jobs").attributes if body else {}
    _only(attributes, {"days"}, _HERE)
    days = attributes.get("days")
    if days is None:
        return None
    if isinstance(days, bool) or not isinstance(days, int | float) or not 0 < days <= 366:
        raise Invalid("days is a number above 0, at most 366", f"{_HERE}/days")
    return float(days)


def discovery(body: bytes) -> StartDiscovery:
    """Raises what `parse_document` raises, and Invalid."""
    attributes = parse_document(body, "jobs").attributes if body else {}
    _only(attributes, {"duration", "connect"}, _HERE)
    duration, connect = attributes.get("duration"), attributes.get("connect", False)
    if not isinstance(connect, bool):
        raise Invalid("connect is true or false", f"{_HERE}/connect")
    if duration is None:
        return StartDiscovery(connect=connect)
    if isinstance(duration, bool) or not isinstance(duration, int | float) or not 1 <= duration <= 300:
        raise Invalid("duration is a number of seconds from 1 to 300", f"{_HERE}/duration")
    return StartDiscovery(float(duration), connect)


def imported_readings(body: bytes, now: Moment) -> list[Reading]:
    """Raises what `parse_document` raises, and Invalid."""
    attributes = parse_document(body, "reading-imports").attributes
    _only(attributes, {"readings"}, _HERE)
    readings = attributes.get("readings")
    if not isinstance(readings, list) or not 1 <= len(readings) <= MOST_IMPORTED:
        raise Invalid(f"readings is a list of 1 to {MOST_IMPORTED}", f"{_HERE}/readings")
    return [_reading(said, now, f"{_HERE}/readings/{n}") for n, said in enumerate(readings)]


def _reading(said: object, now: Moment, where: str) -> Reading:
    if not isinstance(said, dict):
        raise Invalid("a reading is an object", where)
    try:
        return reading_of(said, now)
    except Invalid as error:
        raise Invalid(str(error), where + error.pointer) from None


def new_vehicle(sent: Sent) -> tuple[str, frozenset[Address]]:
    """Its name and its devices. Raises ApiError 403, or Invalid."""
    if sent.id is not None:
        raise ApiError(403, "no_client_ids", "a vehicle gets its id here: leave it out", pointer="/data/id")
    wanted = vehicle_changes(sent)
    if wanted.name is None:
        raise Invalid("a vehicle has a name", f"{_HERE}/name")
    return wanted.name, wanted.devices or frozenset()


def vehicle_changes(sent: Sent, vehicle_id: str | None = None) -> VehicleChanges:
    """Raises ApiError 409 when another vehicle is named, Invalid for the rest."""
    if sent.id not in {None, vehicle_id}:
        raise ApiError(409, "conflict", f"the id of this resource is {vehicle_id}", pointer="/data/id")
    _only(sent.attributes, {"name"}, _HERE)
    _only(sent.relationships, {"devices"}, _LINKS)
    devices = None
    if "devices" in sent.relationships:
        devices = _many(_data(sent.relationships["devices"], f"{_LINKS}/devices"), DEVICES_LINK)
    return VehicleChanges(_text(sent.attributes, "name"), devices)


def linked_vehicle(body: bytes) -> str | None:
    """Of a document that is a relationship alone, as the next. Raises ApiError 400, or Invalid."""
    return _one(_data(parse_json(body), ""), "/data")


def linked_devices(body: bytes) -> frozenset[Address]:
    return _many(_data(parse_json(body), ""), "/data")


# --------------------------------------------------------------------------------------------


def _only(found: Json, known: set[str], where: str) -> None:
    for name in found:
        if name not in known:
            settable = f"; what can: {', '.join(sorted(known))}" if known else ""
            raise Invalid(f"{name!r} cannot be set{settable}", f"{where}/{_escaped(name)}")


def _escaped(name: str) -> str:
    """As a part of a JSON pointer."""
    return name.replace("~", "~0").replace("/", "~1")


def _address(text: str, where: str) -> Address:
    try:
        return parse_address(text)
    except BadAddress as error:
        raise Invalid(str(error), where) from None


def _same(address: Address, text: str | None, where: str) -> None:
    if text is not None and _address(text, where) != address:
        raise ApiError(409, "conflict", f"this resource is {address}", pointer=where)


def _text(found: Json, name: str) -> str | None:
    """None only when it is not there: null is no text."""
    if name not in found:
        return None
    value = found[name]
    if not isinstance(value, str):
        raise Invalid(f"{name} is text", f"{_HERE}/{name}")
    return value


def _seconds(found: Json, name: str, where: str) -> float | None:
    if name not in found:
        return None
    value = found[name]
    if isinstance(value, int | float) and not isinstance(value, bool) and 1 <= value <= _LONGEST:
        return value
    raise Invalid(f"{name} is a number of seconds, at least 1", f"{where}/{name}")


def _count(found: Json, name: str, where: str) -> int | None:
    if name not in found:
        return None
    value = found[name]
    if isinstance(value, int) and not isinstance(value, bool) and 1 <= value <= 1000:
        return value
    raise Invalid(f"{name} is a whole number from 1 to 1000", f"{where}/{name}")


def _config(attributes: Json) -> Json | None:
    config = attributes.get("config")
    if config is not None and not isinstance(config, dict):
        raise Invalid("config is an object: docs/devices says of what", f"{_HERE}/config")
    return config


def _patch(attributes: Json, name: str) -> Json | None:
    """What is in it the registry checks, together with what is there already."""
    if name not in attributes:
        return None
    patch = attributes[name]
    if patch is None:
        return dict.fromkeys(QUANTITIES)
    if not isinstance(patch, dict):
        raise Invalid(f"{name} is an object by quantity, or null", f"{_HERE}/{name}")
    return patch


def _lifecycle(attributes: Json) -> Lifecycle | None:
    word = _text(attributes, "status")
    if word is None:
        return None
    if word not in {Lifecycle.CONFIGURED, Lifecycle.IGNORED}:
        raise Invalid("a device can become 'configured' or 'ignored'", f"{_HERE}/status")
    return Lifecycle(word)


def _vehicle(attributes: Json, relationships: Json) -> tuple[str | None, bool]:
    """The id, and whether the device leaves its vehicle. Attribute and relationship say the same."""
    said: list[str | None] = []
    if "vehicle_id" in attributes:
        said.append(None if attributes["vehicle_id"] is None else _text(attributes, "vehicle_id"))
    if "vehicle" in relationships:
        said.append(_one(_data(relationships["vehicle"], f"{_LINKS}/vehicle"), f"{_LINKS}/vehicle/data"))
    if not said:
        return None, False
    if said[0] != said[-1]:
        raise Invalid("the attribute and the relationship name different vehicles", VEHICLE_ID)
    return said[0], said[0] is None


def _data(relationship: object, where: str) -> object:
    if not isinstance(relationship, dict) or "data" not in relationship:
        raise Invalid("a relationship is an object with 'data'", where)
    return relationship["data"]


def _one(data: object, where: str) -> str | None:
    if data is None:
        return None
    if isinstance(data, dict) and data.get("type") == "vehicles" and isinstance(data.get("id"), str):
        return str(data["id"])
    raise Invalid("a vehicle's type and id, or null", where)


def _many(data: object, where: str) -> frozenset[Address]:
    if not isinstance(data, list):
        raise Invalid("a list of devices, each with its type and id", where)
    return frozenset(_device(each, f"{where}/{n}") for n, each in enumerate(data))


def _device(data: object, where: str) -> Address:
    if isinstance(data, dict) and data.get("type") == "devices" and isinstance(data.get("id"), str):
        return _address(data["id"], f"{where}/id")
    raise Invalid("a device's type and id", where)
