"""Who holds a link, who makes one, who waits. A table without a clock or messages."""

import itertools
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

from hawk.ble.messages import Slot
from hawk.model.address import Address

# Never twice in a process: an old holder may release its slot when the table is a new one.
_numbers = itertools.count(1)


@dataclass(frozen=True, slots=True)
class _Waiting:
    slot: Slot
    urgent: bool


class Slots:
    """On each adapter at most `max_links` are held, one for each device, and only one is being established."""

    def __init__(self, max_links: int) -> None:
        self._max_links = max_links
        self._waiting: dict[int, _Waiting] = {}  # the longest waiting first
        self._held: dict[int, Slot] = {}
        self._establishing: dict[str, int] = {}  # adapter -> number

    @property
    def held(self) -> tuple[Slot, ...]:
        return tuple(self._held.values())

    @property
    def waiting(self) -> int:
        return len(self._waiting)

    def request(self, address: Address, *, urgent: bool, adapter: str = "") -> Slot:
        """It waits until `grant` gives it out."""
        slot = Slot(next(_numbers), address, adapter)
        self._waiting[slot.number] = _Waiting(slot, urgent)
        return slot

    def grant(self) -> Slot | None:
        """The next one to begin to connect, if one may: urgent first, then the longest waiting."""
        if (chosen := min(self._grantable(), key=lambda each: not each.urgent, default=None)) is None:
            return None
        number = chosen.slot.number
        del self._waiting[number]
        self._held[number] = chosen.slot
        self._establishing[chosen.slot.adapter] = number
        return chosen.slot

    def established(self, number: int) -> None:
        self._establishing = {
            adapter: other for adapter, other in self._establishing.items() if other != number
        }

    def free(self, number: int) -> None:
        """It is neither held nor waited for any more; nothing happens if it was neither."""
        self._waiting.pop(number, None)
        self._held.pop(number, None)
        self.established(number)

    def _grantable(self) -> Iterator[_Waiting]:
        """BlueZ fails both of two sessions with one device."""
        linked = {slot.address for slot in self._held.values()}
        held = Counter(slot.adapter for slot in self._held.values())
        return (
            each
            for each in self._waiting.values()
            if each.slot.address not in linked
            and each.slot.adapter not in self._establishing
            and held[each.slot.adapter] < self._max_links
        )
