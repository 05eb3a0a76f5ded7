"""system.json while the service runs."""

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from hawk.config.file import SettingsFile
from hawk.config.load import SettingsError, load
from hawk.errors import CannotWrite, ChangedMeanwhile, Outdated

NOBODY: frozenset[str] = frozenset()


def file_in(folder: Path, document: Any = None, **environ: str) -> SettingsFile:
    path = folder / "system.json"
    if document is not None:
        path.write_text(json.dumps(document))
    return SettingsFile(path, load(path, environ))


def edit(folder: Path, content: str | bytes) -> None:
    (folder / "system.json").write_bytes(content if isinstance(content, bytes) else content.encode())


def test_a_valid_edit_is_taken_in_at_the_first_look(tmp_path: Path) -> None:
    file = file_in(tmp_path, {})
    tag = file.standing(NOBODY).tag
    edit(tmp_path, '{"polling": {"interval": 9}}')
    file.look()
    standing = file.standing(NOBODY)
    assert standing.settings.polling.interval == 9
    assert standing.restart_required == {"polling.interval"}
    assert standing.tag != tag


def test_a_wrong_edit_is_said_at_the_second_look(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """At the first an editor may be in the middle of it."""
    file = file_in(tmp_path, {"polling": {"interval": 9}})
    edit(tmp_path, '{"polling": ')
    file.look()
    assert file.standing(NOBODY).problems == ()
    for _ in range(3):
        file.look()
    assert len(file.standing(NOBODY).problems) == 1
    assert len(caplog.records) == 1
    assert file.settings.polling.interval == 9
    edit(tmp_path, '{"polling": {"interval": 10}}')
    file.look()
    assert (file.standing(NOBODY).problems, file.settings.polling.interval) == ((), 10)


def test_a_wrong_edit_that_is_taken_back_is_forgotten(tmp_path: Path) -> None:
    file = file_in(tmp_path, {})
    edit(tmp_path, "[]")
    file.look()
    file.look()
    assert file.standing(NOBODY).problems
    edit(tmp_path, "{}")
    file.look()
    assert file.standing(NOBODY).problems == ()


def test_the_environment_stays_above_an_edit(tmp_path: Path) -> None:
    file = file_in(tmp_path, {}, BATTERYHAWK_POLLING_INTERVAL="5")
    edit(tmp_path, '{"polling": {"interval": 9}, "history": {"auto": false}}')
    file.look()
    assert (file.settings.polling.interval, file.settings.history.auto) == (5, False)


def test_a_file_that_is_gone_is_no_change_and_is_written_again_whole(tmp_path: Path) -> None:
    file = file_in(tmp_path, {"garden": 1, "polling": {"interval": 9}})
    (tmp_path / "system.json").unlink()
    file.look()
    assert file.settings.polling.interval == 9
    file.change({"history": {"auto": False}}, None)
    written = json.loads((tmp_path / "system.json").read_text())
    assert written == {"version": "1.0", "garden": 1, "polling": {"interval": 9}, "history": {"auto": False}}


def test_a_change_after_an_edit_that_nobody_looked_at_is_refused(tmp_path: Path) -> None:
    file = file_in(tmp_path, {})
    edit(tmp_path, '{"polling": {"interval": 9}}')
    with pytest.raises(ChangedMeanwhile):
        file.change({"polling": {"interval": 10}}, None)
    assert (tmp_path / "system.json").read_text() == '{"polling": {"interval": 9}}'
    file.look()
    file.change({"polling": {"interval": 10}}, None)
    assert file.settings.polling.interval == 10


def test_a_change_of_older_settings_is_refused(tmp_path: Path) -> None:
    file = file_in(tmp_path)
    tag = file.standing(NOBODY).tag
    file.change({"polling": {"interval": 9}}, tag)
    with pytest.raises(Outdated):
        file.change({"polling": {"interval": 10}}, tag)
    assert file.settings.polling.interval == 9


def test_a_change_that_is_none_writes_nothing(tmp_path: Path) -> None:
    file = file_in(tmp_path)
    file.change({"polling": {}, "mqtt": {"password": "***", "port": None}}, None)
    assert not (tmp_path / "system.json").exists()


@pytest.mark.parametrize("value", [True, "3", 0, None, [3], 1e12])
def test_numbers_are_as_strict_as_in_the_file(tmp_path: Path, value: Any) -> None:
    file = file_in(tmp_path, {"bluetooth": {"max_concurrent_connections": 1}})
    if value is None:
        file.change({"bluetooth": {"max_concurrent_connections": value}}, None)
        return
    with pytest.raises(SettingsError):
        file.change({"bluetooth": {"max_concurrent_connections": value}}, None)


def test_a_disk_that_refuses_leaves_everything_as_it_was(tmp_path: Path) -> None:
    file = file_in(tmp_path, {"polling": {"interval": 9}})
    (tmp_path / ".system.json.new").mkdir()  # so that it cannot be made
    with pytest.raises(CannotWrite, match=r"system\.json"):
        file.change({"polling": {"interval": 10}}, None)
    assert file.settings.polling.interval == 9
    assert json.loads((tmp_path / "system.json").read_text()) == {"polling": {"interval": 9}}


VALID = b'{"version": "1.0", "polling": {"interval": 9}, "mqtt": {"password": "x"}, "broker": {"users": {}}}'


@st.composite
def mangled(draw: st.DrawFn) -> bytes:
    content = bytearray(VALID)
    for _ in range(draw(st.integers(1, 4))):
        at = draw(st.integers(0, len(content)))
        content[at : at + draw(st.integers(0, 8))] = draw(st.binary(max_size=6))
    return bytes(content)


@hypothesis_settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(content=st.binary(max_size=200) | mangled())
def test_whatever_stands_in_the_file_the_old_settings_or_new_ones_hold(
    tmp_path: Path, content: bytes
) -> None:
    file = file_in(tmp_path, {"polling": {"interval": 77}})
    edit(tmp_path, content)
    file.look()
    file.look()
    standing = file.standing(NOBODY)
    if standing.problems:
        assert file.settings.polling.interval == 77
    assert (tmp_path / "system.json").read_bytes() == content


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)
SECTIONS = st.sampled_from(["api", "mqtt", "polling", "broker", "simulation", "version", "garden", ""])
SOME_KEYS = st.sampled_from(["port", "interval", "users", "password", "models", "host", "nonsense"])


@hypothesis_settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(changes=st.dictionaries(SECTIONS, JSON | st.dictionaries(SOME_KEYS, JSON, max_size=3), max_size=3))
def test_whatever_is_sent_is_refused_or_can_be_read_at_the_next_start(
    tmp_path: Path, changes: dict[str, Any]
) -> None:
    (tmp_path / "system.json").unlink(missing_ok=True)
    file = file_in(tmp_path)
    try:
        file.change(changes, None)
    except (SettingsError, CannotWrite):
        assert not (tmp_path / "system.json").exists()
    assert load(tmp_path / "system.json", {}).settings == file.settings
