"""What the broker is to keep for us: each topic with its last message. Pure.

The board is whole at any time, so a broker that lost everything gets everything again.
"""

import re
from collections.abc import Iterable, Mapping

from hawk.mqtt.messages import Message

_TIME = re.compile(r'"timestamp": ?(null|"[0-9TZ:.+-]*"),?')


class Board:
    def __init__(self) -> None:
        self._kept: dict[str, Message] = {}

    def put(self, messages: Iterable[Message]) -> tuple[Message, ...]:
        """Those that say something new: they are to be sent. An empty one takes its topic off the board."""
        return tuple(message for message in messages if self._is_news(message))

    def whole(self) -> tuple[Message, ...]:
        return tuple(self._kept.values())

    def __contains__(self, topic: str) -> bool:
        return topic in self._kept

    def payload(self, topic: str) -> str:
        """Empty for a topic that is not on it."""
        kept = self._kept.get(topic)
        return kept.payload if kept else ""

    def ghosts(self, kept: Mapping[str, str], gateway_id: str) -> tuple[Message, ...]:
        """Of what a broker keeps, what this gateway said once and no longer says; each to be forgotten.

        `kept`: topic -> payload. What names this gateway is ours, and so is what stands beside it on
        the same device: the word of its availability names nobody. The rest is left alone.
        """
        ours = {_place(topic) for topic, payload in kept.items() if gateway_id in payload}
        gone = (topic for topic in kept if topic not in self._kept and _place(topic) in ours)
        return tuple(Message(topic, "", 1, retain=True) for topic in gone)

    def _is_news(self, message: Message) -> bool:
        old = self._kept.get(message.topic)
        if not message.payload:
            self._kept.pop(message.topic, None)
            return True
        self._kept[message.topic] = message
        return old is None or (
            old.payload != message.payload and _without_time(old.payload) != _without_time(message.payload)
        )


def _place(topic: str) -> str:
    return topic.rpartition("/")[0]


def _without_time(payload: str) -> str:
    """The time alone is no news. Read as text: a board is compared at each advertisement."""
    return _TIME.sub("", payload)
