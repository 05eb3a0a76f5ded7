"""One vehicle: keeps the views of its batteries and publishes their summary when it changes."""

from dataclasses import replace
from typing import Any

from actors import Actor, ActorCrashed, ActorRef, AskTimeout
from hawk.clock import Clock
from hawk.directory.messages import ListDevices
from hawk.events import DeviceUpdated, VehicleSummarised
from hawk.model.address import Address
from hawk.model.device import DeviceView
from hawk.model.vehicle import VehicleSummary, summarise
from hawk.vehicles.messages import Crew, GetSummary

_LIST_DEADLINE = 5.0  # [s]


class VehicleActor(Actor):
    def __init__(self, crew: Crew, directory: ActorRef[Any], clock: Clock) -> None:
        super().__init__()
        self._crew, self._directory, self._clock = crew, directory, clock
        self._views: dict[Address, DeviceView] = {}
        self._published: VehicleSummary | None = None

    async def setup(self) -> None:
        self.subscribe(DeviceUpdated, key=self._crew.vehicle.id)
        self.spawn(self._fetch_views)

    def on_receive(self, message: Any) -> Any:
        match message:
            case GetSummary():
                return self._summary()
            case DeviceUpdated(view):
                self._views[view.device.address] = view
            case Crew():
                self._crew = message
            case tuple():  # the directory's list, after a start
                self._views = {view.device.address: view for view in message} | self._views
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
        views = [view for address, view in self._views.items() if address in self._crew.devices]
        return summarise(self._crew.vehicle, views, self._clock.moment())

    def _publish_change(self) -> None:
        """The time alone is no news."""
        summary = self._summary()
        old = self._published
        if old is None or replace(summary, moment=old.moment) != old:
            self._published = summary
            self.publish(VehicleSummarised(summary))
