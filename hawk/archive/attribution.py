"""Whose a reading is, where its file does not say it."""

from dataclasses import replace

from hawk.model.reading import Reading
from hawk.registry.messages import Snapshot


def attributed(reading: Reading, fleet: Snapshot, gateway_id: str) -> Reading:
    """What the file says stays. A device that nobody knows is called by its type, and is in no vehicle."""
    if not reading.gateway_id:
        reading = replace(reading, gateway_id=gateway_id)
    if reading.device_name:
        return reading
    device = fleet.devices.get(reading.device_id)
    vehicle = fleet.vehicle_of(device) if device else None
    return replace(
        reading,
        device_name=device.friendly_name if device else reading.device_type,
        vehicle_id=vehicle.id if vehicle else reading.vehicle_id,
        vehicle_name=vehicle.name if vehicle else reading.vehicle_name,
    )
