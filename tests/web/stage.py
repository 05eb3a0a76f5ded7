"""The web application over a real registry and directory; what else it asks is scripted."""

import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any

from quart import Response

from actors import Actor, ActorRef, ActorSystem, ChildSpec, FindChild, Later
from actors.testing import open_test_system
from hawk.ble.messages import ArbiterStatus, GetArbiterStatus, GetScannerStatus, ScannerStatus
from hawk.config.messages import GetSettings, Standing
from hawk.config.schema import Settings
from hawk.devices.policy import Freshness
from hawk.directory.actor import DirectoryActor
from hawk.errors import HawkError
from hawk.model.address import Address
from hawk.model.reading import Moment, Reading, Sample, Source
from hawk.registry.actor import RegistryActor
from hawk.registry.files import RegistryFiles
from hawk.registry.messages import ConfigureDevice, DeviceChanges, GetNotices, GetProblems
from hawk.sinks.messages import GetSinks, SinkState, SinkStatus
from hawk.store.messages import (
    ChooseResolution,
    Counts,
    CrankingPage,
    Durability,
    Flush,
    GetCranking,
    GetReadings,
    GetReadingsAfter,
    GetStoreStatus,
    GetSummaries,
    Page,
    StoreState,
    StoreStatus,
    SummaryPage,
)
from hawk.tokens import TokenFile
from hawk.web.app import create_app
from hawk.web.jsonapi import MEDIA_TYPE
from hawk.web.services import Services
from hawk.web.tokens import Tokens
from tests.doubles import NOON, VirtualClock, address, toys

TOKEN = "a-token-for-tests"
GATEWAY = "0123456789ab"
SILENCE = object()  # an answer that never comes


class Scripted(Actor):
    """Answers each kind of question as its script says: a value, a function of the question, an error
    or nothing."""

    def __init__(self, script: dict[type, Any], heard: list[object] | None = None) -> None:
        """`heard` gets all the questions."""
        super().__init__()
        self._script, self._heard = script, [] if heard is None else heard

    def on_receive(self, message: Any) -> Any:
        self._heard.append(message)
        said = self._script[type(message)]
        if said is SILENCE:
            return Later()
        if isinstance(said, Exception):
            raise said
        return said(message) if callable(said) else said


@dataclass(slots=True)
class Shelf:
    """A log in memory."""

    readings: list[Reading] = field(default_factory=list)
    trouble: Exception | None = None

    def put(self, *readings: Reading) -> tuple[Reading, ...]:
        """They get the next numbers."""
        numbered = tuple(replace(each, seq=len(self.readings) + n) for n, each in enumerate(readings, 1))
        self.readings += numbered
        return numbered

    def script(self) -> dict[type, Any]:
        return {
            Flush: lambda _: self._check(),
            GetReadings: self._page,
            GetSummaries: SummaryPage((), None),
            ChooseResolution: None,
            GetReadingsAfter: self._after,
            GetStoreStatus: self._status,
            GetCranking: CrankingPage((), None),
        }

    def _page(self, wanted: GetReadings) -> Page:
        self._check()
        found = sorted(
            (each for each in self.readings if fits(each, wanted)),
            key=lambda each: each.moment.utc or 0,
            reverse=wanted.newest_first,
        )
        page = tuple(found[: wanted.limit])
        return Page(page, page[-1].moment.utc if len(found) > len(page) else None)

    def _after(self, wanted: GetReadingsAfter) -> tuple[Reading, ...]:
        self._check()
        return tuple(each for each in self.readings if (each.seq or 0) > wanted.seq)[: wanted.limit]

    def _status(self, _: GetStoreStatus) -> StoreStatus:
        self._check()
        counts = Counts(readings=len(self.readings), cranking_events=0, undated=0, bytes=4096)
        return StoreStatus(
            StoreState.OK, None, Durability.PROMPT, counts, len(self.readings),
            waiting=0, dropped=0, set_aside=None, salvage=None,
        )  # fmt: skip

    def _check(self) -> None:
        if self.trouble is not None:
            raise self.trouble


def fits(reading: Reading, wanted: GetReadings) -> bool:
    at, cursor = reading.moment.utc or 0, wanted.cursor
    return (
        reading.device_id == wanted.address
        and (wanted.since is None or at >= wanted.since)
        and (wanted.until is None or at <= wanted.until)
        and (wanted.source is None or reading.source is wanted.source)
        and (cursor is None or (at < cursor if wanted.newest_first else at > cursor))
    )


def reading(number: int = 1, seconds: float = 0.0, **fields: Any) -> Reading:
    """Of device `number`, so long after noon; further fields are the sample's or its own."""
    sample = {name: fields.pop(name) for name in Sample.__slots__ if name in fields}
    standard = Reading(
        device_id=address(number),
        moment=Moment(NOON + round(seconds * 1000), 1000.0 + seconds),
        sample=Sample(**{"voltage": 12.6, "status": "normal", **sample}),
        source=Source.ADVERTISEMENT,
        device_type="TOY",
        device_name=f"Toy {number}",
        vehicle_id="vehicle_1",
        vehicle_name="Boat",
        gateway_id=GATEWAY,
    )
    return replace(standard, **fields)


