"""`hawk serve`: the service."""

from pathlib import Path

import click

from hawk.cli.output import exit_with_error
from hawk.errors import HawkError


@click.command()
@click.option("--data", type=click.Path(path_type=Path), help="The data folder.")
@click.option("--json", "as_json", is_flag=True, help="One JSON line on stdout when it is listening.")
def serve(data: Path | None, as_json: bool) -> None:
    """Runs the service until it gets SIGTERM or Ctrl-C.

    \b
    hawk serve --data /srv/battery-hawk
    BATTERYHAWK_API_PORT=8080 hawk serve
    """
    try:
        _serve(data, as_json)
    except HawkError as error:
        exit_with_error(error, as_json=as_json)


def _serve(data: Path | None, as_json: bool) -> None:
    import os

    from hawk import app, datafolder, logs
    from hawk.config.load import load

    folder = datafolder.choose(data, os.environ)
    loaded = load(folder / "system.json", os.environ)
    logs.configure(loaded.settings.logging)
    app.run(app.Launch(folder=folder, loaded=loaded, as_json=as_json))
