"""What may be sent: the types of that JSON, in words, for the description of the API.

hawk/web/attributes.py and the registry check it, for their sentences are better than a schema's; schemathesis holds
the two against each other.
"""

from dataclasses import dataclass
from typing import Annotated, Any, Literal

from pydantic import ConfigDict, Field, with_config
from typing_extensions import TypedDict

from hawk.config.schema import Settings
from hawk.model.reading import Scalar, SourceWord
from hawk.model.rules import ANY_BATTERY
from hawk.model.shapes import Instant
from hawk.registry.naming import LONGEST_NAME
from hawk.web.attributes import MOST_IMPORTED, RELEASE_MINUTES

CLOSED = ConfigDict(extra="forbid")  # what is not known is refused
OPEN = ConfigDict(extra="ignore")  # JSON:API knows more members than we

ANY_MAC = r"^([0-9A-Fa-f]{2}[:-]?){5}[0-9A-Fa-f]{2}$"
AnyMac = Annotated[str, Field(pattern=ANY_MAC, examples=["50:54:7B:24:30:10"])]
Name = Annotated[str, Field(min_length=1, max_length=LONGEST_NAME)]
Seconds = Annotated[float, Field(ge=1, le=1e9)]
Number = Annotated[float, Field(ge=-1e9, le=1e9)]
Scale = Annotated[float, Field(ge=0.001, le=1000)] | Annotated[float, Field(ge=-1000, le=-0.001)]


@dataclass(frozen=True, slots=True)
class Body:
    """Of a request: a document with one resource, or where no kind is said any JSON."""

    kind: str
    attributes: Any  # what pydantic can describe
    id: Any = str | None  # null is as if it were not there
    needed: bool = True  # it cannot be left out
    links: Any = None
    meta: Any = None


# -- devices -----------------------------------------------------------------------------------


@with_config(CLOSED)
class RetryChanges(TypedDict, total=False):
    retry_attempts: Annotated[int, Field(ge=1, le=1000)]
    retry_interval: Annotated[Seconds, Field(description="[s]")]
    reconnection_delay: Annotated[Seconds, Field(description="[s]")]


@with_config(CLOSED)
class CorrectionChanges(TypedDict, total=False):
    scale: Annotated[Scale | None, Field(description="A negative one turns the sign.")]
    offset: Annotated[Number | None, Field(description="In the unit of the quantity.")]


@with_config(CLOSED)
class BoundsChanges(TypedDict, total=False):
    min: Number | None
    max: Number | None
    max_jump: Annotated[float, Field(gt=0, le=1e9)] | None


@with_config(CLOSED)
class CalibrationChanges(TypedDict, total=False):
    voltage: CorrectionChanges | None
    current: CorrectionChanges | None
    temperature: CorrectionChanges | None
    state_of_charge: CorrectionChanges | None
    power: CorrectionChanges | None


@with_config(CLOSED)
class PlausibilityChanges(TypedDict, total=False):
    voltage: BoundsChanges | None
    current: BoundsChanges | None
    temperature: BoundsChanges | None
    state_of_charge: BoundsChanges | None
    power: BoundsChanges | None


@with_config(CLOSED)
class DeviceSettable(TypedDict, total=False):
    mac_address: Annotated[AnyMac, Field(description="The id again.")]
    device_type: Annotated[
        str, Field(description="In any case; needed for a device that was never heard.", examples=["BM6"])
    ]
    friendly_name: Annotated[Name, Field(description="Printable.", examples=["Starter battery"])]
    polling_interval: Annotated[Seconds, Field(description="[s]")]
    vehicle_id: Annotated[str | None, Field(description="The relationship `vehicle` says the same.")]
    connection_config: Annotated[RetryChanges, Field(description="Merged.")]
    config: Annotated[
        dict[str, Any] | None, Field(description="What its driver needs to know; set as a whole.")
    ]
    calibration: Annotated[CalibrationChanges | None, Field(description="Merged; null takes back.")]
    plausibility: Annotated[PlausibilityChanges | None, Field(description="Merged; null takes back.")]
    status: Annotated[
        Literal["configured", "ignored"], Field(description="`ignored` keeps it away for ever.")
    ]


@with_config(OPEN)
class VehicleIdentifier(TypedDict):
    type: Literal["vehicles"]
    id: str


@with_config(OPEN)
class LinkedVehicle(TypedDict):
    data: VehicleIdentifier | None


@with_config(OPEN)
class DeviceIdentifier(TypedDict):
    type: Literal["devices"]
    id: AnyMac


