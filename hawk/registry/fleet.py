"""The registry that the demo begins with: simulated batteries that somebody has configured."""

from collections.abc import Sequence
from typing import Protocol, runtime_checkable

from hawk.model.address import Address
from hawk.registry import changes
from hawk.registry.messages import DeviceChanges, Discover, Snapshot, VehicleChanges

STRANGERS = 2  # monitors that stay unconfigured, so that the demo shows what a discovery looks like


class Simulated(Protocol):
    @property
    def address(self) -> Address: ...
    @property
    def device_type(self) -> str: ...
    @property
    def name(self) -> str: ...


@runtime_checkable
class Fleet(Protocol):
    """A radio that simulates devices, and knows them."""

    @property
    def fleet(self) -> Sequence[Simulated]: ...


def configured_fleet(fleet: Sequence[Simulated], now: int | None) -> Snapshot:
    """Every battery in a vehicle called as it suggests; of five and more the last two are left out."""
    ours = fleet[:-STRANGERS] if len(fleet) >= 5 else fleet
    snapshot = Snapshot()
    for number, each in enumerate(ours, start=1):
        found = Discover(each.address, each.device_type, None, None, "simulated", proven=True)
        snapshot = changes.discover(snapshot, found, now, configure=True)
        snapshot = changes.change_vehicle(snapshot, f"vehicle_{number}", VehicleChanges(each.name))
        named = DeviceChanges(friendly_name=f"{each.name} battery")
        snapshot = changes.change(snapshot, each.address, named, now, lambda device_type, _: device_type)
    return snapshot
