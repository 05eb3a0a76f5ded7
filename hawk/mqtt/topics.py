"""The topics, as one table: what is said where, how surely, and whether the broker keeps it. Pure."""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from hawk.errors import Invalid
from hawk.model.address import Address, parse_address
from hawk.mqtt.messages import Message

ONLINE, OFFLINE = "online", "offline"


@dataclass(frozen=True, slots=True)
class Topic:
    path: str  # below the prefix; {} is the address of a device or the id of a vehicle
    qos: int
    retain: bool
    plural: str = ""  # what the specification calls it elsewhere: mqtt.legacy_plural_topics


READING = Topic("device/{}/reading", 1, retain=False, plural="devices/{}/readings")
STATUS = Topic("device/{}/status", 1, retain=True, plural="devices/{}/status")
STATE = Topic("device/{}/state", 1, retain=True)
AVAILABILITY = Topic("device/{}/availability", 1, retain=True)
CONFIG = Topic("device/{}/config", 1, retain=True)
SUMMARY = Topic("vehicle/{}/summary", 1, retain=True, plural="vehicles/{}/summary")
ASSOCIATED = Topic("vehicle/{}/device_associated", 1, retain=False, plural="vehicles/{}/device_associated")
FOUND = Topic("discovery/found", 1, retain=False)
SYSTEM_STATUS = Topic("system/status", 2, retain=True)
SYSTEM_AVAILABILITY = Topic("system/availability", 1, retain=True)
SHUTDOWN = Topic("system/shutdown", 2, retain=False)
GATEWAY_CONFIG = Topic("gateway/config", 1, retain=True)
RESPONSE = Topic("gateway/response", 1, retain=False)
RESPONSE_TO = Topic("gateway/response/{}", 1, retain=False)

SAID = (
    READING, STATUS, STATE, AVAILABILITY, CONFIG, SUMMARY, ASSOCIATED, FOUND, SYSTEM_STATUS,
    SYSTEM_AVAILABILITY, SHUTDOWN, GATEWAY_CONFIG, RESPONSE, RESPONSE_TO,
)  # fmt: skip
OF_A_DEVICE = (STATUS, STATE, AVAILABILITY, CONFIG)  # kept by the broker, until the device is removed

COMMAND = "gateway/command"
GATEWAY_SET = "gateway/set"
DEVICE_SET = "device/{}/set"

_LEVEL = re.compile(r"[^/+#\x00-\x1f]+")
_REQUEST = re.compile(r"[\w.:-]{1,64}", re.ASCII)


@dataclass(frozen=True, slots=True)
class Topics:
    """Where this gateway speaks."""

    prefix: str = "battery_hawk"
    qos: int = 2  # nothing is sent with more
    plural: bool = False

    def __post_init__(self) -> None:
        """Raises Invalid for a prefix that no topic can begin with."""
        if not all(_LEVEL.fullmatch(level) for level in self.prefix.split("/")):
            raise Invalid(f"{self.prefix!r} is no topic: no + or #, nothing empty between slashes")

    def named(self, topic: Topic, id_: str = "") -> str:
        return f"{self.prefix}/{_filled(topic.path, id_)}"

    def named_in(self, path: str) -> str:
        """What is listened to."""
        return f"{self.prefix}/{path}"

    def message(self, topic: Topic, payload: str | Mapping[str, Any], id_: str = "") -> Message:
        text = payload if isinstance(payload, str) else to_json(payload)
        return Message(self.named(topic, id_), text, min(topic.qos, self.qos), topic.retain)

    def messages(self, topic: Topic, payload: str | Mapping[str, Any], id_: str = "") -> tuple[Message, ...]:
        """Also under the plural name, where that is wanted."""
        first = self.message(topic, payload, id_)
        if not (self.plural and topic.plural):
            return (first,)
        plural = f"{self.prefix}/{_filled(topic.plural, id_)}"
        return first, Message(plural, first.payload, first.qos, first.retain)

    def forget(self, topic: Topic, id_: str = "") -> tuple[Message, ...]:
        return self.messages(topic, "", id_)

    def answer_to(self, request_id: str | None, payload: Mapping[str, Any]) -> Message:
        """An id that cannot be part of a topic is told in the payload alone."""
        if request_id is None or not _REQUEST.fullmatch(request_id):
            return self.message(RESPONSE, payload)
        return self.message(RESPONSE_TO, payload, request_id)

    def asks(self, topic: str) -> bool:
        """Whether something is wanted of us there."""
        before, _, after = DEVICE_SET.partition("{}")
        of_a_device = topic.startswith(self.named_in(before)) and topic.endswith(after)
        return of_a_device or topic in (self.named_in(COMMAND), self.named_in(GATEWAY_SET))

    @property
    def listened_to(self) -> tuple[str, ...]:
        return tuple(map(self.named_in, (COMMAND, GATEWAY_SET, DEVICE_SET.format("+"))))

    def device_of_set(self, topic: str) -> Address | None:
        """Whose settings are to change; None for any other topic. Raises Invalid for what is no address."""
        before, _, after = DEVICE_SET.partition("{}")
        start = f"{self.prefix}/{before}"
        if not (topic.startswith(start) and topic.endswith(after)):
            return None
        return parse_address(topic[len(start) : -len(after)])


def to_json(payload: Mapping[str, Any]) -> str:
    """NaN is no JSON: raises ValueError."""
    return json.dumps(payload, ensure_ascii=False, allow_nan=False, separators=(",", ":"))


def _filled(path: str, id_: str) -> str:
    if "{}" in path and not _LEVEL.fullmatch(id_):
        raise ValueError(f"{id_!r} cannot be part of a topic")  # a bug: ids are made by us
    return path.format(id_)
