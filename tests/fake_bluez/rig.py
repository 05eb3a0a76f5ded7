"""Starts the simulated daemon in a process of its own and points DBUS_SYSTEM_BUS_ADDRESS at it.

Blocking code on purpose: for pytest, trio and asyncio alike. Start it before the first call of
bleak: the address is read when a bus is opened.
"""

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from types import TracebackType
from typing import Any

from tests.fake_bluez.monitors import Monitor, fleet

_VARIABLE = "DBUS_SYSTEM_BUS_ADDRESS"


class FakeBluez:
    def __init__(
        self,
        monitors: Sequence[Monitor] | int = 1,
        *,
        adv_interval: float = 0.2,  # [s]
        connections: int = 256,  # the system bus's limit for a user
        temporary: float = 30.0,  # [s] until an unheard device is forgotten
        dedupe: str = "none",
        adapters: Sequence[str] = ("hci0",),
        policy: str = "",  # further rules of the bus, in its XML
        folder: str = "",  # for the bus: a second one in the same folder has the same address
        **faults: Any,
    ) -> None:
        """`faults` are those of every monitor."""
        self.monitors = fleet(monitors) if isinstance(monitors, int) else list(monitors)
        documents = []
        for monitor in self.monitors:
            document = monitor.to_json()
            document["faults"].update(faults)
            documents.append(document)
        self._options = {
            "monitors": documents, "adv_interval": adv_interval, "connections": connections,
            "temporary": temporary, "dedupe": dedupe, "adapters": list(adapters), "policy": policy,
            "folder": folder,
        }  # fmt: skip

    def __enter__(self) -> "FakeBluez":
        assert shutil.which("dbus-daemon"), "the tests need dbus-daemon: apt-get install dbus-daemon"
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.fake_bluez"],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        )  # fmt: skip
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        with self._process.stdin as options:
            json.dump(self._options, options)
        self.info = json.loads(self._process.stdout.readline())
        self._control = socket.socket(socket.AF_UNIX)
        self._control.connect(self.info["control"])
        self._lines = self._control.makefile("rw")
        self._before = os.environ.get(_VARIABLE)
        os.environ[_VARIABLE] = self.info["bus"]
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._before is None:
            os.environ.pop(_VARIABLE, None)
        else:
            os.environ[_VARIABLE] = self._before
        self._lines.close()
        self._control.close()
        self._process.send_signal(signal.SIGTERM)
        try:
            self._process.wait(5)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        assert self._process.stdout is not None
        self._process.stdout.close()

    @contextmanager
    def hanging(self) -> Iterator[None]:
        """bluetoothd is there and answers nothing; its bus goes on."""
        self._process.send_signal(signal.SIGSTOP)
        try:
            yield
        finally:
            self._process.send_signal(signal.SIGCONT)

    def do(self, order: str, **arguments: Any) -> Any:
        self._lines.write(json.dumps({"do": order, **arguments}) + "\n")
        self._lines.flush()
        answer = json.loads(self._lines.readline())
        if "error" in answer:
            raise RuntimeError(answer["error"])
        return answer["ok"]

    def state(self) -> dict[str, Any]:
        found: dict[str, Any] = self.do("state")
        return found

    def address(self, index: int) -> str:
        return self.monitors[index].address
