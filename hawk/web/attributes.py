"""Attributes that a client sends, checked one by one: wrong and unknown ones are refused with their place."""

from typing import Any

from hawk.errors import Invalid
from hawk.model.address import Address
from hawk.model.device import Lifecycle
from hawk.registry.messages import DeviceChanges
from hawk.web.jsonapi import ApiError, Json

_HERE = "/data/attributes"
_LONGEST = 1e9  # [s]


def device_changes(address: Address, id_: str | None, attributes: Json, relationships: Json) -> DeviceChanges:
    """Raises ApiError 409 for another id, 422 for the rest."""
    if id_ is not None and id_.upper().replace("-", ":") != address:
        raise ApiError(409, "conflict", f"the id of this resource is {address}", pointer="/data/id")
    known = {"mac_address", "device_type", "friendly_name", "polling_interval", "vehicle_id",
             "connection_config", "status"}  # fmt: skip
    _only(attributes, known, _HERE)
    _only(relationships, {"vehicle"}, "/data/relationships")
    config = attributes.get("connection_config", {})
    if not isinstance(config, dict):
        raise Invalid("an object", f"{_HERE}/connection_config")
    _only(config, {"retry_attempts", "retry_interval", "reconnection_delay"}, f"{_HERE}/connection_config")
    vehicle_id, no_vehicle = _vehicle(attributes, relationships)
    return DeviceChanges(
        device_type=_text(attributes, "device_type"),
        friendly_name=_text(attributes, "friendly_name"),
        polling_interval=_seconds(attributes, "polling_interval", _HERE),
        vehicle_id=vehicle_id,
        no_vehicle=no_vehicle,
        retry_attempts=_count(config, "retry_attempts", f"{_HERE}/connection_config"),
        retry_interval=_seconds(config, "retry_interval", f"{_HERE}/connection_config"),
        reconnection_delay=_seconds(config, "reconnection_delay", f"{_HERE}/connection_config"),
        lifecycle=_lifecycle(attributes),
    )


def vehicle_name(attributes: Json) -> str:
    _only(attributes, {"name"}, _HERE)
    name = _text(attributes, "name")
    if name is None:
        raise Invalid("a vehicle has a name", f"{_HERE}/name")
    return name


# --------------------------------------------------------------------------------------------


def _only(found: Json, known: set[str], where: str) -> None:
    for name in found:
        if name not in known:
            raise Invalid(f"{name!r} cannot be set; known: {', '.join(sorted(known))}", f"{where}/{name}")


def _text(found: Json, name: str) -> str | None:
    value = found.get(name)
    if value is not None and not isinstance(value, str):
        raise Invalid("text", f"{_HERE}/{name}")
    return value


def _seconds(found: Json, name: str, where: str) -> float | None:
    value = found.get(name)
    if value is None:
        return None
    if isinstance(value, int | float) and not isinstance(value, bool) and 1 <= value <= _LONGEST:
        return value
    raise Invalid("a number of seconds, at least 1", f"{where}/{name}")


def _count(found: Json, name: str, where: str) -> int | None:
    value = found.get(name)
    if value is not None and (
        isinstance(value, bool) or not isinstance(value, int) or not 1 <= value <= 1000
    ):
        raise Invalid("a whole number from 1 to 1000", f"{where}/{name}")
    return value


def _lifecycle(attributes: Json) -> Lifecycle | None:
    word = _text(attributes, "status")
    if word is None:
        return None
    if word not in {Lifecycle.CONFIGURED, Lifecycle.IGNORED}:
        raise Invalid("a device can become 'configured' or 'ignored'", f"{_HERE}/status")
    return Lifecycle(word)


def _vehicle(attributes: Json, relationships: Json) -> tuple[str | None, bool]:
    """The attribute and the relationship say the same. Null takes the device out of its vehicle."""
    if "vehicle" not in relationships:
        return _text(attributes, "vehicle_id"), "vehicle_id" in attributes and attributes[
            "vehicle_id"
        ] is None
    linkage: Any = relationships["vehicle"]
    data = linkage.get("data", linkage) if isinstance(linkage, dict) else linkage
    if data is None:
        return None, True
    if not isinstance(data, dict) or data.get("type") != "vehicles" or not isinstance(data.get("id"), str):
        raise Invalid("a vehicle's type and id, or null", "/data/relationships/vehicle/data")
    return data["id"], False
