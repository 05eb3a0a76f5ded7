"""What can be wrong at start: each is said with what to do, with its own exit code, and nothing is overwritten."""

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.service import QUICK, Service, wait_until

SIMULATED: Any = {"BATTERYHAWK_BLUETOOTH_BACKEND": "simulated", "BATTERYHAWK_SIMULATION_DEVICES": "3"}


def refused(data: Path, *options: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "hawk", "serve", "--data", str(data), *options],
        env={**os.environ, **QUICK, **SIMULATED, **environment},
        capture_output=True, text=True, timeout=30, check=False,
    )  # fmt: skip


def test_a_port_that_is_taken_is_named(tmp_path: Path) -> None:
    with Service(tmp_path / "one", **SIMULATED) as first:
        port = first.ready["url"].rpartition(":")[2]
        second = refused(tmp_path / "two", BATTERYHAWK_API_PORT=port)
    assert second.returncode == 1
    assert f"port {port}" in second.stderr
    assert "api.port" in second.stderr


def test_a_second_service_on_one_folder_is_told_of_the_first(tmp_path: Path) -> None:
    with Service(tmp_path / "data", **SIMULATED) as first:
        second = refused(tmp_path / "data")
        assert second.returncode == 75
        assert str(first.process.pid) in second.stderr
        assert first.ready["url"] in second.stderr
        assert json.loads((tmp_path / "data" / "run.json").read_text())["pid"] == first.process.pid


def test_wrong_settings_are_said_all_at_once(tmp_path: Path) -> None:
    data = tmp_path / "data"
    data.mkdir()
    (data / "system.json").write_text('{"api": {"max_streams": "many"}, "polling": {"interval": 0}}')
    before = (data / "system.json").read_bytes()
    done = refused(data, "--json", BATTERYHAWK_LOGGING_LEVEL="LOUD")
    assert done.returncode == 78
    assert {each["pointer"] for each in json.loads(done.stderr)["errors"]} == {
        "/api/max_streams", "/polling/interval", "/logging/level",
    }  # fmt: skip
    assert (data / "system.json").read_bytes() == before


@pytest.mark.parametrize("name", ["devices.json", "vehicles.json"])
def test_a_damaged_registry_without_a_good_copy_stops_the_start_and_is_left_alone(
    tmp_path: Path, name: str
) -> None:
    data = tmp_path / "data"
    data.mkdir()
    (data / name).write_text('{"version": "1.0", "dev')
    done = refused(data)
    assert done.returncode == 78
    assert name in done.stderr
    assert (data / name).read_text() == '{"version": "1.0", "dev'


def test_a_damaged_registry_with_a_good_copy_is_recovered_and_said(tmp_path: Path) -> None:
    data = tmp_path / "data"
    with Service(data, **SIMULATED) as service:
        wait_until(lambda: len(service.get("/api/devices")["data"]) == 3)
        for each in service.get("/api/devices")["data"]:
            assert service.configure(each["id"], friendly_name="Ours").status_code == 200
    (data / "devices.json").write_bytes(b"\0" * 300)
    with Service(data, **SIMULATED) as service:
        assert len(service.get("/api/devices")["data"]) == 3
        status = service.get("/api/system/status")["data"]["attributes"]
        assert any("devices.json" in warning for warning in status["warnings"])
    assert [file.read_bytes() for file in data.glob("devices.json.damaged-*")] == [b"\0" * 300]


def test_a_registry_of_a_newer_version_is_left_alone_though_there_is_a_good_copy(tmp_path: Path) -> None:
    data = tmp_path / "data"
    data.mkdir()
    (data / "devices.json").write_text('{"version": "2.0"}')
    (data / "devices.json.last-good").write_text('{"version": "1.0", "devices": {}}')
    done = refused(data)
    assert (done.returncode, "version '2.0'" in done.stderr) == (78, True)
    assert (data / "devices.json").read_text() == '{"version": "2.0"}'


