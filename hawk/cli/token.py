"""`hawk token`: prints the token of the API, or makes a new one."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from hawk.cli.options import DATA, JSON
from hawk.cli.output import refusals_said
from hawk.errors import Invalid, NotFound

if TYPE_CHECKING:
    from hawk.datafolder import DataFolder


@click.command()
@click.option("--rotate", is_flag=True, help="Make a new one; the old one opens nothing any more.")
@DATA
@JSON
def token(data: Path | None, *, rotate: bool, as_json: bool) -> None:
    """Print the token that opens the API.

    With --rotate a service that runs takes the new one within two seconds; pages that are open have to show it.

    \b
    curl -H "Authorization: Bearer $(hawk token)" localhost:5000/api/devices
    """  # click's mark for a paragraph that is not wrapped
    import json

    with refusals_said(as_json=as_json):
        text = _token(data, rotate=rotate)
    click.echo(json.dumps({"token": text}) if as_json else text)


def _token(data: Path | None, *, rotate: bool) -> str:
    """Raises NotFound, Invalid and ConfigurationError."""
    import os

    from hawk.config.load import load

    folder = _folder(data)
    chosen = load(folder.system_json, os.environ).settings.api.token.get_secret_value()
    if not rotate:
        return folder.api_token(chosen)
    if chosen:
        raise Invalid(
            "The token is the one that api.token says: change it there, in system.json or the environment."
        )
    return folder.new_api_token()


def _folder(data: Path | None) -> "DataFolder":
    import os

    from hawk import datafolder

    path = datafolder.choose(data, os.environ)
    if not path.is_dir():
        raise NotFound(f"There is no data folder {path}: say with --data which one you mean.")
    return datafolder.DataFolder(path)
