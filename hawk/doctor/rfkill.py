"""Switches that block the radio: of the system (soft), or of the machine's case (hard)."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path

from hawk.doctor.checks import Check, good, untold


@dataclass(frozen=True, slots=True)
class Switch:
    name: str  # "hci0", or what the maker of the machine calls it
    soft: bool
    hard: bool

    @property
    def blocks(self) -> bool:
        return self.soft or self.hard


def rfkill(wanted: Collection[str], root: Path = Path("/sys/class/rfkill")) -> Check:
    return judged(switches(root), set(wanted) - {"all"})


def switches(root: Path) -> list[Switch]:
    """Those of Bluetooth."""
    return [
        Switch(_read(each / "name"), _read(each / "soft") == "1", _read(each / "hard") == "1")
        for each in sorted(root.glob("*"))
        if _read(each / "type") == "bluetooth"
    ]


def judged(there: Sequence[Switch], wanted: Collection[str]) -> Check:
    """`wanted` adapters must be free, all of them; when none is named, one of them suffices."""
    if not there:
        return untold("rfkill", "the kernel shows no switch for Bluetooth here")
    own = [each for each in there if each.name in wanted] if wanted else adapters_in(there)
    asked = own or [each for each in there if each not in adapters_in(there)]
    blocked = [each for each in asked if each.blocks]
    if not blocked or (own and not wanted and len(blocked) < len(own)):
        return good("rfkill", "Bluetooth is not blocked")
    if blocked[0].hard:
        return Check(
            "rfkill",
            False,
            f"{blocked[0].name} is blocked by a switch or key of the machine",
            "turn that switch on",
        )
    return Check("rfkill", False, f"{blocked[0].name} is blocked", "sudo rfkill unblock bluetooth")


def adapters_in(there: Sequence[Switch]) -> list[Switch]:
    return [each for each in there if each.name.startswith("hci")]


def _read(path: Path) -> str:
    try:
        return path.read_text().strip()
    except OSError:
        return ""
