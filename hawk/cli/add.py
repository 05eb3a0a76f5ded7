"""`hawk devices add`: registers a device, or tries first what comes of it."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from hawk.cli.options import FOLDER
from hawk.cli.output import exit_with_error
from hawk.cli.placing import IN_CONFIG, placed
from hawk.errors import HawkError, Invalid

if TYPE_CHECKING:  # imported where they are used: `hawk --help` must be quick
    from hawk.drivers.api import Driver
    from hawk.drivers.catalogue import Catalogue
    from hawk.model.address import Address

Json = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Wish:
    """What to add, and how."""

    address: "Address"
    device_type: str
    name: str | None
    vehicle: str | None
    file: Path | None
    config: Json | None
    dry_run: bool
    test: bool

    def document(self) -> Json:
        """For the API."""
        said = {
            "device_type": self.device_type,
            "friendly_name": self.name,
            "vehicle_id": self.vehicle,
            "config": self.config,
        }
        attributes = {key: value for key, value in said.items() if value is not None}
        return {
            "data": {"type": "devices", "id": self.address, "attributes": attributes},
            "meta": {"dry_run": self.dry_run, "test": self.test},
        }


@click.command()
@click.argument("mac")
@click.option("--type", "device_type", required=True, help="What it is, such as BM6 or generic_modbus.")
@click.option("--name", help="What it is to be called.")
@click.option("--config", "file", type=click.Path(path_type=Path), help="JSON for its driver: docs/devices.")
@click.option("--vehicle", metavar="ID", help="The vehicle it is in, such as vehicle_2.")
@click.option("--test", is_flag=True, help="Read it first; what cannot be read is not added.")
@click.option("--dry-run", is_flag=True, help="Read it and show every value; nothing is added.")
@click.option("--data", type=FOLDER, help="The data folder of the service.")
@click.option("--json", "as_json", is_flag=True, help="One JSON document, for programs.")
def add(
    mac: str,
    device_type: str,
    name: str | None,
    file: Path | None,
    vehicle: str | None,
    data: Path | None,
    *,
    test: bool,
    dry_run: bool,
    as_json: bool,
) -> None:
    """Add the device with the address MAC.

    \b
    hawk devices add 60:98:66:ED:FC:11 --type renogy_controller --name Solar
    hawk devices add 60:98:66:ED:FC:11 --type generic_modbus --config rover.json --dry-run
    """  # click's mark for a paragraph that is not wrapped
    import os

    from hawk import datafolder
    from hawk.cli import config_file
    from hawk.cli.drivers import drop_ins_if_any, installed
    from hawk.model.address import parse_address

    try:
        config = None if file is None else config_file.read(file)
        wish = Wish(parse_address(mac), device_type, name, vehicle, file, config, dry_run, test)
        folder = datafolder.choose(data, os.environ)
        document = _add(wish, installed(drop_ins_if_any(folder)), folder)
    except HawkError as error:
        exit_with_error(error, as_json=as_json)
    _say(wish, document, as_json=as_json)


def _driver(wish: Wish, drivers: "Catalogue") -> "Driver":
    """Raises NotFound, WrongFile or Invalid."""
    try:
        return drivers.driver(wish.device_type).configured(wish.config or {})
    except Invalid as error:
        raise placed(error, f"{IN_CONFIG}{error.pointer}", wish.file) from None


# -- doing it --------------------------------------------------------------------------------


def _add(wish: Wish, drivers: "Catalogue", data: Path) -> Json:
    """By the service that runs there, else by ourselves."""
    from hawk.cli import running

    driver = _driver(wish, drivers)
    try:
        said: Json = running.find(data).ask("POST", f"/api/devices/{wish.address}", wish.document())
    except running.NoService:
        return _add_alone(wish, driver, drivers, data)
    except running.Refused as error:
        if error.pointer:
            raise placed(error, error.pointer, wish.file) from None
        raise
    return said


def _add_alone(wish: Wish, driver: "Driver", drivers: "Catalogue", data: Path) -> Json:
    from hawk.cli.alone import Alone
    from hawk.registry.messages import DeviceChanges

    alone = Alone.on(data, drivers)
    meta: Json = {}
    if wish.dry_run or wish.test:
        meta = {"meta": alone.read(wish.address, driver, wish.name)}
    if wish.dry_run:
        return meta
    wanted = DeviceChanges(
        device_type=wish.device_type, friendly_name=wish.name, vehicle_id=wish.vehicle, config=wish.config
    )
    try:
        return {"data": alone.register(wish.address, wanted), **meta}
    except Invalid as error:
        raise placed(error, error.pointer, wish.file) from None


# -- saying it -------------------------------------------------------------------------------


def _say(wish: Wish, document: Json, *, as_json: bool) -> None:
    import json

    if as_json:
        click.echo(json.dumps(document))
        return
    if "meta" in document:
        click.echo(f"{wish.address} said:")
        _print_fields(document["meta"]["fields"])
    if wish.dry_run:
        click.echo("Nothing was added: to add it, leave out --dry-run.")
    else:
        attributes = document["data"]["attributes"]
        click.echo(f"{attributes['friendly_name']} is added, in {attributes['vehicle_id'] or 'no vehicle'}.")


_HEADINGS = ("Value", "From", "Raw", "Is", "Feeds")
_MAY_BE_LONG = frozenset({"Raw", "Is"})


def _print_fields(fields: list[Json]) -> None:
    """Without the columns in which nothing stands."""
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    columns = zip(_HEADINGS, *map(_cells, fields), strict=True)
    shown = [(heading, cells) for heading, *cells in columns if any(cells)]
    table = Table(box=None, pad_edge=False)
    for heading, _ in shown:
        table.add_column(heading, overflow="fold", no_wrap=heading not in _MAY_BE_LONG)
    for row in zip(*(cells for _, cells in shown), strict=True):
        table.add_row(*map(Text, row))
    Console().print(table)


def _cells(field: Json) -> tuple[str, ...]:
    value = "left out" if field["value"] is None else f"{_shown(field['value'])} {field['unit']}".strip()
    return field["key"], field["origin"], _shown(field["raw"]), value, field["quantity"]


def _shown(value: object) -> str:
    match value:
        case None:
            return ""
        case bool():
            return "yes" if value else "no"
        case "":
            return "none"
        case float():
            return f"{value:.10g}"
        case _:
            return str(value)
