"""What can be on a disk after a power cut in the middle of a program: its real system calls, as strace saw them, played
up to each one, with all that the disk may not have got yet.

A filesystem may keep what was written and not forced in part, or not at all; and what happened to names before their
folder was forced it may have done, or not, each by itself. That is more than ext4 would ever do.
"""

import re
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import product
from pathlib import Path

_CALLS = "/^(openat|open|creat|write|pwrite64|ftruncate|fsync|fdatasync|rename.*|unlink.*|link.*)$"
_LINE = re.compile(r"(?:\[pid +\d+\] )?(\w+)\((.*)\) = (-?\d+)")
_TEXT = re.compile(r'"((?:\\x[0-9a-f]{2})*)"')
_OPENED = re.compile(r"^\d+<((?:\\x[0-9a-f]{2})*)>")


@dataclass(frozen=True, slots=True)
class Call:
    name: str
    paths: tuple[str, ...]  # within the folder; "." is the folder
    text: bytes = b""
    flags: str = ""


Disk = Mapping[str, bytes]


def calls_of(program: str, folder: Path, *arguments: str) -> list[Call]:
    """Those that change something in the folder, or force it to the disk."""
    trace = folder.parent / f"{folder.name}.strace"
    command = ["strace", "-f", "-y", "-xx", "-s", "1000000", "-o", str(trace), "-e", f"trace={_CALLS}"]
    subprocess.run([*command, sys.executable, "-c", program, str(folder), *arguments], check=True)
    found = (_LINE.search(line) for line in trace.read_text().splitlines())
    calls = (_call(said[1], said[2], folder) for said in found if said and not said[3].startswith("-"))
    return [call for call in calls if call is not None]


def _call(name: str, arguments: str, folder: Path) -> Call | None:
    texts = [_plain(each) for each in _TEXT.findall(arguments)]
    if (opened := _OPENED.match(arguments)) is not None:
        paths, text = [_plain(opened[1]).decode()], texts[0] if texts else b""
    else:
        paths, text = [each.decode() for each in texts], b""
    inside = tuple(str(Path(each).relative_to(folder)) for each in paths if Path(each).is_relative_to(folder))
    if not inside or (name == "openat" and "O_CREAT" not in arguments):
        return None
    return Call(name, inside, text, arguments.rpartition(", ")[2])


def _plain(escaped: str) -> bytes:
    return bytes.fromhex(escaped.replace("\\x", ""))


@dataclass(slots=True)
class _File:
    forced: bytes = b""
    written: bytes = b""

    def kept(self) -> set[bytes]:
        """What a cut may leave of it."""
        if self.forced == self.written:
            return {self.forced}
        half = self.written[: (len(self.forced) + len(self.written)) // 2]
        return {self.forced, self.written, half, b"\0" * len(self.written)}


@dataclass(slots=True)
class _Model:
    names: dict[str, _File]  # on the disk
    pending: list[Call] = field(default_factory=list)  # what happened to names since the folder was forced
    now: dict[str, _File] = field(default_factory=dict)  # names as programs see them
    made: dict[int, _File] = field(default_factory=dict)  # by the place of the call that made it

    def play(self, call: Call) -> None:
        match call.name:
            case "write":
                self.now[call.paths[0]].written += call.text
            case "fsync" | "fdatasync" if call.paths == (".",):
                self.names, self.pending = dict(self.now), []
            case "fsync" | "fdatasync":
                file = self.now[call.paths[0]]
                file.forced = file.written
            case "openat":
                assert "O_EXCL" in call.flags or call.paths[0] not in self.now or "O_APPEND" in call.flags, (
                    call
                )
                file = self.now.get(call.paths[0], _File())
                self._change(call, file)
            case "rename" | "renameat2" | "unlink" | "unlinkat":
                self._change(call, None)
            case other:
                raise AssertionError(f"nothing is known here of {other}")

    def _change(self, call: Call, file: _File | None) -> None:
        if file is not None:
            self.made[id(call)] = file
        _done(call, self.now, self.made)
        self.pending.append(call)

    def after_a_cut(self) -> Iterator[Disk]:
        for chosen in product((False, True), repeat=len(self.pending)):
            names = dict(self.names)
            for call, done in zip(self.pending, chosen, strict=True):
                if done:
                    _done(call, names, self.made)
            choices = [[(name, kept) for kept in file.kept()] for name, file in names.items()]
            yield from (dict(each) for each in product(*choices))


def _done(call: Call, names: dict[str, _File], made: Mapping[int, _File]) -> None:
    if call.name == "openat":
        names[call.paths[0]] = made[id(call)]
    elif call.name.startswith("unlink"):
        names.pop(call.paths[0], None)
    elif call.paths[0] in names:
        old, new = call.paths
        if "EXCHANGE" in call.flags:
            if new in names:
                names[old], names[new] = names[new], names[old]
        elif "NOREPLACE" not in call.flags or new not in names:
            names[new] = names.pop(old)


def disks(before: Disk, calls: Sequence[Call]) -> Iterator[Disk]:
    """All that may be there when the power goes after these calls."""
    model = _Model({name: _File(content, content) for name, content in before.items()})
    model.now = dict(model.names)
    for call in calls:
        model.play(call)
    return model.after_a_cut()
