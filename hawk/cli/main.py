"""The command `hawk`. Each command's module is imported when it is called, not before."""

import importlib
import sys
from typing import Any

import click

from hawk import __version__

INTERNAL, INTERRUPTED = 70, 130

# Name -> where it is and what the help says of it.
COMMANDS = {
    "serve": ("hawk.cli.serve:serve", "Run the service."),
    "demo": ("hawk.cli.demo:demo", "Run it with simulated batteries; needs no Bluetooth."),
    "scan": ("hawk.cli.scan:scan", "List the battery monitors in range, or read them."),
    "devices": (
        "hawk.cli.devices:devices",
        "List and change devices, read them, and leave them to others.",
    ),
    "vehicles": ("hawk.cli.vehicles:vehicles", "List, make, rename and remove vehicles."),
    "export": ("hawk.cli.export:export", "Write readings to a CSV or JSON lines file."),
    "import": (
        "hawk.cli.imports:import_files",
        "Read such files, and those of other programs, into the log.",
    ),
    "config": ("hawk.cli.config:config", "Show, explain, check and change the settings."),
    "token": ("hawk.cli.token:token", "Print the token that opens the API, or see to read-only ones."),
    "healthcheck": (
        "hawk.cli.healthcheck:healthcheck",
        "Ask the service whether it is alive, for containers.",
    ),
    "doctor": ("hawk.cli.doctor:doctor", "Find out what keeps it from working here."),
    "backup": ("hawk.cli.backup:backup", "Keep all data in one file, also while the service runs."),
    "restore": ("hawk.cli.backup:restore", "Put back what a backup has."),
    "decode": ("hawk.cli.decode:decode", "Decode captured frames."),
}


class LazyGroup(click.Group):
    """Knows the one-line helps by heart: `hawk --help` imports none of the commands."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002  # click's signature
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002  # click's signature
        if cmd_name not in COMMANDS:
            return None
        module, name = COMMANDS[cmd_name][0].split(":")
        command: click.Command = getattr(importlib.import_module(module), name)
        return command

    def invoke(self, ctx: click.Context) -> Any:
        """What no command has caught ends here: Ctrl-C, and bugs."""
        try:
            return super().invoke(ctx)
        except (click.ClickException, click.exceptions.Exit, click.Abort, BrokenPipeError):
            raise  # how click itself ends
        except (KeyboardInterrupt, BaseExceptionGroup, Exception) as error:  # noqa: BLE001  # the last one
            sys.exit(_said(error))

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002  # click's signature
        with formatter.section("Commands"):
            formatter.write_dl([(name, help_line) for name, (_, help_line) in COMMANDS.items()])


def _said(error: BaseException) -> int:
    """The exit code."""
    import logging

    if _interrupted(error):
        return INTERRUPTED
    logging.getLogger("hawk").critical("this should not have happened: please report it", exc_info=error)
    return INTERNAL


def _interrupted(error: BaseException | None) -> bool:
    """Whether it comes of Ctrl-C. A nursery hands that on in a group, and Python 3.11 as the cause
    of a RuntimeError when it comes while a class is made, as in an import.
    """
    if error is None:
        return False
    if isinstance(error, BaseExceptionGroup):
        return any(map(_interrupted, error.exceptions))
    return isinstance(error, KeyboardInterrupt) or _interrupted(error.__cause__)


@click.group(
    cls=LazyGroup,
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog="'hawk COMMAND --help' tells more of each.",
)
@click.version_option(__version__, prog_name="hawk")
def main() -> None:
    """Battery Hawk: hears, reads and keeps what the Bluetooth monitors on your batteries say."""


if __name__ == "__main__":
    main()
