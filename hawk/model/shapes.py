"""What hawk/model/attributes.py makes of readings, devices and vehicles: the types of that JSON, in words.

The type checker holds them against the code that makes it, and the description of the API is made of them.
"""

from typing import Annotated

from pydantic import Field
from typing_extensions import TypedDict

from hawk.model.device import Lifecycle, LinkState
from hawk.model.reading import Scalar, SourceWord
from hawk.model.vehicle import Health

Instant = Annotated[str, Field(json_schema_extra={"format": "date-time"})]
Mac = Annotated[str, Field(pattern=r"^([0-9A-F]{2}:){5}[0-9A-F]{2}$")]


class Quantities(TypedDict):
    """What a battery is measured by; null is not measured."""

    voltage: Annotated[float | None, Field(description="[V]")]
    current: Annotated[float | None, Field(description="[A], positive while charging.")]
    temperature: Annotated[float | None, Field(description="[°C], of the monitor.")]
    state_of_charge: Annotated[float | None, Field(description="[%], as the device reports it.")]
    power: Annotated[float | None, Field(description="[W]")]


class Names(TypedDict):
    """What things were called at that time."""

    device_type: Annotated[str, Field(description="Such as `BM6` or `renogy_controller`.")]
    device_name: str
    vehicle_id: str | None
    vehicle_name: str | None
    gateway_id: Annotated[str, Field(description="Who heard it: 12 hex digits.")]
    simulated: Annotated[bool, Field(description="It is made up.")]


class ReadingAttributes(Quantities, Names):
    device_id: Mac
    timestamp: Annotated[Instant | None, Field(description="null while the clock cannot be trusted.")]
    status: Annotated[str | None, Field(description="In the device's words: `normal`, `low`, `charging` ...")]
    status_code: Annotated[int | None, Field(description="Its number for it, raw.")]
    source: Annotated[SourceWord, Field(description="How it came.")]
    rssi: Annotated[int | None, Field(description="[dBm]")]
    seq: Annotated[int | None, Field(description="Its number in the log of this gateway; null before.")]
    extra: Annotated[dict[str, Scalar], Field(description="What else this kind of device says.")]


# -- devices -----------------------------------------------------------------------------------


class ConnectionConfig(TypedDict):
    retry_attempts: Annotated[int, Field(description="Failures in a row before the longer wait.")]
    retry_interval: Annotated[float, Field(description="[s] between those.")]
    reconnection_delay: Annotated[float, Field(description="[s] after them.")]


class OutcomeShape(TypedDict):
    code: Annotated[str, Field(description="`ok`, or why not: `not_heard`, `held_by_another` ...")]
    detail: Annotated[str, Field(description="For people.")]
    timestamp: Instant | None


class QualityShape(TypedDict):
    attempts: Annotated[int, Field(description="To connect, the last 100.")]
    ok: int
    percent: Annotated[int | None, Field(description="null while there are too few.")]
    verdict: Annotated[str, Field(description="For people.")]


class LatestReading(Quantities):
    timestamp: Annotated[Instant | None, Field(description="Of the newest value.")]
    status: str | None
    status_code: int | None
    measured_at: Annotated[dict[str, Instant | None], Field(description="By quantity.")]
    stale: Annotated[list[str], Field(description="Quantities too old to be taken for the present.")]
    extra: dict[str, Scalar]


class DeviceAttributes(Quantities):
    mac_address: Annotated[Mac, Field(description="The id.")]
    device_type: Annotated[str, Field(description="`BM6`, `BM7`, `BM2`, `renogy_controller` ...")]
    friendly_name: str
    vehicle_id: Annotated[str | None, Field(description="What it is in.")]
    vehicle_name: str | None
    status: Annotated[str, Field(description="`lifecycle` and `link` in one word.")]
    lifecycle: Lifecycle
    link: LinkState
    discovered_at: Instant | None
    configured_at: Instant | None
    polling_interval: Annotated[
        float | None, Field(description="[s] that holds; null for a type that is only heard.")
    ]
    connection_config: ConnectionConfig
    config: Annotated[
        dict[str, object], Field(description="What its driver needs to know; secrets as `***`.")
    ]
    calibration: Annotated[dict[str, dict[str, float]], Field(description="By quantity: `scale`, `offset`.")]
    plausibility: Annotated[
        dict[str, dict[str, float]],
        Field(description="By quantity: `min`, `max`, `max_jump`, where they differ from its family's."),
    ]
    advertised_name: str | None
    rssi: Annotated[int | None, Field(description="[dBm]")]
    adapter: Annotated[str | None, Field(description="The one that hears it best.")]
    last_seen: Instant | None
    available: Annotated[bool, Field(description="Its newest values are young enough.")]
    stale: Annotated[bool, Field(description="There are values, and they are too old.")]
    simulated: Annotated[bool, Field(description="It is made up.")]
    proven_type: Annotated[
        str | None, Field(description="What its advertisements prove it to be, if not `device_type`.")
    ]
    released_until: Annotated[Instant | None, Field(description="It is left to others so long.")]
    battery_status: Annotated[str | None, Field(description="In the device's words.")]
    status_code: Annotated[int | None, Field(description="Its number for it, raw.")]
    latest_reading: Annotated[
        LatestReading | None, Field(description="The newest values, each with its time.")
    ]
    last_outcome: Annotated[OutcomeShape | None, Field(description="How the last poll ended.")]
    link_quality: Annotated[
        QualityShape | None, Field(description="null for a device that is not configured.")
    ]


# -- vehicles ----------------------------------------------------------------------------------


class MemberShape(TypedDict):
    id: Mac
    friendly_name: str
    status: str
    voltage: Annotated[float | None, Field(description="[V]; null when not known or too old.")]


class SummaryAttributes(TypedDict):
    vehicle_id: str
    timestamp: Instant | None
    total_devices: int
    connected_devices: Annotated[int, Field(description="Those whose data are young.")]
    average_voltage: Annotated[float | None, Field(description="[V]; null for 12 V beside 24 V.")]
    total_capacity: Annotated[None, Field(description="None of these monitors knows it.")]
    overall_health: Health
    health_score: Annotated[int | None, Field(description="0 to 100, that of the worst battery.")]
    devices: list[MemberShape]
