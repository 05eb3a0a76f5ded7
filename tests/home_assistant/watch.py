"""Run by the Python that has Home Assistant: the real core with its MQTT integration, asked over stdin.

Each line in is a JSON list, a command and its arguments; each line out is the answer. What the core
logs as a warning or worse about MQTT, templates or entities is among the answers of `log`.
"""

import asyncio
import json
import logging
import sys
from collections.abc import Iterator
from types import MappingProxyType

from homeassistant import auth, bootstrap, config_entries, loader
from homeassistant.components.sensor.const import DEVICE_CLASS_STATE_CLASSES, DEVICE_CLASS_UNITS
from homeassistant.core import HomeAssistant
from homeassistant.helpers import device_registry, entity_registry
from homeassistant.setup import async_setup_component

WATCHED = ("homeassistant.components", "homeassistant.helpers.template", "homeassistant.helpers.entity")


class Notes(logging.Handler):
    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.lines: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        if record.name.startswith(WATCHED):
            self.lines.append(f"{record.name}: {record.getMessage()}")


async def start(folder: str, mqtt_port: int, http_port: int) -> HomeAssistant:
    hass = HomeAssistant(folder)
    loader.async_setup(hass)
    hass.config_entries = config_entries.ConfigEntries(hass, {})
    await bootstrap.async_load_base_functionality(hass)
    await hass.config_entries.async_initialize()
    hass.auth = await auth.auth_manager_from_config(hass, [], [])
    await async_setup_component(
        hass, "http", {"http": {"server_host": "127.0.0.1", "server_port": http_port}}
    )
    await hass.async_start()
    if hass.config_entries.async_entries("mqtt"):  # of the run before
        await async_setup_component(hass, "mqtt", {})
        return hass
    entry = config_entries.ConfigEntry(
        data={"broker": "127.0.0.1", "port": mqtt_port, "protocol": "3.1.1"},
        discovery_keys=MappingProxyType({}), domain="mqtt", minor_version=2, options={}, source="user",
        subentries_data=(), title="broker", unique_id=None, version=1,
    )  # fmt: skip
    await hass.config_entries.async_add(entry)
    return hass


def devices_of(hass: HomeAssistant) -> Iterator[device_registry.DeviceEntry]:
    """Iterated, its devices are ids in 2025 and entries in 2026."""
    registry = device_registry.async_get(hass)
    for each in registry.devices:
        yield registry.async_get(each) if isinstance(each, str) else each


async def answer(hass: HomeAssistant, notes: Notes, command: str, *arguments: str) -> object:
    if command == "states":
        return {
            state.entity_id: {"state": state.state, **dict(state.attributes)}
            for state in hass.states.async_all()
        }
    if command == "devices":
        return [
            {"name": each.name, "model": each.model, "identifiers": sorted(map(list, each.identifiers)),
             "via": each.via_device_id is not None, "id": each.id}
            for each in devices_of(hass)
        ]  # fmt: skip
    if command == "entities":
        return {each.unique_id: each.entity_id for each in entity_registry.async_get(hass).entities.values()}
    if command == "classes":
        return {
            device_class.value: {
                "units": sorted(str(unit) for unit in DEVICE_CLASS_UNITS.get(device_class, ())),
                "state_classes": sorted(each.value for each in states),
            }
            for device_class, states in DEVICE_CLASS_STATE_CLASSES.items()
        }
    if command == "call":
        domain, service, data = arguments
        await hass.services.async_call(domain, service, json.loads(data), blocking=True)
        return None
    if command == "log":
        said, notes.lines = notes.lines, []
        return said
    raise ValueError(command)


async def main(folder: str, mqtt_port: str, http_port: str) -> None:
    notes = Notes()
    logging.basicConfig(level=logging.INFO)
    logging.getLogger().addHandler(notes)
    hass = await start(folder, int(mqtt_port), int(http_port))
    print(json.dumps("ready"), flush=True)
    loop = asyncio.get_running_loop()
    while line := await loop.run_in_executor(None, sys.stdin.readline):
        said = await answer(hass, notes, *json.loads(line))
        print(json.dumps(said, default=str), flush=True)
    await hass.async_stop(force=True)


asyncio.run(main(*sys.argv[1:]))
