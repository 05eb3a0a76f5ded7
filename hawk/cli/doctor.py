"""`hawk doctor`: what keeps it from working here, and what to do."""

import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from hawk.doctor.checks import Check

_MARKS = {True: "[green]✓[/]", False: "[red]✗[/]", None: "[dim]·[/]"}


@click.command()
@click.option("--data", type=click.Path(path_type=Path), help="The data folder of the service.")
@click.option("--json", "as_json", is_flag=True, help="One JSON document, for programs.")
def doctor(data: Path | None, *, as_json: bool) -> None:
    """Check layer by layer whether the service can work here; say what to do where it cannot.

    Exit code 69: no Bluetooth. 1: something else is wrong.
    """
    from hawk.cli.output import exit_with_error
    from hawk.doctor.checks import exit_code
    from hawk.errors import StartError

    checks: list[Check] = []
    show = None if as_json else _show()

    def tell(check: "Check") -> None:
        checks.append(check)
        if show is not None:
            show(check)

    try:
        _examine(data, tell)
    except StartError as error:
        exit_with_error(error, as_json=as_json)
    if as_json:
        _print_json(checks)
    sys.exit(exit_code(checks))


def _examine(data: Path | None, tell: "Callable[[Check], None]") -> None:
    """Raises StartError for settings that are wrong."""
    import asyncio
    import os

    from hawk import datafolder
    from hawk.config.load import load
    from hawk.doctor import bluetooth, machine

    folder = datafolder.choose(data, os.environ)
    settings = load(folder / "system.json", os.environ).settings
    if settings.bluetooth.backend == "bluez":
        tell(bluetooth.rfkill())
        asyncio.run(bluetooth.examine(settings.bluetooth.adapters, tell))
        tell(bluetooth.wifi())
    for check in (*machine.local(settings, folder), machine.service(folder), *machine.network(settings)):
        tell(check)


def _show() -> "Callable[[Check], None]":
    from rich.console import Console
    from rich.markup import escape

    console = Console(highlight=False)

    def show(check: "Check") -> None:
        console.print(f"{_MARKS[check.ok]} {check.name:11}", escape(check.detail), soft_wrap=True)
        if check.fix:
            console.print(f"{'':13}", f"[bold]{escape(check.fix)}[/]", soft_wrap=True)

    return show


def _print_json(checks: "list[Check]") -> None:
    import json
    from dataclasses import asdict

    ok = all(check.ok is not False for check in checks)
    click.echo(json.dumps({"ok": ok, "checks": [asdict(check) for check in checks]}))
