"""What is to be said of what happens: most of it for the broker to keep, some of it once. Pure.

Nothing here is the only place of anything: it is made of what the directory knows, and of facts.
"""

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass

from hawk.directory.messages import VehicleView
from hawk.events import (
    BluetoothChanged,
    DeviceChanged,
    DeviceDiscovered,
    DeviceRemoved,
    DeviceUpdated,
    VehicleRemoved,
    VehicleSummarised,
)
from hawk.model.address import Address
from hawk.model.device import Device, DeviceView, Lifecycle
from hawk.mqtt import payloads, topics
from hawk.mqtt.board import Board
from hawk.mqtt.discovery import retiring, values_of
from hawk.mqtt.messages import Message
from hawk.mqtt.payloads import Condition, Gateway
from hawk.mqtt.remains import Kept, orphans
from hawk.mqtt.terms import Terms
from hawk.mqtt.topics import OFFLINE, ONLINE

MOST_ONCE = 1000  # messages that wait to be said once; of more the oldest are lost


@dataclass(frozen=True, slots=True)
class Known:
    """All that the directory knows, after a start."""

    views: tuple[DeviceView, ...]
    vehicles: tuple[VehicleView, ...]


@dataclass(frozen=True, slots=True)
class Shape:
    """Of what the announcement of a device is made."""

    device: Device
    interval: float | None
    heard_only: bool
    said: frozenset[str]  # the values that it ever had: in one poll or another some are missing

    @classmethod
    def of(cls, view: DeviceView, before: "Shape | None") -> "Shape":
        said = values_of(view.live)
        if before is not None and before.device.device_type == view.device.device_type:
            said |= before.said
        return cls(view.device, view.interval, view.heard_only, said)


Fact = (
    DeviceUpdated | DeviceChanged | DeviceRemoved | DeviceDiscovered | VehicleSummarised | VehicleRemoved
    | BluetoothChanged | Condition
)  # fmt: skip


