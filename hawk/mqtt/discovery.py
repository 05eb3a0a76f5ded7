"""What Home Assistant is told of each battery and of this gateway, so that entities appear by themselves. Pure.

Device-based discovery, Home Assistant 2024.11 and later. Ids, keys and identifiers never change between
releases: histories of users hang on them.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from hawk.drivers.api import Driver, Shown
from hawk.model.address import Address
from hawk.model.device import DeviceView
from hawk.model.reading import QUANTITIES
from hawk.mqtt import topics
from hawk.mqtt.messages import Message
from hawk.mqtt.topics import COMMAND, DEVICE_SET, GATEWAY_SET, OFFLINE, ONLINE, Topics, to_json

Json = dict[str, Any]

GRACE = 300.0  # [s] beyond its availability a value expires by itself, should everything else fail
_RELEASE = 30  # [minutes]
_LONGEST_INTERVAL = 86_400  # [s]

# quantity -> device class, unit, digits; the names are Home Assistant's own
_QUANTITIES = {
    "voltage": ("voltage", "V", 2),
    "current": ("current", "A", 2),
    "temperature": ("temperature", "°C", 1),
    "state_of_charge": ("battery", "%", 0),
    "power": ("power", "W", 1),
}

# With another unit Home Assistant refuses the entity; these are the classes that batteries have.
_UNITS = {
    "voltage": {"V", "mV"},
    "current": {"A", "mA"},
    "temperature": {"°C", "°F", "K"},
    "battery": {"%"},
    "power": {"W", "kW"},
    "energy": {"Wh", "kWh", "MWh"},
    "energy_storage": {"Wh", "kWh", "MWh"},
    "frequency": {"Hz", "kHz"},
    "duration": {"s", "min", "h", "d"},
}
_COUNTED = {"energy": {"total", "total_increasing"}, "energy_storage": {"measurement"}}


@dataclass(frozen=True, slots=True)
class Announcer:
    topics: Topics
    prefix: str  # that Home Assistant listens to
    gateway_id: str
    version: str

    def battery(self, view: DeviceView, driver: Driver, longest_age: float) -> Message:
        """`longest_age` [s] of data until it is no longer available."""
        address = view.device.address
        components = {**dict(self._values(view, driver, longest_age + GRACE)), **self._beside(view)}
        document = {
            "device": {
                "identifiers": [_node(address)],
                "name": view.device.friendly_name,
                "manufacturer": "Battery Hawk",
                "model": driver.description,
                "model_id": driver.device_type,
                "serial_number": address,
                "via_device": self._gateway_node,
            },
            "availability": [self._alive, {"topic": self.topics.named(topics.AVAILABILITY, address)}],
            "availability_mode": "all",
            "state_topic": self.topics.named(topics.STATE, address),
            "components": {
                key: {**part, "unique_id": f"{_node(address)}_{key}"} for key, part in components.items()
            },
        }
        return self._message(_node(address), document)

    def gateway(self, name: str) -> Message:
        node = self._gateway_node
        components = {
            key: {**part, "unique_id": f"{node}_{key}"} for key, part in self._of_the_gateway().items()
        }
        device = {
            "identifiers": [node],
            "name": name,
            "manufacturer": "Battery Hawk",
            "model": "Gateway",
            "sw_version": self.version,
        }
        state = {"state_topic": self.topics.named(topics.SYSTEM_STATUS)}
        return self._message(
            node, {"device": device, "availability": [self._alive], **state, "components": components}
        )

    def forget(self, address: Address) -> Message:
        return Message(self._topic(_node(address)), "", 1, retain=True)

    @property
    def birth(self) -> str:
        """Where Home Assistant says that it is there."""
        return f"{self.prefix}/status"

    @property
    def announcements(self) -> str:
        """A filter for all that was ever announced, by anybody."""
        return self._topic("+")

    # -- of a battery ------------------------------------------------------------------------

    def _values(self, view: DeviceView, driver: Driver, expiry: float) -> Iterator[tuple[str, Json]]:
        """What this device measures: of one that a library reads that is known only once it was read."""
        for quantity in QUANTITIES:
            if quantity in view.live.values or (quantity in driver.measures and driver.by_library is None):
                yield quantity, _quantity(quantity, expiry)
        for shown in driver.shows:
            if not shown.quantity:
                yield shown.key, _shown(shown, expiry)

    def _beside(self, view: DeviceView) -> dict[str, Json]:
        address = view.device.address
        command = {
            "platform": "button",
            "command_topic": self.topics.named_in(COMMAND),
            "availability": [self._alive],
        }
        parts: dict[str, Json] = {
            "charging": _flag("Charging", "battery_charging", "charging"),
            "problem": {**_flag("Problem", "problem", "problem"), "entity_category": "diagnostic"},
            "rssi": {
                "platform": "sensor",
                "name": "Signal strength",
                "device_class": "signal_strength",
                "unit_of_measurement": "dBm",
                "state_class": "measurement",
                "entity_category": "diagnostic",
                "enabled_by_default": False,
                "value_template": _value("rssi"),
            },
            "last_seen": {
                "platform": "sensor",
                "name": "Last reading",
                "device_class": "timestamp",
                "entity_category": "diagnostic",
                "value_template": _value("last_seen"),
            },
            "connected": {
                "platform": "binary_sensor",
                "name": "Connection",
                "device_class": "connectivity",
                "entity_category": "diagnostic",
                "state_topic": self.topics.named(topics.AVAILABILITY, address),
                "payload_on": ONLINE,
                "payload_off": OFFLINE,
                "availability": [self._alive],
            },
        }
        if view.heard_only:
            return parts
        return {
            **parts,
            "polling_interval": self._interval(address),
            "read_now": {**command, "name": "Read now", **_press("poll_device", address)},
            "release": {
                **command,
                "name": "Leave to the app for 30 min",
                **_press("release_device", address, minutes=_RELEASE),
            },
        }

    def _interval(self, address: Address) -> Json:
        return {
            "platform": "number",
            "name": "Polling interval",
            "entity_category": "config",
            "device_class": "duration",
            "unit_of_measurement": "s",
            "min": 1,
            "max": _LONGEST_INTERVAL,
            "step": 1,
            "mode": "box",
            "state_topic": self.topics.named(topics.CONFIG, address),
            "value_template": "{{ value_json.polling_interval }}",
            "command_topic": self.topics.named_in(DEVICE_SET.format(address)),
            "command_template": '{"polling_interval": {{ value | int }}}',
            "availability": [self._alive],
        }

    # -- of the gateway ----------------------------------------------------------------------

    def _of_the_gateway(self) -> dict[str, Json]:
        command = {"platform": "button", "command_topic": self.topics.named_in(COMMAND)}
        count = {"platform": "sensor", "state_class": "measurement", "entity_category": "diagnostic"}
        return {
            "status": {
                "platform": "binary_sensor",
                "name": "Status",
                "device_class": "connectivity",
                "entity_category": "diagnostic",
                "state_topic": self.topics.named(topics.SYSTEM_AVAILABILITY),
                "payload_on": ONLINE,
                "payload_off": OFFLINE,
                "availability": [],  # so that it says off when the gateway is down
            },
            "devices": {
                **count,
                "name": "Devices",
                "value_template": "{{ value_json.devices.connected | default(none) }}",
            },
            "discovered": {
                **count,
                "name": "Found, not added",
                "value_template": "{{ value_json.devices.discovered | default(none) }}",
            },
            "scan": {**command, "name": "Scan for devices", **_press("discover_devices")},
            "restart": {
                **command,
                "name": "Restart",
                "device_class": "restart",
                "entity_category": "config",
                **_press("restart_gateway", gateway_id=self.gateway_id),
            },
            "log_level": {
                "platform": "select",
                "name": "Log level",
                "entity_category": "config",
                "options": ["DEBUG", "INFO", "WARN", "ERROR"],
                "state_topic": self.topics.named(topics.GATEWAY_CONFIG),
                "value_template": "{{ value_json.log_level }}",
                "command_topic": self.topics.named_in(GATEWAY_SET),
                "command_template": '{"log_level": "{{ value }}"}',
            },
        }

    # ----------------------------------------------------------------------------------------

    @property
    def _gateway_node(self) -> str:
        return f"battery_hawk_gw_{self.gateway_id}"

    @property
    def _alive(self) -> Json:
        return {"topic": self.topics.named(topics.SYSTEM_AVAILABILITY)}

    def _topic(self, node: str) -> str:
        return f"{self.prefix}/device/{node}/config"

    def _message(self, node: str, document: Json) -> Message:
        origin = {"origin": {"name": "Battery Hawk", "sw_version": self.version}, "qos": 1}
        return Message(self._topic(node), to_json({**document, **origin}), 1, retain=True)


def retiring(before: str, after: Message) -> Message | None:
    """To be said once before `after` when it lacks entities that were announced `before`: otherwise they
    stay as orphans. None when nothing goes.
    """
    old, new = _components(before), json.loads(after.payload)
    gone = {
        key: {"platform": part.get("platform")} for key, part in old.items() if key not in new["components"]
    }
    if not gone:
        return None
    payload = to_json({**new, "components": {**new["components"], **gone}})
    return Message(after.topic, payload, after.qos, after.retain)


def _components(document: str) -> Json:
    """None of what is no document."""
    try:
        said = json.loads(document)
    except ValueError:
        return {}
    found = said.get("components") if isinstance(said, dict) else None
    if not isinstance(found, dict):
        return {}
    return {key: part for key, part in found.items() if isinstance(part, dict) and part.get("platform")}


def _node(address: Address) -> str:
    """Home Assistant takes no colons there."""
    return f"battery_hawk_{address.replace(':', '').lower()}"


def _quantity(name: str, expiry: float) -> Json:
    device_class, unit, digits = _QUANTITIES[name]
    return {
        "platform": "sensor",
        "device_class": device_class,
        "unit_of_measurement": unit,
        "state_class": "measurement",
        "suggested_display_precision": digits,
        "expire_after": round(expiry),
        "value_template": _value(name),
    }


def _shown(shown: Shown, expiry: float) -> Json:
    """A value of `extra`, with the words that its driver or document has for it, as far as they hold."""
    name = shown.name or shown.key.replace("_", " ").capitalize()
    common: Json = {"name": name, "enabled_by_default": shown.enabled, "expire_after": round(expiry)}
    if shown.category == "diagnostic":
        common["entity_category"] = shown.category
    key = f"(value_json.extra | default({{}})).{shown.key}"
    if shown.on_or_off:
        template = f"{{{{ {{true: 'ON', false: 'OFF'}}.get({key}, 'None') }}}}"
        return {"platform": "binary_sensor", "value_template": template, **common}
    sensor = {"platform": "sensor", "value_template": f"{{{{ {key} | default(none) }}}}", **common}
    if shown.options:
        return {**sensor, "device_class": "enum", "options": list(shown.options)}
    device_class = shown.device_class if shown.unit in _UNITS.get(shown.device_class, {shown.unit}) else ""
    state_class = shown.state_class
    if state_class not in _COUNTED.get(device_class, {state_class}):
        state_class = ""
    words = {
        "unit_of_measurement": shown.unit,
        "device_class": device_class,
        "state_class": state_class,
        "icon": "" if device_class else shown.icon,
    }
    return {**sensor, **{key: word for key, word in words.items() if word}}


def _flag(name: str, device_class: str, key: str) -> Json:
    return {
        "platform": "binary_sensor",
        "name": name,
        "device_class": device_class,
        "value_template": f"{{{{ {{true: 'ON', false: 'OFF'}}.get(value_json.{key}, 'None') }}}}",
    }


def _value(key: str) -> str:
    """Without the default each message without it is a warning in the log there."""
    return f"{{{{ value_json.{key} | default(none) }}}}"


def _press(command: str, address: Address | None = None, **further: object) -> Json:
    said: Json = {"command": command, **further}
    if address is not None:
        said["mac_address"] = address
    return {"payload_press": to_json(said)}
