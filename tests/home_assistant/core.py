"""The real Home Assistant, as a process: `with Core(folder, broker.port) as core:`."""

import json
import os
import subprocess
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from tests.mqtt.mosquitto import free_port

PYTHON = os.environ.get("HOME_ASSISTANT_PYTHON", "")
_HOW = (
    "say where a Python with Home Assistant is: HOME_ASSISTANT_PYTHON=.../bin/python, made by "
    "`pip install pytest-homeassistant-custom-component` in an environment of its own (Python 3.13 or later)"
)


class Core:
    def __init__(self, folder: Path, mqtt_port: int) -> None:
        assert PYTHON, _HOW
        folder.mkdir(exist_ok=True)
        (folder / "configuration.yaml").touch()
        script = Path(__file__).with_name("watch.py")
        self._argv = [PYTHON, str(script), str(folder), str(mqtt_port), str(free_port())]
        self._log = folder / "stderr.log"

    def __enter__(self) -> Self:
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                self._argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=log, text=True
            )
        assert self._answer() == "ready"
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.close()
        self._process.wait(30)
        self._process.stdout.close()

    def ask(self, command: str, *arguments: str) -> Any:
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps([command, *arguments]) + "\n")
        self._process.stdin.flush()
        return self._answer()

    def _answer(self) -> Any:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        assert line, f"Home Assistant is gone:\n{self._log.read_text()[-4000:]}"
        return json.loads(line)

    def states(self) -> dict[str, Any]:
        return dict(self.ask("states"))

    def state_of(self, unique_id: str) -> Any:
        """None while it is not there."""
        entity = self.ask("entities").get(unique_id)
        return entity and self.states().get(entity)

    def call(self, service: str, unique_id: str, **data: object) -> None:
        domain, name = service.split(".")
        entity = self.ask("entities")[unique_id]
        self.ask("call", domain, name, json.dumps({"entity_id": entity, **data}))
