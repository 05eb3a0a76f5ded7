"""Settings from system.json and the environment, with all that is wrong said at once."""

import difflib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar, get_args, get_origin

from pydantic import BaseModel, SecretStr, ValidationError
from pydantic.fields import FieldInfo

from hawk.config.schema import Settings
from hawk.errors import ConfigurationError

VERSION = "1.0"
PREFIX = "BATTERYHAWK_"
DATA = "BATTERYHAWK_DATA"  # the data folder: no setting
_HIDDEN = "***"


@dataclass(frozen=True, slots=True)
class Problem:
    source: str  # a file, or the name of a variable
    pointer: str  # JSON pointer into the settings
    value: object
    expected: str

    def __str__(self) -> str:
        shown = "" if self.value is None else f": {self.value!r}"
        return f"{self.source}: {self.pointer or '/'}{shown}: {self.expected}"


class SettingsError(ConfigurationError):
    """`str()` has one line for each problem."""

    code: ClassVar[str] = "configuration"

    def __init__(self, problems: list[Problem]) -> None:
        super().__init__("\n".join(map(str, problems)))
        self.problems = tuple(problems)

    def as_json(self) -> dict[str, Any]:
        return {
            "errors": [
                {"source": p.source, "pointer": p.pointer, "value": p.value, "expected": p.expected}
                for p in self.problems
            ]
        }


@dataclass(frozen=True, slots=True)
class Loaded:
    settings: Settings
    overridden: frozenset[str] = frozenset()  # pointers that the environment decides
    warnings: tuple[str, ...] = ()


@dataclass(slots=True)
class _Reading:
    """What is collected on the way."""

    values: dict[str, dict[str, Any]] = field(default_factory=dict)
    sources: dict[str, str] = field(default_factory=dict)  # pointer -> where its value came from
    problems: list[Problem] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)

    def put(self, section: str, key: str, value: object, source: str) -> None:
        self.values.setdefault(section, {})[key] = value
        self.sources[f"/{section}/{key}"] = source


def load(file: Path | None, environ: Mapping[str, str]) -> Loaded:
    """The environment wins over the file. Raises SettingsError."""
    reading = _Reading()
    if file is not None:
        _read_file(file, reading)
    overridden = _read_environment(environ, reading)
    settings = _validate(reading)
    if reading.problems or settings is None:
        raise SettingsError(reading.problems)
    return Loaded(settings, frozenset(overridden), tuple(reading.warnings))


# -- the file --------------------------------------------------------------------------------


def _read_file(file: Path, reading: _Reading) -> None:
    name = file.name
    try:
        document = json.loads(file.read_bytes(), object_pairs_hook=_unique)
    except (FileNotFoundError, NotADirectoryError):  # all is at its default
        return
    except (OSError, ValueError, RecursionError) as error:
        reading.problems.append(Problem(name, "", None, f"cannot be read: {error}; it was not changed"))
        return
    if not isinstance(document, dict):
        reading.problems.append(Problem(name, "", None, "a JSON object"))
        return
    if (version := document.pop("version", VERSION)) != VERSION:
        expected = f"version {VERSION!r}; a newer file needs a newer program, and is left as it is"
        reading.problems.append(Problem(name, "/version", version, expected))
    for section, values in document.items():
        if section not in _sections():
            reading.warnings.append(f"{name}: unknown section {section!r}{_nearest(section, _sections())}")
        elif not isinstance(values, dict):
            reading.problems.append(Problem(name, f"/{section}", values, "an object"))
        else:
            for key, value in values.items():
                reading.put(section, key, value, name)


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        keys = [key for key, _ in pairs]
        raise ValueError(f"the key {next(key for key in keys if keys.count(key) > 1)!r} stands there twice")
    return found


# -- the environment -------------------------------------------------------------------------


