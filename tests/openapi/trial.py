"""Schemathesis against the whole program: what it is told of the service, and what it says."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.service import Service, wait_until

ROOT = Path(__file__).parents[2]
CONFIG = Path(__file__).with_name("schemathesis.toml")
UNKNOWN = "AA:BB:CC:DD:EE:FF"
DEVICES = 7
SETTINGS = {
    "bluetooth": {"backend": "simulated"},
    "simulation": {"devices": DEVICES},
    "influxdb": {"enabled": False},
}
# Settings that would shut the tests out, or let the service write and call wherever chance leads it.
OUTWARD = ("api", "broker", "influxdb", "logging", "mqtt", "postgresql")

Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class There:
    """What is there for requests to be about."""

    kept: list[str]  # devices that stay as they are
    changed: list[str]
    gone: list[str]  # those that are removed
    found: list[str]  # those that nobody configured: polling one takes no time
    vehicles: list[str]
    empty: list[str]  # vehicles that are removed


def with_settings(folder: Path) -> Path:
    """A data folder of a service with batteries made up."""
    folder.mkdir()
    (folder / "system.json").write_text(json.dumps({"version": "1.0", **SETTINGS}))
    return folder


def prepared(service: Service) -> There:
    wait_until(lambda: len(service.get("/api/devices")["data"]) == DEVICES)
    macs = [each["id"] for each in service.get("/api/devices")["data"]]
    for mac in macs[:6]:
        assert service.configure(mac).status_code == 200
    wait_until(lambda: all(service.device(mac)["voltage"] for mac in macs[:2]))
    vehicles = [_vehicle(service, f"Boat {number}") for number in range(5)]
    return There(macs[:2], macs[2:4], macs[4:6], macs[6:], vehicles[:3], vehicles[3:])


def _vehicle(service: Service, name: str) -> str:
    sent = {"data": {"type": "vehicles", "attributes": {"name": name}}}
    made: str = service.http.post("/api/vehicles", json=sent).json()["data"]["id"]
    return made


# -- the description, with what is there -------------------------------------------------------


def informed(document: Json, there: There, *, whole: bool) -> Json:
    """It says what could be asked for, not only in which form; and answers have nothing that is not in it.
    Not the `whole`: once what can be sent in two media types, to several endpoints, or of each quantity alike; and
    a few sections of the settings.
    """
    for path, method, operation in operations(document):
        operation["parameters"] = [
            {**each, "schema": {"enum": _choices(path, method, there)}} if each["in"] == "path" else each
            for each in operation.get("parameters", [])
            if each["name"] not in {"page[after]", "page[before]", "If-Match"}  # what nobody can make up
        ]
        _inform_body(path, operation.get("requestBody", {}).get("content", {}))
    if not whole:
        _shorten(document)
    _inform_schemas(document["components"]["schemas"], there)
    close(document)
    return document


def _inform_schemas(schemas: Json, there: There) -> None:
    device = schemas["DeviceSettable"]["properties"]
    del device["mac_address"]
    device["vehicle_id"] = {"enum": [*there.vehicles, None]}
    device["device_type"] = {"enum": ["BM6", "bm2"]}
    for section in OUTWARD:
        schemas["SettingsChange"]["properties"].pop(section, None)


def _shorten(document: Json) -> None:
    for _, _, operation in operations(document):
        if len(content := operation.get("requestBody", {}).get("content", {})) > 1:
            del content["application/json"]
    for operation in (
        document["paths"]["/api/devices"]["post"],
        document["paths"]["/api/devices/{mac}"]["patch"],
    ):
        (media,) = operation["requestBody"]["content"].values()
        data = media["schema"]["properties"]["data"]
        data["properties"]["attributes"] = {"$ref": "#/components/schemas/Shortened"}
    schemas = document["components"]["schemas"]
    for name, kept in (
        ("CalibrationChanges", {"voltage"}),
        ("PlausibilityChanges", {"voltage"}),
        ("SettingsChange", {"discovery", "drivers", "polling", "simulation"}),
    ):
        members = schemas[name]["properties"]
        schemas[name]["properties"] = {key: members[key] for key in members if key in kept}
    schemas["Shortened"] = {
        "type": "object",
        "properties": {
            "device_type": {"enum": ["BM6", "bm2"]},
            "polling_interval": {"type": "number", "minimum": 1},
        },
        "additionalProperties": False,
    }


def operations(document: Json) -> Iterator[tuple[str, str, Json]]:
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            yield path, method, operation


def _choices(path: str, method: str, there: There) -> list[str]:
    if path == "/api/devices/{mac}":
        return [*{"delete": there.gone, "get": there.kept}.get(method, there.changed), UNKNOWN]
    if path == "/api/devices/{mac}/readings":
        return [*there.found, UNKNOWN]
    if "{mac}" in path:
        return [*there.kept, UNKNOWN]
    if "{vehicle_id}" in path:
        return [*(there.empty if method == "delete" else there.vehicles), "vehicle_99"]
    return ["nothing"]


def _inform_body(path: str, content: Json) -> None:
    """Whoever is named in the path need not be named in the body; and a trial takes a minute each."""
    for each in content.values():
        members = each["schema"].get("properties", {})
        members.pop("meta", None)
        if "data" in members and ("{" in path or path == "/api/system/config"):
            members["data"]["properties"].pop("id")


def close(schema: object) -> None:
    """Nothing but what is described; what is sent says so itself where it is so."""
    match schema:
        case {"requestBody": _, **rest}:
            close(rest)
        case {"schemas": schemas, **rest}:
            close({name: each for name, each in schemas.items() if not _is_sent(name)})
            close(rest)
        case dict():
            if "properties" in schema and "type" in schema:
                schema.setdefault("additionalProperties", False)
            for each in schema.values():
                close(each)
        case list():
            for each in schema:
                close(each)


def _is_sent(name: str) -> bool:
    ends = ("Change", "Changes", "Settable", "SettableLinks", "Made", "Import", "Shown", "Wanted")
    return name.startswith("Linked") or name.endswith((*ends, "DeviceIdentifier", "VehicleIdentifier"))


# -- schemathesis ------------------------------------------------------------------------------


def tried(
    service: Service, document: Json, folder: Path, *arguments: str
) -> "subprocess.CompletedProcess[str]":
    file = folder / "openapi.json"
    file.write_text(json.dumps(document))
    command = [
        str(Path(sys.executable).with_name("schemathesis")), "--config-file", str(CONFIG), "run", str(file),
        "--url", service.ready["url"], "--header", f"Authorization: {service.http.headers['Authorization']}",
        *arguments,
    ]  # fmt: skip
    environment = {**os.environ, "SCHEMATHESIS_HOOKS": "tests.openapi.hooks", "PYTHONPATH": str(ROOT)}
    return subprocess.run(command, capture_output=True, text=True, check=False, cwd=folder, env=environment)


def errors_in(log: str) -> list[str]:
    return [line for line in log.splitlines() if " ERROR " in line or "Traceback" in line]
