"""A document that survives a power cut at any moment."""

import json
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hawk.durable import encoded
from hawk.errors import (
    CannotWrite,
    ChangedMeanwhile,
    ConfigurationError,
    OtherVersion,
    Problem,
    WrongDocument,
)
from hawk.registry.documents import DocumentFile


def number_in(document: object) -> int:
    if not isinstance(document, dict) or not isinstance(document.get("n"), int):
        raise WrongDocument([Problem("a.json", "/n", None, "a number")])
    number: int = document["n"]
    return number


def file_at(path: Path) -> DocumentFile:
    """As a process has it that begins now."""
    file = DocumentFile(path, number_in)
    file.read()
    return file


def opened(path: Path) -> Any:
    return DocumentFile(path, number_in).read()


def copies(path: Path, what: str) -> list[str]:
    return [copy.read_text() for copy in sorted(path.parent.glob(f"{path.name}.{what}-*"))]


def test_there_is_none_at_first(tmp_path: Path) -> None:
    assert opened(tmp_path / "a.json") is None


def test_what_was_written_is_read(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    file = file_at(path)
    for n in (1, 2, 3):
        file.replace(encoded({"n": n, "name": "Käfer"}))
        assert opened(path) == {"n": n, "name": "Käfer"}
    assert json.loads((tmp_path / "a.json.last-good").read_text())["n"] == 2


def test_what_did_not_change_is_not_written(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    file = file_at(path)
    file.replace(encoded({"n": 1}))
    before = path.stat()
    file.replace(encoded({"n": 1}))
    assert path.stat() == before


@pytest.mark.parametrize("damage", ["", "{", '{"n": "one"}', "\x00" * 50, "[]"])
def test_a_damaged_one_gives_way_to_the_last_good_copy_and_is_kept(tmp_path: Path, damage: str) -> None:
    path = written_twice(tmp_path)
    path.write_text(damage)
    file = DocumentFile(path, number_in)
    assert file.read() == {"n": 1}
    assert path.read_text() == damage
    file.mend()
    assert "last good copy" in (file.notice or "")
    assert copies(path, "damaged") == [damage]
    assert opened(path) == {"n": 1}


def written_twice(folder: Path) -> Path:
    path = folder / "a.json"
    file = file_at(path)
    file.replace(encoded({"n": 1}))
    file.replace(encoded({"n": 2}))
    return path


def test_without_a_good_copy_nothing_is_touched(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    path.write_text('{"n": 1')
    with pytest.raises(ConfigurationError, match=r"a\.json cannot be used.*Nothing was changed"):
        opened(path)
    assert path.read_text() == '{"n": 1'
    assert list(tmp_path.iterdir()) == [path]


def test_a_folder_that_refuses_is_an_error_in_words(tmp_path: Path) -> None:
    with pytest.raises(CannotWrite, match=r"a\.json cannot be written"):
        file_at(tmp_path / "gone" / "a.json").replace(encoded({"n": 1}))


def test_when_both_are_damaged_moving_away_what_the_advice_names_begins_anew(tmp_path: Path) -> None:
    path = written_twice(tmp_path)
    path.write_text("{")
    copy = tmp_path / "a.json.last-good"
    copy.write_text("[")
    with pytest.raises(ConfigurationError) as refused:
        opened(path)
    assert f"move {path} and {copy} away" in str(refused.value)
    path.unlink()
    with pytest.raises(ConfigurationError) as refused:
        opened(path)
    assert f"move {copy} away" in str(refused.value)
    copy.unlink()
    assert opened(path) is None


def test_a_missing_one_is_brought_back_and_said(tmp_path: Path) -> None:
    path = written_twice(tmp_path)
    path.unlink()
    file = file_at(path)
    file.mend()
    assert "a.json is missing" in (file.notice or "")
    assert opened(path) == {"n": 1}


def newer(document: object) -> None:
    if isinstance(document, dict) and document.get("version") == "2.0":
        raise OtherVersion("a.json has version '2.0'")
    number_in(document)


@pytest.mark.parametrize("name", ["a.json", "a.json.last-good"])
def test_one_of_another_version_is_not_touched_also_when_there_is_a_good_copy(
    tmp_path: Path, name: str
) -> None:
    path = written_twice(tmp_path)
    path.write_text("{")
    (tmp_path / name).write_text('{"version": "2.0"}')
    before = {each.name: each.read_text() for each in tmp_path.iterdir()}
    with pytest.raises(ConfigurationError, match=rf"{name}: .*version '2.0'"):
        DocumentFile(path, newer).read()
    assert {each.name: each.read_text() for each in tmp_path.iterdir()} == before


def test_one_of_another_version_that_comes_while_the_service_runs_is_not_touched(tmp_path: Path) -> None:
    file = DocumentFile(written_twice(tmp_path), newer)
    file.read()
    (tmp_path / "a.json").write_text('{"version": "2.0"}')
    with pytest.raises(ChangedMeanwhile):
        file.replace(encoded({"n": 3}))
    assert (tmp_path / "a.json").read_text() == '{"version": "2.0"}'


@pytest.mark.parametrize("name", ["a.json", "a.json.last-good"])
def test_one_that_cannot_be_read_is_not_taken_for_damaged(tmp_path: Path, name: str) -> None:
    path = written_twice(tmp_path)
    path.unlink()
    (tmp_path / name).unlink(missing_ok=True)
    (tmp_path / name).mkdir()
    with pytest.raises(ConfigurationError, match=rf"{name} cannot be read: Is a directory"):
        opened(path)
    assert (tmp_path / name).is_dir()


_READER = """
import os, pathlib, sys
from hawk.errors import ConfigurationError
from hawk.registry.documents import DocumentFile
if os.getuid() == 0: os.setgid(65534); os.setuid(65534)
try:
    DocumentFile(pathlib.Path(sys.argv[1]), str).read()
except ConfigurationError as error:
    print(error)
"""


def test_one_that_we_may_not_read_is_said_with_what_to_do(visible_path: Path) -> None:
    """As somebody who may not, which root has to become first."""
    path = written_twice(visible_path)
    path.chmod(0)
    done = subprocess.run(
        [sys.executable, "-c", _READER, str(path)], capture_output=True, text=True, check=True
    )
    assert f"a.json cannot be read: {path} belongs to uid {path.stat().st_uid}, this is uid" in done.stdout
    assert ("sudo chown -R" if os.getuid() == 0 else "chmod -R u+rwX") in done.stdout


@pytest.mark.parametrize("content", ["", "{", '{"n": "one"}', "[]", '{"n": 50}'])
def test_what_somebody_writes_into_it_while_the_service_runs_is_never_overwritten(
    tmp_path: Path, content: str
) -> None:
    path = written_twice(tmp_path)
    file = file_at(path)
    path.write_text(content)
    for n in (3, 4):
        with pytest.raises(ChangedMeanwhile, match=r"a\.json was changed by somebody else"):
            file.replace(encoded({"n": n}))
    assert path.read_text() == content
    assert sorted(each.name for each in tmp_path.iterdir()) == ["a.json", "a.json.last-good"]


def test_what_somebody_wrote_into_it_and_is_taken_is_replaced_by_the_next_change(tmp_path: Path) -> None:
    path = written_twice(tmp_path)
    file = file_at(path)
    path.write_text('{"n": 50}')
    there = file.content()
    assert there == b'{"n": 50}'
    file.take(there)
    assert file.content() is None
    file.replace(encoded({"n": 51}))
    assert opened(path) == {"n": 51}
    assert (tmp_path / "a.json.last-good").read_text() == '{"n": 50}'


def test_half_a_character_is_written_as_its_escape(tmp_path: Path) -> None:
    document = {"n": 1, "note \udc80": "Käfer \ud83d \\ud83d"}
    file_at(tmp_path / "a.json").replace(encoded(document))
    assert opened(tmp_path / "a.json") == document


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(st.characters(), max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(st.characters(), max_size=8), inner, max_size=3)
    ),
)


@given(JSON)
def test_what_json_can_say_is_read_as_it_was_written(document: object) -> None:
    assert json.loads(encoded(document)) == json.loads(json.dumps(document))


def test_one_that_is_nested_too_deeply_is_damaged(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    path.write_text('{"n": 1, "x": ' + "[" * 20_000 + "]" * 20_000 + "}")
    with pytest.raises(ConfigurationError, match=r"a\.json cannot be used"):
        opened(path)


_WRITER = """
import itertools, pathlib, sys
from hawk.durable import encoded
from hawk.registry.documents import DocumentFile
path = pathlib.Path(sys.argv[1])
file = DocumentFile(path, str)
file.read()
for n in itertools.count(int(sys.argv[2])):
    file.replace(encoded({"n": n, "filler": "x" * 20_000}))
    print(n, flush=True)
"""


def test_a_kill_at_any_moment_leaves_what_was_acknowledged(tmp_path: Path) -> None:
    path, chance, last = tmp_path / "a.json", random.Random(6), 0
    for _ in range(15):
        writer = subprocess.Popen(
            [sys.executable, "-c", _WRITER, str(path), str(last + 1)], stdout=subprocess.PIPE, text=True
        )
        assert writer.stdout is not None
        acknowledged = int(writer.stdout.readline())
        time.sleep(chance.random() * 0.02)
        os.kill(writer.pid, signal.SIGKILL)
        rest = writer.stdout.read().split()
        writer.wait()
        writer.stdout.close()
        acknowledged = max([acknowledged, *(int(n) for n in rest)])
        file = file_at(path)
        file.mend()
        assert file.notice is None
        last = number_in(opened(path))
        assert last in (acknowledged, acknowledged + 1)
