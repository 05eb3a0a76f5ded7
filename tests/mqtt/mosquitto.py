"""The real mosquitto, and its own client as the witness of what arrives."""

import getpass
import json
import shutil
import signal
import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from tests.service import wait_until

MOSQUITTO = shutil.which("mosquitto", path="/usr/sbin:/usr/bin:/usr/local/sbin:/usr/local/bin") or ""


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])


class Mosquitto:
    """`with Mosquitto(folder) as broker:`; `configuration` are lines of mosquitto.conf."""

    def __init__(self, folder: Path, configuration: tuple[str, ...] = ("allow_anonymous true",)) -> None:
        assert MOSQUITTO, "mosquitto is missing: apt-get install mosquitto mosquitto-clients"
        self.port, self._folder = free_port(), folder
        user = getpass.getuser()  # root, too: another user could not enter the folder
        patience = "max_queued_messages 0"  # else a witness that is slow to listen misses what is too much
        lines = (
            f"listener {self.port} 127.0.0.1",
            "log_dest stderr",
            f"user {user}",
            patience,
            *configuration,
        )
        self._file = folder / "mosquitto.conf"
        self._file.write_text("\n".join(lines) + "\n")
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.kill()

    def start(self) -> None:
        with (self._folder / "mosquitto.log").open("ab") as log:
            self._process = subprocess.Popen([MOSQUITTO, "-c", str(self._file)], stderr=log)
        wait_until(self._listens)

    def kill(self) -> None:
        """As SIGKILL does: it remembers nothing."""
        if self._process:
            self._process.kill()
            self._process.wait()
            self._process = None

    def end(self) -> None:
        """As systemd does: it takes its leave."""
        if self._process:
            self._process.terminate()
            self._process.wait()
            self._process = None

    @contextmanager
    def hanging(self) -> Iterator[None]:
        """It answers nothing; the kernel still takes connections for it."""
        assert self._process is not None
        self._process.send_signal(signal.SIGSTOP)
        try:
            yield
        finally:
            self._process.send_signal(signal.SIGCONT)

    def _listens(self) -> bool:
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", self.port)) == 0


@dataclass(frozen=True)
class Said:
    topic: str
    qos: int
    retain: bool
    text: str

    @property
    def json(self) -> Any:
        return json.loads(self.text)


class Witness:
    """mosquitto_sub: `with Witness(port, "battery_hawk/#") as witness:` hears from then on."""

    def __init__(self, port: int, filter_: str, *options: str) -> None:
        program = shutil.which("mosquitto_sub")
        assert program, "mosquitto_sub is missing: apt-get install mosquitto-clients"
        where = ("-h", "127.0.0.1", "-p", str(port), "-t", filter_, "-q", "2")
        self._argv = ["stdbuf", "-oL", program, *where, "-W", "200", "-F", "%j", *options]

    def __enter__(self) -> Self:
        self._process = subprocess.Popen(
            [*self._argv, "-d"], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        )
        assert self._process.stdout is not None
        while line := self._process.stdout.readline():  # debug lines, until it listens
            if "SUBACK" in line:
                break
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._process.kill()
        self._process.wait()
        assert self._process.stdout is not None
        self._process.stdout.close()

    def end(self) -> None:
        """What was heard can still be read."""
        self._process.kill()

    def rest(self) -> Iterator[Said]:
        """All until it ends."""
        assert self._process.stdout is not None
        for line in self._process.stdout:
            if line.startswith("{"):
                said = json.loads(line)
                yield Said(said["topic"], said["qos"], bool(said["retain"]), said.get("payload") or "")

    def next(self) -> Said:
        """Waits for it."""
        for said in self.rest():
            return said
        raise AssertionError("the broker is gone")

    def until(self, topic: str) -> Said:
        """The next on this topic."""
        while (said := self.next()).topic != topic:
            pass
        return said


def say(port: int, topic: str, text: str, *options: str) -> None:
    program = shutil.which("mosquitto_pub")
    assert program, "mosquitto_pub is missing: apt-get install mosquitto-clients"
    argv = [program, "-h", "127.0.0.1", "-p", str(port), "-t", topic, "-m", text, "-q", "1", *options]
    subprocess.run(argv, check=True, timeout=20)
