"""Has done what is asked for by MQTT, and answers. It decides nothing: it asks those who do."""

import logging
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any, TypeVar

import trio

from actors import (
    Actor,
    ActorCrashed,
    ActorDeadError,
    ActorRef,
    AskTimeout,
    FindChild,
    MailboxFull,
    MailboxSpec,
    Overflow,
    Query,
)
from hawk.ble.messages import LookAround
from hawk.clock import Clock
from hawk.devices.messages import POLL_WITHIN, PollNow, ReadOnce, Release
from hawk.directory.messages import ListDevices, LookUpDevice
from hawk.drivers.catalogue import Catalogue
from hawk.errors import HawkError, NotConfigured, NotFound
from hawk.events import SettingsChanged
from hawk.model.address import Address
from hawk.model.attributes import Json, device_attributes, timestamp
from hawk.model.device import DeviceView
from hawk.mqtt import payloads
from hawk.mqtt.alias import Alias
from hawk.mqtt.commands import (
    AddDevice,
    DiscoverDevices,
    GetDevices,
    Order,
    PollDevice,
    Refused,
    ReleaseDevice,
    RemoveDevice,
    RestartGateway,
    SetDevice,
    SetLogLevel,
    understood,
)
from hawk.mqtt.line import Arrived
from hawk.mqtt.messages import Say, Show
from hawk.mqtt.topics import GATEWAY_CONFIG, Topics
from hawk.registry.messages import (
    ChangeDevice,
    ConfigureDevice,
    DeviceChanges,
    GetRegistry,
    PreviewDevice,
)
from hawk.registry.messages import (
    RemoveDevice as Remove,
)

log = logging.getLogger(__name__)

R = TypeVar("R")

PER_SECOND = 10  # commands; what comes faster is not answered
ANSWER_FIRST = 0.5  # [s] before the restart
SOON, LATER = 2.0, 10.0  # [s] for an answer from memory, and from the disk


@dataclass(frozen=True, slots=True)
class Colleagues:
    registry: ActorRef[Any]
    directory: ActorRef[Any]
    devices: ActorRef[Any]  # the group
    trials: ActorRef[Any]
    scanner: ActorRef[Any]
    catalogue: Catalogue
    polling_interval: Callable[[], float]  # [s] of a device without one of its own
    log_level: Callable[[], str]  # the one in force
    set_log_level: Callable[[str], None]
    restart: Callable[[], None]


