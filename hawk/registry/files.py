"""devices.json and vehicles.json on the disk, and the snapshot that is known to be there."""

import logging
from collections.abc import Callable
from pathlib import Path
from typing import Any

from hawk.durable import encoded
from hawk.errors import CannotWrite
from hawk.registry.documents import DocumentFile
from hawk.registry.messages import Snapshot
from hawk.registry.records import Documents, from_documents, read_devices, read_vehicles, to_documents

log = logging.getLogger(__name__)


class RegistryFiles:
    """Owned by the process, so a restarted registry goes on with what is on the disk."""

    def __init__(self, devices: Path, vehicles: Path, make_room: Callable[[], None] = lambda: None) -> None:
        """Reads both. Raises ConfigurationError when one cannot be used, nor its last good copy;
        nothing is changed then. `make_room` is called when the disk is full."""
        self._devices = DocumentFile(devices, lambda read: read_devices(_object(read)), make_room)
        self._vehicles = DocumentFile(vehicles, lambda read: read_vehicles(_object(read)), make_room)
        found = [each.read() for each in (self._devices, self._vehicles)]
        self._documents = Documents(*({} if each is None else _object(each) for each in found))
        self.snapshot = from_documents(self._documents)
        self.announced = self.snapshot  # what the bus was told of; only the registry actor moves it
        self._say_what_was_made_again()
        self._devices.mend()
        self._vehicles.mend()

    @property
    def notices(self) -> tuple[str, ...]:
        """What had to be done about either file, for people."""
        return tuple(each.notice for each in (self._devices, self._vehicles) if each.notice)

    def write(self, snapshot: Snapshot) -> None:
        """Blocks until both files are on the disk. Raises CannotWrite; nothing is lost then.

        Vehicles first: a power cut in between leaves an empty vehicle, never a device without one.
        """
        wanted = to_documents(snapshot, self._documents)
        try:
            vehicles, devices = encoded(wanted.vehicles), encoded(wanted.devices)
        except ValueError as error:
            raise CannotWrite(f"the registry cannot be written as JSON: {error}") from error
        self._vehicles.replace(vehicles)
        self._devices.replace(devices)
        self._documents, self.snapshot = wanted, snapshot

    def _say_what_was_made_again(self) -> None:
        known = self._documents.vehicles.get("vehicles", {})
        for vehicle_id, vehicle in self.snapshot.vehicles.items():
            if vehicle_id not in known:
                members = [d.address for d in self.snapshot.devices.values() if d.vehicle_id == vehicle_id]
                log.warning(
                    "vehicles.json lacks %s, which devices are in (%s): made again as %r",
                    vehicle_id, ", ".join(members), vehicle.name,
                )  # fmt: skip


def _object(document: object) -> dict[str, Any]:
    if not isinstance(document, dict):
        raise ValueError(f"expected an object, found {type(document).__name__}")
    return document
