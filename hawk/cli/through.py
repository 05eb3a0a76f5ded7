"""`hawk scan --connect` while a service runs: it has the adapter, so it is asked to read each device."""

import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from hawk.cli import running
from hawk.cli.output import progress
from hawk.cli.running import NoService, Refused, Running
from hawk.cli.survey import Found, Said, Survey
from hawk.errors import Busy
from hawk.model.reading import QUANTITIES, Sample, Source

Json = dict[str, Any]

_UNASKED = (
    "the service that runs has the adapter: try a type with 'hawk devices add MAC --type TYPE --dry-run'"
)


def service_on(data: Path) -> Running | None:
    """The one that runs on this data folder and answers. Raises what `running.find` raises, and Refused."""
    try:
        found = running.find(data)
        found.ask("GET", "/api/system/status")
    except NoService:
        return None
    return found


def read_all(service: Running, survey: Survey, config: Mapping[str, Any] | None) -> None:
    """One after the other, into `survey`; nothing of it is stored. `config` is that of a generic_modbus.

    Raises NoService when it ends meanwhile.
    """
    devices = [found for found in survey.identified() if found.driver and not found.driver.heard_only]
    with progress() as show:
        task = show.add_task("Reading", total=len(devices))
        for found in devices:
            _read(service, found, config)
            show.advance(task)
    for found, _ in survey.unsure():
        found.error = Busy(_UNASKED)


def _read(service: Running, found: Found, config: Mapping[str, Any] | None) -> None:
    try:
        said = service.ask("POST", f"/api/devices/{found.address}", _wish(found, config))
    except Refused as error:
        found.error = error
        return
    found.said, found.error = Said(_sample(said["meta"]["reading"]), _now(), Source.GATT), None


def _wish(found: Found, config: Mapping[str, Any] | None) -> Json:
    device_type = found.driver.device_type if found.driver else ""
    attributes: Json = {"device_type": device_type}
    if device_type == "generic_modbus" and config is not None:
        attributes["config"] = config
    return {"data": {"type": "devices", "attributes": attributes}, "meta": {"dry_run": True}}


def _sample(said: Json) -> Sample:
    quantities = {name: said[name] for name in QUANTITIES}
    return Sample(**quantities, status=said["status"], status_code=said["status_code"], extra=said["extra"])


def _now() -> int:
    return time.time_ns() // 1_000_000