class Notices:
    def __init__(self, terms: Terms) -> None:
        self._terms, self._topics, self._board = terms, terms.topics, Board()
        self._begun = False  # the board has all that the directory knows
        self._once: deque[Message] = deque(maxlen=MOST_ONCE)
        self._changed: dict[str, Message] = {}  # of the board, since it was said
        self._vehicle_of: dict[Address, str | None] = {}
        self._available: dict[Address, bool] = {}
        self._gone: set[Address] = set()  # devices that may have a last word all the same
        self._announced: dict[Address, Shape] = {}
        self._may_come: dict[str, frozenset[str]] = {}  # entities, by the topic of their document
        if (home := terms.home_assistant) is not None:
            self.show([home.announcer.gateway(home.gateway_name)])

    # -- what happens ------------------------------------------------------------------------

    def begin_with(self, known: Known, gateway: Gateway) -> None:
        """What came meanwhile is newer."""
        for view in known.views:
            if self._topics.named(topics.STATE, view.device.address) not in self._board:
                self._device(view, gateway)
        for vehicle in known.vehicles:
            if vehicle.summary and self._topics.named(topics.SUMMARY, vehicle.vehicle.id) not in self._board:
                self.note(VehicleSummarised(vehicle.summary), gateway)
        self._begun = True

    def note(self, fact: Fact, gateway: Gateway) -> bool:
        """Whether the condition of the service may be another now."""
        match fact:
            case DeviceUpdated(view):
                return self._device(view, gateway)
            case DeviceChanged(device) if device.lifecycle is Lifecycle.CONFIGURED:
                self._gone.discard(device.address)
            case DeviceChanged(device):
                return self._clear(device.address)
            case DeviceRemoved(address):
                return self._clear(address)
            case DeviceDiscovered():
                self.say(self._topics.messages(topics.FOUND, payloads.found(fact, gateway)))
            case VehicleSummarised(summary):
                said = payloads.summary(summary, gateway)
                self.show(self._topics.messages(topics.SUMMARY, said, summary.vehicle_id))
            case VehicleRemoved(vehicle_id):
                self.show(self._topics.forget(topics.SUMMARY, vehicle_id))
            case Condition():
                said = payloads.system_status(fact, gateway)
                self.show(self._topics.messages(topics.SYSTEM_STATUS, said))
        return isinstance(fact, BluetoothChanged)

    def show(self, messages: Sequence[Message]) -> None:
        """For the broker to keep."""
        for message in self._board.put(messages):
            self._changed.pop(message.topic, None)
            self._changed[message.topic] = message

    def say(self, messages: Sequence[Message]) -> None:
        self._once.extend(messages)

    # -- what is to be said ------------------------------------------------------------------

    def whole(self) -> tuple[Message, ...]:
        """All of the board; none of it has changed since."""
        self._board.put([self._topics.message(topics.SYSTEM_AVAILABILITY, ONLINE)])
        self._changed.clear()
        return self._board.whole()

    def repeat(self) -> None:
        """Somebody may have missed it."""
        for message in self._board.whole():
            self._changed[message.topic] = message

    def changed(self) -> tuple[Message, ...]:
        """Of the board; they count as said."""
        changed, self._changed = tuple(self._changed.values()), {}
        return changed

    def once(self, most: int) -> tuple[Message, ...]:
        """They wait until they are `said_once`: then a broker has them."""
        return tuple(self._once)[:most]

    def said_once(self, messages: Sequence[Message]) -> None:
        for message in messages:
            if self._once and self._once[0] is message:
                self._once.popleft()

    def amends(self, kept: Kept) -> tuple[Message, ...]:
        """For what a broker keeps of us that is so no longer."""
        ghosts = self._board.ghosts(kept, self._terms.gateway_id)
        return *ghosts, *orphans(kept, self._announcements(), self._may_come)

    # -- one by one --------------------------------------------------------------------------

    def _device(self, view: DeviceView, gateway: Gateway) -> bool:
        address = view.device.address
        if view.device.lifecycle is not Lifecycle.CONFIGURED or address in self._gone:
            return False
        for topic, payload in (
            (topics.STATE, payloads.state(view, gateway)),
            (topics.STATUS, payloads.status(view, gateway)),
            (topics.CONFIG, payloads.config(view, gateway)),
            (topics.AVAILABILITY, ONLINE if view.available else OFFLINE),
        ):
            self.show(self._topics.messages(topic, payload, address))
        if (alias := self._terms.alias) is not None:
            self.show([alias.state(view, gateway)])
        self._note_vehicle(view, gateway)
        self._announce(view)
        before, self._available[address] = self._available.get(address), view.available
        return before is not view.available

    def _note_vehicle(self, view: DeviceView, gateway: Gateway) -> None:
        address, vehicle = view.device.address, view.device.vehicle_id
        known = None if self._begun else vehicle  # at the start it is no news
        before = self._vehicle_of.get(address, known)
        self._vehicle_of[address] = vehicle
        if vehicle is not None and before != vehicle:
            self.say(self._topics.messages(topics.ASSOCIATED, payloads.associated(view, gateway), vehicle))

    def _announce(self, view: DeviceView) -> None:
        """Only what may say something new: a device is shown at each of its adverts."""
        address, home = view.device.address, self._terms.home_assistant
        before = self._announced.get(address)
        if home is None or (shape := Shape.of(view, before)) == before:
            return
        self._announced[address] = shape
        if (said := home.battery(view, shape.said)) is None:
            return
        self._may_come[said.message.topic] = said.may_come
        if last := retiring(self._board.payload(said.message.topic), said.message, said.may_come):
            self.say([last])
        self.show([said.message])

    def _announcements(self) -> Sequence[Message]:
        if (home := self._terms.home_assistant) is None:
            return ()
        start = home.announcer.announcements.partition("+")[0]
        return [each for each in self._board.whole() if each.topic.startswith(start)]

    def _clear(self, address: Address) -> bool:
        self._gone.add(address)
        self._vehicle_of.pop(address, None)
        self._available.pop(address, None)
        home = self._terms.home_assistant
        if home is not None and self._announced.pop(address, None) is not None:
            self.show([home.announcer.forget(address)])
        if (alias := self._terms.alias) is not None:
            self.show([alias.forget(address)])
        for topic in topics.OF_A_DEVICE:
            self.show(self._topics.forget(topic, address))
        return True
