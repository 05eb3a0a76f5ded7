"""How commands end: exit codes, and errors in words or as JSON."""

import json
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, NoReturn

import click

from hawk.errors import CannotWrite, HawkError, StartError, WrongDocument

if TYPE_CHECKING:
    from rich.progress import Progress

FAILED, CANNOT_WRITE = 1, 73


def end_on_sigterm() -> None:
    """For the time until the running service listens to its signals: what is open is closed, exit code 0."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))


def exit_with_error(error: HawkError, *, as_json: bool, exit_code: int | None = None) -> NoReturn:
    """Says it on stderr. The exit code is the error's own unless given."""
    if as_json:
        click.echo(json.dumps(_document(error)), err=True)
    else:
        click.echo(f"hawk: {error}", err=True)
    sys.exit(_code_of(error) if exit_code is None else exit_code)


@contextmanager
def refusals_said(*, as_json: bool) -> Iterator[None]:
    try:
        yield
    except HawkError as error:
        exit_with_error(error, as_json=as_json)


def progress() -> "Progress":
    """A bar on stderr, in a terminal."""
    from rich.console import Console
    from rich.progress import Progress

    console = Console(stderr=True)
    return Progress(console=console, transient=True, disable=not console.is_terminal)


def _document(error: HawkError) -> object:
    from hawk.cli.config_file import WrongFile
    from hawk.cli.running import Refused

    if isinstance(error, WrongDocument):
        return error.as_json()
    said = {"code": error.outcome if isinstance(error, Refused) else error.code, "detail": str(error)}
    return {"error": said | error.place() if isinstance(error, WrongFile) else said}


def _code_of(error: HawkError) -> int:
    if isinstance(error, StartError):
        return error.exit_code
    return CANNOT_WRITE if isinstance(error, CannotWrite) else FAILED