def test_a_folder_that_cannot_be_written_is_said_with_what_to_do(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    done = refused(tmp_path / "file" / "data")
    assert done.returncode == 78
    assert "cannot be written" in done.stderr


def test_a_folder_that_cannot_be_entered_is_said(visible_path: Path) -> None:
    program = (
        "import os, sys, pathlib\n"
        "from hawk.config.load import load\n"
        "from hawk.datafolder import DataFolder\n"
        "from hawk.errors import ConfigurationError\n"
        "if os.getuid() == 0: os.setgid(65534); os.setuid(65534)\n"
        "for work in (lambda data: load(data / 'system.json', {}), lambda data: DataFolder.open(data).__enter__()):\n"
        "    try:\n        work(pathlib.Path(sys.argv[1]))\n"
        "    except ConfigurationError as error:\n        print(error)"
    )
    closed = visible_path / "closed"
    closed.mkdir(mode=0o000)
    try:
        done = subprocess.run(
            [sys.executable, "-c", program, str(closed / "data")], capture_output=True, text=True, check=True
        )
    finally:
        closed.chmod(0o755)
    assert "system.json" in done.stdout
    assert "cannot be read: " in done.stdout
    assert "Run: sudo chown" in done.stdout
    assert ("sudo chown -R" if os.getuid() == 0 else "chmod -R u+rwX") in done.stdout


def test_a_folder_of_somebody_else_names_the_chown(visible_path: Path) -> None:
    """As somebody who may not write there, which root has to become first."""
    program = (
        "import os, sys, pathlib\n"
        "from hawk.datafolder import DataFolder\n"
        "from hawk.errors import ConfigurationError\n"
        "if os.getuid() == 0: os.setgid(65534); os.setuid(65534)\n"
        "try:\n    DataFolder.open(pathlib.Path(sys.argv[1])).__enter__()\n"
        "except ConfigurationError as error:\n    print(error, os.getuid())"
    )
    folder = visible_path / "data"
    folder.mkdir()
    folder.chmod(0o555)
    done = subprocess.run(
        [sys.executable, "-c", program, str(folder)], capture_output=True, text=True, check=True
    )
    assert f"belongs to uid {folder.stat().st_uid}" in done.stdout
    uid = done.stdout.split()[-1]
    assert (f"sudo chown -R {uid}:" if os.getuid() == 0 else "chmod -R u+rwX") in done.stdout


def test_without_bluetooth_the_service_runs_and_says_why(tmp_path: Path) -> None:
    gone: Any = {"DBUS_SYSTEM_BUS_ADDRESS": f"unix:path={tmp_path}/no-bus"}
    with Service(tmp_path / "data", **gone) as service:
        status = wait_until(lambda: said(service))
        assert status["listening"] is False
        assert "D-Bus" in status["reason"]
        assert service.stop(within=5) == 0


def test_without_bluetooth_for_longer_than_was_set_the_process_ends(tmp_path: Path) -> None:
    gone: Any = {
        "DBUS_SYSTEM_BUS_ADDRESS": f"unix:path={tmp_path}/no-bus",
        "BATTERYHAWK_BLUETOOTH_EXIT_AFTER": "1",
    }
    with Service(tmp_path / "data", **gone) as service:
        assert service.process.wait(20) == 69
        assert "bluetooth.exit_after" in service.log_text()


def said(service: Service) -> Any:
    bluetooth = service.get("/api/system/status")["data"]["attributes"]["bluetooth"]
    return bluetooth if bluetooth["reason"] else None


def test_scan_without_bluetooth_exits_69_and_says_what_to_do(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "hawk", "scan", "--duration", "1", "--json"],
        env={**os.environ, "DBUS_SYSTEM_BUS_ADDRESS": f"unix:path={tmp_path}/no-bus", "BATTERYHAWK_DATA": str(tmp_path)},
        capture_output=True, text=True, timeout=30, check=False,
    )  # fmt: skip
    assert done.returncode == 69
    assert json.loads(done.stderr)["error"]["code"] == "no_adapter"
    assert done.stdout == ""


