"""What the API answers with: the types of that JSON, in words.

The type checker holds them against the code that makes it, and the description of the API is made of them.
"""

from typing import Annotated, Literal, NotRequired

from pydantic import Field
from typing_extensions import TypedDict

from hawk.jobs.messages import JobState
from hawk.model.device import LinkState
from hawk.model.reading import Scalar
from hawk.model.rules import Reason
from hawk.model.rung import Rung
from hawk.model.shapes import (
    Instant,
    Mac,
    Names,
    OutcomeShape,
    QualityShape,
    ReadingAttributes,
    SummaryAttributes,
)
from hawk.model.summary import Resolution
from hawk.mqtt.messages import BrokerState, MqttState
from hawk.sinks.messages import SinkState
from hawk.store.messages import Durability, StoreState

# -- links -------------------------------------------------------------------------------------


class Identifier(TypedDict):
    type: str
    id: str


class ToOne(TypedDict):
    data: Identifier | None


class Places(TypedDict):
    self: str
    related: str


class ToVehicle(TypedDict):
    data: Identifier | None
    links: Places


class ToDevices(TypedDict):
    data: list[Identifier]
    links: Places


class Related(TypedDict):
    related: str


class ToReadings(TypedDict):
    links: Related


class ToConnection(TypedDict):
    data: NotRequired[Annotated[Identifier | None, Field(description="With `include=connection`.")]]
    links: Related


class PageLinks(TypedDict):
    """Between the pages of a list; null where there is no such page."""

    self: str
    first: str
    prev: str | None
    next: str | None


class DeviceLinks(TypedDict):
    vehicle: ToVehicle
    readings: ToReadings
    connection: Annotated[ToConnection, Field(description="Only a configured device has one.")]


class OfDevice(TypedDict):
    device: ToOne


class VehicleLinks(TypedDict):
    devices: ToDevices


# -- devices -----------------------------------------------------------------------------------


class TransitionShape(TypedDict):
    state: LinkState
    timestamp: Instant | None
    reason: Annotated[str | None, Field(description="The code of an error, where one led here.")]


class RejectionShape(TypedDict):
    """Values that were not believed."""

    quantity: str
    reason: Annotated[Reason, Field(description="The limit that they broke.")]
    count: int
    value: Annotated[float, Field(description="The last one.")]
    limit: float
    timestamp: Instant | None


class ConnectionAttributes(TypedDict):
    link: LinkState
    last_outcome: Annotated[OutcomeShape | None, Field(description="How the last poll ended.")]
    transitions: Annotated[list[TransitionShape], Field(description="The last 50, oldest first.")]
    polls: Annotated[int, Field(description="Since the service started, as all that follows.")]
    polls_ok: int
    polls_failed: int
    failed_by: Annotated[dict[str, int], Field(description="How often each outcome.")]
    polls_skipped: Annotated[int, Field(description="Other devices had the radio.")]
    mean_duration: Annotated[float | None, Field(description="[s]: 0.9 old + 0.1 new.")]
    last_duration: Annotated[float | None, Field(description="[s]")]
    last_success: Instant | None
    next_poll_in: Annotated[float | None, Field(description="[s]; null while it is read.")]
    rssi: Annotated[int | None, Field(description="[dBm]")]
    link_quality: QualityShape | None
    limits: Annotated[
        dict[str, dict[str, float]], Field(description="By quantity: `min`, `max`, `max_jump` that hold.")
    ]
    rejected: list[RejectionShape]


class ReleaseAttributes(TypedDict):
    until: Annotated[Instant | None, Field(description="null while the clock cannot be trusted.")]


class FieldShape(TypedDict):
    key: str
    value: Annotated[Scalar, Field(description="null: it was not there, or was left out.")]
    unit: str
    raw: Annotated[Scalar, Field(description="Before anything was made of it.")]
    origin: Annotated[str, Field(description="Where it is from, such as `register 257`.")]
    quantity: Annotated[str, Field(description="Of the reading, if it is one.")]


class TrialMeta(TypedDict):
    """What the device said before it was registered; nobody keeps it."""

    reading: ReadingAttributes
    fields: list[FieldShape]


class DiscoveryAttributes(TypedDict):
    mac_address: Annotated[Mac, Field(description="The id.")]
    device_type: Annotated[str, Field(description="What it seems to be.")]
    name: Annotated[str | None, Field(description="As it advertises it.")]
    rssi: Annotated[int | None, Field(description="[dBm]")]
    reason: Annotated[str | None, Field(description="How its type was found; null after a restart.")]
    first_seen: Instant | None
    last_seen: Instant | None


# -- readings ----------------------------------------------------------------------------------


class ReadingSummaryAttributes(Names):
    """And of each quantity `QUANTITY_count`, `_min`, `_max`, `_mean` and `_last`."""

    device_id: Mac
    timestamp: Annotated[Instant | None, Field(description="Of the start.")]
    resolution: Resolution
    count: Annotated[int, Field(description="Readings, whatever they measured.")]
    seq: Annotated[int, Field(description="Another one each time it changes.")]


