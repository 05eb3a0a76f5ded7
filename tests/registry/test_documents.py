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

from hawk.errors import CannotWrite, ConfigurationError
from hawk.registry import documents


def number_in(document: object) -> int:
    if not isinstance(document, dict) or not isinstance(document.get("n"), int):
        raise ValueError("expected an object with n")
    number: int = document["n"]
    return number


def opened(path: Path) -> Any:
    found = documents.open_document(path, number_in)
    return found and found.document


def test_there_is_none_at_first(tmp_path: Path) -> None:
    assert documents.open_document(tmp_path / "a.json", number_in) is None


def test_what_was_written_is_read(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    for n in (1, 2, 3):
        documents.replace(path, {"n": n, "name": "Käfer"})
        assert opened(path) == {"n": n, "name": "Käfer"}
    assert json.loads((tmp_path / "a.json.last-good").read_text())["n"] == 2


def test_what_did_not_change_is_not_written(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    documents.replace(path, {"n": 1})
    before = path.stat()
    documents.replace(path, {"n": 1})
    assert path.stat() == before


@pytest.mark.parametrize("damage", ["", "{", '{"n": "one"}', "\x00" * 50, "[]"])
def test_a_damaged_one_gives_way_to_the_last_good_copy_and_is_kept(tmp_path: Path, damage: str) -> None:
    path = tmp_path / "a.json"
    documents.replace(path, {"n": 1})
    documents.replace(path, {"n": 2})
    path.write_text(damage)
    found = documents.open_document(path, number_in)
    assert found is not None
    assert found.document == {"n": 1}
    assert found.recovered is not None
    assert "last good copy" in found.recovered
    (kept,) = tmp_path.glob("a.json.damaged-*")
    assert kept.read_text() == damage
    assert opened(path) == {"n": 1}


def test_without_a_good_copy_nothing_is_touched(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    path.write_text('{"n": 1')
    with pytest.raises(ConfigurationError, match=r"a\.json cannot be used.*Nothing was changed"):
        documents.open_document(path, number_in)
    assert path.read_text() == '{"n": 1'
    assert list(tmp_path.iterdir()) == [path]


def test_a_folder_that_refuses_is_an_error_in_words(tmp_path: Path) -> None:
    with pytest.raises(CannotWrite, match=r"a\.json cannot be written"):
        documents.replace(tmp_path / "gone" / "a.json", {"n": 1})


_WRITER = """
import itertools, pathlib, sys
from hawk.registry import documents
path = pathlib.Path(sys.argv[1])
for n in itertools.count(int(sys.argv[2])):
    documents.replace(path, {"n": n, "filler": "x" * 20_000})
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
        found = documents.open_document(path, number_in)
        assert found is not None
        assert found.recovered is None
        last = number_in(found.document)
        assert last in (acknowledged, acknowledged + 1)
