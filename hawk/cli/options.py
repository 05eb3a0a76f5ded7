"""Options that commands share."""

from pathlib import Path

import click

# What is wrong with the folder says the command, with what to do and exit code 78; click would exit 2.
FOLDER = click.Path(path_type=Path, readable=False)
