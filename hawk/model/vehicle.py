"""Vehicles: what the batteries are in."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal, final

from hawk.model.address import Address
from hawk.model.device import DeviceView
from hawk.model.reading import Moment

Health = Literal["good", "fair", "poor", "unknown"]


@dataclass(frozen=True, slots=True)
class Vehicle:
    """The record in vehicles.json. Ids are never used twice."""

    id: str  # "vehicle_1"
    name: str
    created_at: int | None  # [ms since the epoch]; None while the clock could not be trusted
    automatic: bool = False  # made with a discovered device; disappears when empty


_SCORES = {"normal": 100, "charging": 100, "floating": 100, "low": 40, "critical": 10}


@dataclass(frozen=True, slots=True)
class Member:
    """One battery as the summary of its vehicle sees it. Stale values count as unknown."""

    address: Address
    name: str
    status: str
    voltage: float | None  # [V]; None when not known or too old
    connected: bool  # its data are young
    score: int | None  # 0..100; None when nobody can tell

    @classmethod
    def of(cls, view: DeviceView) -> "Member":
        measured = view.live.values.get("voltage") if view.available else None
        return cls(
            address=view.device.address,
            name=view.device.friendly_name,
            status=view.status,
            voltage=measured.value if measured else None,
            connected=view.available,
            score=_SCORES.get(view.live.status or "") if measured else None,
        )


@final
@dataclass(frozen=True, slots=True)
class VehicleSummary:
    vehicle_id: str
    name: str
    moment: Moment
    members: tuple[Member, ...]
    connected: int  # members whose data are young
    average_voltage: float | None  # [V] of the members with a voltage; None for 12 V beside 24 V
    health: Health
    health_score: int | None  # 0..100, that of the worst member


def summarise(vehicle: Vehicle, members: Iterable[Member], moment: Moment) -> VehicleSummary:
    """The state of all batteries in one vehicle."""
    ordered = tuple(sorted(members, key=lambda member: member.address))
    voltages = [member.voltage for member in ordered if member.voltage is not None]
    score = min((member.score for member in ordered if member.score is not None), default=None)
    return VehicleSummary(
        vehicle_id=vehicle.id,
        name=vehicle.name,
        moment=moment,
        members=ordered,
        connected=sum(member.connected for member in ordered),
        average_voltage=_average(voltages),
        health=_health(score),
        health_score=score,
    )


def _average(voltages: Sequence[float]) -> float | None:
    """A starter of 12 V and a house bank of 24 V have none: no battery has 18 V."""
    if len({_nominal(each) for each in voltages}) != 1:
        return None
    return round(sum(voltages) / len(voltages), 3)


def _nominal(voltage: float) -> int:
    """[V] Of what system it is, also while it is charged (16 V, 32 V) or empty (20 V of 24 V)."""
    return 12 if voltage < 18 else 24 if voltage < 34 else 48


def _health(score: int | None) -> Health:
    if score is None:
        return "unknown"
    return "good" if score >= 70 else "fair" if score >= 30 else "poor"
