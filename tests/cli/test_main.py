"""How `hawk` ends when it is interrupted, told to stop, or has a bug."""

import os
import signal
import subprocess
import sys
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
import trio
from click.testing import CliRunner

from hawk.cli.main import LazyGroup, main
from tests.service import QUICK, Service, wait_until

SIMULATED = {"BATTERYHAWK_BLUETOOTH_BACKEND": "simulated"}


def start(*arguments: str) -> "subprocess.Popen[str]":
    return subprocess.Popen(
        [sys.executable, "-m", "hawk", *arguments],
        env={**os.environ, **QUICK, **SIMULATED},
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip


def end(process: "subprocess.Popen[str]", signal_: signal.Signals) -> tuple[int, str]:
    """Exit code, and what it said on stderr."""
    process.send_signal(signal_)
    said = process.communicate(timeout=20)[1]
    return process.returncode, said


def wait_for_trio(process: "subprocess.Popen[str]") -> None:
    """Its loop has an epoll. While it becomes another program it still has the files of this one, but no libraries."""
    proc = Path(f"/proc/{process.pid}")

    def looping() -> bool:
        if (
            b"\0hawk\0" not in (proc / "cmdline").read_bytes()
            or "pydantic_core" not in (proc / "maps").read_text()
        ):
            return False
        files = []
        for each in (proc / "fd").iterdir():
            with suppress(FileNotFoundError):  # closed meanwhile
                files.append(str(each.readlink()))
        return "anon_inode:[eventpoll]" in files

    wait_until(looping)


def test_ctrl_c_ends_a_scan_without_a_traceback(tmp_path: Path) -> None:
    process = start("scan", "--duration", "30", "--data", str(tmp_path))
    wait_for_trio(process)
    assert end(process, signal.SIGINT) == (130, "")


def test_ctrl_c_ends_decode(tmp_path: Path) -> None:
    process = start("decode", "--json-lines")
    assert process.stdin is not None
    assert process.stdout is not None
    process.stdin.write("{}\n")
    process.stdin.flush()
    process.stdout.readline()
    assert end(process, signal.SIGINT) == (130, "")


@pytest.mark.parametrize("command", ["serve", "demo"])
def test_ctrl_c_ends_the_service_in_order_with_130(tmp_path: Path, command: str) -> None:
    with Service(tmp_path / "data", (command,), **SIMULATED) as service:
        service.process.send_signal(signal.SIGINT)
        assert service.process.wait(20) == 130
        assert "Traceback" not in service.log_text()
    assert not (tmp_path / "data" / "run.json").exists()


@pytest.mark.parametrize("command", ["serve", "demo"])
def test_sigterm_while_it_is_starting_is_an_end_in_order(tmp_path: Path, command: str) -> None:
    """From the moment on when its command runs, before anything heavy is imported."""
    process = start(command, "--data", str(tmp_path / "data"))

    def caught() -> bool:
        status = Path(f"/proc/{process.pid}/status").read_text()
        mask = int(status.partition("SigCgt:")[2].split()[0], 16)
        return bool(mask >> (signal.SIGTERM - 1) & 1)

    wait_until(caught, every=0.001)
    assert end(process, signal.SIGTERM) == (0, "")


@pytest.mark.parametrize("broken", [KeyError("spam"), ExceptionGroup("", [KeyError("spam")])])
def test_a_bug_exits_70_with_its_traceback(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, broken: Exception
) -> None:
    def fail(*_: Any) -> None:
        raise broken

    monkeypatch.setattr(LazyGroup, "get_command", fail)
    assert CliRunner().invoke(main, ["decode"]).exit_code == 70
    assert "KeyError: 'spam'" in caplog.text


def test_ctrl_c_in_a_nursery_is_no_bug(monkeypatch: pytest.MonkeyPatch) -> None:
    async def interrupted() -> None:
        async with trio.open_nursery():
            raise KeyboardInterrupt

    monkeypatch.setattr(LazyGroup, "get_command", lambda *_: trio.run(interrupted))
    assert CliRunner().invoke(main, ["decode"]).exit_code == 130


def test_ctrl_c_while_a_module_is_imported_is_no_bug(monkeypatch: pytest.MonkeyPatch) -> None:
    class Field:
        def __set_name__(self, *_: Any) -> None:
            raise KeyboardInterrupt

    async def importing() -> None:
        async with trio.open_nursery():
            type("Task", (), {"fields": Field()})

    monkeypatch.setattr(LazyGroup, "get_command", lambda *_: trio.run(importing))
    assert CliRunner().invoke(main, ["decode"]).exit_code == 130


def test_wrong_usage_is_still_2() -> None:
    assert CliRunner().invoke(main, ["decode", "--nonsense"]).exit_code == 2
    assert CliRunner().invoke(main, ["decode", "--help"]).exit_code == 0
