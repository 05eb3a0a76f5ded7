"""`hawk token`: the token of the API, and others that only read."""

import json
from pathlib import Path
from typing import TYPE_CHECKING

import click

from hawk.cli.options import DATA, JSON
from hawk.cli.output import refusals_said
from hawk.errors import Invalid, NotFound

if TYPE_CHECKING:
    from hawk.datafolder import DataFolder
    from hawk.tokens import ReadOnlyToken, TokenFile


@click.command()
@click.option("--rotate", is_flag=True, help="Make a new one; the old one opens nothing any more.")
@click.option("--read-only", "made", metavar="NAME", help="Make a token that only reads; it is shown once.")
@click.option("--list", "listed", is_flag=True, help="List the read-only tokens.")
@click.option("--remove", "removed", metavar="NAME", help="Remove a read-only token.")
@DATA
@JSON
def token(
    data: Path | None, *, rotate: bool, made: str | None, listed: bool, removed: str | None, as_json: bool
) -> None:
    """Print the token that opens the API, or see to read-only ones.

    A service that runs follows within two seconds; pages that a removed token opened have to show another.

    \b
    curl -H "Authorization: Bearer $(hawk token)" localhost:5000/api/devices
    hawk token --read-only grafana
    """  # click's mark for a paragraph that is not wrapped
    if [rotate, made is not None, listed, removed is not None].count(True) > 1:
        raise click.UsageError("--rotate, --read-only, --list and --remove are done one at a time.")
    with refusals_said(as_json=as_json):
        folder = _folder(data)
        if made is not None:
            _make(folder, made, as_json=as_json)
        elif removed is not None:
            _file(folder).remove(removed)
            click.echo(json.dumps({"removed": removed}) if as_json else f"{removed} is removed.")
        elif listed:
            _list(_file(folder).read(), as_json=as_json)
        else:
            text = _token(folder, rotate=rotate)
            click.echo(json.dumps({"token": text}) if as_json else text)


def _make(folder: "DataFolder", name: str, *, as_json: bool) -> None:
    """Raises Invalid, Conflict and ConfigurationError."""
    import time

    from hawk.model.instant import rfc3339

    text = _file(folder).add(name, rfc3339(time.time_ns() // 1_000_000))
    click.echo(json.dumps({"name": name, "token": text}) if as_json else text)


def _list(tokens: "tuple[ReadOnlyToken, ...]", *, as_json: bool) -> None:
    if as_json:
        shown = [{"name": each.name, "made_at": each.made_at, "token": each.masked} for each in tokens]
        click.echo(json.dumps({"tokens": shown}))
        return
    for each in tokens:
        click.echo(f"{each.name:<24}  {each.masked}  made {each.made_at}")


def _token(folder: "DataFolder", *, rotate: bool) -> str:
    """Raises Invalid and ConfigurationError."""
    import os

    from hawk.config.load import load

    chosen = load(folder.system_json, os.environ).settings.api.token.get_secret_value()
    if not rotate:
        return folder.api_token(chosen)
    if chosen:
        raise Invalid(
            "The token is the one that api.token says: change it there, in system.json or the environment."
        )
    return folder.new_api_token()


def _file(folder: "DataFolder") -> "TokenFile":
    from hawk.tokens import TokenFile

    return TokenFile(folder.read_only_tokens)


def _folder(data: Path | None) -> "DataFolder":
    """Raises NotFound."""
    import os

    from hawk import datafolder

    path = datafolder.choose(data, os.environ)
    if not path.is_dir():
        raise NotFound(f"There is no data folder {path}: say with --data which one you mean.")
    return datafolder.DataFolder(path)
