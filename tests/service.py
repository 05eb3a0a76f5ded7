"""The whole program as its users have it: its own process, asked over HTTP."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, TypeVar

import httpx

T = TypeVar("T")

QUICK = {
    "BATTERYHAWK_API_HOST": "127.0.0.1",
    "BATTERYHAWK_API_PORT": "0",
    "BATTERYHAWK_BROKER_PORT": "0",
    "BATTERYHAWK_LOGGING_LEVEL": "DEBUG",
}


class Service:
    """`with Service(data) as service:` starts `hawk serve` and ends it with SIGTERM."""

    def __init__(self, data: Path, command: tuple[str, ...] = ("serve",), **environment: str) -> None:
        self.data = data
        self._argv = [sys.executable, "-m", "hawk", *command, "--json", "--data", str(data)]
        self._environment = {**os.environ, **QUICK, **environment}
        self.ready: Mapping[str, Any] = {}

    def __enter__(self) -> "Service":
        self.log = (self.data.parent / f"{self.data.name}.log").open("ab")
        self.process = subprocess.Popen(
            self._argv, env=self._environment, stdout=subprocess.PIPE, stderr=self.log, text=True
        )
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        if not line:
            self.process.wait()
            raise AssertionError(f"not started:\n{self.log_text()}")
        self.ready = json.loads(line)
        token = self.ready.get("token") or Path(self.ready["token_file"]).read_text().strip()
        self.http = httpx.Client(
            base_url=self.ready["url"], headers={"Authorization": f"Bearer {token}"}, timeout=10
        )
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.http.close()
        if self.process.poll() is None:
            self.stop()
        self._close()

    def stop(self, within: float = 20.0) -> int:
        """SIGTERM; the exit code."""
        self.process.send_signal(signal.SIGTERM)
        try:
            return self.process.wait(within)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            raise AssertionError(f"did not stop within {within} s:\n{self.log_text()}") from None

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()

    def _close(self) -> None:
        assert self.process.stdout is not None
        self.process.stdout.close()
        self.log.close()

    def log_text(self) -> str:
        return Path(self.log.name).read_text()

    # -- asking -------------------------------------------------------------------------------

    def get(self, path: str, **query: str) -> Any:
        answer = self.http.get(path, params=query)
        assert answer.status_code == 200, (answer.status_code, answer.text)
        return answer.json()

    def send(
        self, method: str, path: str, attributes: Mapping[str, Any], kind: str, id: str
    ) -> httpx.Response:
        document = {"data": {"type": kind, "id": id, "attributes": attributes}}
        return self.http.request(
            method, path, content=json.dumps(document), headers={"Content-Type": "application/vnd.api+json"}
        )

    def configure(self, address: str, **attributes: Any) -> httpx.Response:
        return self.send("POST", f"/api/devices/{address}", attributes, "devices", address)

    def device(self, address: str) -> Mapping[str, Any]:
        attributes: Mapping[str, Any] = self.get(f"/api/devices/{address}")["data"]["attributes"]
        return attributes

    def readings(self, address: str, **query: str) -> list[Mapping[str, Any]]:
        """Newest first."""
        return [each["attributes"] for each in self.get(f"/api/readings/{address}", **query)["data"]]


def wait_until(condition: Callable[[], T], within: float = 20.0, every: float = 0.05) -> T:
    """What `condition` says as soon as it says something true. For what happens in other processes."""
    end = time.monotonic() + within
    while not (said := condition()):
        assert time.monotonic() < end, f"not within {within} s; last: {said!r}"
        time.sleep(every)
    return said
