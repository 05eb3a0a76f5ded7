"""The devices and vehicles that a command shows and changes: those of the service that runs, else the files."""

import os
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol
from urllib.parse import quote

from hawk import datafolder
from hawk.cli.running import NoService, Running, find
from hawk.datafolder import DataFolder
from hawk.errors import AlreadyRunning, NotFound
from hawk.model.address import Address

Json = Mapping[str, Any]

_LARGEST_PAGE = "page[size]=1000"


class Fleet(Protocol):
    """What it answers are the documents of the API. All raise what the registry raises, or Refused and NoService."""

    def devices(self) -> Json: ...
    def device(self, address: Address) -> Json: ...
    def change_device(self, address: Address, attributes: Json) -> Json: ...
    def remove_device(self, address: Address) -> None: ...
    def vehicles(self, *, automatic: bool) -> Json:
        """With `automatic` also those none of whose devices is configured."""

    def vehicle(self, vehicle_id: str) -> Json: ...
    def add_vehicle(self, name: str) -> Json: ...
    def rename_vehicle(self, vehicle_id: str, name: str) -> Json: ...
    def remove_vehicle(self, vehicle_id: str, move_to: str | None) -> None: ...


@contextmanager
def open_fleet(data: Path | None, *, new: bool = False) -> Iterator[Fleet]:
    """With `new` the data folder is made if need be. Raises NotFound when there is none, ConfigurationError, and
    AlreadyRunning when somebody has it who is no service.
    """
    path = datafolder.choose(data, os.environ)
    if not new and not path.is_dir():
        raise NotFound(f"There is no data folder {path}: say with --data which one you mean.")
    with ExitStack() as stack:
        try:
            folder = stack.enter_context(DataFolder.open(path))
        except AlreadyRunning as error:
            yield ThroughService(_service(path, error))
            return
        from hawk.cli.files import InFiles

        yield InFiles.on(folder)


def _service(path: Path, otherwise: AlreadyRunning) -> Running:
    try:
        return find(path)
    except NoService:
        raise otherwise from None


@dataclass(frozen=True, slots=True)
class ThroughService:
    service: Running

    def devices(self) -> Json:
        return self._all(f"/api/devices?{_LARGEST_PAGE}")

    def device(self, address: Address) -> Json:
        return self._ask("GET", f"/api/devices/{address}")

    def change_device(self, address: Address, attributes: Json) -> Json:
        return self._ask("PATCH", f"/api/devices/{address}", _document("devices", attributes, address))

    def remove_device(self, address: Address) -> None:
        self.service.ask("DELETE", f"/api/devices/{address}")

    def vehicles(self, *, automatic: bool) -> Json:
        also = "&filter[automatic]=true" if automatic else ""
        return self._all(f"/api/vehicles?{_LARGEST_PAGE}{also}")

    def vehicle(self, vehicle_id: str) -> Json:
        return self._ask("GET", _path(vehicle_id))

    def add_vehicle(self, name: str) -> Json:
        return self._ask("POST", "/api/vehicles", _document("vehicles", {"name": name}))

    def rename_vehicle(self, vehicle_id: str, name: str) -> Json:
        return self._ask("PATCH", _path(vehicle_id), _document("vehicles", {"name": name}, vehicle_id))

    def remove_vehicle(self, vehicle_id: str, move_to: str | None) -> None:
        query = "" if move_to is None else f"?move_to={quote(move_to, safe='')}"
        self.service.ask("DELETE", _path(vehicle_id) + query)

    def _ask(self, method: str, path: str, document: Json | None = None) -> Json:
        said: Json = self.service.ask(method, path, document)
        return said

    def _all(self, path: str) -> Json:
        """All pages as one."""
        pages = [self._ask("GET", path)]
        while (more := pages[-1]["links"]["next"]) is not None:
            pages.append(self._ask("GET", more))
        return {**pages[-1], "data": [each for page in pages for each in page["data"]]}


def _path(vehicle_id: str) -> str:
    return f"/api/vehicles/{quote(vehicle_id, safe='')}"


def _document(kind: str, attributes: Json, name: str | None = None) -> Json:
    return {"data": {"type": kind, **({} if name is None else {"id": name}), "attributes": attributes}}
