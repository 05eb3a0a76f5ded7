"""The data folder: ours alone, writable, and what it says when it is not."""

import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from hawk.datafolder import DataFolder, choose
from hawk.errors import AlreadyRunning, ConfigurationError


def test_the_option_comes_first_then_the_environment(tmp_path: Path) -> None:
    assert choose(tmp_path, {"BATTERYHAWK_DATA": "/else"}) == tmp_path
    assert choose(None, {"BATTERYHAWK_DATA": "/else"}) == Path("/else")


def test_it_is_made_with_what_identifies_the_gateway(tmp_path: Path) -> None:
    with DataFolder.open(tmp_path / "new" / "data") as folder:
        gateway, token = folder.gateway_id(), folder.api_token("")
        assert len(gateway) == 12
        assert int(gateway, 16) >= 0
        assert stat.S_IMODE(folder.token_file.stat().st_mode) == 0o600
        assert folder.api_token("chosen in the settings") == "chosen in the settings"
    with DataFolder.open(tmp_path / "new" / "data") as folder:
        assert (folder.gateway_id(), folder.api_token("")) == (gateway, token)


def test_a_second_one_is_refused_with_who_has_it(tmp_path: Path) -> None:
    with DataFolder.open(tmp_path) as folder:
        folder.write_run("http://127.0.0.1:5000", 0)
        with (
            pytest.raises(AlreadyRunning, match=f"process {os.getpid()} at http://127.0.0.1:5000"),
            DataFolder.open(tmp_path),
        ):
            pass
        assert (tmp_path / "run.json").exists()
    assert not (tmp_path / "run.json").exists()


def test_the_lock_ends_with_the_process(tmp_path: Path) -> None:
    program = (
        "import os, pathlib, sys; from hawk.datafolder import DataFolder\n"
        "opened = DataFolder.open(pathlib.Path(sys.argv[1])); opened.__enter__().write_run('http://x', 0); os._exit(9)"
    )
    assert subprocess.run([sys.executable, "-c", program, str(tmp_path)], check=False).returncode == 9
    assert (tmp_path / "run.json").exists()
    for _ in range(2):  # the first one could not start, say
        with DataFolder.open(tmp_path) as folder:
            assert folder.after_kill
    with DataFolder.open(tmp_path) as folder:
        folder.write_run("http://x", 0)
    with DataFolder.open(tmp_path) as folder:
        assert not folder.after_kill


def test_a_folder_that_cannot_be_written_is_said_with_what_to_do(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_text("")
    with pytest.raises(ConfigurationError, match="cannot be written"), DataFolder.open(file / "data"):
        pass


@pytest.mark.parametrize("content", [b"", b"not hex", b"0123456789abcdef", b"\xff\xfe"])
def test_a_damaged_gateway_id_is_not_made_anew(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "gateway-id").write_bytes(content)
    with DataFolder.open(tmp_path) as folder, pytest.raises(ConfigurationError, match="is damaged: mend it"):
        folder.gateway_id()
    assert (tmp_path / "gateway-id").read_bytes() == content


def test_a_token_that_is_gone_while_the_service_runs_is_not_made_anew(tmp_path: Path) -> None:
    """An empty folder may be what a disk leaves behind that is just being mounted again."""
    with DataFolder.open(tmp_path / "data") as folder:
        token = folder.api_token("")
        assert folder.kept_token("") == token
        folder.token_file.unlink()
        with pytest.raises(ConfigurationError, match="api-token cannot be read"):
            folder.kept_token("")
        assert not folder.token_file.exists()