def _read_environment(environ: Mapping[str, str], reading: _Reading) -> Iterator[str]:
    found: dict[str, tuple[str, str]] = {}  # pointer -> variable, text
    for variable, text in sorted(environ.items()):
        if not variable.startswith(PREFIX) or variable == DATA or text == "":
            continue
        place = _place(variable, reading)
        if place is None:
            continue
        section, key, from_file = place
        value = _secret_file(variable, text, reading) if from_file else text
        pointer = f"/{section}/{key}"
        if value is None:
            continue
        if pointer in found and found[pointer][1] != value:
            expected = f"{found[pointer][0]} says otherwise: set one of them"
            reading.problems.append(Problem(variable, pointer, _shown(section, key, value), expected))
            continue
        found[pointer] = (variable, value)
        reading.put(section, key, _parsed(section, key, value), variable)
    return iter(found)


def _place(variable: str, reading: _Reading) -> tuple[str, str, bool] | None:
    """Section and key, and whether the variable names a file with the value."""
    words = variable.removeprefix(PREFIX).lower().removeprefix("system_")
    section, _, key = words.partition("_")
    if section not in _sections():
        reading.warnings.append(f"{variable}: unknown section {section!r}{_nearest(section, _sections())}")
        return None
    keys = _fields(section)
    if key in keys:
        return section, key, False
    if key.endswith("_file") and (secret := key.removesuffix("_file")) in keys:
        if _is_secret(keys[secret]):
            return section, secret, True
        reading.problems.append(
            Problem(variable, f"/{section}/{secret}", None, "only secrets come from files")
        )
        return None
    reading.problems.append(
        Problem(variable, f"/{section}/{key}", None, f"no such setting{_nearest(key, keys)}")
    )
    return None


def _secret_file(variable: str, path: str, reading: _Reading) -> str | None:
    try:
        return Path(path).read_text().strip()
    except (OSError, ValueError) as error:
        reading.problems.append(Problem(variable, "", path, f"cannot be read: {error}"))
        return None


def _parsed(section: str, key: str, text: str) -> object:
    """Lists are comma separated or JSON; objects JSON; pydantic reads numbers and truth values from text."""
    kind = get_origin(_fields(section)[key].annotation)
    if kind is tuple and not text.lstrip().startswith("["):
        return [word.strip() for word in text.split(",") if word.strip()]
    if kind in {tuple, dict}:
        try:
            return json.loads(text)
        except ValueError:
            return text  # pydantic says what is expected
    return text


# -- together --------------------------------------------------------------------------------


def _validate(reading: _Reading) -> Settings | None:
    try:
        return Settings.model_validate(reading.values)
    except ValidationError as error:
        for each in error.errors():
            place = [str(part) for part in each["loc"]]
            section, key = (*place, "", "")[:2]
            pointer = "/" + "/".join(place)
            source = reading.sources.get(f"/{section}/{key}", "settings")
            expected = each["msg"]
            if each["type"] == "extra_forbidden":
                expected = f"no such setting{_nearest(key, _fields(section))}"
            reading.problems.append(Problem(source, pointer, _shown(section, key, each["input"]), expected))
        return None


def _shown(section: str, key: str, value: object) -> object:
    known = _fields(section).get(key)
    if known is not None and _is_secret(known):
        return _HIDDEN
    return (
        value
        if isinstance(value, str | int | float | bool | None)
        else json.loads(json.dumps(value, default=str))
    )


def _is_secret(info: FieldInfo) -> bool:
    return info.annotation is SecretStr or "BrokerUser" in str(get_args(info.annotation))


def _sections() -> Mapping[str, FieldInfo]:
    return {name: info for name, info in Settings.model_fields.items() if name != "version"}


def _fields(section: str) -> Mapping[str, FieldInfo]:
    info = Settings.model_fields.get(section)
    model = info.annotation if info is not None else None
    return model.model_fields if isinstance(model, type) and issubclass(model, BaseModel) else {}


def _nearest(word: str, known: Mapping[str, object]) -> str:
    near = difflib.get_close_matches(word, known, n=1)
    return f"; do you mean {near[0]!r}?" if near else ""