@with_config(OPEN)
class LinkedDevices(TypedDict):
    data: list[DeviceIdentifier]


@with_config(CLOSED)
class VehicleSettableLinks(TypedDict, total=False):
    devices: Annotated[LinkedDevices, Field(description="These and no others.")]


@with_config(CLOSED)
class DeviceSettableLinks(TypedDict, total=False):
    vehicle: LinkedVehicle


class TrialWanted(TypedDict, total=False):
    test: Annotated[bool, Field(description="Read it first, and register it only if that works.")]
    dry_run: Annotated[bool, Field(description="Read it, and register nothing.")]


@with_config(CLOSED)
class ReleaseSettable(TypedDict, total=False):
    minutes: Annotated[float, Field(ge=1, le=24 * 60, description=f"{RELEASE_MINUTES} if nobody says.")]


@with_config(CLOSED)
class HistorySettable(TypedDict, total=False):
    days: Annotated[
        Annotated[float, Field(gt=0, le=366)] | None, Field(description="The last ones; null is all.")
    ]


@with_config(CLOSED)
class DiscoverySettable(TypedDict, total=False):
    duration: Annotated[
        Annotated[float, Field(ge=1, le=300)] | None,
        Field(description="[s] of listening; null is `discovery.scan_duration`."),
    ]
    connect: Annotated[bool, Field(description="Read once each device that is found.")]


# -- the rest ----------------------------------------------------------------------------------


@with_config(CLOSED)
class VehicleMade(TypedDict):
    name: Annotated[Name, Field(description="Nobody else has it.", examples=["Boat"])]


@with_config(CLOSED)
class VehicleSettable(TypedDict, total=False):
    name: Annotated[Name, Field(description="Nobody else has it.", examples=["Boat"])]


def _measured(quantity: str) -> Any:
    bounds = ANY_BATTERY[quantity]
    return Annotated[float, Field(ge=bounds.min, le=bounds.max)] | None


Text = Annotated[str, Field(max_length=256)] | None


class _Written(TypedDict):
    device_id: AnyMac
    timestamp: Annotated[Instant, Field(examples=["2026-11-01T10:30:00Z"])]
    source: SourceWord
    device_type: Annotated[str, Field(min_length=1, max_length=256, examples=["BM6"])]


@with_config(CLOSED)
class WrittenReading(_Written, total=False):
    """Of the quantities, `status`, `status_code` and `extra` at least one."""

    voltage: _measured("voltage")  # type: ignore[valid-type]  # bounds from the rules
    current: _measured("current")  # type: ignore[valid-type]  # the same
    temperature: _measured("temperature")  # type: ignore[valid-type]  # the same
    state_of_charge: _measured("state_of_charge")  # type: ignore[valid-type]  # the same
    power: _measured("power")  # type: ignore[valid-type]  # the same
    status: Text
    status_code: Annotated[int, Field(ge=-(2**31), le=2**31 - 1)] | None
    device_name: Text
    vehicle_id: Text
    vehicle_name: Text
    gateway_id: Annotated[str, Field(pattern="^([0-9a-f]{12})?$")] | None
    rssi: Annotated[int, Field(ge=-128, le=127)] | None
    simulated: bool
    seq: Annotated[int, Field(ge=0, le=2**63 - 1)] | None
    extra: dict[str, Scalar] | None


@with_config(CLOSED)
class ReadingImport(TypedDict):
    readings: Annotated[list[WrittenReading], Field(min_length=1, max_length=MOST_IMPORTED)]


class TokenShown(TypedDict):
    token: str


DEVICE = Body("devices", DeviceSettable, AnyMac | None, links=DeviceSettableLinks, meta=TrialWanted)
DEVICE_CHANGES = Body("devices", DeviceSettable, AnyMac | None, links=DeviceSettableLinks)
RELEASE = Body("releases", ReleaseSettable, needed=False)
HISTORY = Body("jobs", HistorySettable, needed=False)
DISCOVERY = Body("jobs", DiscoverySettable, needed=False)
VEHICLE = Body("vehicles", VehicleMade, None, links=VehicleSettableLinks)
VEHICLE_CHANGES = Body("vehicles", VehicleSettable, links=VehicleSettableLinks)
VEHICLE_LINK = Body("", LinkedVehicle)
DEVICE_LINKS = Body("", LinkedDevices)
READINGS = Body("reading-imports", ReadingImport)
CONFIG = Body("system-config", Settings, Literal["system"] | None)
TOKEN = Body("", TokenShown)
