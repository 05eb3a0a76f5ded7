"""`hawk import`: readings of files into the log."""

from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

import click

from hawk.cli.options import FOLDER
from hawk.cli.output import FAILED, exit_with_error
from hawk.errors import CannotWrite, ClockUncertain, HawkError, StoreUnavailable

if TYPE_CHECKING:
    from datetime import tzinfo

    from hawk.archive.api import Assumed, Entry
    from hawk.archive.formats import Archive
    from hawk.cli.keeping import Keeper
    from hawk.model.address import Address
    from hawk.model.reading import Reading

SHOWN = 20  # refused lines that are named; the others are counted
BATCH = 1000  # readings; in a transaction
KINDS = ("csv", "jsonl", "bmgateway", "bm6-app", "bm2-history")


@dataclass(frozen=True, slots=True)
class RefusedLine:
    file: str
    line: int
    reason: str


@dataclass(slots=True)
class Summary:
    read: int = 0  # readings, and lines that were refused
    stored: int = 0
    same: int = 0  # the log has a reading of that instant that is as good
    late: int = 0  # older than store.raw_days: their hour was summed up and purged
    left_out: int = 0  # of other devices than --device
    refused_total: int = 0
    refused: list[RefusedLine] = field(default_factory=list)  # the first ones

    def refuse(self, line: RefusedLine) -> None:
        self.refused_total += 1
        if len(self.refused) < SHOWN:
            self.refused.append(line)


@dataclass(frozen=True, slots=True)
class Wanted:
    files: tuple[str, ...]
    kind: str | None  # None: found out
    device: "Address | None"
    zone: "tzinfo | None"
    data: Path | None
    dry_run: bool


@click.command("import")
@click.argument("files", nargs=-1, required=True, metavar="FILE...")
@click.option("--format", "kind", type=click.Choice(KINDS), help="What it is, if that is not found out.")
@click.option(
    "--device", metavar="MAC", help="Whose it is where the file does not say; else only this one's."
)
@click.option("--timezone", metavar="NAME", help="Of times without an offset from UTC, as Europe/Berlin.")
@click.option("--dry-run", is_flag=True, help="Only look at every line.")
@click.option("--data", type=FOLDER, help="The data folder.")
@click.option("--json", "as_json", is_flag=True, help="The summary as one JSON document on stdout.")
def import_files(
    files: tuple[str, ...], kind: str | None, device: str | None, timezone: str | None, data: Path | None,
    *, dry_run: bool, as_json: bool,
) -> None:  # fmt: skip
    """Read files into the log, also while the service runs; "-" is what is piped in.

    Nothing is stored twice, and what is there is replaced only by a better source.

    \b
    hawk import november.jsonl
    hawk import --device 50:54:7B:24:30:10 --timezone Europe/Berlin bm2.txt
    ssh other hawk export | hawk import -
    """
    from hawk.model.address import parse_address

    zone = _zone(timezone)
    try:
        address = parse_address(device) if device else None
        summary = import_all(Wanted(files, kind, address, zone, data, dry_run))
    except HawkError as error:
        exit_with_error(error, as_json=as_json)
    _say(summary, dry_run=dry_run, as_json=as_json)


def _zone(name: str | None) -> "tzinfo | None":
    from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

    try:
        return None if name is None else ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise click.UsageError(f"{name!r} is no time zone such as Europe/Berlin or UTC") from None


def import_all(wanted: Wanted) -> Summary:
    """Nothing is stored unless each file is one that can be imported. Raises Invalid, ClockUncertain, StartError,
    and what the log or the service refuses.
    """
    from hawk.archive.api import Assumed
    from hawk.archive.formats import open_archive
    from hawk.cli import keeping

    folder, clock = keeping.folder_and_clock(wanted.data)
    assumed = Assumed(clock.moment(), wanted.device, wanted.zone)
    if assumed.now.utc is None:
        raise ClockUncertain(
            "What time it is cannot be told yet, nor what is still to come: try again later."
        )
    summary = Summary()
    with ExitStack() as stack:
        archives = [stack.enter_context(open_archive(name, wanted.kind, assumed)) for name in wanted.files]
        keeper = None if wanted.dry_run else stack.enter_context(keeping.keeper(folder, clock))
        for archive in archives:
            _import(archive, assumed, keeper, summary)
    return summary


def _import(archive: "Archive", assumed: "Assumed", keeper: "Keeper | None", summary: Summary) -> None:
    from hawk.archive.batches import whole_hours
    from hawk.cli.output import progress

    with progress() as show:
        task = show.add_task(Path(archive.name).name, total=archive.size)
        waiting: list[Reading] = []
        while batch := list(islice(archive.entries, BATCH)):
            waiting += _sorted_out(batch, archive.name, assumed.device, summary)
            count = whole_hours(waiting)
            _keep(keeper, waiting[:count], summary)
            del waiting[:count]
            show.update(task, completed=archive.position)
        _keep(keeper, waiting, summary)


def _sorted_out(
    batch: "list[Entry]", name: str, device: "Address | None", summary: Summary
) -> "list[Reading]":
    """Those to be stored; the others are counted."""
    from hawk.archive.api import Refused

    summary.read += len(batch)
    readings = []
    for entry in batch:
        if isinstance(entry, Refused):
            summary.refuse(RefusedLine(name, entry.line, entry.reason))
        elif device in {None, entry.device_id}:
            readings.append(entry)
        else:
            summary.left_out += 1
    return readings


def _keep(keeper: "Keeper | None", readings: "Sequence[Reading]", summary: Summary) -> None:
    if keeper is None or not readings:
        return
    try:
        kept = keeper.keep(readings)
    except StoreUnavailable as error:
        raise CannotWrite(f"{error}. {_so_far(summary)}") from error
    summary.stored += kept.stored
    summary.late += kept.late
    summary.same += len(readings) - kept.stored - kept.late


def _so_far(summary: Summary) -> str:
    return f"{summary.stored} readings were stored by then; import it again, and nothing is stored twice."


def _say(summary: Summary, *, dry_run: bool, as_json: bool) -> None:
    """Exits with 1 if a line was refused."""
    import json
    import sys
    from dataclasses import asdict

    if as_json:
        click.echo(json.dumps({**asdict(summary), "dry_run": dry_run}))
    else:
        for line in _words(summary, dry_run=dry_run):
            click.echo(line, err=True)
    if summary.refused_total:
        sys.exit(FAILED)


def _words(summary: Summary, *, dry_run: bool) -> list[str]:
    words = [f"{each.file}, line {each.line}: {each.reason}" for each in summary.refused]
    if (more := summary.refused_total - len(summary.refused)) > 0:
        words.append(f"and {more} more lines")
    result = (
        "nothing was stored" if dry_run else f"{summary.stored} stored, {summary.same} were there already"
    )
    late = f", {summary.late} of hours that live on in their summaries alone" if summary.late else ""
    left_out = f", {summary.left_out} of other devices left out" if summary.left_out else ""
    refused = f", {summary.refused_total} refused" if summary.refused_total else ""
    return [*words, f"{summary.read} read: {result}{late}{left_out}{refused}."]
