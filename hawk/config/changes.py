"""Changes of the settings as values: what differs, what a document becomes, what may be shown. Pure."""

from collections.abc import Iterable, Mapping
from typing import Any, ClassVar

from pydantic import BaseModel, SecretStr

from hawk.config.load import (
    MASK,
    VERSION,
    fields_of,
    is_secret,
    nearest,
    sections,
)
from hawk.config.schema import Settings
from hawk.errors import Conflict, Problem, pointer_to

Json = Mapping[str, Any]


class Overridden(Conflict):
    """What the environment sets cannot be changed in the file. `sources` by name of the setting."""

    code: ClassVar[str] = "overridden"

    def __init__(self, sources: Mapping[str, str]) -> None:
        self.said = {name: f"{name} is set by {source}: change it there" for name, source in sources.items()}
        super().__init__("; ".join(self.said.values()))


def names_of(pointers: Iterable[str]) -> frozenset[str]:
    """`/polling/interval` is `polling.interval`."""
    return frozenset(pointer.strip("/").replace("/", ".") for pointer in pointers)


def differences(old: Settings, new: Settings) -> frozenset[str]:
    """The names of the settings that have another value."""
    return frozenset(
        f"{section}.{key}"
        for section in sections()
        for key in fields_of(section)
        if _value(old, section, key) != _value(new, section, key)
    )


def covered(names: Iterable[str], followed: Iterable[str]) -> frozenset[str]:
    """Those of the names that are followed, themselves or with their whole section."""
    known = frozenset(followed)
    return frozenset(name for name in names if name in known or name.partition(".")[0] in known)


def shown(settings: Settings) -> dict[str, dict[str, Any]]:
    """As JSON, without secrets; one that is empty is shown to be."""
    return {
        section: {key: _shown(_value(settings, section, key)) for key in fields_of(section)}
        for section in sections()
    }


def merged(document: Json, changes: Json) -> dict[str, Any]:
    """The document with these changes; all else in it stays. A secret sent as `***` stays, too. Whether a
    value may be is not asked; what is misplaced is left out.
    """
    found: dict[str, Any] = {"version": VERSION, **document}
    for section, values in changes.items():
        if section not in sections() or not isinstance(values, Mapping):
            continue
        old = found.get(section, {})
        new = {key: _kept(section, key, value, old.get(key)) for key, value in values.items()}
        kept = {key: value for key, value in {**old, **new}.items() if value is not None or key not in new}
        if kept or section in found:
            found[section] = kept
    return found


def without_unchanged(changes: Json, settings: Settings, overridden: frozenset[str]) -> dict[str, Any]:
    """Without those settings that the file does not decide and that are sent back as they were shown."""
    seen = shown(settings)
    return {
        section: {
            key: value
            for key, value in values.items()
            if f"{section}.{key}" not in overridden or value != seen[section][key]
        }
        if isinstance(values, Mapping)
        else values
        for section, values in changes.items()
    }


def check_free(changes: Json, sources: Mapping[str, str], overridden: frozenset[str]) -> None:
    """Raises Overridden. `sources` by pointer."""
    taken = {
        f"{section}.{key}": sources.get(pointer_to(section, key), "the environment")
        for section, values in changes.items()
        if isinstance(values, Mapping)
        for key in values
        if f"{section}.{key}" in overridden
    }
    if taken:
        raise Overridden(taken)


def misplaced(changes: Json) -> Iterable[Problem]:
    for section, values in changes.items():
        if section not in sections():
            yield Problem(
                "settings", pointer_to(section), None, f"no such section{nearest(section, sections())}"
            )
        elif not isinstance(values, Mapping):
            yield Problem("settings", pointer_to(section), None, "an object")
        else:
            yield from _nothing_of_nothing(section, values)


def _nothing_of_nothing(section: str, values: Json) -> Iterable[Problem]:
    """Another value of a key that there is not is found when the whole is checked."""
    for key, value in values.items():
        if value is None and key not in fields_of(section):
            expected = f"no such key{nearest(key, fields_of(section))}"
            yield Problem("settings", pointer_to(section, key), None, expected)


def _kept(section: str, key: str, value: Any, old: Any) -> Any:
    info = fields_of(section).get(key)
    return _unmasked(value, old) if info is not None and is_secret(info) else value


def _unmasked(value: Any, old: Any) -> Any:
    """With what is in the file in the place of each `***`. Where nothing is there it is none."""
    if value == MASK:
        return old
    if isinstance(value, Mapping):
        inside = old if isinstance(old, Mapping) else {}
        return {key: _unmasked(each, inside.get(key)) for key, each in value.items()}
    return value


def _value(settings: Settings, section: str, key: str) -> Any:
    return getattr(getattr(settings, section), key)


def _shown(value: Any) -> Any:
    match value:
        case SecretStr():
            return MASK if value.get_secret_value() else ""
        case BaseModel():
            return {key: _shown(getattr(value, key)) for key in type(value).model_fields}
        case Mapping():
            return {key: _shown(each) for key, each in value.items()}
        case tuple():
            return [_shown(each) for each in value]
        case _:
            return value
