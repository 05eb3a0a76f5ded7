"""devices.json and vehicles.json on the disk, and the snapshot that is known to be there."""

import logging
from pathlib import Path
from typing import Any

from hawk.registry import documents
from hawk.registry.messages import Snapshot
from hawk.registry.records import Documents, from_documents, read_devices, read_vehicles, to_documents

log = logging.getLogger(__name__)


class RegistryFiles:
    """Owned by the process, so a restarted registry goes on with what is on the disk."""

    def __init__(self, devices: Path, vehicles: Path) -> None:
        """Reads both. Raises ConfigurationError when one is damaged beyond its last good copy."""
        self._devices, self._vehicles = devices, vehicles
        opened = [
            documents.open_document(devices, lambda document: read_devices(_object(document))),
            documents.open_document(vehicles, lambda document: read_vehicles(_object(document))),
        ]
        found = [{} if each is None else _object(each.document) for each in opened]
        self._documents = Documents(*found)
        self.snapshot = from_documents(self._documents)
        self._say_what_was_made_again()
        self.announced = self.snapshot  # what the bus was told of; only the registry actor moves it
        self.recovered = tuple(each.recovered for each in opened if each is not None and each.recovered)

    def write(self, snapshot: Snapshot) -> None:
        """Blocks until both files are on the disk. Raises CannotWrite; nothing is lost then.

        Vehicles first: a power cut in between leaves an empty vehicle, never a device without one.
        """
        wanted = to_documents(snapshot, self._documents)
        documents.replace(self._vehicles, wanted.vehicles)
        documents.replace(self._devices, wanted.devices)
        self._documents, self.snapshot = wanted, snapshot

    def _say_what_was_made_again(self) -> None:
        known = self._documents.vehicles.get("vehicles", {})
        for vehicle_id, vehicle in self.snapshot.vehicles.items():
            if vehicle_id not in known:
                members = [d.address for d in self.snapshot.devices.values() if d.vehicle_id == vehicle_id]
                log.warning(
                    "%s lacks %s, which devices are in (%s): made again as %r",
                    self._vehicles, vehicle_id, ", ".join(members), vehicle.name,
                )  # fmt: skip


def _object(document: object) -> dict[str, Any]:
    if not isinstance(document, dict):
        raise ValueError(f"expected an object, found {type(document).__name__}")
    return document
