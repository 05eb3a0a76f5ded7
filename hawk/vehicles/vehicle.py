"""One vehicle: keeps what it needs of its batteries and publishes their summary when it changes."""

from dataclasses import replace
from typing import Any

from actors import Actor, ActorCrashed, ActorRef, AskTimeout
from hawk.clock import Clock
from hawk.directory.messages import ListDevices
from hawk.events import DeviceUpdated, VehicleSummarised
from hawk.model.address import Address
from hawk.model.vehicle import Member, VehicleSummary, summarise
from hawk.vehicles.messages import Crew, GetSummary

_LIST_DEADLINE = 5.0  # [s]


class VehicleActor(Actor):
    def __init__(self, crew: Crew, directory: ActorRef[Any], clock: Clock) -> None:
        super().__init__()
        self._crew, self._directory, self._clock = crew, directory, clock
        self._members: dict[Address, Member] = {}
        self._published: VehicleSummary | None = None

    async def setup(self) -> None:
        self.subscribe(DeviceUpdated, key=self._crew.vehicle.id)
        self.spawn(self._fetch_views)

    def on_receive(self, message: Any) -> Any:
        match message:
            case GetSummary():
                return self._summary()
            case DeviceUpdated(view):
                member = Member.of(view)
                if self._members.get(member.address) == member:
                    return None  # most advertisements say nothing new of it
                self._members[member.address] = member
            case Crew():
                self._crew = message
            case tuple():  # the directory's list, after a start
                self._members = {view.device.address: Member.of(view) for view in message} | self._members
            case _:
                return super().on_receive(message)
        self._publish_change()
        return None

    async def _fetch_views(self) -> None:
        while True:
            try:
                self.ref.tell(await self._directory.ask(ListDevices()).within(_LIST_DEADLINE))
            except (AskTimeout, ActorCrashed):
                continue
            return

    def _summary(self) -> VehicleSummary:
        crew = self._crew
        members = [member for address, member in self._members.items() if address in crew.devices]
        return summarise(crew.vehicle, members, self._clock.moment())

    def _publish_change(self) -> None:
        """The time alone is no news."""
        summary = self._summary()
        old = self._published
        if old is None or replace(summary, moment=old.moment) != old:
            self._published = summary
            self.publish(VehicleSummarised(summary))
