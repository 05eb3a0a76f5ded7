"""One vehicle actor for each vehicle of the registry."""

from collections.abc import Mapping
from functools import partial
from typing import Any

from actors import ActorRef, ChildSpec, Group, Reconcile
from hawk.clock import Clock
from hawk.events import DeviceChanged, DeviceRemoved, VehicleChanged, VehicleRemoved
from hawk.model.device import Lifecycle
from hawk.registry.messages import GetRegistry, Snapshot
from hawk.vehicles.messages import Crew
from hawk.vehicles.vehicle import VehicleActor

_SNAPSHOT_DEADLINE = 5.0  # [s]


class VehiclesGroup(Group[Crew]):
    def __init__(self, registry: ActorRef[Any], directory: ActorRef[Any], clock: Clock) -> None:
        super().__init__()
        self._registry, self._directory, self._clock = registry, directory, clock

    async def setup(self) -> None:
        self.subscribe(DeviceChanged, DeviceRemoved, VehicleChanged, VehicleRemoved)
        await super().setup()

    def on_receive(self, message: Any) -> Any:
        match message:
            case DeviceChanged() | DeviceRemoved() | VehicleChanged() | VehicleRemoved():
                message = Reconcile()
        return super().on_receive(message)

    async def wanted(self) -> Mapping[str, Crew]:
        return crews(await self._registry.ask(GetRegistry()).within(_SNAPSHOT_DEADLINE))

    def spec(self, name: str, record: Crew) -> ChildSpec:
        return ChildSpec(name, partial(VehicleActor.start, record, self._directory, self._clock))

    def changed(self, ref: ActorRef[Any], name: str, record: Crew) -> None:  # noqa: ARG002  # the group's signature
        ref.tell(record)


def crews(snapshot: Snapshot) -> Mapping[str, Crew]:
    """Only configured devices count: a neighbour's battery says nothing of our vehicle."""
    devices = [each for each in snapshot.devices.values() if each.lifecycle is Lifecycle.CONFIGURED]
    return {
        vehicle_id: Crew(vehicle, frozenset(d.address for d in devices if d.vehicle_id == vehicle_id))
        for vehicle_id, vehicle in snapshot.vehicles.items()
    }