@dataclass(slots=True)
class Stage:
    system: ActorSystem
    services: Services
    shelf: Shelf
    actors: dict[str, ActorRef[Any]]  # of devices, by address
    heard: list[object]  # by all that are scripted, in order

    def __post_init__(self) -> None:
        self._client = create_app(self.services).test_client()

    _client: Any = field(init=False)

    async def ask(self, method: str, path: str, **arguments: Any) -> Response:
        """With the token, unless `headers` say something else."""
        headers = {"Authorization": f"Bearer {TOKEN}", **arguments.pop("headers", {})}
        headers = {name: value for name, value in headers.items() if value is not None}
        return await self._client.open(path, method=method, headers=headers, **arguments)

    async def get(self, path: str) -> Any:
        """The document."""
        said = await self.ask("GET", path)
        assert said.status_code == 200, await said.get_data()
        return await said.get_json()

    async def send(
        self,
        method: str,
        path: str,
        attributes: Mapping[str, Any] | None = None,
        kind: str = "devices",
        **members: Any,
    ) -> Response:
        """A document with one resource object."""
        meta = members.pop("meta", None)
        data = {"type": kind, "attributes": attributes or {}, **members}
        document = {"data": data, **({"meta": meta} if meta else {})}
        return await self.ask(method, path, data=json.dumps(document), headers={"Content-Type": MEDIA_TYPE})

    async def error(self, said: Response, status: int) -> Mapping[str, Any]:
        """The one error object of an answer, which must be in order."""
        assert said.status_code == status, await said.get_data()
        assert said.headers["Content-Type"] == MEDIA_TYPE
        (error,) = (await said.get_json())["errors"]
        assert error["status"] == str(status)
        assert error["code"] and error["title"] and error["detail"]
        return error

    async def configured(self, number: int = 1, **changes: Any) -> Address:
        """A device that the registry knows and the directory has heard of."""
        mac = address(number)
        query = ConfigureDevice(mac, DeviceChanges(device_type="TOY", **changes))
        await self.services.registry.ask(query).within(5)
        return mac

    async def actor(self, number: int, script: dict[type, Any]) -> None:
        """Device `number` has an actor that answers so."""
        mac = address(number)
        self.actors[mac] = await self.system.start(
            ChildSpec(mac, partial(Scripted.start, script, self.heard))
        )


SCANNER = ScannerStatus(listening=True, reason=None, adverts=7, devices=2, restarts=0)
ARBITER = ArbiterStatus(held=(), waiting=0, taken_back=0)


@asynccontextmanager
async def open_stage(
    folder: Path | None = None,
    settings: Settings | None = None,
    scripts: Mapping[str, dict[type, Any]] | None = None,
    read_only: TokenFile | None = None,
) -> AsyncIterator[Stage]:
    """With a folder the registry and the directory are real; `scripts` replace an actor by its name."""
    shelf, actors, heard = Shelf(), dict[str, ActorRef[Any]](), list[object]()
    said: dict[str, dict[type, Any]] = {
        "registry": {GetNotices: (), GetProblems: ()},
        "store": shelf.script(),
        "scanner": {GetScannerStatus: SCANNER},
        "arbiter": {GetArbiterStatus: ARBITER},
        "sinks": {GetSinks: (SinkStatus("influxdb", SinkState.OFF),)},
        "configuration": {GetSettings: Standing(settings or Settings(), "a-1")},
        "devices": {FindChild: lambda query: actors.get(query.name)},
        **(scripts or {}),
    }
    async with open_test_system(expected=(HawkError,)) as system:
        refs: dict[str, ActorRef[Any]] = {}
        if folder is not None:
            files = RegistryFiles(folder / "devices.json", folder / "vehicles.json")
            know = partial(RegistryActor.start, files, VirtualClock(), toys().canonical_type, False)
            refs["registry"] = await system.start(ChildSpec("registry", know))
            live = partial(DirectoryActor.start, refs["registry"], VirtualClock(), Freshness().longest_age)
            refs["directory"] = await system.start(ChildSpec("directory", live))
        for name in (
            "registry",
            "directory",
            "store",
            "scanner",
            "arbiter",
            "devices",
            "jobs",
            "trials",
            "sinks",
            "configuration",
        ):
            if name not in refs:
                script = partial(Scripted.start, said.get(name, {}), heard)
                refs[name] = await system.start(ChildSpec(name, script))
        services = Services(
            registry=refs["registry"],
            directory=refs["directory"],
            devices=refs["devices"],
            trials=refs["trials"],
            store=refs["store"],
            sinks=refs["sinks"],
            scanner=refs["scanner"],
            arbiter=refs["arbiter"],
            jobs=refs["jobs"],
            system=system,
            clock=VirtualClock(),
            gateway_id=GATEWAY,
            tokens=Tokens(lambda: TOKEN, read_only),
            configuration=refs["configuration"],
            current=lambda: settings or Settings(),
            catalogue=toys(),
            host_name="batterypi",
        )
        yield Stage(system, services, shelf, actors, heard)
