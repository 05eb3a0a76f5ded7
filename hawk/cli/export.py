"""`hawk export`: readings of the log, or its hours and days, as CSV or JSON lines."""

import signal
import sys
from collections.abc import Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from hawk.cli.options import FOLDER
from hawk.cli.output import FAILED, exit_with_error
from hawk.errors import HawkError

if TYPE_CHECKING:
    from hawk.archive.output_file import Write
    from hawk.model.address import Address
    from hawk.model.summary import Resolution
    from hawk.store.outside import Extent, Outside

_JSON_LINES = (".jsonl", ".ndjson")


@dataclass(frozen=True, slots=True)
class Wanted:
    """`since` and `until` in ms since the epoch, both included; None is all that there is."""

    kind: str  # csv, jsonl
    output: Path | None  # None: stdout
    since: int | None
    until: int | None
    devices: tuple["Address", ...]  # () is all
    resolution: str  # raw, hour, day, auto
    replace: bool


@dataclass(slots=True)
class Exported:
    resolution: str
    readings: int = 0  # or summaries
    bytes: int = 0


@click.command()
@click.option(
    "--format", "kind", type=click.Choice(["csv", "jsonl"]), help="By the name of the output, else csv."
)
@click.option("--output", metavar="FILE", default="-", help="Instead of stdout.")
@click.option("--force", is_flag=True, help="Replace FILE if it is there.")
@click.option("--from", "since", metavar="T", help="Since then: a time, a date (UTC), or 7d or 12h ago.")
@click.option("--to", "until", metavar="T", help="Until then; a date includes its day.")
@click.option("--device", "devices", metavar="MAC", multiple=True, help="Of this one; more than once.")
@click.option(
    "--resolution", type=click.Choice(["raw", "hour", "day", "auto"]), default="raw", show_default=True,
    help="Single readings, or what those of an hour or a day come to.",
)  # fmt: skip
@click.option("--data", type=FOLDER, help="The data folder.")
@click.option("--json", "as_json", is_flag=True, help="What was written, as one JSON document on stdout.")
def export(
    kind: str | None, output: str, since: str | None, until: str | None, devices: tuple[str, ...],
    resolution: str, data: Path | None, *, force: bool, as_json: bool,
) -> None:  # fmt: skip
    """Write the readings of the log to a file, or to stdout; also while the service runs.

    \b
    hawk export --output all.csv
    hawk export --from 7d --device 50:54:7B:24:30:10 | column -s, -t | less -S
    hawk export --format jsonl --from 2026-11-01 --to 2026-11-30 --output november.jsonl
    """
    if as_json and output == "-":
        raise click.UsageError("with --json the readings need a file: say --output FILE")
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(FAILED))  # half a file is taken away
    try:
        wanted = Wanted(
            kind=kind or ("jsonl" if output.endswith(_JSON_LINES) else "csv"),
            output=None if output == "-" else Path(output),
            since=None if since is None else _instant(since, end=False),
            until=None if until is None else _instant(until, end=True),
            devices=_addresses(devices),
            resolution=resolution,
            replace=force,
        )
        exported = _export(_readings_db(data), wanted)
    except HawkError as error:
        exit_with_error(error, as_json=as_json)
    except BrokenPipeError:
        return  # whoever read it has enough
    if wanted.output is not None:
        _say(wanted, exported, as_json=as_json)


def _instant(text: str, *, end: bool) -> int:
    from hawk.archive.span import instant_of

    return instant_of(text, _now(), end=end)


def _now() -> int:
    import time

    return time.time_ns() // 1_000_000


def _addresses(devices: tuple[str, ...]) -> "tuple[Address, ...]":
    from hawk.model.address import parse_address

    return tuple(map(parse_address, devices))


def _readings_db(data: Path | None) -> Path:
    import os

    from hawk.datafolder import DataFolder, choose

    return DataFolder(choose(data, os.environ)).readings_db


def _export(readings_db: Path, wanted: Wanted) -> Exported:
    """Raises StoreUnavailable, CannotWrite, and what the log and the output refuse at once."""
    from hawk.store.outside import Outside

    with Outside.open(readings_db) as log, _output(wanted) as write:
        exported = _write_all(log, wanted, _resolution(log, wanted), write)
        if exported.resolution == "raw" and (waiting := log.undated()):
            click.echo(f"{waiting} readings wait for their date: they are not in it.", err=True)
    return exported


def _output(wanted: Wanted) -> "AbstractContextManager[Write]":
    from hawk.archive.output_file import writing_to, writing_to_stdout

    return writing_to_stdout() if wanted.output is None else writing_to(wanted.output, replace=wanted.replace)


def _resolution(log: "Outside", wanted: Wanted) -> "Resolution | None":
    """None is single readings. Of what suits the devices, the coarsest."""
    from hawk.model.summary import Resolution

    if wanted.resolution != "auto":
        return None if wanted.resolution == "raw" else Resolution(wanted.resolution)
    until = _now() if wanted.until is None else wanted.until
    addresses = wanted.devices or log.addresses()
    suiting = {log.choose_resolution(address, wanted.since, until) for address in addresses}
    return max((each for each in suiting if each), key=lambda each: each.span, default=None)


def _write_all(log: "Outside", wanted: Wanted, resolution: "Resolution | None", write: "Write") -> Exported:
    from hawk.archive import columns, comma, json_lines
    from hawk.archive.span import EARLIEST, LATEST
    from hawk.cli.output import progress
    from hawk.model.reading_json import NAMES

    exported = Exported("raw" if resolution is None else resolution.value)
    lines = comma.write if wanted.kind == "csv" else json_lines.write
    if wanted.kind == "csv":
        _write(comma.heading(columns.SUMMARY_NAMES if resolution else NAMES), write, exported)
    since, until = (_or(wanted.since, EARLIEST), _or(wanted.until, LATEST))
    with progress() as show:
        for extent in log.extents(since, until, resolution):
            if wanted.devices and extent.address not in wanted.devices:
                continue
            task = show.add_task(extent.address, total=max(1, extent.until - extent.since))
            for reached, records in _pages(log, extent, resolution):
                _write(lines(records), write, exported)
                exported.readings += len(records)
                show.update(task, completed=reached - extent.since)
            show.remove_task(task)
    return exported


def _or(instant: int | None, otherwise: int) -> int:
    return otherwise if instant is None else instant


def _pages(
    log: "Outside", extent: "Extent", resolution: "Resolution | None"
) -> Iterator[tuple[int, list[dict[str, Any]]]]:
    """With how far they reach, in ms since the epoch."""
    if resolution is None:
        from hawk.model.attributes import reading_attributes

        for readings in log.pages(extent):
            reached = readings[-1].moment.utc if readings else None
            yield _or(reached, extent.until), [dict(reading_attributes(each)) for each in readings]
    else:
        from hawk.web.resources import reading_summary_attributes

        for summaries in log.summary_pages(extent, resolution):
            reached = summaries[-1].start if summaries else None
            yield _or(reached, extent.until), [dict(reading_summary_attributes(each)) for each in summaries]


def _write(data: bytes, write: "Write", exported: Exported) -> None:
    write(data)
    exported.bytes += len(data)


def _say(wanted: Wanted, exported: Exported, *, as_json: bool) -> None:
    import json
    from dataclasses import asdict

    if as_json:
        click.echo(json.dumps({"path": str(wanted.output), "format": wanted.kind, **asdict(exported)}))
    else:
        what = "readings" if exported.resolution == "raw" else f"{exported.resolution}s"
        click.echo(f"{exported.readings} {what} are in {wanted.output}.", err=True)
