"""`hawk backup` and `hawk restore`: the data folder as one file, and back."""

import json
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import click

from hawk.cli.options import FOLDER
from hawk.cli.output import exit_with_error
from hawk.errors import HawkError

_FILE = click.Path(path_type=Path, readable=False)
_JSON = click.option("--json", "as_json", is_flag=True, help="One JSON document, for programs.")


@click.command()
@click.argument("path", required=False, type=_FILE)
@click.option("--data", type=FOLDER, help="The data folder.")
@click.option("--with-token", is_flag=True, help="Also the tokens of the API, which are otherwise left out.")
@click.option("--force", is_flag=True, help="Replace a file that is there.")
@_JSON
def backup(path: Path | None, data: Path | None, *, with_token: bool, force: bool, as_json: bool) -> None:
    """Keep all that is in the data folder in one file, PATH, also while the service runs.

    Without PATH the file is named after gateway and time, in the current folder; PATH may also be a folder. It holds
    what your settings hold, passwords, too: it is readable for you alone.

    \b
    hawk backup
    hawk backup /mnt/usb
    """
    try:
        taken = _backup(path, data, with_token=with_token, force=force)
    except HawkError as error:
        exit_with_error(error, as_json=as_json)
    if as_json:
        click.echo(json.dumps(taken))
    else:
        click.echo(f"{taken['path']}: {taken['readings']} readings, {taken['bytes']} bytes", err=True)


def _backup(path: Path | None, data: Path | None, *, with_token: bool, force: bool) -> dict[str, object]:
    from hawk import datafolder
    from hawk.backup.taking import take

    folder = datafolder.choose(data, os.environ).absolute()
    now = time.time_ns() // 1_000_000
    with _bar("Backup") as tell:
        taken = take(folder, _named(path, folder), now, tell, with_token=with_token, force=force)
    return {"path": str(taken.path), "bytes": taken.bytes, "readings": taken.readings}


def _named(path: Path | None, folder: Path) -> Path:
    wanted = (path or Path()).absolute()
    if not wanted.is_dir():
        return wanted
    try:
        gateway = (folder / "gateway-id").read_text().strip()
    except OSError:
        gateway = "new"
    return wanted / f"battery-hawk-{gateway}-{_stamp()}.tar.gz"


@click.command()
@click.argument("path", type=_FILE)
@click.option("--data", type=FOLDER, help="The data folder.")
@click.option("--force", is_flag=True, help="Also into a folder that has data; they are kept aside.")
@_JSON
def restore(path: Path, data: Path | None, *, force: bool, as_json: bool) -> None:
    """Put back what `hawk backup` kept in PATH. No service may run on the folder.

    \b
    hawk restore battery-hawk-0123456789ab-20261123T080000Z.tar.gz
    """
    try:
        restored = _restore(path, data, force=force)
    except HawkError as error:
        exit_with_error(error, as_json=as_json)
    if as_json:
        click.echo(json.dumps(restored))
        return
    click.echo(f"{restored['path']}: {restored['readings']} readings, as of {restored['made_at']}", err=True)
    if restored["before"]:
        click.echo(f"What was there before is in {restored['before']}: remove it when all is well.", err=True)


def _restore(path: Path, data: Path | None, *, force: bool) -> dict[str, object]:
    from hawk import datafolder
    from hawk.backup.restoring import restore as put_back

    folder = datafolder.choose(data, os.environ).absolute()
    with _bar("Restore") as tell:
        done = put_back(path.absolute(), folder, _stamp(), tell, force=force)
    before = None if done.before is None else str(done.before)
    return {"path": str(done.path), "readings": done.readings, "made_at": done.made_at, "before": before}


def _stamp() -> str:
    return time.strftime("%Y%m%dT%H%M%SZ", time.gmtime())


@contextmanager
def _bar(title: str) -> Iterator[Callable[[float], None]]:
    from hawk.cli.output import progress

    with progress() as show:
        task = show.add_task(title, total=1.0)
        yield lambda share: show.update(task, completed=share)
