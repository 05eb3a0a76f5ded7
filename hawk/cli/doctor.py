"""`hawk doctor`: what keeps it from working here, and what to do."""

import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import click

from hawk.cli.options import FOLDER

if TYPE_CHECKING:
    from hawk.config.schema import Settings
    from hawk.doctor.checks import Check

_MARKS = {True: "[green]✓[/]", False: "[red]✗[/]", None: "[dim]·[/]"}


@click.command()
@click.option("--data", type=FOLDER, help="The data folder of the service.")
@click.option("--json", "as_json", is_flag=True, help="One JSON document, for programs.")
def doctor(data: Path | None, *, as_json: bool) -> None:
    """Check layer by layer whether the service can work here; say what to do where it cannot.

    Exit code 69: no Bluetooth. 1: something else is wrong. 78: the settings are.
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
    import os

    from hawk import datafolder
    from hawk.config.load import load
    from hawk.doctor import machine, network

    folder = datafolder.choose(data, os.environ)
    file = None if machine.closed(folder) else folder / "system.json"
    settings = load(file, os.environ).settings
    who = machine.running(folder)
    tell(machine.service(folder, who))
    _examine_bluetooth(settings, folder, who, tell)
    for check in (*machine.local(settings, folder), *network.servers(settings, runs=who is not None)):
        tell(check)


def _examine_bluetooth(
    settings: "Settings", data: Path, who: str | None, tell: "Callable[[Check], None]"
) -> None:
    import asyncio

    from hawk.ble.open import open_radio
    from hawk.cli import interruptible
    from hawk.cli.drivers import drop_ins, installed
    from hawk.doctor import bluetooth, reading
    from hawk.doctor.checks import BLUETOOTH, untold
    from hawk.doctor.rfkill import rfkill
    from hawk.doctor.wifi import wifi

    if settings.bluetooth.backend != "bluez":
        for name in (*BLUETOOTH, "wifi"):
            tell(untold(name, "not checked: the setting bluetooth.backend is simulated"))
        return
    wanted = settings.bluetooth.adapters
    tell(rfkill(wanted))
    if asyncio.run(bluetooth.examine(wanted, who, tell)):
        known = installed(drop_ins(data, settings))
        tell(interruptible.run(reading.connect, open_radio(settings, exclusive=True), known))
    tell(wifi(wanted))


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
