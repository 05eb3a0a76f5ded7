"""What Home Assistant is told of each battery and of this gateway, so that entities appear by themselves. Pure.

Device-based discovery, Home Assistant 2024.11 and later. Ids, keys and identifiers never change between
releases: histories of users hang on them.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass

from hawk.drivers.api import Driver
from hawk.model.address import Address
from hawk.model.device import DeviceView
from hawk.model.live import Live
from hawk.model.reading import QUANTITIES
from hawk.mqtt import topics
from hawk.mqtt.entities import Json, extra, flag, press, quantity, value
from hawk.mqtt.messages import Message
from hawk.mqtt.topics import COMMAND, DEVICE_SET, GATEWAY_SET, OFFLINE, ONLINE, Topics, to_json

GRACE = 300.0  # [s] beyond its availability a value expires by itself, should everything else fail
_RELEASE = 30  # [minutes]
_LONGEST_INTERVAL = 86_400  # [s]


@dataclass(frozen=True, slots=True)
class Announcer:
    topics: Topics
    prefix: str  # that Home Assistant listens to
    gateway_id: str
    version: str

    def battery(
        self, view: DeviceView, driver: Driver, longest_age: float, said: frozenset[str] = frozenset()
    ) -> Message:
        """`longest_age` [s] of data until it is no longer available; `said` are the values that it ever had."""
        address = view.device.address
        values = dict(self._values(driver, longest_age + GRACE, said | values_of(view.live)))
        components = {**values, **self._beside(view)}
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

    def _values(self, driver: Driver, expiry: float, said: frozenset[str]) -> Iterator[tuple[str, Json]]:
        """What it certainly measures, and what it said that others of its type do not."""
        for name in QUANTITIES:
            if name in said or (name in driver.measures and not driver.of_many_kinds):
                yield name, quantity(name, expiry)
        for shown in driver.shows:
            if not shown.quantity and (shown.key in said or not shown.optional):
                yield shown.key, extra(shown, expiry)

    def _beside(self, view: DeviceView) -> dict[str, Json]:
        address = view.device.address
        command = {
            "platform": "button",
            "command_topic": self.topics.named_in(COMMAND),
            "availability": [self._alive],
        }
        parts: dict[str, Json] = {
            "charging": flag("Charging", "battery_charging", "charging"),
            "problem": {**flag("Problem", "problem", "problem"), "entity_category": "diagnostic"},
            "rssi": {
                "platform": "sensor",
                "name": "Signal strength",
                "device_class": "signal_strength",
                "unit_of_measurement": "dBm",
                "state_class": "measurement",
                "entity_category": "diagnostic",
                "enabled_by_default": False,
                "value_template": value("rssi"),
            },
            "last_seen": {
                "platform": "sensor",
                "name": "Last reading",
                "device_class": "timestamp",
                "entity_category": "diagnostic",
                "value_template": value("last_seen"),
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
            **self._link(address),
            "polling_interval": self._interval(address),
            "read_now": {**command, "name": "Read now", **press("poll_device", mac_address=address)},
            "release": {
                **command,
                "name": "Leave to the app for 30 min",
                **press("release_device", mac_address=address, minutes=_RELEASE),
            },
        }

    def _link(self, address: Address) -> dict[str, Json]:
        """How it goes to read it: also of interest while it cannot be read."""
        common: Json = {
            "platform": "sensor",
            "entity_category": "diagnostic",
            "state_topic": self.topics.named(topics.STATUS, address),
            "availability": [self._alive],
        }
        counter = {**common, "state_class": "total_increasing", "enabled_by_default": False}
        return {
            "last_result": {
                **common,
                "name": "Last result",
                "value_template": "{{ value_json.error_code or 'ok' if value_json.last_command else none }}",
            },
            "link_quality": {
                **common,
                "name": "Link quality",
                "unit_of_measurement": "%",
                "state_class": "measurement",
                "value_template": "{{ value_json.extra.link_quality | default(none) }}",
            },
            "polls": {**counter, "name": "Polls", "value_template": _of_polls("total")},
            "polls_failed": {
                **counter,
                "name": "Failed polls",
                "value_template": _of_polls("failed"),
            },
            "poll_duration": {
                **common,
                "name": "Time of a poll",
                "device_class": "duration",
                "unit_of_measurement": "s",
                "state_class": "measurement",
                "suggested_display_precision": 1,
                "enabled_by_default": False,
                "value_template": _of_polls("mean_duration"),
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
            "scan": {**command, "name": "Scan for devices", **press("discover_devices")},
            "restart": {
                **command,
                "name": "Restart",
                "device_class": "restart",
                "entity_category": "config",
                **press("restart_gateway", gateway_id=self.gateway_id),
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


def _of_polls(key: str) -> str:
    """What an older version left at the broker has none."""
    return f"{{{{ (value_json.extra.polls | default({{}})).{key} | default(none) }}}}"


def values_of(live: Live) -> frozenset[str]:
    """The values that a device has."""
    return frozenset(live.values) | {key for key, said in live.extra.items() if said is not None}


def may_come(driver: Driver) -> frozenset[str]:
    """Entities that a device of this type may have, though it is not announced with them yet."""
    shown = frozenset(each.key for each in driver.shows if each.optional)
    return shown | frozenset(QUANTITIES) if driver.of_many_kinds else shown


def retiring(before: str, after: Message, spared: frozenset[str] = frozenset()) -> Message | None:
    """To be said once before `after` when it lacks entities that were announced `before`: otherwise they
    stay as orphans. None when nothing goes, but for what is `spared`.
    """
    old, new = _components(before), json.loads(after.payload)
    gone = {
        key: {"platform": part.get("platform")}
        for key, part in old.items()
        if key not in new["components"] and key not in spared
    }
    if not gone:
        return None
    payload = to_json({**new, "components": {**new["components"], **gone}})
    return Message(after.topic, payload, after.qos, after.retain)


def _components(document: str) -> Json:
    """None of what is no document."""
    try:
        said = json.loads(document)
    except (ValueError, RecursionError):
        return {}
    found = said.get("components") if isinstance(said, dict) else None
    if not isinstance(found, dict):
        return {}
    return {key: part for key, part in found.items() if isinstance(part, dict) and part.get("platform")}


def _node(address: Address) -> str:
    """Home Assistant takes no colons there."""
    return f"battery_hawk_{address.replace(':', '').lower()}"
