"""Files that are replaced only if they are what we know, whoever comes in between."""

import os
import stat
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from hawk.config.file import SettingsFile
from hawk.config.load import load
from hawk.durable import ChangedUnderneath, swap, write
from hawk.errors import ChangedMeanwhile

OLD, OURS = b"old", b"ours"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    found = tmp_path / "a.json"
    found.write_bytes(OLD)
    return found


def edit(path: Path, content: bytes) -> None:
    """As an editor does."""
    new = path.with_suffix(".edited")
    new.write_bytes(content)
    new.rename(path)


def left(path: Path) -> dict[str, bytes]:
    return {each.name: each.read_bytes() for each in path.parent.iterdir()}


Step = Callable[[Path], None]


def meanwhile(path: Path, *steps: Step | None) -> Callable[[bytes], bool]:
    """Knows the old content, and lets something happen each time after it was asked: first before the place is taken,
    then after that.
    """
    waiting = list(steps)

    def is_known(found: bytes) -> bool:
        step = waiting.pop(0) if waiting else None
        if step is not None:
            step(path)
        return found == OLD

    return is_known


def test_what_is_known_is_replaced(path: Path) -> None:
    swap(path, OURS, meanwhile(path))
    assert left(path) == {"a.json": OURS}


def test_where_nothing_is_it_is_made(path: Path) -> None:
    path.unlink()
    swap(path, OURS, meanwhile(path))
    assert left(path) == {"a.json": OURS}


def test_what_is_not_known_stays(path: Path) -> None:
    path.write_bytes(b"edit")
    with pytest.raises(ChangedUnderneath):
        swap(path, OURS, meanwhile(path))
    assert left(path) == {"a.json": b"edit"}


def in_place(path: Path) -> None:
    path.write_bytes(b"edit")


def by_rename(path: Path) -> None:
    edit(path, b"edit")


@pytest.mark.parametrize("how", [in_place, by_rename])
def test_an_edit_between_the_look_and_the_rename_stays(path: Path, how: Step) -> None:
    with pytest.raises(ChangedUnderneath):
        swap(path, OURS, meanwhile(path, how))
    assert left(path) == {"a.json": b"edit"}


def test_an_edit_while_an_edit_is_given_back_stays_for_it_is_the_newest(path: Path) -> None:
    with pytest.raises(ChangedUnderneath):
        swap(path, OURS, meanwhile(path, by_rename, lambda path: edit(path, b"newest")))
    assert left(path) == {"a.json": b"newest"}


def test_an_edit_that_begins_by_moving_the_file_away_stays(path: Path) -> None:
    """As vim does where it keeps a backup: ours comes into the empty place, and is written over."""
    swap(path, OURS, meanwhile(path, lambda path: path.unlink()))
    assert left(path) == {"a.json": OURS}


def test_mode_and_owner_stay(path: Path) -> None:
    path.chmod(0o640)
    if os.geteuid() == 0:
        os.chown(path, 1234, 2345)
    swap(path, OURS, meanwhile(path))
    write(path.with_name("copy"), OURS, like=path)
    for each in (path, path.with_name("copy")):
        there = each.stat()
        assert stat.S_IMODE(there.st_mode) == 0o640
        assert (there.st_uid, there.st_gid) == (
            (1234, 2345) if os.geteuid() == 0 else (os.getuid(), os.getgid())
        )


_SWAP = """
import sys
from pathlib import Path
from hawk.durable import ChangedUnderneath, swap
path = Path(sys.argv[1])
try:
    swap(path, b"ours", lambda found: found == b"old")
except ChangedUnderneath:
    print("changed")
"""


@pytest.mark.parametrize("refusal", ["EINVAL", "ENOSYS"])
@pytest.mark.parametrize(("there", "then"), [(OLD, OURS), (None, OURS), (b"edit", b"edit")])
def test_where_files_cannot_change_places_it_is_compared_and_renamed(
    path: Path, refusal: str, there: bytes | None, then: bytes
) -> None:
    if there is None:
        path.unlink()
    else:
        path.write_bytes(there)
    strace = ["strace", "-o", "/dev/null", "-e", f"inject=renameat2:error={refusal}"]
    done = subprocess.run(
        [*strace, sys.executable, "-c", _SWAP, str(path)], capture_output=True, text=True, check=True
    )
    assert left(path) == {"a.json": then}
    assert (done.stdout == "changed\n") is (there == b"edit")


def test_one_that_is_gone_for_an_instant_is_not_written_over_unseen(path: Path) -> None:
    strace = ["strace", "-o", "/dev/null", "-e", "inject=renameat2:error=ENOENT:when=1"]
    subprocess.run([*strace, sys.executable, "-c", _SWAP, str(path)], check=True)
    assert left(path) == {"a.json": OURS}


def test_three_hundred_edits_while_somebody_writes_all_the_time_are_all_taken_in(tmp_path: Path) -> None:
    """Each is made without knowing of the other side, at any moment of its writing."""
    path = tmp_path / "system.json"
    path.write_text("{}")
    file = SettingsFile(path, load(path, {}))
    taken, enough = threading.Event(), threading.Event()

    def write_all_the_time() -> None:
        for n in range(10**6):
            if enough.is_set():
                return
            try:
                file.change({"history": {"auto": n % 2 == 0}}, None)
            except ChangedMeanwhile:
                file.look()
                taken.set()

    writer = threading.Thread(target=write_all_the_time)
    writer.start()
    for n in range(300):
        taken.clear()
        edit(path, b'{"polling": {"interval": %d}}' % (1000 + n))
        assert taken.wait(10), f"edit {n} was lost"
        assert file.settings.polling.interval == 1000 + n
    enough.set()
    writer.join()
