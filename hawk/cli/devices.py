"""`hawk devices`: list and change them, read them, leave them to others."""

from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from hawk.cli.add import add
from hawk.cli.cranking import cranking
from hawk.cli.options import DATA, JSON
from hawk.cli.output import refusals_said
from hawk.cli.registered import ignore, remove, set_device, show, show_all
from hawk.errors import CannotWrite

if TYPE_CHECKING:
    from hawk.cli.running import Running


@click.group()
def devices() -> None:
    """List and change devices, read them, and leave them to others."""


for command in (show_all, show, add, set_device, ignore, remove, cranking):
    devices.add_command(command)


@devices.command()
@click.argument("mac")
@DATA
@JSON
def poll(mac: str, data: Path | None, *, as_json: bool) -> None:
    """Connect to MAC and read it, now."""

    def work(ask: Callable[..., Any]) -> tuple[dict[str, Any], str]:
        reading = ask("POST", f"/api/devices/{mac}/readings")["data"]["attributes"]
        return {"reading": reading}, _in_words(reading)

    _do(data, work, as_json=as_json)


@devices.command()
@click.argument("mac", required=False)
@click.option("--all", "everything", is_flag=True, help="All devices.")
@click.option("--minutes", type=click.IntRange(1, 1440), default=30, show_default=True, help="For how long.")
@click.option("--end", is_flag=True, help="Read it again.")
@DATA
@JSON
def release(
    mac: str | None, data: Path | None, minutes: int, *, everything: bool, end: bool, as_json: bool
) -> None:
    """Leave MAC to an app on a phone for a while: no link is made to it meanwhile."""
    if (mac is None) is not everything:
        raise click.UsageError("say which device, or --all")
    path = "/api/release" if mac is None else f"/api/devices/{mac}/release"
    whom = "All devices are" if mac is None else f"{mac} is"

    def work(ask: Callable[..., Any]) -> tuple[dict[str, Any], str]:
        if end:
            ask("DELETE", path)
            return {"device_id": mac, "until": None}, f"{whom} read again."
        sent = {"data": {"type": "releases", "attributes": {"minutes": minutes}}}
        said = ask("POST", path, sent)["data"]
        until = said["attributes"]["until"]
        device_id = None if mac is None else said["id"]
        return {"device_id": device_id, "until": until}, f"{whom} left to others for {minutes} min."

    _do(data, work, as_json=as_json)


@devices.command()
@click.argument("mac")
@click.option("--days", type=click.FloatRange(0, 366, min_open=True), help="Only the last ones; else all.")
@DATA
@JSON
def history(mac: str, days: float | None, data: Path | None, *, as_json: bool) -> None:
    """Read what MAC remembers of the time when nobody listened, into the log."""

    def work(ask: Callable[..., Any]) -> tuple[dict[str, Any], str]:
        from hawk.cli.jobs import finished

        attributes = {} if days is None else {"days": days}
        job = finished(ask, f"/api/devices/{mac}/history", attributes)
        device_id, result = job["relationships"]["device"]["data"]["id"], job["attributes"]["result"]
        words = f"{result['records']} records, {result['stored']} of them new."
        if rejected := result.pop("rejected"):
            words += f" {rejected} values are not believed: see docs/calibration.md."
        return {"device_id": device_id, **result}, words

    _do(data, work, as_json=as_json)


@devices.command()
@click.argument("mac")
@click.argument("file", type=click.Path(path_type=Path))
@click.option(
    "--minutes", type=click.IntRange(1, 1440), default=30, show_default=True, help="Ctrl-C ends it sooner."
)
@DATA
@JSON
def record(mac: str, file: Path, data: Path | None, minutes: int, *, as_json: bool) -> None:
    """Write to FILE what passes the radio of MAC, for support."""
    import json

    with refusals_said(as_json=as_json):
        count = _keep(_service(data).lines(f"/api/devices/{mac}/recording?minutes={minutes}"), file)
    document = {"path": str(file), "lines": count}
    click.echo(json.dumps(document) if as_json else f"{count} lines are in {file}.")


def _keep(lines: Iterator[bytes], file: Path) -> int:
    """How many there were, without the heading. Raises CannotWrite, and what `lines` raises."""
    count = -1
    try:
        with file.open("wb", buffering=0) as out, suppress(KeyboardInterrupt):
            for line in lines:
                if line.strip():
                    out.write(line)
                    count += 1
    except OSError as error:
        raise CannotWrite(f"{file} cannot be written: {error.strerror or error}.") from error
    return max(count, 0)


def _do(
    data: Path | None, work: Callable[[Callable[..., Any]], tuple[dict[str, Any], str]], *, as_json: bool
) -> None:
    import json

    with refusals_said(as_json=as_json):
        document, words = work(_service(data).ask)
    click.echo(json.dumps(document) if as_json else words)


def _service(data: Path | None) -> "Running":
    import os

    from hawk import datafolder
    from hawk.cli import running

    return running.find(datafolder.choose(data, os.environ))


def _in_words(reading: dict[str, Any]) -> str:
    units = {"voltage": "V", "current": "A", "power": "W", "state_of_charge": "%", "temperature": "°C"}
    values = [f"{reading[name]:g} {unit}" for name, unit in units.items() if reading[name] is not None]
    return f"{reading['device_name']}: {', '.join(values)}, {reading['status'] or 'no status'}"