class DeskActor(Actor):
    mailbox = MailboxSpec(size=100, overflow=Overflow.DROP_OLDEST)

    def __init__(
        self,
        topics: Topics,
        gateway_id: str,
        publisher: ActorRef[Any],
        colleagues: Colleagues,
        clock: Clock,
        alias: Alias | None = None,
    ) -> None:
        super().__init__()
        self._alias = alias
        self._topics, self._gateway_id, self._publisher = topics, gateway_id, publisher
        self._colleagues, self._clock = colleagues, clock
        self._came: deque[float] = deque(maxlen=PER_SECOND)

    async def setup(self) -> None:
        self.subscribe(SettingsChanged)
        self._show_level()

    def on_receive(self, message: Any) -> Any:
        match message:
            case Arrived() if self._is_too_much():
                log.warning("MQTT: more than %d commands a second; one is passed over", PER_SECOND)
            case Arrived(topic, payload, retained):
                self._take(topic, payload, retained=retained)
            case SettingsChanged():
                self._show_level()
            case _:
                return super().on_receive(message)
        return None

    def _is_too_much(self) -> bool:
        now = trio.current_time()
        if len(self._came) == PER_SECOND and now - self._came[0] < 1.0:
            return True
        self._came.append(now)
        return False

    def _take(self, topic: str, payload: bytes, *, retained: bool) -> None:
        where = self._alias.topics if self._alias and topic in self._alias.filters else self._topics
        try:
            order = understood(where, self._gateway_id, topic, payload, retained=retained)
        except Refused as refused:
            log.warning("MQTT: a command on %s is refused: %s", topic, refused)
            self._answer(where, refused.command, refused.request_id, error=(refused.code, str(refused)))
            return
        if order is not None:
            self.spawn(self._carry_out, where, order)

    async def _carry_out(self, where: Topics, order: Order) -> None:
        answer = partial(self._answer, where, order.command, order.request_id)
        try:
            result = await self._done(order)
        except HawkError as error:
            answer(error=(error.code, str(error)))
        except (AskTimeout, ActorCrashed, ActorDeadError, MailboxFull) as error:
            answer(error=("timeout", f"no answer in time: {error}"))
        else:
            answer(result=result)

    def _answer(
        self,
        where: Topics,
        command: str | None,
        request_id: str | None,
        *,
        result: Mapping[str, Any] | None = None,
        error: tuple[str, str] | None = None,
    ) -> None:
        said: Json = {
            "request_id": request_id,
            "command": command,
            "ok": error is None,
            "gateway_id": self._gateway_id,
            "timestamp": timestamp(self._clock.moment()),
        }
        if error is None:
            said["result"] = result
        else:
            said["error"] = {"code": error[0], "detail": error[1]}
        self._publisher.tell(Say((where.answer_to(request_id, said),)))

    # -- one by one --------------------------------------------------------------------------

    async def _done(self, order: Order) -> Json:
        match order.wanted:
            case GetDevices():
                return await self._devices()
            case DiscoverDevices(duration):
                patience = (duration or 300.0) + LATER
                await _ask(self._colleagues.scanner, LookAround(duration), patience)
                return await self._devices()
            case AddDevice(address, changes, test):
                return await self._add(address, changes, test=test)
            case SetDevice(address, changes):
                await _ask(self._colleagues.registry, ChangeDevice(address, changes), LATER)
                return await self._device(address)
            case RemoveDevice(address):
                await _ask(self._colleagues.registry, Remove(address), LATER)
                return {"device_id": address}
            case PollDevice(address):
                reading = await _ask(await self._actor(address), PollNow(), POLL_WITHIN)
                return {**await self._device(address), "reading": payloads.reading(reading)}
            case ReleaseDevice(address, minutes):
                until = await _ask(await self._actor(address), Release(minutes * 60.0))
                return {"device_id": address, "until": timestamp(until)}
            case SetLogLevel(level):
                self._colleagues.set_log_level(level)
                self._show_level()
                return {"log_level": level}
            case RestartGateway():
                self.spawn(self._restart)
                return {}

    async def _restart(self) -> None:
        await trio.sleep(ANSWER_FIRST)
        self._colleagues.restart()

    def _show_level(self) -> None:
        said = {"log_level": self._colleagues.log_level(), "gateway_id": self._gateway_id}
        self._publisher.tell(Show((self._topics.message(GATEWAY_CONFIG, said),)))

    async def _add(self, address: Address, changes: DeviceChanges, *, test: bool) -> Json:
        """What cannot be read is not registered, unless nobody wants to know."""
        said = await self._tried(address, changes) if test else {}
        await _ask(self._colleagues.registry, ConfigureDevice(address, changes), LATER)
        return {**await self._device(address), **said}

    async def _tried(self, address: Address, changes: DeviceChanges) -> Json:
        registry = self._colleagues.registry
        device = (await _ask(registry, PreviewDevice(address, changes))).device
        vehicle = (await _ask(registry, GetRegistry())).vehicle_of(device)
        wanted = ReadOnce(device, vehicle.name if vehicle else None)
        trial = await _ask(self._colleagues.trials, wanted, POLL_WITHIN)
        return {"reading": payloads.reading(trial.reading)}

    async def _devices(self) -> Json:
        views = await _ask(self._colleagues.directory, ListDevices())
        return {"devices": [self._shown(view) for view in views]}

    async def _device(self, address: Address) -> Json:
        view = await _ask(self._colleagues.directory, LookUpDevice(address))
        if view is None:
            raise NotFound(f"no device {address} is known")
        return {"device": self._shown(view)}

    def _shown(self, view: DeviceView) -> Json:
        device = view.device
        config = self._colleagues.catalogue.shown(device.device_type, device.config)
        return {**device_attributes(view, self._colleagues.polling_interval(), config)}

    async def _actor(self, address: Address) -> ActorRef[Any]:
        ref = await _ask(self._colleagues.devices, FindChild(address))
        if ref is None:
            known = (await _ask(self._colleagues.registry, GetRegistry())).devices
            if address not in known:
                raise NotFound(f"no device {address} is known")
            raise NotConfigured(f"{address} is {known[address].lifecycle}: add_device makes it one of ours")
        return ref


async def _ask(ref: ActorRef[Any], query: Query[R], within: float = SOON) -> R:
    return await ref.ask(query).within(within)
