"""`hawk vehicles`: what the batteries are in."""

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from hawk.cli.options import DATA, JSON
from hawk.cli.output import refusals_said
from hawk.errors import HawkError, NotFound

if TYPE_CHECKING:  # imported where they are used: `hawk --help` must be quick
    from hawk.cli.fleet import Fleet

Json = Mapping[str, Any]


@click.group()
def vehicles() -> None:
    """List, make, rename and remove vehicles."""


@vehicles.command("list")
@click.option("--all", "everything", is_flag=True, help="Also those made for devices that nobody configured.")
@DATA
@JSON
def show_all(data: Path | None, *, everything: bool, as_json: bool) -> None:
    """List the vehicles."""
    with refusals_said(as_json=as_json), _asking(data) as fleet:
        document = fleet.vehicles(automatic=everything)
    if as_json:
        click.echo(json.dumps(document))
    elif document["data"]:
        from hawk.cli.tables import print_table, vehicle_table

        print_table(vehicle_table(document["data"]))
    else:
        click.echo(
            "There is no vehicle. 'hawk vehicles add NAME' makes one; so does each device that is added."
        )


@vehicles.command()
@click.argument("vehicle_id", metavar="ID")
@DATA
@JSON
def show(vehicle_id: str, data: Path | None, *, as_json: bool) -> None:
    """Show vehicle ID, and the devices in it."""
    with refusals_said(as_json=as_json), _asking(data) as fleet:
        document = fleet.vehicle(vehicle_id)
        devices = [] if as_json else fleet.devices()["data"]
    if as_json:
        click.echo(json.dumps(document))
        return
    from hawk.cli.tables import device_table, print_table, vehicle_table

    print_table(vehicle_table([document["data"]]))
    if members := [each for each in devices if each["attributes"]["vehicle_id"] == vehicle_id]:
        click.echo()
        print_table(device_table(members, _now()))


@vehicles.command()
@click.argument("name")
@DATA
@JSON
def add(name: str, data: Path | None, *, as_json: bool) -> None:
    """Make a vehicle with the name NAME.

    \b
    hawk vehicles add "Boat"
    hawk devices set 50:54:7B:24:30:10 --vehicle vehicle_3
    """  # click's mark for a paragraph that is not wrapped
    with refusals_said(as_json=as_json), _asking(data, new=True) as fleet:
        document = fleet.add_vehicle(name)
    _say_named(document, "is made", as_json=as_json)


@vehicles.command()
@click.argument("vehicle_id", metavar="ID")
@click.argument("name")
@DATA
@JSON
def rename(vehicle_id: str, name: str, data: Path | None, *, as_json: bool) -> None:
    """Call vehicle ID NAME. Readings of before keep the old name."""
    with refusals_said(as_json=as_json), _asking(data) as fleet:
        document = fleet.rename_vehicle(vehicle_id, name)
    _say_named(document, "is its name now", as_json=as_json)


@vehicles.command()
@click.argument("vehicle_id", metavar="ID")
@click.option("--move-to", metavar="ID", help="The vehicle that its devices move to.")
@DATA
@JSON
def remove(vehicle_id: str, move_to: str | None, data: Path | None, *, as_json: bool) -> None:
    """Remove vehicle ID. One with devices needs --move-to."""
    with refusals_said(as_json=as_json), _asking(data) as fleet:
        fleet.remove_vehicle(vehicle_id, move_to)
    if as_json:
        click.echo(json.dumps({"data": None, "meta": {"removed": vehicle_id}}))
    else:
        click.echo(f"{vehicle_id} is removed" + (f"; what was in it is in {move_to}." if move_to else "."))


# --------------------------------------------------------------------------------------------


@contextmanager
def _asking(data: Path | None, *, new: bool = False) -> "Iterator[Fleet]":
    """What is not known is said with where to look."""
    from hawk.cli.fleet import open_fleet

    with open_fleet(data, new=new) as fleet:
        try:
            yield fleet
        except HawkError as error:
            if error.outcome == "not_found":
                raise NotFound(f"{error}: 'hawk vehicles list' shows which are there") from None
            raise


def _say_named(document: Json, what: str, *, as_json: bool) -> None:
    if as_json:
        click.echo(json.dumps(document))
    else:
        click.echo(f"{document['data']['attributes']['name']} ({document['data']['id']}) {what}.")


def _now() -> float:
    import time

    return time.time()
