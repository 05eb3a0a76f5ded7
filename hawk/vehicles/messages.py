"""What a vehicle actor can be asked and told."""

from dataclasses import dataclass

from actors import Query
from hawk.model.address import Address
from hawk.model.vehicle import Vehicle, VehicleSummary


@dataclass(frozen=True, slots=True)
class Crew:
    """A vehicle and the configured devices in it, as the registry has them."""

    vehicle: Vehicle
    devices: frozenset[Address]


@dataclass(frozen=True, slots=True)
class GetSummary(Query[VehicleSummary]):
    pass
