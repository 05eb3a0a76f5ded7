"""`hawk scan`: which battery monitors are in range, and what they say. Needs no running service, and disturbs none."""

import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from hawk.cli.options import FOLDER
from hawk.cli.output import exit_with_error, progress
from hawk.errors import BluetoothError, CannotWrite, HawkError

if TYPE_CHECKING:  # imported where they are used: `hawk --help` must be quick
    from rich.progress import Progress

    from hawk.ble.radio import Limits, Radio
    from hawk.ble.tape import Tape
    from hawk.cli.survey import Found, Survey
    from hawk.config.schema import Settings
    from hawk.drivers.api import Driver
    from hawk.drivers.catalogue import Catalogue

NO_BLUETOOTH = 69
_LONGEST_PAUSE = 38  # [s] seen between two advertisements of a BM6


@click.command()
@click.option(
    "--duration", type=click.FloatRange(min=0.1), default=10.0, metavar="S", help="How long to listen. [10]"
)
@click.option("--connect", is_flag=True, help="Then connect to each monitor and read it.")
@click.option("--all", "everything", is_flag=True, help="List the other Bluetooth devices, too.")
@click.option(
    "--config",
    "file",
    type=click.Path(path_type=Path),
    help="A document of generic_modbus: lists the devices that its 'match' fits, too.",
)
@click.option("--json", "as_json", is_flag=True, help="One JSON line for each device on stdout.")
@click.option(
    "--record",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Write all that is heard and said to FILE.",
)
@click.option("--data", type=FOLDER, help="The data folder, for its settings.")
def scan(
    duration: float,
    connect: bool,
    everything: bool,
    as_json: bool,
    record: Path | None,
    data: Path | None,
    file: Path | None,
) -> None:
    """Lists the battery monitors in range, the nearest first.

    Voltage and charge are in what a BM6, BM7 or BM2 broadcasts; the temperature needs
    --connect. That also asks a Renogy module what is behind it. A monitor that a phone is
    connected to cannot be heard.

    \b
    hawk scan
    hawk scan --duration 30 --connect
    hawk scan --connect --record scan.jsonl
    """  # click's mark for a paragraph that is not wrapped
    try:
        survey, incomplete = _scan(data, duration, connect, file, record)
    except BluetoothError as error:
        exit_with_error(error, as_json=as_json, exit_code=NO_BLUETOOTH)
    except HawkError as error:
        exit_with_error(error, as_json=as_json)
    if as_json:
        _print_json(survey)
    else:
        _print_table(survey, duration, everything)
    if incomplete is not None:
        exit_with_error(incomplete, as_json=as_json)


def _scan(
    data: Path | None, duration: float, connect: bool, file: Path | None, record: Path | None
) -> "tuple[Survey, CannotWrite | None]":
    """And what went wrong with the recording."""
    import os
    from functools import partial

    from hawk import datafolder
    from hawk.ble.open import open_radio
    from hawk.ble.radio import Limits
    from hawk.ble.recording_file import recording_to
    from hawk.ble.redecoding import explain
    from hawk.ble.tape import Tape, TapedRadio
    from hawk.cli import interruptible, through
    from hawk.cli.config_file import read
    from hawk.cli.survey import Survey
    from hawk.clock import SystemClock
    from hawk.config.load import load

    folder = datafolder.choose(data, os.environ)
    settings = load(folder / "system.json", os.environ).settings
    service = through.service_on(folder) if connect else None
    limits = Limits(session=settings.bluetooth.session_timeout) if connect and service is None else None
    survey, tape = Survey(_catalogue(folder, settings, file)), Tape()
    radio = TapedRadio(
        open_radio(settings, exclusive=limits is not None), tape, partial(explain, survey.catalogue)
    )
    listen = partial(interruptible.run, _listen, radio, survey, duration, limits, tape)
    incomplete = None
    if record is None:
        listen()
    else:
        recording = recording_to(record, SystemClock(settings.clock.trust), simulated=radio.simulated)
        with recording as recorder, tape.listening(recorder.hear):
            listen()
        incomplete = recorder.error
    if service is not None:
        through.read_all(service, survey, None if file is None else read(file))
    return survey, incomplete


def _catalogue(data: Path, settings: "Settings", file: Path | None) -> "Catalogue":
    """With a driver for what the file describes. Raises WrongFile."""
    from hawk.cli.config_file import driver_of
    from hawk.cli.drivers import drop_ins, installed
    from hawk.drivers.catalogue import Catalogue
    from hawk.drivers.generic_modbus import GENERIC_MODBUS

    known = installed(drop_ins(data, settings))
    if file is None:
        return known
    return Catalogue((*known.drivers, driver_of(GENERIC_MODBUS, file)), known.problems)