def test_help_imports_neither_trio_nor_quart_nor_pydantic() -> None:
    done = subprocess.run(
        [sys.executable, "-X", "importtime", "-m", "hawk", "--help"],
        capture_output=True,
        text=True,
        check=True,
    )
    imported = {line.rpartition("|")[2].strip() for line in done.stderr.splitlines()}
    assert "click" in imported
    assert imported & {"trio", "quart", "pydantic", "bleak", "rich", "pykka"} == set()


def test_a_token_file_is_for_its_owner_alone(tmp_path: Path) -> None:
    with Service(tmp_path / "data", **SIMULATED) as service:
        assert Path(service.ready["token_file"]).stat().st_mode & 0o777 == 0o600
        assert "token" not in service.ready


AS_NOBODY = (
    "import os, sys\n"
    "import hawk.app, hawk.ble.simulated, hawk.cli.serve\n"
    "from hawk.cli.main import main\n"
    "if os.getuid() == 0: os.setgid(65534); os.setuid(65534)\n"
    "main(sys.argv[1:], prog_name='hawk')"
)


@pytest.fixture
def shared() -> Iterator[Path]:
    """A folder that everybody may enter; those of pytest are its user's own."""
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)
        yield Path(folder)


def as_nobody(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """As somebody who may not do everything, which root has to become first."""
    return subprocess.run(
        [sys.executable, "-c", AS_NOBODY, *arguments, "--data", str(folder), "--json"],
        env={**os.environ, **QUICK, **SIMULATED},
        capture_output=True, text=True, timeout=30, check=False,
    )  # fmt: skip


def test_a_lock_of_somebody_else_names_the_chown(shared: Path) -> None:
    data = shared / "data"
    data.mkdir()
    data.chmod(0o777)
    (data / "lock").touch()
    (data / "lock").chmod(0o000)
    done = as_nobody(data, "serve")
    assert done.returncode == 78
    said = json.loads(done.stderr)["error"]
    assert said["code"] == "configuration"
    assert f"{data / 'lock'} belongs to uid {os.getuid()}" in said["detail"]
    assert f"sudo chown -R {os.getuid() or 65534}:" in said["detail"]


@pytest.mark.parametrize(
    "command", [("serve",), ("demo",), ("scan",), ("devices", "poll", "02:00:00:00:00:01")], ids=" ".join
)
def test_a_folder_that_cannot_be_entered_is_78_for_every_command(
    shared: Path, command: tuple[str, ...]
) -> None:
    data = shared / "data"
    data.mkdir()
    data.chmod(0o000)
    try:
        done = as_nobody(data, *command)
    finally:
        data.chmod(0o755)
    assert done.returncode == 78
    assert str(data) in str(json.loads(done.stderr)) or "system.json" in str(json.loads(done.stderr))


def test_a_log_file_that_cannot_be_written_is_said(tmp_path: Path) -> None:
    environ = {
        "BATTERYHAWK_LOGGING_FILE_LOGGING": "true",
        "BATTERYHAWK_LOGGING_LOG_FILE": str(tmp_path / "gone" / "hawk.log"),
    }
    done = refused(tmp_path / "data", "--json", **environ)
    assert done.returncode == 78
    (said,) = json.loads(done.stderr)["errors"]
    assert (said["source"], said["pointer"]) == ("BATTERYHAWK_LOGGING_LOG_FILE", "/logging/log_file")


def test_the_token_that_was_set_is_in_no_file_but_its_own(tmp_path: Path) -> None:
    token = "a-token-that-was-set"
    environ = {**os.environ, **QUICK, **SIMULATED}

    def token_file(**more: str) -> Any:
        with subprocess.Popen(
            [sys.executable, "-m", "hawk", "serve", "--data", str(tmp_path / "data"), "--json"],
            env={**environ, **more}, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
        ) as process:  # fmt: skip
            assert process.stdout is not None
            ready = json.loads(process.stdout.readline())
            process.terminate()
        return ready["token_file"]

    secret = tmp_path / "secret"
    secret.write_text(token)
    assert token_file(BATTERYHAWK_API_TOKEN=token) is None
    assert token_file(BATTERYHAWK_API_TOKEN_FILE=str(secret)) == str(secret)
    assert token_file() == str(tmp_path / "data" / "api-token")
