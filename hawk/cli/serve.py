"""`hawk serve`: the service."""

from pathlib import Path

import click

from hawk.cli.options import FOLDER
from hawk.cli.output import end_on_sigterm, exit_with_error
from hawk.errors import HawkError


@click.command()
@click.option("--data", type=FOLDER, help="The data folder.")
@click.option("--json", "as_json", is_flag=True, help="One JSON line on stdout when it is listening.")
def serve(data: Path | None, as_json: bool) -> None:
    """Runs the service until it gets SIGTERM (exit code 0) or Ctrl-C (130).

    \b
    hawk serve --data /srv/battery-hawk
    BATTERYHAWK_API_PORT=8080 hawk serve
    """
    end_on_sigterm()
    try:
        _serve(data, as_json)
    except HawkError as error:
        exit_with_error(error, as_json=as_json)


def _serve(data: Path | None, as_json: bool) -> None:
    import os

    from hawk import app, datafolder

    folder = datafolder.choose(data, os.environ)
    app.run(app.Launch(folder=folder, loaded=app.prepare(folder), as_json=as_json))
