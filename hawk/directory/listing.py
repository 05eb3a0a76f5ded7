"""Devices and vehicles as they are listed. Pure."""

from collections import defaultdict
from collections.abc import Iterable, Mapping

from hawk.directory.messages import VehicleView
from hawk.model.device import DeviceView, Lifecycle
from hawk.model.vehicle import Vehicle, VehicleSummary


def vehicle_views(
    vehicles: Mapping[str, Vehicle], devices: Iterable[DeviceView], summaries: Mapping[str, VehicleSummary]
) -> tuple[VehicleView, ...]:
    """By id, with their devices in the order of `devices`."""
    members: defaultdict[str | None, list[DeviceView]] = defaultdict(list)
    for view in devices:
        members[view.device.vehicle_id].append(view)
    return tuple(
        VehicleView(
            vehicle=vehicle,
            devices=tuple(view.device.address for view in members[vehicle_id]),
            summary=summaries.get(vehicle_id),
            listed=not vehicle.automatic
            or any(view.device.lifecycle is Lifecycle.CONFIGURED for view in members[vehicle_id]),
        )
        for vehicle_id, vehicle in sorted(vehicles.items(), key=_by_number)
    )


def _by_number(item: tuple[str, Vehicle]) -> tuple[int, str]:
    """vehicle_2 before vehicle_10."""
    number = item[0].removeprefix("vehicle_")
    return (int(number) if number.isdecimal() else 0, item[0])
