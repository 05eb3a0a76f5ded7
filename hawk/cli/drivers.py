"""The drivers for a command that runs by itself."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from hawk.errors import HawkError

if TYPE_CHECKING:
    from hawk.config.schema import Settings
    from hawk.drivers.catalogue import Catalogue


def installed(folder: Path | None) -> "Catalogue":
    """With the drop-in ones of `folder`. What could not be loaded is said on stderr."""
    from hawk.drivers import catalogue

    found = catalogue.load(folder)
    for problem in found.problems:
        click.echo(f"hawk: {problem}", err=True)
    return found


def drop_ins(data: Path, settings: "Settings") -> Path | None:
    from hawk.datafolder import DRIVERS

    return data / DRIVERS if settings.drivers.folder else None


def drop_ins_if_any(data: Path) -> Path | None:
    """Settings are read only where there is a folder: they take longer than all the rest of `hawk decode`.
    If they are wrong it decodes all the same, without the folder.
    """
    import os

    from hawk.datafolder import DRIVERS

    if not (data / DRIVERS).is_dir():
        return None
    from hawk.config.load import load

    try:
        return drop_ins(data, load(data / "system.json", os.environ).settings)
    except HawkError as error:
        click.echo(f"hawk: no driver is taken from {data / DRIVERS}: {error}", err=True)
        return None
