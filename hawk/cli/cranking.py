"""`hawk devices cranking`: the starts of an engine, and the curve of one of them."""

from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any

import click

from hawk.cli.options import FOLDER
from hawk.cli.output import exit_with_error
from hawk.errors import HawkError, NotFound

LISTED = 10
NARROWEST, WIDEST = 40, 100  # characters of the curve

Attributes = dict[str, Any]


@click.command()
@click.argument("mac")
@click.option("--read", is_flag=True, help="Connect and ask the monitor first.")
@click.option(
    "--event", "number", type=click.IntRange(1, 1000), default=1, help="Whose curve; 1 is the newest."
)
@click.option("--data", type=FOLDER, help="The data folder of the service.")
@click.option("--json", "as_json", is_flag=True, help="One JSON document, for programs.")
def cranking(mac: str, number: int, data: Path | None, *, read: bool, as_json: bool) -> None:
    """Show the starts of the engine that the monitor MAC told of, and the voltage meanwhile.

    A BM6 or BM7 remembers the last one, with its curve; it is read beside a poll when there may have been a new one.
    Those of a BM2 come with its history (hawk devices history), and have no curve.
    """
    import json
    import os

    from hawk import datafolder
    from hawk.cli import running
    from hawk.cli.jobs import finished

    try:
        ask: Callable[..., Any] = running.find(datafolder.choose(data, os.environ)).ask
        path = f"/api/devices/{mac}/cranking"
        if read:
            finished(ask, path)
        document = ask("GET", f"{path}?page[size]={max(number, LISTED)}")
        if not as_json:
            _print([each["attributes"] for each in document["data"]], mac, number)
    except HawkError as error:
        exit_with_error(error, as_json=as_json)
    if as_json:
        click.echo(json.dumps(document))


def _print(events: list[Attributes], mac: str, number: int) -> None:
    """Raises NotFound."""
    if not events:
        click.echo(f"No start of an engine is known of {mac}. With --read its monitor is asked now.")
        return
    if number > len(events):
        known = "one start is" if len(events) == 1 else f"{len(events)} starts are"
        raise NotFound(f"there is no event {number}: {known} known of {mac}")
    _print_table(events)
    click.echo()
    for line in _picture(events[number - 1], number):
        click.echo(line)


def _print_table(events: list[Attributes]) -> None:
    from rich.console import Console
    from rich.table import Table

    table = Table(box=None, pad_edge=False)
    for heading in ("", "When", "Lowest", "Before", "Duration", "Code"):
        table.add_column(heading, justify="left" if heading == "When" else "right", no_wrap=True)
    for number, each in enumerate(events, 1):
        status = each["status_code"]
        table.add_row(
            str(number),
            _when(each),
            _in("V", each["minimum_voltage"]),
            _in("V", each["voltage_before"]),
            _in("s", each["duration"]),
            "-" if status is None else str(status),
        )
    Console(highlight=False).print(table)


def _when(event: Attributes) -> str:
    """By the clock of this machine."""
    at = datetime.fromisoformat(event["timestamp"]).astimezone()
    return f"{at:%Y-%m-%d %H:%M}" + (" ?" if event["timestamp_uncertain"] else "")


def _in(unit: str, value: float | None) -> str:
    return "-" if value is None else f"{value:.2f} {unit}"


def _picture(event: Attributes, number: int) -> list[str]:
    import shutil
    import sys

    from hawk.cli.plot import ASCII, BRAILLE, plot

    name = f"{event['device_name']}, start {number} of {_when(event)}"
    samples, interval = event["samples"], event["sample_interval"]
    if not samples or interval is None:
        return [f"{name}: a {event['device_type']} keeps no curve."]
    lowest = samples.index(min(samples)) * interval
    utf8 = (sys.stdout.encoding or "").lower().replace("-", "") == "utf8"
    width = min(WIDEST, max(NARROWEST, shutil.get_terminal_size().columns))
    return [
        f"{name}: lowest {_in('V', event['minimum_voltage'])} after {lowest:.2f} s",
        "",
        *plot(samples, interval, width=width, style=BRAILLE if utf8 else ASCII),
    ]
