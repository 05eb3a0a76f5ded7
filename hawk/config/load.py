"""Settings from system.json and the environment, with all that is wrong said at once."""

import contextlib
import difflib
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, get_args, get_origin

from pydantic import BaseModel, FiniteFloat, SecretStr, TypeAdapter, ValidationError
from pydantic.fields import FieldInfo

from hawk import strict_json
from hawk.config.expected import in_words
from hawk.config.schema import Settings
from hawk.errors import Problem, WrongDocument, pointer_to
from hawk.ownership import explain
from hawk.strict_json import NotJson

VERSION = "1.0"
PREFIX = "BATTERYHAWK_"
DATA = "BATTERYHAWK_DATA"  # the data folder: no setting
MASK = "***"
_NUMBERS: Mapping[Any, TypeAdapter[Any]] = {
    bool: TypeAdapter(bool),
    int: TypeAdapter(int),
    float: TypeAdapter(FiniteFloat),
}


class SettingsError(WrongDocument):
    """In the file, in the environment, or in what somebody sent."""


@dataclass(frozen=True, slots=True)
class Given:
    """A setting that comes neither from the file nor from the environment."""

    section: str
    key: str
    text: str  # as it would stand in the environment
    source: str  # what to name when it is wrong


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What is set beside the file. The environment wins over it; `below` gives way to both, `above` to neither."""

    environ: Mapping[str, str]
    below: tuple[Given, ...] = ()
    above: tuple[Given, ...] = ()

    def load(self, file: Path | None) -> "Loaded":
        """Raises SettingsError."""
        return self.parse(None) if file is None else self.parse(content_of(file), file.name)

    def parse(self, content: bytes | OSError | None, name: str = "system.json") -> "Loaded":
        """`content` is that of the file, or why it could not be read. Raises SettingsError."""
        reading = _Reading()
        _take(self.below, reading)
        _read_file(content, name, reading)
        overridden = {*_read_environment(self.environ, reading), *_take(self.above, reading)}
        settings = _validate(reading)
        if reading.problems or settings is None:
            raise SettingsError(reading.problems)
        return Loaded(
            settings,
            frozenset(overridden),
            tuple(reading.warnings),
            reading.sources,
            reading.secret_files,
            None if isinstance(content, OSError) else content,
            self,
        )


@dataclass(frozen=True, slots=True)
class Loaded:
    settings: Settings
    overridden: frozenset[str] = frozenset()  # pointers that the file does not decide
    warnings: tuple[str, ...] = ()
    sources: Mapping[str, str] = field(default_factory=dict, compare=False)  # pointer -> where it is from
    secret_files: Mapping[str, Path] = field(default_factory=dict)  # pointer -> the file that holds it
    content: bytes | None = field(default=None, compare=False)  # of the file; None if there is none
    surroundings: Surroundings = field(default_factory=lambda: Surroundings({}), compare=False)

    def refused(self, pointer: str, value: object, expected: str) -> SettingsError:
        """For what only shows when a setting is used."""
        source = self.sources.get(pointer, "settings")
        return SettingsError([Problem(source, pointer, value, expected)])


@dataclass(slots=True)
class _Reading:
    """What is collected on the way."""

    values: dict[str, dict[str, Any]] = field(default_factory=dict)
    sources: dict[str, str] = field(default_factory=dict)  # pointer -> where its value came from
    secret_files: dict[str, Path] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)

    def put(self, section: str, key: str, value: object, source: str) -> None:
        self.values.setdefault(section, {})[key] = value
        self.sources[pointer_to(section, key)] = source


def load(
    file: Path | None,
    environ: Mapping[str, str],
    *,
    below: Iterable[Given] = (),
    above: Iterable[Given] = (),
) -> Loaded:
    """Raises SettingsError."""
    return Surroundings(environ, tuple(below), tuple(above)).load(file)


def content_of(file: Path) -> bytes | OSError | None:
    """None if there is no such file."""
    try:
        return file.read_bytes()
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        return error


def _take(given: Iterable[Given], reading: _Reading) -> list[str]:
    """Their pointers."""
    given = tuple(given)
    for each in given:
        reading.put(each.section, each.key, parsed(each.section, each.key, each.text), each.source)
    return [pointer_to(each.section, each.key) for each in given]


# -- the file --------------------------------------------------------------------------------


def _read_file(content: bytes | OSError | None, name: str, reading: _Reading) -> None:
    if content is None:  # all is at its default
        return
    if isinstance(content, OSError):
        reading.problems.append(Problem(name, "", None, f"cannot be read: {_why(content)}"))
        return
    try:
        document = strict_json.parse(content)
    except NotJson as error:
        reading.problems += (Problem(name, each.pointer, None, _unread(each.said)) for each in error.mistakes)
        return
    if not isinstance(document, dict):
        reading.problems.append(Problem(name, "", None, "a JSON object"))
        return
    if (version := document.pop("version", VERSION)) != VERSION:
        expected = f"version {VERSION!r}; a newer file needs a newer program, and is left as it is"
        reading.problems.append(Problem(name, "/version", version, expected))
    for section, values in document.items():
        if section not in sections():
            reading.warnings.append(f"{name}: unknown section {section!r}{nearest(section, sections())}")
        elif not isinstance(values, dict):
            reading.problems.append(Problem(name, pointer_to(section), None, "an object"))
        else:
            for key, value in values.items():
                reading.put(section, key, value, name)


def _why(error: OSError) -> str:
    return explain(Path(error.filename), error) if error.filename else error.strerror or "no reason is given"


def _unread(why: str) -> str:
    return f"cannot be read: {why}; nothing was changed: mend it"


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
        pointer = pointer_to(section, key)
        value = _secret_file(variable, pointer, text, reading) if from_file else text
        if value is None:
            continue
        if pointer in found and found[pointer][1] != value:
            expected = f"{found[pointer][0]} says otherwise: set one of them"
            reading.problems.append(Problem(variable, pointer, _hidden((section, key), value), expected))
            continue
        found[pointer] = (variable, value)
        if from_file:
            reading.secret_files[pointer] = Path(text)
        reading.put(section, key, parsed(section, key, value), variable)
    return iter(found)


def _place(variable: str, reading: _Reading) -> tuple[str, str, bool] | None:
    """Section and key, and whether the variable names a file with the value."""
    words = variable.removeprefix(PREFIX).lower().removeprefix("system_")
    section, _, key = words.partition("_")
    if section not in sections():
        reading.warnings.append(f"{variable}: unknown section {section!r}{nearest(section, sections())}")
        return None
    keys = fields_of(section)
    if key in keys:
        return section, key, False
    if key.endswith("_file") and (secret := key.removesuffix("_file")) in keys:
        if is_secret(keys[secret]):
            return section, secret, True
        reading.problems.append(
            Problem(variable, pointer_to(section, secret), None, "only secrets come from files")
        )
        return None
    reading.problems.append(
        Problem(variable, pointer_to(section, key), None, f"no such setting{nearest(key, keys)}")
    )
    return None


def _secret_file(variable: str, pointer: str, path: str, reading: _Reading) -> str | None:
    try:
        return Path(path).read_text().strip()
    except OSError as error:
        reading.problems.append(Problem(variable, pointer, path, f"cannot be read: {_why(error)}"))
    except ValueError:
        reading.problems.append(Problem(variable, pointer, path, "a file with text in UTF-8"))
    return None


def parsed(section: str, key: str, text: str) -> object:
    """Lists are comma separated or JSON, objects JSON. What cannot be read stays text: the schema refuses it."""
    annotation = fields_of(section)[key].annotation
    kind = get_origin(annotation)
    if kind is tuple and not text.lstrip().startswith("["):
        return [word.strip() for word in text.split(",") if word.strip()]
    with contextlib.suppress(ValueError):
        if kind in {tuple, dict}:
            return strict_json.parse(text)
        if annotation in _NUMBERS:
            return _NUMBERS[annotation].validate_python(text)
    return text


# -- together --------------------------------------------------------------------------------


def _validate(reading: _Reading) -> Settings | None:
    try:
        return Settings.model_validate(reading.values)
    except ValidationError as error:
        for each in error.errors():
            place = [str(part) for part in each["loc"]]
            source = reading.sources.get(pointer_to(*place[:2]), "settings")
            value = _hidden(place, each["input"])
            expected = in_words(each)
            if each["type"] == "extra_forbidden":
                value = None  # it may be a secret beside its place
                expected = f"no such setting{nearest(place[-1], _known(place[:-1]))}"
            reading.problems.append(Problem(source, pointer_to(*place), value, expected))
        return None


def _hidden(place: Sequence[str], value: object) -> object:
    section, key = (*place, "", "")[:2]
    known = fields_of(section).get(key)
    if known is not None and is_secret(known):
        return MASK
    return json.loads(json.dumps(value, default=str))


def is_secret(info: FieldInfo) -> bool:
    return info.annotation is SecretStr or "BrokerUser" in str(get_args(info.annotation))


def sections() -> Mapping[str, FieldInfo]:
    return {name: info for name, info in Settings.model_fields.items() if name != "version"}


def fields_of(section: str) -> Mapping[str, FieldInfo]:
    return _known([section])


def _known(place: Sequence[str]) -> Mapping[str, FieldInfo]:
    """The keys that the object at this place may have."""
    kind: Any = Settings
    for step in place:
        info = _keys(kind).get(step)
        kind = (
            info.annotation if info is not None else (None, *get_args(kind))[-1]
        )  # else: of a dict's values
    return _keys(kind)


def _keys(kind: Any) -> Mapping[str, FieldInfo]:
    return kind.model_fields if isinstance(kind, type) and issubclass(kind, BaseModel) else {}


def nearest(word: str, known: Iterable[str]) -> str:
    near = difflib.get_close_matches(word, known, n=1)
    return f"; do you mean {near[0]!r}?" if near else ""
