"""devices.json and vehicles.json on the disk, and the snapshot that is known to be there."""

import logging
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

from hawk.durable import encoded
from hawk.errors import CannotWrite, ChangedMeanwhile, ConfigurationError, Problem, WrongDocument
from hawk.mistakes import Mistakes
from hawk.registry.documents import DocumentFile
from hawk.registry.messages import Snapshot
from hawk.registry.records import (
    Documents,
    from_documents,
    read_devices,
    read_vehicles,
    records_of,
    to_documents,
)

log = logging.getLogger(__name__)


class RegistryFiles:
    """Owned by the process, so a restarted registry goes on with what is on the disk."""

    def __init__(self, devices: Path, vehicles: Path, make_room: Callable[[], None] = lambda: None) -> None:
        """Reads both. Raises ConfigurationError when one cannot be used, nor its last good copy;
        nothing is changed then. `make_room` is called when the disk is full."""
        self._devices = DocumentFile(devices, read_devices, make_room)
        self._vehicles = DocumentFile(vehicles, read_vehicles, make_room)
        self._files = (self._devices, self._vehicles)
        self._mistakes = Mistakes()
        found: list[Any] = [each.read() or {} for each in self._files]
        self._documents = Documents(*found)
        self.snapshot = from_documents(self._documents)
        self.announced = self.snapshot  # what the bus was told of; only the registry actor moves it
        self._say_what_was_made_again()
        for each in self._files:
            each.mend()

    @property
    def notices(self) -> tuple[str, ...]:
        """What had to be done about either file, for people."""
        return tuple(each.notice for each in self._files if each.notice)

    @property
    def problems(self) -> tuple[str, ...]:
        """Why the files as they are now do not hold."""
        return self._mistakes.said

    def is_to_be_looked_at(self) -> bool:
        """Whether something is there that we do not know, or was. Blocks, and changes nothing."""
        try:
            return bool(self.problems) or any(each.content() is not None for each in self._files)
        except ConfigurationError:
            return True

    def look(self) -> None:
        """Takes in what somebody wrote into either. Blocks. A file that is gone is no change."""
        contents: list[bytes | None] = []
        try:
            contents += [each.content() for each in self._files]
            if contents == [None, None]:
                self._mistakes.none()
            else:
                self._take(contents)
        except ConfigurationError as error:
            self._mistakes.found(contents, error)

    def write(self, snapshot: Snapshot) -> None:
        """Blocks until both files are on the disk. Raises CannotWrite, or ChangedMeanwhile when somebody else wrote
        into one of them; nothing is lost then.

        Vehicles first: a power cut in between leaves an empty vehicle, never a device without one.
        """
        wanted = to_documents(snapshot, self._documents)
        try:
            vehicles, devices = encoded(wanted.vehicles), encoded(wanted.devices)
        except ValueError as error:
            raise CannotWrite(f"the registry cannot be written as JSON: {error}") from error
        self._check_unchanged()
        self._vehicles.replace(vehicles)
        try:
            self._devices.replace(devices)
        except (CannotWrite, ChangedMeanwhile):
            with suppress(CannotWrite, ChangedMeanwhile):
                self._vehicles.replace(encoded(self._documents.vehicles))
            raise
        self._documents, self.snapshot = wanted, snapshot

    # ----------------------------------------------------------------------------------------

    def _check_unchanged(self) -> None:
        if self.problems:
            raise ChangedMeanwhile(
                f"nothing was written, for what was edited has to be mended first: {'; '.join(self.problems)}"
            )
        for each in self._files:
            each.check_unchanged()

    def _take(self, contents: list[bytes | None]) -> None:
        documents = self._parsed(contents)
        snapshot = from_documents(documents)
        for each, content in zip(self._files, contents, strict=True):
            if content is not None:
                each.take(content)
                log.info("%s was changed, and holds from now on", each.path)
        # a number that was used once is not used again, whatever the file says
        last = max(snapshot.last_vehicle, self.snapshot.last_vehicle)
        self._documents, self.snapshot = documents, replace(snapshot, last_vehicle=last)
        self._mistakes.none()
        self._say_what_was_made_again()

    def _parsed(self, contents: list[bytes | None]) -> Documents:
        """Raises WrongDocument with all that is wrong in both, or OtherVersion."""
        before = (self._documents.devices, self._documents.vehicles)
        found: list[Any] = []
        wrong: list[Problem] = []
        for each, content, old in zip(self._files, contents, before, strict=True):
            try:
                found.append(old if content is None else each.parsed(content))
            except WrongDocument as error:
                wrong += error.problems
        if wrong:
            raise WrongDocument(wrong)
        return Documents(*found)

    def _say_what_was_made_again(self) -> None:
        known = records_of(self._documents.vehicles, "vehicles")
        for vehicle_id, vehicle in self.snapshot.vehicles.items():
            if vehicle_id not in known:
                members = [d.address for d in self.snapshot.devices.values() if d.vehicle_id == vehicle_id]
                log.warning(
                    "vehicles.json lacks %s, which devices are in (%s): made again as %r",
                    vehicle_id, ", ".join(members), vehicle.name,
                )  # fmt: skip
