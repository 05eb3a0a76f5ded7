"""What the directory can be asked: lists of all that is known, from memory."""

from dataclasses import dataclass

from actors import Query
from hawk.model.address import Address
from hawk.model.device import DeviceView
from hawk.model.vehicle import Vehicle, VehicleSummary


@dataclass(frozen=True, slots=True)
class VehicleView:
    vehicle: Vehicle
    devices: tuple[Address, ...]
    summary: VehicleSummary | None  # None until a battery of it said something
    listed: bool  # False for an automatic one none of whose devices is configured yet


@dataclass(frozen=True, slots=True)
class ListDevices(Query[tuple[DeviceView, ...]]):
    """By address. Discovered and ignored ones are among them."""


@dataclass(frozen=True, slots=True)
class LookUpDevice(Query[DeviceView | None]):
    address: Address


@dataclass(frozen=True, slots=True)
class ListVehicles(Query[tuple[VehicleView, ...]]):
    """By id; also automatic ones."""
