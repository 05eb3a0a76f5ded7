"""`hawk devices list`, `show`, `set`, `ignore`, `remove`: the records of devices, and what is known of them."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from hawk.cli.options import DATA, JSON
from hawk.cli.output import refusals_said
from hawk.errors import HawkError, Invalid, NotFound

if TYPE_CHECKING:  # imported where they are used: `hawk --help` must be quick
    from hawk.cli.fleet import Fleet
    from hawk.model.address import Address

Json = Mapping[str, Any]


@click.command("list")
@DATA
@JSON
def show_all(data: Path | None, *, as_json: bool) -> None:
    """List all devices that are known, also those that are only discovered, or ignored.

    Without a running service the voltages are the last ones in the log.
    """
    with refusals_said(as_json=as_json):
        from hawk.cli.fleet import open_fleet

        with open_fleet(data) as fleet:
            document = fleet.devices()
    if as_json:
        _print_json(document)
    elif document["data"]:
        from hawk.cli.tables import device_table, print_table

        print_table(device_table(document["data"], _now()))
    else:
        click.echo("No device is known. 'hawk scan' lists those in range, 'hawk devices add' adds one.")


@click.command()
@click.argument("mac")
@DATA
@JSON
def show(mac: str, data: Path | None, *, as_json: bool) -> None:
    """Show what is known of MAC: each value with its age, and how its link does."""
    with refusals_said(as_json=as_json), _known(mac, data) as (fleet, address):
        document = fleet.device(address)
    if as_json:
        _print_json(document)
        return
    from hawk.cli.tables import device_lines

    for line in device_lines(document["data"]["attributes"], _now()):
        click.echo(line)


@click.command("set")
@click.argument("mac")
@click.option("--name", help="What it is to be called.")
@click.option("--interval", metavar="S", type=click.FloatRange(min=1), help="Seconds between two polls.")
@click.option("--vehicle", metavar="ID", help="The vehicle it is in, such as vehicle_2.")
@click.option("--no-vehicle", is_flag=True, help="It is in no vehicle any more.")
@click.option("--type", "device_type", help="What it is, such as BM6 or generic_modbus.")
@click.option("--config", "file", type=click.Path(path_type=Path), help="JSON for its driver: docs/devices.")
@DATA
@JSON
def set_device(
    mac: str, name: str | None, interval: float | None, vehicle: str | None, device_type: str | None,
    file: Path | None, data: Path | None, *, no_vehicle: bool, as_json: bool,
) -> None:  # fmt: skip
    """Change what is said; all else of MAC stays as it is.

    \b
    hawk devices set 50:54:7B:24:30:10 --name "Starter battery" --vehicle vehicle_2
    hawk devices set 50:54:7B:24:30:10 --interval 600
    """  # click's mark for a paragraph that is not wrapped
    said = {
        "friendly_name": name,
        "polling_interval": interval,
        "vehicle_id": vehicle,
        "device_type": device_type,
    }
    attributes: dict[str, Any] = {key: value for key, value in said.items() if value is not None}
    if no_vehicle:
        if vehicle is not None:
            raise click.UsageError("--vehicle and --no-vehicle cannot both be")
        attributes["vehicle_id"] = None
    if not attributes and file is None:
        raise click.UsageError(
            "say what to change: --name, --interval, --vehicle, --no-vehicle, --type or --config"
        )
    with refusals_said(as_json=as_json):
        document = _change(mac, data, attributes, file)
    if as_json:
        _print_json(document)
        return
    changed = document["data"]["attributes"]
    where = changed["vehicle_name"] or "no vehicle"
    click.echo(f"{changed['friendly_name']} is a {changed['device_type']} in {where}{_how_often(changed)}.")


@click.command()
@click.argument("mac")
@DATA
@JSON
def ignore(mac: str, data: Path | None, *, as_json: bool) -> None:
    """Keep MAC away for ever; 'hawk devices add' takes it back."""
    with refusals_said(as_json=as_json):
        document = _change(mac, data, {"status": "ignored"}, None)
    if as_json:
        _print_json(document)
    else:
        click.echo(f"{document['data']['attributes']['friendly_name']} is ignored.")


@click.command()
@click.argument("mac")
@DATA
@JSON
def remove(mac: str, data: Path | None, *, as_json: bool) -> None:
    """Forget MAC. Its readings stay, and when it is heard again it is discovered again."""
    with refusals_said(as_json=as_json), _known(mac, data) as (fleet, address):
        fleet.remove_device(address)
    if as_json:
        _print_json({"data": None, "meta": {"removed": address}})
    else:
        click.echo(f"{address} is forgotten; its readings stay. 'hawk devices ignore' keeps one away.")


# --------------------------------------------------------------------------------------------


def _change(mac: str, data: Path | None, attributes: Json, file: Path | None) -> Json:
    """Raises HawkError, with the option or the file in which the mistake is."""
    from hawk.cli import config_file
    from hawk.cli.placing import placed
    from hawk.cli.running import Refused

    if file is not None:
        attributes = {**attributes, "config": config_file.read(file)}
    with _known(mac, data) as (fleet, address):
        try:
            return fleet.change_device(address, attributes)
        except (Invalid, Refused) as error:
            if error.pointer:
                raise placed(error, error.pointer, file) from None
            raise


@contextmanager
def _known(mac: str, data: Path | None) -> "Iterator[tuple[Fleet, Address]]":
    """Who is asked, and whom it is about; what is not known is said with where to look."""
    from hawk.cli.fleet import open_fleet
    from hawk.model.address import parse_address

    address = parse_address(mac)
    with open_fleet(data) as fleet:
        try:
            yield fleet, address
        except HawkError as error:
            if error.outcome == "not_found":
                raise NotFound(f"{error}: 'hawk devices list' shows which are") from None
            raise


def _how_often(attributes: Json) -> str:
    from hawk.cli.tables import duration

    interval = attributes["polling_interval"]
    return "" if interval is None else f", polled every {duration(interval)}"


def _print_json(document: Json) -> None:
    import json

    click.echo(json.dumps(document))


def _now() -> float:
    import time

    return time.time()