async def _listen(
    radio: "Radio", survey: "Survey", duration: float, limits: "Limits | None", tape: "Tape"
) -> None:
    """Fills `survey`. With `limits` it also reads each device; the scan goes on meanwhile,
    because BlueZ forgets a device it has not heard for 30 s. Raises NoAdapter.
    """
    import trio

    failures: list[HawkError] = []

    async def hear() -> None:
        try:
            await radio.scan(lambda advertisement: survey.heard(advertisement, _now()))
        except HawkError as error:
            failures.append(error)
            nursery.cancel_scope.cancel()

    async with trio.open_nursery() as nursery:
        nursery.start_soon(radio.run)
        nursery.start_soon(hear)
        with progress() as show:
            await _wait(duration, show)
            if limits is not None:
                await _probe_all(radio, survey, limits, show)
                await _read_all(radio, survey.identified(), limits, show, tape)
        nursery.cancel_scope.cancel()
    if failures:
        raise failures[0]


async def _wait(duration: float, show: "Progress") -> None:
    import trio

    step = duration / 100
    task = show.add_task("Listening", total=100)
    for _ in range(100):
        await trio.sleep(step)
        show.advance(task)


async def _probe_all(radio: "Radio", survey: "Survey", limits: "Limits", show: "Progress") -> None:
    unsure = survey.unsure()
    task = show.add_task("Asking", total=len(unsure))
    for found, driver in unsure:
        await _probe(radio, survey, found, driver, limits)
        show.advance(task)


async def _probe(
    radio: "Radio", survey: "Survey", found: "Found", driver: "Driver", limits: "Limits"
) -> None:
    if driver.probe is None:
        return
    probe = driver.probe()
    try:
        await radio.converse(found.address, driver.needed_gatt(), probe, limits, lambda _: None)
    except HawkError as error:
        found.error = error
    if probe.found is not None:
        found.error = None
        survey.probed(found, probe.found)


async def _read_all(
    radio: "Radio", devices: Sequence["Found"], limits: "Limits", show: "Progress", tape: "Tape"
) -> None:
    """One after the other: a radio establishes one link at a time."""
    task = show.add_task("Reading", total=len(devices))
    for found in devices:
        await _read(radio, found, limits, tape)
        show.advance(task)


async def _read(radio: "Radio", found: "Found", limits: "Limits", tape: "Tape") -> None:
    from hawk.cli.survey import Said
    from hawk.devices import session
    from hawk.model.reading import Sample, Source

    if found.driver is None or found.driver.heard_only:
        return
    samples = list[Sample]()
    try:
        driver = found.driver.named(found.name or "")
        await session.read(radio, found.address, driver, limits, lambda _: None, samples.append, tape=tape)
    except HawkError as error:
        found.error = error
    if samples:
        found.said, found.error = Said(samples[0], _now(), Source.GATT), None


def _now() -> int:
    return time.time_ns() // 1_000_000


# -- saying it -------------------------------------------------------------------------------


def _print_json(survey: "Survey") -> None:
    import json

    for found in survey.sorted():
        print(json.dumps(found.to_json()))


def _print_table(survey: "Survey", duration: float, everything: bool) -> None:
    from rich.console import Console
    from rich.table import Table

    from hawk.cli.survey import NAME, REMARK, table

    recognised = survey.recognised()
    listed = survey.sorted() if everything else recognised
    if listed:
        headings, *rows = table(listed)
        printed = Table(box=None, pad_edge=False)
        for heading in headings:
            printed.add_column(heading, no_wrap=heading not in {NAME, REMARK})
        for cells in rows:
            printed.add_row(*cells)
        Console().print(printed)
    for found in (each for each in listed if each.to_add):
        click.echo(f"To have {found.name} read: {found.to_add}")
    if not recognised:
        click.echo(_nothing_found(duration, len(survey.devices), everything), err=True)


def _nothing_found(duration: float, others: int, everything: bool) -> str:
    heard = f"{others} other Bluetooth devices were" if others != 1 else "One other Bluetooth device was"
    lines = [f"No battery monitor was heard in {duration:g} s. {heard}."]
    if duration < _LONGEST_PAUSE:
        lines.append(f"- Listen longer: a BM6 may pause for {_LONGEST_PAUSE} s. hawk scan --duration 60")
    lines.append("- Close the app on every phone: a monitor that is connected cannot be heard.")
    lines.append("- Go nearer, and check that the monitor sits on its battery.")
    if others and not everything:
        lines.append("- It may have a name that is not known here: hawk scan --all")
    return "\n".join(lines)
