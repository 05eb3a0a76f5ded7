"""One delivery for each sink that the settings want."""

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

import trio

from actors import (
    ActorCrashed,
    ActorDeadError,
    ActorRef,
    AskTimeout,
    ChildSpec,
    Group,
    Intensity,
    Later,
    Reconcile,
    RestartChild,
)
from hawk.config.messages import Follow
from hawk.config.schema import Settings
from hawk.errors import ConfigurationError
from hawk.sinks.api import Wanted
from hawk.sinks.catalogue import Catalogue
from hawk.sinks.delivery import DeliveryActor, Terms, cursor_of
from hawk.sinks.messages import Awaited, GetSinks, GetSinkStatus, SinkState, SinkStatus
from hawk.store.messages import HoldPurging

log = logging.getLogger(__name__)

# A sink that crashes again and again, perhaps somebody else's, is no reason to end the others.
PATIENT = Intensity(restarts=1000, seconds=300.0, longest_delay=60.0)

_STATUS = 1.5  # [s]
_SHUTDOWN = 3.0  # [s] a thread that waits for the network is left alone


@dataclass(frozen=True, slots=True)
class Order:
    """What one delivery is made of."""

    wanted: Wanted
    terms: Terms


class SinksGroup(Group[Order]):
    def __init__(self, settings: Settings, catalogue: Catalogue, store: ActorRef[Any]) -> None:
        super().__init__(PATIENT)
        self._settings, self._catalogue, self._store = settings, catalogue, store
        self._orders: Mapping[str, Order] = {}
        self._refused: dict[str, str] = {}  # sinks whose settings cannot be, and why
        self._awaited: dict[str, bool] = {}

    def on_receive(self, message: Any) -> Any:
        match message:
            case Follow(settings):
                self._settings = settings
                message = Reconcile()
            case Awaited(name, awaited):
                self._awaited[name] = awaited
                return self._hold_purging()
            case GetSinks():
                return self._tell_status()
        return super().on_receive(message)

    async def wanted(self) -> Mapping[str, Order]:
        terms = Terms(drop=self._settings.store.on_outage == "drop")
        self._orders = {name: Order(wanted, terms) for name, wanted in self._places().items()}
        self._awaited = {name: said for name, said in self._awaited.items() if name in self._orders}
        self._hold_purging()
        return self._orders

    def spec(self, name: str, record: Order) -> ChildSpec:
        start = partial(DeliveryActor.start, name, record.wanted, record.terms, self._store, self.ref)
        return ChildSpec(name, start, shutdown=_SHUTDOWN)

    def changed(self, ref: ActorRef[Any], name: str, record: Order) -> None:  # noqa: ARG002  # the group's signature
        self._awaited.pop(name, None)  # another place may never have been reached
        self.ref.tell(RestartChild(name, self.spec(name, record)))

    def _places(self) -> Mapping[str, Wanted]:
        found: dict[str, Wanted] = {}
        for sink in self._catalogue.sinks:
            self._refused.pop(sink.name, None)
            try:
                wanted = sink.wanted(self._settings)
            except ConfigurationError as error:
                self._refused[sink.name] = str(error)
                log.warning("%s gets nothing: %s", sink.name, error)
                continue
            if wanted is not None:
                found[sink.name] = wanted
        return found

    def _hold_purging(self) -> None:
        """Not before each has said whether it was reached once: until then all that were are waited for."""
        if self._awaited.keys() >= self._orders.keys():
            names = (name for name, awaited in self._awaited.items() if awaited)
            held_by = frozenset(cursor_of(name, self._orders[name].wanted) for name in names)
            self._store.tell(HoldPurging(held_by))

    # -- status ------------------------------------------------------------------------------

    def _tell_status(self) -> Later[tuple[SinkStatus, ...]]:
        later: Later[tuple[SinkStatus, ...]] = Later()
        self.spawn(self._answer_status, later)
        return later

    async def _answer_status(self, later: Later[tuple[SinkStatus, ...]]) -> None:
        found = {sink.name: self._without_delivery(sink.name) for sink in self._catalogue.sinks}
        async with trio.open_nursery() as nursery:
            for name in self._orders:
                nursery.start_soon(self._fetch_status, found, name)
        later.resolve(tuple(found.values()))

    def _without_delivery(self, name: str) -> SinkStatus:
        if (why := self._refused.get(name)) is not None:
            return SinkStatus(name, SinkState.DENIED, reason=why)
        state = SinkState.CONNECTING if name in self._orders else SinkState.OFF
        return SinkStatus(name, state)

    async def _fetch_status(self, found: dict[str, SinkStatus], name: str) -> None:
        child = self._children.get(name)
        if child is None or child.ref is None:
            return
        try:
            found[name] = await child.ref.ask(GetSinkStatus()).within(_STATUS)
        except (AskTimeout, ActorCrashed, ActorDeadError):
            return  # it is just being started anew