class CrankingAttributes(Names):
    device_id: Mac
    timestamp: Annotated[Instant | None, Field(description="As late as it can have been.")]
    timestamp_uncertain: bool
    minimum_voltage: Annotated[float, Field(description="[V], the lowest sample.")]
    voltage_before: Annotated[float | None, Field(description="[V], the first sample.")]
    voltage: Annotated[float | None, Field(description="[V], as the monitor itself says.")]
    duration: Annotated[float | None, Field(description="[s]")]
    status_code: Annotated[int | None, Field(description="Raw.")]
    sample_interval: Annotated[float | None, Field(description="[s] from one sample to the next.")]
    samples: Annotated[list[float], Field(description="[V]")]


class ImportMeta(TypedDict):
    read: int
    stored: int
    same: Annotated[int, Field(description="The log has one of that instant that is as good.")]
    late: Annotated[int, Field(description="Their hour was purged, and lives on in its summary.")]


# -- vehicles ----------------------------------------------------------------------------------


class VehicleAttributes(TypedDict):
    name: str
    created_at: Instant | None
    automatic: Annotated[bool, Field(description="Made with a discovered device; disappears when empty.")]
    device_count: int
    summary: Annotated[SummaryAttributes | None, Field(description="null until a battery said something.")]


# -- jobs --------------------------------------------------------------------------------------


class JobError(TypedDict):
    code: str
    detail: str


ImportedShape = TypedDict(
    "ImportedShape",
    {
        "records": Annotated[int, Field(description="That came.")],
        "stored": Annotated[int, Field(description="Of them; the log had the others.")],
        "from": Instant | None,
        "to": Instant | None,
        "rejected": Annotated[int, Field(description="Values that were not believed.")],
    },
)
"""Of a job of the kind `history`."""


class LastStartShape(TypedDict):
    """Of a job of the kind `cranking`."""

    event: Annotated[str | None, Field(description="The id of the cranking event; null: of none.")]
    stored: Annotated[bool, Field(description="The log did not have it.")]


class ReadOfShape(TypedDict):
    id: Mac
    reading: ReadingAttributes | None
    error: JobError | None


class FoundShape(TypedDict):
    """Of a job of the kind `discovery`."""

    found: Annotated[list[Mac], Field(description="What was heard and waits for configuration.")]
    new: Annotated[list[Mac], Field(description="Those of them that nobody knew before.")]
    read: Annotated[list[ReadOfShape], Field(description="With `connect`, each of `found`.")]


JobResult = ImportedShape | LastStartShape | FoundShape


class JobAttributes(TypedDict):
    kind: Annotated[str, Field(description="`history`, `cranking` or `discovery`.")]
    state: JobState
    progress: Annotated[float, Field(description="0 to 1, of the most that may come.")]
    result: Annotated[JobResult | None, Field(description="When it is done.")]
    error: Annotated[JobError | None, Field(description="When it failed.")]


# -- the service -------------------------------------------------------------------------------


class CoreShape(TypedDict):
    running: bool
    uptime_seconds: float
    version: str


class SalvageShape(TypedDict):
    file: str
    readings: int
    expected: int | None
    done: bool


class StorageShape(TypedDict):
    store: StoreState
    reason: Annotated[str | None, Field(description="Why it is degraded.")]
    fix: Annotated[str | None, Field(description="What to do about that.")]
    durability: Durability
    readings: int | None
    cranking_events: int | None
    undated: Annotated[int | None, Field(description="Readings that wait for a trusted clock.")]
    bytes: int | None
    seq: Annotated[int | None, Field(description="The last one given.")]
    waiting: Annotated[int, Field(description="Readings on their way to the disk.")]
    dropped: Annotated[int, Field(description="Readings that were lost because the disk refused.")]
    set_aside: Annotated[str | None, Field(description="The name of a damaged log.")]
    unsummed_hours: int | None
    late: Annotated[int, Field(description="Readings whose hour was purged already.")]
    purged: Annotated[int, Field(description="Rows, since the start.")]
    purged_for_size: int
    purged_unsent: Annotated[dict[str, int], Field(description="By sink.")]
    purging_waits: Annotated[str | None, Field(description="Why nothing is purged for its age.")]
    too_big: bool
    salvage: Annotated[SalvageShape | None, Field(description="Of a damaged log into the new one.")]
    influxdb_connected: Annotated[bool | None, Field(description="null when it is off.")]


class SinkShape(TypedDict):
    name: str
    state: SinkState
    place: str | None
    server: Annotated[str | None, Field(description="What answered last.")]
    reason: Annotated[str | None, Field(description="Why it is not up, and what to do.")]
    next_try_seconds: float | None
    delivered: int
    dropped: int
    refusal: str | None
    unsent_readings: int | None
    unsent_summaries: int | None


class AdapterShape(TypedDict):
    name: str
    listening: bool
    reason: str | None
    adverts_per_minute: int
    seconds_since_advert: float | None
    recovery: Annotated[dict[str, int], Field(description="How often each rung was taken for it.")]


