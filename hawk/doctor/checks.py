"""What a check says. Pure."""

from collections.abc import Iterable
from dataclasses import dataclass

from hawk.errors import HawkError

LAYERS = ("dbus", "bluez", "permission", "adapter", "powered", "scan", "connect")  # from the bottom up
BLUETOOTH = (*LAYERS, "rfkill")


@dataclass(frozen=True, slots=True)
class Check:
    name: str
    ok: bool | None  # None: could not be told, or concerns nobody here
    detail: str
    fix: str = ""  # what to do, as a command where there is one


def good(name: str, detail: str) -> Check:
    return Check(name, True, detail)


def untold(name: str, detail: str) -> Check:
    return Check(name, None, detail)


def refused(name: str, error: HawkError) -> Check:
    """Our refusals say what happened, then after a colon what to do."""
    detail, colon, fix = str(error).rpartition(": ")
    return Check(name, False, detail, fix) if colon else Check(name, False, str(error))


def exit_code(checks: Iterable[Check]) -> int:
    """0 all is well, 69 no Bluetooth, 1 something else."""
    failed = {check.name for check in checks if check.ok is False}
    if failed & set(BLUETOOTH):
        return 69
    return 1 if failed else 0
