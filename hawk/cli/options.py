"""Options that commands share."""

from pathlib import Path

import click

# What is wrong with the folder says the command, with what to do and exit code 78; click would exit 2.
FOLDER = click.Path(path_type=Path, readable=False)

DATA = click.option("--data", type=FOLDER, help="The data folder of the service.")
JSON = click.option("--json", "as_json", is_flag=True, help="One JSON document, for programs.")
