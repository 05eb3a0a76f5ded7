"""Who may do what at the broker inside. Pure.

Passwords are compared as they stand in the settings: nothing of them is written anywhere.
"""

import hmac
from collections.abc import Mapping
from dataclasses import dataclass, field

ALL = ("#",)


@dataclass(frozen=True, slots=True)
class User:
    password: str = field(repr=False)
    subscribe: tuple[str, ...] = ALL  # filters
    publish: tuple[str, ...] = ALL  # the same


@dataclass(frozen=True, slots=True)
class Rights:
    users: Mapping[str, User]
    anonymous: bool  # whoever gives no name may do everything

    def lets_in(self, name: str | None, password: str | None) -> bool:
        if not name:
            return self.anonymous
        user = self.users.get(name)
        known = user.password if user else ""
        same = hmac.compare_digest(known.encode(), (password or "").encode(errors="replace"))
        return same and user is not None

    def may_subscribe(self, name: str | None, filter_: str) -> bool:
        user = self._user(name)
        return user is not None and any(covers(allowed, filter_) for allowed in user.subscribe)

    def may_publish(self, name: str | None, topic: str) -> bool:
        user = self._user(name)
        return user is not None and any(covers(allowed, topic) for allowed in user.publish)

    def _user(self, name: str | None) -> User | None:
        if not name:
            return User("") if self.anonymous else None
        return self.users.get(name)


def covers(allowed: str, asked: str) -> bool:
    """Whether each topic that fits the filter `asked` fits `allowed`; a topic is a filter that fits itself.

    As MQTT has it, # stands also for nothing, and neither # nor + at the front for a topic with $.
    """
    levels, wanted = allowed.split("/"), asked.split("/")
    if wanted[0].startswith("$") and levels[0] != wanted[0]:
        return False
    for index, level in enumerate(levels):
        if level == "#":
            return True
        if index == len(wanted) or wanted[index] == "#" or level not in {"+", wanted[index]}:
            return False
    return len(levels) == len(wanted)
