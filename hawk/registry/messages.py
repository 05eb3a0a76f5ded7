"""What the registry can be asked and told. All raise hawk errors in their answers."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from actors import Query
from hawk.model.address import Address
from hawk.model.device import Device, Lifecycle, Retry
from hawk.model.vehicle import Vehicle


@dataclass(frozen=True, slots=True)
class Snapshot:
    """All records at one instant."""

    devices: Mapping[Address, Device] = field(default_factory=dict)
    vehicles: Mapping[str, Vehicle] = field(default_factory=dict)
    last_vehicle: int = 0  # the greatest number ever used in an id: ids are never used twice

    def devices_in(self, vehicle_id: str) -> tuple[Address, ...]:
        """In the order of their addresses."""
        return tuple(sorted(a for a, device in self.devices.items() if device.vehicle_id == vehicle_id))

    def vehicle_of(self, device: Device) -> Vehicle | None:
        return self.vehicles.get(device.vehicle_id) if device.vehicle_id else None


Meant: TypeAlias = frozenset[str] | None
"""Tags (hawk/registry/tags.py) of the versions that may be changed; None is any. Outdated for others."""


@dataclass(frozen=True, slots=True)
class GetRegistry(Query[Snapshot]):
    pass


@dataclass(frozen=True, slots=True)
class GetNotices(Query[tuple[str, ...]]):
    """What had to be done about damaged files, in words for people."""


@dataclass(frozen=True, slots=True)
class GetProblems(Query[tuple[str, ...]]):
    """Why the files as they are now do not hold, so that those of before do: a line for each mistake."""


@dataclass(frozen=True, slots=True)
class Discover(Query[Device | None]):
    """A device was identified on the air. Answered with its new record, or None if it is known
    already or too many unconfigured ones are."""

    address: Address
    device_type: str
    name: str | None
    rssi: int | None
    reason: str
    proven: bool  # by decryption


@dataclass(frozen=True, slots=True)
class DeviceChanges:
    """What somebody wants of a device; a field that is None stays as it is."""

    device_type: str | None = None
    friendly_name: str | None = None
    polling_interval: float | None = None  # [s]
    vehicle_id: str | None = None
    no_vehicle: bool = False  # takes it out of its vehicle
    retry_attempts: int | None = None
    retry_interval: float | None = None  # [s]
    reconnection_delay: float | None = None  # [s]
    lifecycle: Lifecycle | None = None
    config: Mapping[str, Any] | None = None  # as a whole
    calibration: Mapping[str, Any] | None = None  # a merge patch, like the next
    plausibility: Mapping[str, Any] | None = None

    def retry(self, old: Retry) -> Retry:
        return Retry(
            attempts=old.attempts if self.retry_attempts is None else self.retry_attempts,
            interval=old.interval if self.retry_interval is None else self.retry_interval,
            reconnection_delay=(
                old.reconnection_delay if self.reconnection_delay is None else self.reconnection_delay
            ),
        )


@dataclass(frozen=True, slots=True)
class Configured:
    device: Device
    created: bool  # nobody had heard of it before


@dataclass(frozen=True, slots=True)
class ConfigureDevice(Query[Configured]):
    """Makes a device one of ours. One never heard needs `changes.device_type`."""

    address: Address
    changes: DeviceChanges
    meant: Meant = None


@dataclass(frozen=True, slots=True)
class PreviewDevice(Query[Configured]):
    """What ConfigureDevice would make of it; nothing is kept."""

    address: Address
    changes: DeviceChanges


@dataclass(frozen=True, slots=True)
class ChangeDevice(Query[Device]):
    """Changes a record that is there (NotFound otherwise)."""

    address: Address
    changes: DeviceChanges
    meant: Meant = None


@dataclass(frozen=True, slots=True)
class RemoveDevice(Query[None]):
    """Forgets the record; its readings stay, and a later scan finds it again."""

    address: Address
    meant: Meant = None


@dataclass(frozen=True, slots=True)
class VehicleChanges:
    """What somebody wants of a vehicle; a field that is None stays as it is. Invalid for a device that nobody
    knows, Conflict for one that is ignored.
    """

    name: str | None = None
    devices: frozenset[Address] | None = None  # these and no others; those that leave it are in none
    joining: frozenset[Address] = frozenset()
    leaving: frozenset[Address] = frozenset()  # those of them that are in it


@dataclass(frozen=True, slots=True)
class CreateVehicle(Query[Vehicle]):
    name: str
    devices: frozenset[Address] = frozenset()


@dataclass(frozen=True, slots=True)
class ChangeVehicle(Query[Vehicle]):
    """Makes an automatic one an ordinary one, too."""

    vehicle_id: str
    changes: VehicleChanges
    meant: Meant = None


@dataclass(frozen=True, slots=True)
class RemoveVehicle(Query[None]):
    """Conflict while it has devices, unless they `move_to` another one."""

    vehicle_id: str
    move_to: str | None = None
    meant: Meant = None
