"""`hawk config`: what is set, by whom, and another value."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from hawk.cli.options import FOLDER
from hawk.cli.output import exit_with_error
from hawk.errors import ConfigurationError, HawkError

if TYPE_CHECKING:
    from hawk.cli.running import Refused
    from hawk.config.load import Loaded

_DATA = click.option("--data", type=FOLDER, help="The data folder.")
_JSON = click.option("--json", "as_json", is_flag=True, help="One JSON document, for programs.")


@click.group()
def config() -> None:
    """Show, explain, check and change the settings."""


@config.command()
@click.option("--defaults", is_flag=True, help="As all is while nothing is set.")
@_DATA
@_JSON
def show(data: Path | None, *, defaults: bool, as_json: bool) -> None:
    """All settings, as the service has them that runs on the data folder, or would have them."""
    with _refusals_said(as_json=as_json):
        found = _defaults() if defaults else _shown(_folder(data))
    if as_json:
        _print(found)
        return
    for section, values in found.items():
        for key, value in values.items():
            click.echo(f"{section}.{key} = {_in_words(value)}")


@config.command()
@click.argument("key")
@_DATA
@_JSON
def get(key: str, data: Path | None, *, as_json: bool) -> None:
    """The value of KEY, or of all keys of a section."""
    section, name = _place(key, whole_section=True)
    with _refusals_said(as_json=as_json):
        values = _shown(_folder(data))[section]
    value = values[name] if name else values
    _print(value) if as_json else click.echo(_in_words(value))


@config.command("set")
@click.argument("key")
@click.argument("value")
@_DATA
@_JSON
def set_value(key: str, value: str, data: Path | None, *, as_json: bool) -> None:
    """Set KEY to VALUE in system.json; "" takes it out, so that the default holds, "-" reads it from stdin.

    \b
    hawk config set polling.interval 600
    hawk config set bluetooth.adapters hci0,hci1
    hawk config set mqtt.password - < password.txt
    """
    import sys

    section, name = _place(key)
    wanted = _value(section, name, sys.stdin.read().strip() if value == "-" else value)
    with _refusals_said(as_json=as_json):
        meta = _change(_folder(data), section, name, wanted)
    if as_json:
        _print(meta)
    else:
        click.echo(_said(key, meta))


@config.command()
@click.argument("file", type=click.Path(path_type=Path), required=False)
@_DATA
@_JSON
def check(file: Path | None, data: Path | None, *, as_json: bool) -> None:
    """Whether FILE could be used, or all that the data folder has of system.json, devices.json and vehicles.json.

    \b
    hawk config check
    hawk config check devices-new.json
    """
    import sys

    from hawk.cli import checking
    from hawk.errors import WrongDocument

    try:
        warnings = checking.check_all_in(_folder(data)) if file is None else checking.check_one(file)
    except WrongDocument as error:
        if as_json:
            _print({"ok": False, **error.as_json()})
        else:
            click.echo(f"hawk: {error}", err=True)
        sys.exit(error.exit_code)
    for warning in warnings:
        click.echo(warning, err=True)
    if as_json:
        _print({"ok": True, "errors": []})
    else:
        click.echo("All in order.")


@config.command()
@click.argument("key")
@_DATA
@_JSON
def explain(key: str, data: Path | None, *, as_json: bool) -> None:
    """What KEY means, what it may be, what it is and where that comes from."""
    from hawk.config.load import fields_of
    from hawk.config.reference import described
    from hawk.errors import pointer_to

    section, name = _place(key)
    variable = f"BATTERYHAWK_{section}_{name}".upper()
    with _refusals_said(as_json=as_json):
        loaded = _loaded(_folder(data) / "system.json")
    found = {
        "name": f"{section}.{name}",
        "meaning": described(fields_of(section)[name]),
        "default": _defaults()[section][name],
        "value": _as_json(loaded)[section][name],
        "source": loaded.sources.get(pointer_to(section, name), "default"),
        "variable": variable,
    }
    if as_json:
        _print(found)
        return
    for word, said in found.items():
        click.echo(f"{word:9}{_in_words(said)}")


# -- where it comes from ---------------------------------------------------------------------


def _folder(data: Path | None) -> Path:
    import os

    from hawk import datafolder

    return datafolder.choose(data, os.environ)


def _shown(folder: Path) -> Mapping[str, Any]:
    """As the service has them; if none runs, as the file and the environment say."""
    from hawk.cli import running
    from hawk.cli.running import NoService

    try:
        found: Mapping[str, Any] = running.find(folder).ask("GET", "/api/system/config")["data"]["attributes"]
    except NoService:
        return _as_json(_loaded(folder / "system.json"))
    return found


def _change(folder: Path, section: str, key: str, value: object) -> Mapping[str, Any]:
    """What the API answers as `meta`."""
    from hawk.cli import running
    from hawk.cli.running import NoService, Refused

    attributes = {section: {key: value}}
    document = {"data": {"type": "system-config", "id": "system", "attributes": attributes}}
    try:
        answer = running.find(folder).ask("PATCH", "/api/system/config", document)
    except NoService:
        return _change_alone(folder, attributes)
    except Refused as error:
        raise _as_ours(error) from None
    meta: Mapping[str, Any] = answer["meta"]
    return meta


def _change_alone(folder: Path, attributes: Mapping[str, Any]) -> Mapping[str, Any]:
    """Under the lock of the folder, so that no service begins meanwhile."""
    from hawk.config.changes import Overridden
    from hawk.config.file import SettingsFile
    from hawk.datafolder import DataFolder

    with DataFolder.open(folder) as opened:
        file = SettingsFile(opened.system_json, _loaded(opened.system_json))
        try:
            file.change(attributes, None)
        except Overridden as error:
            raise ConfigurationError(str(error)) from None
        standing = file.standing(frozenset())
    return {
        "applied": [],
        "restart_required": [],  # it holds from the next start on, as all does
        "overridden_by_environment": sorted(standing.overridden),
    }


def _as_ours(error: "Refused") -> HawkError:
    """What the service refuses, as it would be without one."""
    from hawk.config.load import SettingsError
    from hawk.errors import Problem

    if error.said == "invalid":
        pointer = error.pointer.removeprefix("/data/attributes")
        return SettingsError([Problem("hawk config set", pointer, None, str(error))])
    return ConfigurationError(str(error)) if error.said == "overridden" else error


def _loaded(file: Path) -> "Loaded":
    """Raises SettingsError."""
    import os

    from hawk.config.load import load

    return load(file, os.environ)


def _as_json(loaded: "Loaded") -> Mapping[str, Any]:
    from hawk.config.changes import shown

    return shown(loaded.settings)


def _defaults() -> Mapping[str, Any]:
    from hawk.config.changes import shown
    from hawk.config.schema import Settings

    return shown(Settings())


def _place(key: str, *, whole_section: bool = False) -> tuple[str, str]:
    """Raises UsageError that names the nearest."""
    from hawk.config.load import fields_of, nearest, sections

    section, _, name = key.partition(".")
    if section in sections() and (name in fields_of(section) or (whole_section and not name)):
        return section, name
    known = [f"{each}.{name}" for each in sections() for name in fields_of(each)]
    raise click.UsageError(f"there is no setting {key!r}{nearest(key, known)}")


def _value(section: str, key: str, text: str) -> object:
    """As in the environment: what is empty is not set."""
    from hawk.config.load import parsed

    if text == "":
        return None
    value = parsed(section, key, text)
    return int(value) if isinstance(value, float) and value.is_integer() else value


# -- how it is said --------------------------------------------------------------------------


@contextmanager
def _refusals_said(*, as_json: bool) -> Iterator[None]:
    try:
        yield
    except HawkError as error:
        exit_with_error(error, as_json=as_json)


def _print(document: object) -> None:
    import json

    click.echo(json.dumps(document, ensure_ascii=False))


def _in_words(value: object) -> str:
    import json

    if isinstance(value, float):
        return str(int(value) if value.is_integer() else value)
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _said(key: str, meta: Mapping[str, Any]) -> str:
    if key in meta["restart_required"]:
        return f"{key} is set; it holds after a restart of the service."
    return f"{key} is set{', and holds' if key in meta['applied'] else ''}."
