"""docs/cli.md says what `--help` says: every command with its arguments, and every option."""

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from hawk.cli.main import COMMANDS, main

PAGE = (Path(__file__).parents[2] / "docs" / "cli.md").read_text()
SECTION = re.compile(r"^### `(hawk [^`]+)`\n(.*?)(?=^##|\Z)", re.MULTILINE | re.DOTALL)


def commands(group: click.Group, path: str) -> Iterator[tuple[str, click.Command]]:
    """Each with all that stands before its options."""
    context = click.Context(group, info_name=path)
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        assert command is not None
        if isinstance(command, click.Group):
            yield from commands(command, f"{path} {name}")
        else:
            pieces = [piece for piece in command.collect_usage_pieces(context) if piece != "[OPTIONS]"]
            yield " ".join([path, name, *pieces]), command


ALL = dict(commands(main, "hawk"))
SECTIONS = dict(SECTION.findall(PAGE))


def rows(command: click.Command) -> list[str]:
    """As they stand on the page."""
    options = [each for each in command.params if isinstance(each, click.Option) and not each.hidden]
    return [f"| `{_name(option)}` | {_text(option)} |" for option in options]


def _name(option: click.Option) -> str:
    name = option.opts[0]
    return name if option.is_flag else f"{name} {option.metavar or option.type.name.upper().split()[0]}"


def _text(option: click.Option) -> str:
    more = ""
    match option.type:
        case click.Choice(choices=choices):
            more = f" One of {', '.join(choices)}."
        case click.IntRange(min=least, max=most) | click.FloatRange(min=least, max=most):
            more = f" At least {least:g}." if most is None else f" From {least:g} to {most:g}."
    default = f" [{option.default}]" if option.show_default else ""
    return f"{option.help}{more}{default}"


def test_every_command_is_there_and_no_other() -> None:
    assert list(SECTIONS) == list(ALL)


@pytest.mark.parametrize("name", ALL)
def test_every_option_is_there_as_help_says_it_and_no_other(name: str) -> None:
    found = [line for line in SECTIONS[name].splitlines() if line.startswith("| `-")]
    assert found == rows(ALL[name])


@pytest.mark.parametrize("name", ALL)
def test_every_command_says_what_it_does(name: str) -> None:
    assert ALL[name].help
    assert all(
        option.help for option in ALL[name].params if isinstance(option, click.Option) and not option.hidden
    )


def test_each_group_says_of_itself_what_the_list_of_commands_says() -> None:
    context = click.Context(main)
    for name, (_, line) in COMMANDS.items():
        command = main.get_command(context, name)
        if isinstance(command, click.Group):
            assert command.help == line


@pytest.mark.parametrize(
    ("typed", "offered"),
    [("hawk dev", "devices"), ("hawk devices sh", "show"), ("hawk vehicles remove --mo", "--move-to")],
)
def test_the_shell_completes_commands_and_options(typed: str, offered: str) -> None:
    words = typed.split()
    asked = {"_HAWK_COMPLETE": "bash_complete", "COMP_WORDS": typed, "COMP_CWORD": str(len(words) - 1)}
    done = subprocess.run(
        [sys.executable, "-c", "from hawk.cli.main import main; main(prog_name='hawk')"],
        capture_output=True, text=True, check=False, env={**os.environ, **asked},
    )  # fmt: skip
    assert f"plain,{offered}" in done.stdout.splitlines()


@pytest.mark.parametrize("name", ALL)
def test_the_page_begins_with_what_the_help_says(name: str) -> None:
    said = " ".join((ALL[name].help or "").split("\n\n")[0].split())
    assert SECTIONS[name].strip().split("\n\n")[0].replace("\n", " ").startswith(said)
