"""Vehicles: what the batteries are in."""

from collections.abc import Iterable
from dataclasses import dataclass

from hawk.model.address import Address
from hawk.model.device import DeviceView
from hawk.model.reading import Moment


@dataclass(frozen=True, slots=True)
class Vehicle:
    """The record in vehicles.json. Ids are never used twice."""

    id: str  # "vehicle_1"
    name: str
    created_at: int | None  # [ms since the epoch]; None while the clock could not be trusted
    automatic: bool = False  # made with a discovered device; disappears when empty


@dataclass(frozen=True, slots=True)
class Member:
    """One battery in a vehicle's summary."""

    address: Address
    status: str
    voltage: float | None  # [V]; None when not known or too old


@dataclass(frozen=True, slots=True)
class VehicleSummary:
    vehicle_id: str
    name: str
    moment: Moment
    members: tuple[Member, ...]
    connected: int  # members whose data are young
    average_voltage: float | None  # [V] of the members with a voltage
    health: str  # good fair poor unknown
    health_score: int | None  # 0..100, that of the worst member


_SCORES = {"normal": 100, "charging": 100, "floating": 100, "low": 40, "critical": 10}


def summarise(vehicle: Vehicle, views: Iterable[DeviceView], moment: Moment) -> VehicleSummary:
    """The state of all batteries in one vehicle. Stale values count as unknown."""
    ordered = sorted(views, key=lambda view: view.device.address)
    members, scores = [], []
    for view in ordered:
        measured = view.live.values.get("voltage") if view.available else None
        members.append(Member(view.device.address, view.status, measured.value if measured else None))
        if measured and view.live.status in _SCORES:
            scores.append(_SCORES[view.live.status])
    voltages = [member.voltage for member in members if member.voltage is not None]
    score = min(scores, default=None)
    return VehicleSummary(
        vehicle_id=vehicle.id,
        name=vehicle.name,
        moment=moment,
        members=tuple(members),
        connected=sum(view.available for view in ordered),
        average_voltage=round(sum(voltages) / len(voltages), 3) if voltages else None,
        health=_health(score),
        health_score=score,
    )


def _health(score: int | None) -> str:
    if score is None:
        return "unknown"
    return "good" if score >= 70 else "fair" if score >= 30 else "poor"
