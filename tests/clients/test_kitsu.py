"""The API as kitsu understands it: a client from npm by other people. deploy/test installs it where node is."""

import json
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.clients.past import remember
from tests.service import Service

HERE = Path(__file__).parent / "npm"
PAST = "02:00:00:00:00:AA"


@pytest.mark.skipif(
    not (shutil.which("node") and (HERE / "node_modules" / "kitsu").is_dir()),
    reason="node and kitsu are not there: deploy/test says what is missing",
)
def test_kitsu_lists_follows_makes_changes_and_removes(tmp_path: Path) -> None:
    with Service(tmp_path / "data", ("demo",)) as service:
        remember(service, PAST, 100)
        token = service.http.headers["Authorization"].removeprefix("Bearer ")
        said = subprocess.run(
            ["node", "walk.mjs", service.ready["url"], token, PAST],
            cwd=HERE, capture_output=True, text=True, timeout=60, check=False,
        )  # fmt: skip
    assert said.returncode == 0, said.stderr
    assert json.loads(said.stdout) == {
        "vehicles": [[f"02:00:00:00:00:0{number}", True] for number in range(1, 7)],
        "voltages": [12 + minute / 1000 for minute in range(100)],
        "made": 201,
        "renamed": "Canoe",
        "moved": "Canoe",
        "related": ["02:00:00:00:00:06"],
        "link": ["vehicles", True],
        "inUse": [{"status": "409", "code": "conflict"}],
        "removed": 204,
        "gone": [{"status": "404", "code": "not_found"}],
        "nameless": [{"status": "422", "code": "invalid", "pointer": "/data/attributes/name"}],
        "taken": [{"status": "409", "code": "conflict"}],
        "unknown": [{"status": "400", "code": "bad_parameter", "parameter": "sort"}],
    }
