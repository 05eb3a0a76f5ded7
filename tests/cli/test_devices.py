"""`hawk devices` against a service that runs."""

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.service import Service, wait_until

MAC = "02:00:00:00:00:01"


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    data = tmp_path_factory.mktemp("devices") / "data"
    with Service(data, ("demo", "--devices", "2")) as service:
        wait_until(lambda: service.readings(MAC))
        yield service


def hawk(service: Service | None, *arguments: str, data: Path | None = None) -> tuple[int, Any, Any]:
    """Exit code, and what it said on stdout and stderr as JSON."""
    folder = str(service.data if service else data)
    done = subprocess.run(
        [sys.executable, "-m", "hawk", "devices", *arguments, "--data", folder, "--json"],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    said, error = (json.loads(text) if text else None for text in (done.stdout, done.stderr))
    return done.returncode, said, error


def test_poll_answers_with_the_reading(service: Service) -> None:
    code, said, _ = hawk(service, "poll", MAC)
    assert code == 0
    assert (said["reading"]["device_id"], said["reading"]["source"]) == (MAC, "gatt")
    assert said["reading"]["seq"] in [each["seq"] for each in service.readings(MAC)]


def test_a_released_device_is_not_read_until_that_is_ended(service: Service) -> None:
    code, said, _ = hawk(service, "release", MAC.lower(), "--minutes", "5")
    assert (code, said["device_id"]) == (0, MAC)
    assert said["until"] == service.device(MAC)["released_until"]
    code, _, error = hawk(service, "poll", MAC)
    assert (code, error["error"]["code"]) == (1, "paused")
    assert "--end" in error["error"]["detail"]
    assert hawk(service, "release", MAC, "--end")[0] == 0
    assert hawk(service, "poll", MAC)[0] == 0


def test_all_are_released(service: Service) -> None:
    assert hawk(service, "release", "--all")[1]["device_id"] is None
    assert service.device("02:00:00:00:00:02")["released_until"]
    assert hawk(service, "release", "--all", "--end")[0] == 0
    assert service.device("02:00:00:00:00:02")["released_until"] is None


def test_the_last_start_is_asked_for_and_shown(service: Service) -> None:
    code, said, _ = hawk(service, "cranking", MAC, "--read")
    start = said["data"][0]["attributes"]
    assert (code, start["device_id"], start["simulated"]) == (0, MAC, True)
    assert start["minimum_voltage"] == min(start["samples"])
    assert hawk(service, "cranking", MAC, "--read")[1]["data"] == said["data"]
    code, _, error = hawk(service, "cranking", "50:54:7B:00:00:99")
    assert (code, error["error"]["code"]) == (1, "not_found")


def test_a_device_that_is_not_known_is_said(service: Service) -> None:
    code, _, error = hawk(service, "poll", "50:54:7B:00:00:99")
    assert (code, error["error"]["code"]) == (1, "not_found")


def test_without_a_service_it_says_how_to_start_one(tmp_path: Path) -> None:
    code, _, error = hawk(None, "poll", MAC, data=tmp_path)
    assert (code, error["error"]["code"]) == (1, "no_service")
    assert "hawk serve" in error["error"]["detail"]


def test_which_device_has_to_be_said(service: Service) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "hawk", "devices", "release", "--data", str(service.data)],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 2
    assert "--all" in done.stderr


def test_the_token_that_the_settings_choose_is_shown_to_the_service(tmp_path: Path) -> None:
    data = tmp_path / "data"
    data.mkdir()
    (data / "system.json").write_text('{"api": {"token": "a-token-that-was-set"}}')
    (data / "api-token").write_text("what-was-made-at-the-first-start")
    with Service(data, ("demo", "--devices", "1")) as service:
        code, _, error = hawk(service, "release", "--all")
        assert (code, error) == (0, None)
