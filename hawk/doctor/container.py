"""Whether this is a container, and what is mounted in it."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

_MARKS = (".dockerenv", "run/.containerenv")


@dataclass(frozen=True, slots=True)
class Mount:
    point: Path
    kind: str  # the file system: "ext4", "overlay"


def inside(root: Path = Path("/")) -> bool:
    return any((root / mark).exists() for mark in _MARKS)


def mounts() -> tuple[Mount, ...]:
    try:
        return mounts_in(Path("/proc/self/mountinfo").read_text())
    except OSError:
        return ()


def mounts_in(mountinfo: str) -> tuple[Mount, ...]:
    """See proc_pid_mountinfo(5): spaces in a path are octal."""
    found = []
    for line in mountinfo.splitlines():
        place, _, rest = line.partition(" - ")
        point = re.sub(r"\\([0-7]{3})", lambda octal: chr(int(octal[1], 8)), place.split()[4])
        found.append(Mount(Path(point), rest.split()[0]))
    return tuple(found)


def mount_of(path: Path, there: Sequence[Mount]) -> Mount | None:
    """The innermost one, and of those in one place the last; None when none is known."""
    holding = [mount for mount in there if path.is_relative_to(mount.point)]
    return max(reversed(holding), key=lambda mount: len(mount.point.parts), default=None)
