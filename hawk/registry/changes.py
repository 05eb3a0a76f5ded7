"""What each request does to the registry: pure functions from snapshot to snapshot."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from typing import Any, TypeVar

from hawk.drivers import secrets
from hawk.errors import Conflict, Invalid, NotFound
from hawk.events import DeviceChanged, DeviceRemoved, VehicleChanged, VehicleRemoved
from hawk.model.address import Address
from hawk.model.device import Device, Lifecycle
from hawk.model.rules import Bounds, Correction, parse_calibration, parse_plausibility, patched, to_json
from hawk.model.vehicle import Vehicle
from hawk.registry.messages import DeviceChanges, Discover, Snapshot, VehicleChanges
from hawk.registry.naming import clean_name, device_name, vehicle_name, vehicle_number

MOST_DISCOVERED = 200  # unconfigured devices; a harbour full of neighbours must not fill the registry

CanonicalType = Callable[[str, Mapping[str, Any]], str]  # a device type and its config

R = TypeVar("R", Correction, Bounds)

Event = DeviceChanged | DeviceRemoved | VehicleChanged | VehicleRemoved


def discover(old: Snapshot, found: Discover, now: int | None, *, configure: bool) -> Snapshot:
    """With `configure` a device proven by decryption is ours at once (discovery.auto_configure)."""
    waiting = sum(device.lifecycle is Lifecycle.DISCOVERED for device in old.devices.values())
    configured = configure and found.proven
    if found.address in old.devices or (waiting >= MOST_DISCOVERED and not configured):
        return old
    device = Device(
        address=found.address,
        device_type=found.device_type,
        friendly_name=device_name(found.device_type, found.address),
        vehicle_id=None,
        lifecycle=Lifecycle.CONFIGURED if configured else Lifecycle.DISCOVERED,
        discovered_at=now,
        configured_at=now if configured else None,
    )
    return _with_device(old, device, now)


def configure(
    old: Snapshot,
    address: Address,
    changes: DeviceChanges,
    now: int | None,
    canonical_type: CanonicalType,
) -> Snapshot:
    if (device := old.devices.get(address)) is None:
        if changes.device_type is None:
            raise Invalid(
                f"{address} was never heard: say its device_type to add it all the same",
                "/data/attributes/device_type",
            )
        device_type = _known_type(changes.device_type, changes.config or {}, canonical_type)
        name = device_name(device_type, address)
        device = Device(address, device_type, name, None, Lifecycle.DISCOVERED, now)
    if device.configured_at is None:
        device = replace(device, configured_at=now)
    if changes.lifecycle is None:
        changes = replace(changes, lifecycle=Lifecycle.CONFIGURED)
    if device.lifecycle is not Lifecycle.CONFIGURED and changes.config is None:
        changes = replace(changes, config=_kept_config(device, changes))  # what was found may need more
    changed = _changed(old, device, changes, canonical_type)
    return _with_device(old, changed, now, own_vehicle=_needs_vehicle(old, address, changes))


def change(
    old: Snapshot,
    address: Address,
    changes: DeviceChanges,
    now: int | None,
    canonical_type: CanonicalType,
) -> Snapshot:
    device = _changed(old, device_of(old, address), changes, canonical_type)
    if device.lifecycle is Lifecycle.CONFIGURED and device.configured_at is None:
        device = replace(device, configured_at=now)
    return _with_device(old, device, now, own_vehicle=_needs_vehicle(old, address, changes))


def remove_device(old: Snapshot, address: Address) -> Snapshot:
    device_of(old, address)
    return _tidy(replace(old, devices={a: d for a, d in old.devices.items() if a != address}))


def create_vehicle(
    old: Snapshot, name: str, now: int | None, devices: frozenset[Address] = frozenset()
) -> Snapshot:
    old, name = _with_free_name(old, name)
    vehicle = Vehicle(f"vehicle_{old.last_vehicle + 1}", name, now)
    return _with_crew(_with_vehicle(old, vehicle), vehicle.id, devices)


def change_vehicle(old: Snapshot, vehicle_id: str, wanted: VehicleChanges) -> Snapshot:
    vehicle, name = vehicle_of(old, vehicle_id), wanted.name
    if name is not None and name.strip() != vehicle.name:
        old, name = _with_free_name(old, name, vehicle_id)
        vehicle = replace(vehicle, name=name)
    before = frozenset(old.devices_in(vehicle_id))
    crew = before if wanted.devices is None else wanted.devices
    automatic = vehicle.automatic and wanted == VehicleChanges()
    ours = _with_vehicle(old, replace(vehicle, automatic=automatic))
    return _with_crew(ours, vehicle_id, (crew | wanted.joining) - wanted.leaving)


def remove_vehicle(old: Snapshot, vehicle_id: str, move_to: str | None) -> Snapshot:
    vehicle_of(old, vehicle_id)
    moved = {a: d for a, d in old.devices.items() if d.vehicle_id == vehicle_id}
    if moved and move_to is None:
        raise Conflict(
            f"{vehicle_id} has {len(moved)} device(s): say where they move to (?move_to=ID, or --move-to ID)"
        )
    if move_to is not None:
        if move_to == vehicle_id:
            raise Conflict(f"the devices of {vehicle_id} cannot move to itself")
        vehicle_of(old, move_to)
        moved = {a: replace(d, vehicle_id=move_to) for a, d in moved.items()}
    vehicles = {key: vehicle for key, vehicle in old.vehicles.items() if key != vehicle_id}
    return replace(old, devices={**old.devices, **moved}, vehicles=vehicles)


def device_of(snapshot: Snapshot, address: Address) -> Device:
    if (device := snapshot.devices.get(address)) is None:
        raise NotFound(f"no device {address} is known")
    return device


def vehicle_of(snapshot: Snapshot, vehicle_id: str) -> Vehicle:
    if (vehicle := snapshot.vehicles.get(vehicle_id)) is None:
        raise NotFound(f"there is no vehicle {vehicle_id!r}")
    return vehicle


def differences(old: Snapshot, new: Snapshot) -> Iterator[Event]:
    """What to tell the bus: vehicles before the devices in them, removals of vehicles last."""
    for vehicle_id, vehicle in new.vehicles.items():
        if old.vehicles.get(vehicle_id) != vehicle:
            yield VehicleChanged(vehicle)
    for address, device in new.devices.items():
        if old.devices.get(address) != device:
            yield DeviceChanged(device)
    for address in old.devices.keys() - new.devices.keys():
        yield DeviceRemoved(address)
    for vehicle_id in old.vehicles.keys() - new.vehicles.keys():
        yield VehicleRemoved(vehicle_id)


# -- parts -------------------------------------------------------------------------------


def _changed(old: Snapshot, device: Device, changes: DeviceChanges, canonical_type: CanonicalType) -> Device:
    if changes.vehicle_id is not None and changes.vehicle_id not in old.vehicles:
        raise Invalid(f"there is no vehicle {changes.vehicle_id!r}", "/data/attributes/vehicle_id")
    lifecycle = changes.lifecycle or device.lifecycle
    if lifecycle is Lifecycle.DISCOVERED and device.lifecycle is not Lifecycle.DISCOVERED:
        raise Invalid("a device can become 'configured' or 'ignored'", "/data/attributes/status")
    device = _with_driver(device, changes, canonical_type)
    gone = changes.no_vehicle or lifecycle is Lifecycle.IGNORED
    return replace(
        device,
        friendly_name=(
            device.friendly_name
            if changes.friendly_name is None
            else clean_name(changes.friendly_name, "/data/attributes/friendly_name")
        ),
        polling_interval=changes.polling_interval or device.polling_interval,
        vehicle_id=None if gone else changes.vehicle_id or device.vehicle_id,
        retry=changes.retry(device.retry),
        lifecycle=lifecycle,
        calibration=_rules(parse_calibration, device.calibration, changes.calibration, "calibration"),
        plausibility=_rules(parse_plausibility, device.plausibility, changes.plausibility, "plausibility"),
    )


def _rules(
    parse: Callable[[object], Mapping[str, R]],
    old: Mapping[str, R],
    patch: Mapping[str, Any] | None,
    name: str,
) -> Mapping[str, R]:
    if patch is None:
        return old
    try:
        return parse(patched(to_json(old), patch))
    except Invalid as error:
        raise Invalid(str(error), f"/data/attributes/{name}{error.pointer}") from None


def _with_driver(device: Device, changes: DeviceChanges, canonical_type: CanonicalType) -> Device:
    """The config of one type means nothing to another."""
    if changes.device_type is None and changes.config is None:
        return device
    wanted, kept = changes.device_type or device.device_type, _kept_config(device, changes)
    config = kept if changes.config is None else secrets.kept(changes.config, kept)
    return replace(device, device_type=_known_type(wanted, config, canonical_type), config=config)


def _kept_config(device: Device, changes: DeviceChanges) -> Mapping[str, Any]:
    same = changes.device_type is None or changes.device_type.lower() == device.device_type.lower()
    return device.config if same else {}


def _known_type(device_type: str, config: Mapping[str, Any], canonical_type: CanonicalType) -> str:
    try:
        return canonical_type(device_type, config)
    except NotFound as error:
        raise Invalid(str(error), "/data/attributes/device_type") from None
    except Invalid as error:
        raise Invalid(str(error), f"/data/attributes/config{error.pointer}") from None


def _needs_vehicle(old: Snapshot, address: Address, changes: DeviceChanges) -> bool:
    """A new one, and one that was ignored, get a vehicle of their own; one that was taken out of its vehicle
    stays outside.
    """
    before = old.devices.get(address)
    return not changes.no_vehicle and (before is None or before.lifecycle is Lifecycle.IGNORED)


def _with_device(old: Snapshot, device: Device, now: int | None, *, own_vehicle: bool = True) -> Snapshot:
    if own_vehicle and device.vehicle_id is None and device.lifecycle is not Lifecycle.IGNORED:
        number = old.last_vehicle + 1
        name = vehicle_name(number, (vehicle.name for vehicle in old.vehicles.values()))
        old = _with_vehicle(old, Vehicle(f"vehicle_{number}", name, now, automatic=True))
        device = replace(device, vehicle_id=f"vehicle_{number}")
    return _tidy(replace(old, devices={**old.devices, device.address: device}))


def _with_vehicle(old: Snapshot, vehicle: Vehicle) -> Snapshot:
    """A new one has the number after the last."""
    last = old.last_vehicle if vehicle.id in old.vehicles else old.last_vehicle + 1
    return replace(old, vehicles={**old.vehicles, vehicle.id: vehicle}, last_vehicle=last)


def _tidy(snapshot: Snapshot) -> Snapshot:
    """An automatic vehicle without devices disappears."""
    used = {device.vehicle_id for device in snapshot.devices.values()}
    kept = {key: v for key, v in snapshot.vehicles.items() if not v.automatic or key in used}
    return replace(snapshot, vehicles=kept) if len(kept) < len(snapshot.vehicles) else snapshot


def _with_crew(old: Snapshot, vehicle_id: str, crew: frozenset[Address]) -> Snapshot:
    """These devices and no others are in it. Raises Invalid or Conflict."""
    devices = dict(old.devices)
    for address in old.devices_in(vehicle_id):
        devices[address] = replace(devices[address], vehicle_id=None)
    for address in sorted(crew):
        devices[address] = replace(_that_can_join(old, address), vehicle_id=vehicle_id)
    return _tidy(replace(old, devices=devices))


def _that_can_join(snapshot: Snapshot, address: Address) -> Device:
    if (device := snapshot.devices.get(address)) is None:
        raise Invalid(f"no device {address} is known", "/data/relationships/devices/data")
    if device.lifecycle is Lifecycle.IGNORED:
        raise Conflict(f"{address} is ignored, and so in no vehicle: configure it first")
    return device


def _with_free_name(old: Snapshot, text: str, own_id: str | None = None) -> tuple[Snapshot, str]:
    """The name, and the snapshot in which nobody else has it. Raises Conflict.

    A vehicle that nobody has configured anything in yields: its name is one that nobody chose or sees."""
    name = clean_name(text, "/data/attributes/name")
    for vehicle in old.vehicles.values():
        if vehicle.name == name and vehicle.id != own_id:
            if not _is_hidden(old, vehicle):
                raise Conflict(f"{vehicle.id} is called {name!r} already")
            other = vehicle_name(vehicle_number(vehicle.id), (each.name for each in old.vehicles.values()))
            return _with_vehicle(old, replace(vehicle, name=other)), name
    return old, name


def _is_hidden(snapshot: Snapshot, vehicle: Vehicle) -> bool:
    return vehicle.automatic and not any(
        device.lifecycle is Lifecycle.CONFIGURED
        for device in snapshot.devices.values()
        if device.vehicle_id == vehicle.id
    )
