"""What a broker keeps when we come: of our own former sessions, and of others. Pure."""

import json
from collections.abc import Iterable, Iterator, Mapping

from hawk.mqtt import topics
from hawk.mqtt.discovery import retiring
from hawk.mqtt.messages import Message
from hawk.mqtt.topics import ONLINE, Topics

Kept = Mapping[str, str]  # topic -> payload


def other_gateway(kept: Kept, topics_: Topics, gateway_id: str) -> str | None:
    """Another one that lives and speaks under the same prefix."""
    alive = kept.get(topics_.named(topics.SYSTEM_AVAILABILITY)) == ONLINE
    other = _gateway_of(kept.get(topics_.named(topics.SYSTEM_STATUS), ""))
    return other if alive and other != gateway_id else None


def orphans(
    kept: Kept, announced: Iterable[Message], may_come: Mapping[str, frozenset[str]]
) -> Iterator[Message]:
    """Of entities that another version announced, and this one does not. By topic, some `may_come`: after a start
    a device has not said yet all that it said before."""
    for each in announced:
        spared = may_come.get(each.topic, frozenset())
        if said := retiring(kept.get(each.topic, ""), each, spared):
            yield said


def _gateway_of(status: str) -> str | None:
    try:
        said = json.loads(status)
    except (ValueError, RecursionError):
        return None
    name = said.get("gateway_id") if isinstance(said, dict) else None
    return name if isinstance(name, str) else None
