"""What goes wrong, with whom, for how long. Pure: a seed tells the same story again."""

import random
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

# Of one device or several; healed by a Faults() of its own.
DEVICE_FAULTS: tuple[dict[str, Any], ...] = (
    {"connect_error": "Failed", "connect_message": "le-connection-abort-by-local", "connect_times": 2},
    {"connect_error": "Failed", "connect_message": "Software caused connection abort"},
    {"connect_error": "Failed", "connect_message": "br-connection-canceled"},
    {"connect_error": "InProgress", "connect_message": "Operation already in progress"},
    {"connect_hang": True},
    {"connect_delay": 0.3},
    {"disconnect_delay": 0.3},
    {"resolve_hang": True},
    {"resolve_delay": 0.3},
    {"write_error": "Failed"},
    {"write_hang": True},
    {"write_delay": 0.2},
    {"notify": "none"},
    {"notify": "garbage"},
    {"notify": "short"},
    {"notify": "long"},
    {"notify": "wrongkey"},
    {"notify": "wrongcmd"},
    {"notify": "duplicate"},
    {"notify": "ackonly"},
    {"notify": "zero"},
    {"reply_delay": 0.4},
    {"drop_after_connect": 0.0},
    {"drop_after_connect": 0.15},
    {"drop_after_frames": 0},
    {"drop_after_frames": 1},
    {"drop_on_write": True},
    {"silent": True},
)

ADAPTERS = ("hci0", "hci1")  # all devices are heard by both

Orders = tuple[dict[str, Any], ...]


def _each(adapters: tuple[str, ...], orders: Orders) -> Orders:
    return tuple({**order, "adapter": adapter} for order in orders for adapter in adapters)


_OFF, _ON = {"do": "power", "on": False}, {"do": "power", "on": True}
_ADAPTER_FAULTS: tuple[tuple[str, Orders, Orders], ...] = (
    ("power off", (_OFF,), (_ON,)),
    ("rfkill", ({"do": "rfkill", "block": True},), ({"do": "rfkill", "block": False},)),
    ("adapter unplugged", ({"do": "unplug"},), ({"do": "plug"},)),
    ("silent scan", ({"do": "deaf"},), ()),
    (
        "scans refused",
        ({"do": "discovery_error", "error": "Failed"}, _OFF, _ON),
        ({"do": "discovery_error", "error": ""},),
    ),
    (
        "scanned by another",
        ({"do": "discovery_error", "error": "InProgress"}, _OFF, _ON),
        ({"do": "discovery_error", "error": ""},),
    ),
)

# Of the daemon, of all adapters, of one of them: how it begins, how it ends.
STACK_FAULTS: tuple[tuple[str, Orders, Orders], ...] = (
    ("daemon killed", ({"do": "crash"},), ({"do": "start"},)),
    *((name, _each(ADAPTERS, begin), _each(ADAPTERS, end)) for name, begin, end in _ADAPTER_FAULTS),
    *(
        (f"{name}, of one adapter", _each(ADAPTERS[1:], begin), _each(ADAPTERS[1:], end))
        for name, begin, end in _ADAPTER_FAULTS
    ),
)

HEALED: dict[str, Any] = {
    "connect_error": "", "connect_message": "", "connect_times": -1, "connect_hang": False, "connect_delay": 0.0,
    "disconnect_delay": 0.0, "resolve_hang": False, "resolve_delay": 0.0, "write_error": "", "write_hang": False,
    "write_delay": 0.0, "notify": "ok", "reply_delay": 0.0, "drop_after_connect": -1.0, "drop_after_frames": -1,
    "drop_on_write": False, "silent": False,
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Episode:
    name: str
    begin: tuple[dict[str, Any], ...]  # orders to the simulated daemon
    end: tuple[dict[str, Any], ...]
    lasts: float  # [s]
    devices: tuple[str, ...] = ()  # empty: all


@dataclass
class Story:
    seed: int
    addresses: tuple[str, ...]  # of the devices that may fail
    lasts: tuple[float, float]  # [s] of an episode
    stack: float = 0.1  # share of episodes that concern all devices
    _chance: random.Random = field(init=False)

    def __post_init__(self) -> None:
        self._chance = random.Random(self.seed)

    def episodes(self) -> Iterator[Episode]:
        """First every fault alone, then at random for ever."""
        for fault in DEVICE_FAULTS:
            yield self._of_devices(fault)
        for number in range(len(STACK_FAULTS)):
            yield self._of_stack(number)
        while True:
            if self._chance.random() < self.stack:
                yield self._of_stack(self._chance.randrange(len(STACK_FAULTS)))
            elif self._chance.random() < 0.1:
                yield self._action()
            else:
                yield self._of_devices(self._chance.choice(DEVICE_FAULTS))

    def _of_devices(self, fault: dict[str, Any]) -> Episode:
        chosen = self._some()
        begin = tuple({"do": "faults", "address": address, **fault} for address in chosen)
        end = tuple({"do": "faults", "address": address, **HEALED} for address in chosen)
        name = " ".join(f"{key}={value}" for key, value in fault.items())
        return Episode(name, begin, end, self._duration(), chosen)

    def _of_stack(self, number: int) -> Episode:
        name, begin, end = STACK_FAULTS[number]
        return Episode(name, begin, end, self._duration())

    def _action(self) -> Episode:
        chosen = self._some()
        return Episode("drop", tuple({"do": "drop", "address": each} for each in chosen), (), 0.0, chosen)

    def _some(self) -> tuple[str, ...]:
        count = self._chance.choice((1, 1, 2, 3, len(self.addresses)))
        return tuple(self._chance.sample(self.addresses, min(count, len(self.addresses))))

    def _duration(self) -> float:
        return self._chance.uniform(*self.lasts)
