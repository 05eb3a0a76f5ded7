"""The service as it is now, asked part by part: for the status and for Prometheus."""

from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import trio

from actors import ActorRef, ChildState, Query
from hawk.ble.messages import ArbiterStatus, GetArbiterStatus, GetScannerStatus, ScannerStatus
from hawk.config.messages import GetSettings, Standing
from hawk.directory.messages import ListDevices
from hawk.errors import StoreUnavailable
from hawk.model.device import DeviceView
from hawk.model.reading import Moment
from hawk.mqtt.messages import BrokerStatus, GetBrokerStatus, GetMqttStatus, MqttStatus
from hawk.registry.messages import GetNotices, GetProblems
from hawk.sinks.messages import GetSinks, SinkStatus
from hawk.store.messages import GetStoreStatus, StoreStatus
from hawk.web.jsonapi import ApiError
from hawk.web.services import Services, ask


@dataclass(frozen=True, slots=True)
class Observed:
    """None is what did not answer in time."""

    moment: Moment
    gateway_id: str
    devices: tuple[DeviceView, ...] | None
    store: StoreStatus | None
    sinks: tuple[SinkStatus, ...] | None
    scanner: ScannerStatus | None
    arbiter: ArbiterStatus | None
    mqtt: MqttStatus | None  # None also where there is none
    broker: BrokerStatus | None  # the same
    notices: tuple[str, ...] | None
    actors: tuple[ChildState, ...]
    event_streams: int
    events_lost: int
    settings: Standing | None = None
    problems: tuple[str, ...] | None = None  # of devices.json and vehicles.json


async def observe(ours: Services) -> Observed:
    """Asks all at once: it takes no longer than the slowest."""
    found: dict[str, Any] = {"mqtt": None, "broker": None}

    async def fetch(name: str, ref: ActorRef[Any], query: Query[Any]) -> None:
        found[name] = None
        with suppress(ApiError, StoreUnavailable):
            found[name] = await ask(ref, query)

    async with trio.open_nursery() as nursery:
        nursery.start_soon(fetch, "devices", ours.directory, ListDevices())
        nursery.start_soon(fetch, "store", ours.store, GetStoreStatus())
        nursery.start_soon(fetch, "sinks", ours.sinks, GetSinks())
        nursery.start_soon(fetch, "scanner", ours.scanner, GetScannerStatus())
        nursery.start_soon(fetch, "arbiter", ours.arbiter, GetArbiterStatus())
        if ours.publisher is not None:
            nursery.start_soon(fetch, "mqtt", ours.publisher, GetMqttStatus())
        if ours.broker is not None:
            nursery.start_soon(fetch, "broker", ours.broker, GetBrokerStatus())
        nursery.start_soon(fetch, "notices", ours.registry, GetNotices())
        nursery.start_soon(fetch, "problems", ours.registry, GetProblems())
        nursery.start_soon(fetch, "settings", ours.configuration, GetSettings())
    return Observed(
        moment=ours.clock.moment(),
        gateway_id=ours.gateway_id,
        actors=ours.system.tree(),
        event_streams=ours.streams.open,
        events_lost=ours.system.bus.lost,
        **found,
    )
