"""The watchdog: a Trio thread that stands still ends the process, with all stacks."""

import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from actors import notify_systemd

_HANG = """
import time, trio
from actors import Watchdog

async def main():
    async with trio.open_nursery() as nursery:
        nursery.start_soon(Watchdog(beat=0.05, patience=0.4).run)
        await trio.sleep(0.6)
        print("alive", flush=True)
        time.sleep(20)

trio.run(main)
"""


def test_a_thread_that_stands_still_is_ended_with_its_stacks() -> None:
    done = subprocess.run(
        [sys.executable, "-c", _HANG], capture_output=True, text=True, timeout=15, check=False
    )
    assert done.returncode == 70
    assert done.stdout == "alive\n"
    assert "all stacks" in done.stderr
    assert "in main" in done.stderr


def test_the_service_manager_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind(str(tmp_path / "notify"))
        monkeypatch.setenv("NOTIFY_SOCKET", str(tmp_path / "notify"))
        notify_systemd("READY=1")
        assert manager.recv(100) == b"READY=1"


def test_without_a_service_manager_nothing_happens(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NOTIFY_SOCKET", raising=False)
    notify_systemd("READY=1")
    assert "NOTIFY_SOCKET" not in os.environ
