"""What the owner of the settings can be asked, and what it tells those who follow them."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from actors import Query
from hawk.config.schema import Settings


@dataclass(frozen=True, slots=True)
class Follow:
    """Told to whoever follows: these settings hold from now on."""

    settings: Settings


@dataclass(frozen=True, slots=True)
class Standing:
    """The settings as they are now. Names are such as `polling.interval`."""

    settings: Settings
    tag: str  # another one after each change of the file
    overridden: frozenset[str] = frozenset()  # what the file does not decide
    restart_required: frozenset[str] = frozenset()  # what holds only after a restart
    problems: tuple[str, ...] = ()  # why the file as it is now does not hold
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class GetSettings(Query[Standing]):
    pass


@dataclass(frozen=True, slots=True)
class Changed:
    standing: Standing
    applied: frozenset[str]  # what is another now, and holds already


@dataclass(frozen=True, slots=True)
class ChangeSettings(Query[Changed]):
    """Into the file, which keeps all else that is in it. Answered when it is on the disk and those who follow
    were told. Raises SettingsError with all that is wrong, Overridden, Outdated, ChangedMeanwhile or
    CannotWrite.
    """

    changes: Mapping[str, Any]  # section -> key -> value; None takes a key out of the file
    tag: str | None = None  # of the settings that they were made from
