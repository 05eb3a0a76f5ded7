"""`hawk demo`: what it sets itself gives way to the file and the environment, its options to nothing."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from tests.service import Service

ENVIRONMENT = {name: text for name, text in os.environ.items() if not name.startswith("BATTERYHAWK_")}


def demo(data: Path, *options: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "hawk", "demo", "--data", str(data), "--json", "--duration", "0.1", *options],
        env={**ENVIRONMENT, **environment}, capture_output=True, text=True, timeout=30, check=False,
    )  # fmt: skip


def test_the_other_spelling_of_a_variable_counts_too(tmp_path: Path) -> None:
    spelled: Any = {"BATTERYHAWK_SYSTEM_POLLING_INTERVAL": "7", "BATTERYHAWK_SYSTEM_LOGGING_LEVEL": "DEBUG"}
    with Service(tmp_path / "data", ("demo", "--devices", "1", "--api-port", "0"), **spelled) as service:
        assert service.device("02:00:00:00:00:01")["polling_interval"] == 7


def test_the_file_wins_over_what_the_demo_sets_itself(tmp_path: Path) -> None:
    data = tmp_path / "data"
    data.mkdir()
    (data / "system.json").write_text(json.dumps({"polling": {"interval": 7}}))
    with Service(data, ("demo", "--devices", "1")) as service:
        assert service.device("02:00:00:00:00:01")["polling_interval"] == 7


def test_an_option_that_cannot_be_is_named(tmp_path: Path) -> None:
    done = demo(tmp_path, "--models", "BM9", "--faults", "silent,nonsense")
    assert done.returncode == 78
    errors: Any = json.loads(done.stderr)["errors"]
    assert [(each["source"], each["pointer"]) for each in errors] == [
        ("--models", "/simulation/models/0"),
        ("--faults", "/simulation/faults/1"),
    ]