class LinksShape(TypedDict):
    links_held: int | None
    links_waiting: int | None
    slots_taken_back: int | None


class ListeningShape(TypedDict):
    listening: bool | None
    reason: Annotated[str | None, Field(description="Why not.")]
    adverts: Annotated[int | None, Field(description="Heard, since the start.")]
    adverts_dropped: int | None
    adverts_damaged: int | None
    devices_heard: Annotated[int | None, Field(description="In the last minute.")]
    scan_restarts: int | None
    recovery: Annotated[dict[str, int] | None, Field(description="How often each rung was taken.")]
    down_for: Annotated[float | None, Field(description="[s]; null while something can be heard.")]
    adapters: list[AdapterShape] | None


class BluetoothShape(ListeningShape, LinksShape):
    backend: Literal["bluez", "simulated"]


class ComponentsShape(TypedDict):
    api: Literal["running"]
    bluetooth: Literal["active", "down"] | None
    mqtt: Literal["off"] | MqttState | None
    broker: Literal["off"] | BrokerState | None


class MqttShape(TypedDict):
    broker: str
    state: MqttState
    reason: str | None
    next_try_in: Annotated[float | None, Field(description="[s]")]
    published: int
    readings_published: int
    readings_behind: int


class BrokerShape(TypedDict):
    state: BrokerState
    address: str
    reason: str | None
    clients: int
    refused: int


class CountsShape(TypedDict):
    total: int
    connected: int
    discovered: int


class EntranceShape(TypedDict):
    address: str
    tls: bool
    problem: Annotated[str | None, Field(description="Why another address or certificate does not hold.")]


class StandingShape(TypedDict):
    problems: Annotated[list[str], Field(description="Why `system.json` as it is does not hold.")]
    restart_required: list[str]


class RegistryShape(TypedDict):
    problems: Annotated[
        list[str], Field(description="Why `devices.json` or `vehicles.json` as it is does not hold.")
    ]


class ClockShape(TypedDict):
    trusted: bool


class ActorShape(TypedDict):
    name: str
    alive: bool
    restarts: int
    abandoned: Annotated[int, Field(description="Former incarnations that would not end.")]
    last_error: str | None
    waiting: Annotated[int | None, Field(description="Messages.")]
    dropped: int | None
    children: "list[ActorShape]"


class StatusAttributes(TypedDict):
    """A part that does not answer in time is null."""

    timestamp: Instant | None
    gateway_id: str
    core: CoreShape
    storage: StorageShape | None
    sinks: list[SinkShape] | None
    bluetooth: BluetoothShape
    components: ComponentsShape
    api: EntranceShape | None
    mqtt: MqttShape | None
    broker: Annotated[BrokerShape | None, Field(description="The one inside.")]
    devices: CountsShape | None
    settings: StandingShape | None
    registry: RegistryShape | None
    clock: ClockShape
    event_streams: int
    events_lost: int
    actors: Annotated[list[ActorShape], Field(description="The supervision tree.")]
    warnings: list[str]


class ConfigMeta(TypedDict):
    restart_required: Annotated[list[str], Field(description="What holds only after a restart.")]
    overridden_by_environment: list[str]


class AppliedMeta(ConfigMeta):
    applied: Annotated[list[str], Field(description="What is another now, and holds already.")]


# -- events ------------------------------------------------------------------------------------


class HistoryAttributes(TypedDict):
    records: Annotated[int, Field(description="That came so far.")]
    most: Annotated[int, Field(description="That may come.")]
    imported: Annotated[int | None, Field(description="At the end: those that the log did not have.")]
    error: Annotated[str | None, Field(description="At the end: why not.")]


class HelloShape(TypedDict):
    gateway_id: str
    version: str
    seq: int | None


GapShape = TypedDict("GapShape", {"from": int, "to": int | None})


class DeletedMeta(TypedDict):
    deleted: Literal[True]


class DeletedShape(Identifier):
    meta: DeletedMeta


class BluetoothPart(TypedDict):
    """What changed of it."""

    listening: NotRequired[bool]
    reason: NotRequired[str | None]
    recovery: NotRequired[dict[Rung, int]]


class StatusPart(TypedDict):
    bluetooth: BluetoothPart


class StatusChange(TypedDict):
    type: Literal["system-status"]
    id: Literal["system"]
    attributes: StatusPart


# -- errors ------------------------------------------------------------------------------------


class SourceShape(TypedDict, total=False):
    pointer: Annotated[str, Field(description="Into the document that was sent.")]
    parameter: Annotated[str, Field(description="The full name, such as `page[size]`.")]


class ErrorMeta(TypedDict):
    outcome: Annotated[str, Field(description="A finer word than `code`, such as `bluetooth_off`.")]


class ErrorShape(TypedDict):
    status: str
    code: Annotated[str, Field(description="For programs.")]
    title: str
    detail: Annotated[str, Field(description="For people: what happened, and what to do.")]
    source: NotRequired[SourceShape]
    meta: NotRequired[ErrorMeta]
