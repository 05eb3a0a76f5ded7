"""docs/first-driver.md, followed literally: its files, its commands, its device."""

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest

from tests.fake_bluez.monitors import Monitor
from tests.fake_bluez.rig import FakeBluez
from tests.fake_bluez.scripted import Script
from tests.service import Service, wait_until

ROOT = Path(__file__).parent.parent
PAGE = (ROOT / "docs" / "first-driver.md").read_text()
TEMPLATE = ROOT / "docs" / "examples" / "sunny-hawk"
FILES = dict(re.findall(r"`([\w.]+)`:\n\n```\w+\n(.*?)```", PAGE, re.DOTALL))
TRY, SCAN, TEST, INSTALL = re.findall(r"```sh\n(.*?)```", PAGE, re.DOTALL)
(SAID,) = re.findall(r"```text\n(.*?)```", PAGE, re.DOTALL)

MAC = "02:00:5E:00:00:07"
SUNNY = Script(  # as the page's second section describes it
    name="Sunny",
    manufacturer="ffff" + "53050452",
    services={
        "0000e7a0-0000-1000-8000-00805f9b34fb": {
            "0000e7a1-0000-1000-8000-00805f9b34fb": ["write"],
            "0000e7a2-0000-1000-8000-00805f9b34fb": ["notify"],
        }
    },
    notify="0000e7a2-0000-1000-8000-00805f9b34fb",
    answers={"3f": ["560504fdaa"]},
)


@pytest.fixture
def bluez() -> Iterator[FakeBluez]:
    with FakeBluez([Monitor(MAC, script=SUNNY)], adv_interval=0.2) as bluez:
        yield bluez


class Reader:
    """Somebody with the page, a folder and a shell."""

    def __init__(self, home: Path) -> None:
        self.project, self.site, self.data = home / "sunny-hawk", home / "site", home / "data"
        self.project.mkdir()
        for name, text in FILES.items():
            (self.project / name).write_text(text)

    def environment(self) -> dict[str, str]:
        """A Python with Battery Hawk. pip installs beside it, and asks no index."""
        tools = Path(sys.executable).parent
        return {
            **os.environ,
            "PATH": f"{tools}:{os.environ['PATH']}",
            "BATTERYHAWK_DATA": str(self.data),
            "PYTHONPATH": str(self.site),
            "PIP_TARGET": str(self.site),
            "PIP_CONFIG_FILE": str(self._pip_settings()),
            "COLUMNS": "200",
        }

    def _pip_settings(self) -> Path:
        file = self.project.parent / "pip.conf"
        file.write_text("[global]\nno-index = true\n[install]\nno-build-isolation = false\nno-deps = true\n")
        return file

    def run(self, *blocks: str) -> str:
        """One shell, as a person has it. What it says on stdout."""
        done = subprocess.run(
            ["sh", "-eu", "-c", "\n".join(blocks)], cwd=self.project, env=self.environment(),
            capture_output=True, text=True, timeout=120, check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout


@pytest.fixture
def reader(tmp_path: Path) -> Reader:
    return Reader(tmp_path)


def test_the_template_is_the_page() -> None:
    assert {each.name: each.read_text() for each in TEMPLATE.iterdir() if each.is_file()} == FILES


def test_the_file_in_the_folder_decodes_and_reads_the_device(reader: Reader, bluez: FakeBluez) -> None:
    said = reader.run(TRY, SCAN)
    assert said.startswith(SAID)
    for shown in (MAC, "SUNNY", "12.84 V", "-3 °C"):
        assert shown in said
    assert bluez.state()["linked"] == []


def test_it_keeps_the_contract(reader: Reader) -> None:
    assert re.search(r"\d+ passed", reader.run(TEST))


def follows(service: Service, bluez: FakeBluez) -> None:
    """Finds it by its advertisement, and reads it once it is configured."""
    found = wait_until(lambda: service.get("/api/devices")["data"])
    assert [(each["id"], each["attributes"]["device_type"]) for each in found] == [(MAC, "SUNNY")]
    wait_until(lambda: service.device(MAC)["voltage"] == 12.84)
    assert service.configure(MAC, friendly_name="Garden").status_code == 200
    polled = wait_until(partial(gatt_readings, service))[0]
    assert (polled["voltage"], polled["temperature"], polled["device_type"]) == (12.84, -3, "SUNNY")
    wait_until(lambda: bluez.state()["linked"] == [])


def gatt_readings(service: Service) -> list[dict[str, object]]:
    return [dict(each) for each in service.readings(MAC) if each["source"] == "gatt"]


def test_the_service_reads_the_device_by_the_file(reader: Reader, bluez: FakeBluez) -> None:
    reader.run(TRY)
    with Service(reader.data, BATTERYHAWK_DRIVERS_FOLDER="true") as service:
        follows(service, bluez)
        assert service.get("/api/system/status")["data"]["attributes"]["warnings"] == []


def test_the_service_reads_the_device_by_the_package(reader: Reader, bluez: FakeBluez) -> None:
    said = reader.run(TRY, INSTALL)
    assert said.endswith(SAID)
    with Service(reader.data, PYTHONPATH=str(reader.site)) as service:
        follows(service, bluez)


def test_one_that_does_not_load_is_said_once_and_the_service_goes_on(reader: Reader, tmp_path: Path) -> None:
    drivers = reader.data / "drivers"
    drivers.mkdir(parents=True)
    bad, open_to_all = drivers / "bad.py", drivers / "open.py"
    bad.write_text("import sunny_library")
    open_to_all.write_text(FILES["sunny.py"])
    open_to_all.chmod(0o666)
    with Service(
        reader.data, BATTERYHAWK_DRIVERS_FOLDER="true", BATTERYHAWK_BLUETOOTH_BACKEND="simulated"
    ) as service:
        first, second = service.get("/api/system/status")["data"]["attributes"]["warnings"]
        assert f"The driver from {bad} is left out: ModuleNotFoundError" in first
        assert f"chmod go-w {open_to_all}" in second
        wait_until(lambda: service.get("/api/devices")["data"])
    for warning in (first, second):
        assert service.log_text().count(warning) == 1


def test_without_the_setting_the_folder_is_left_alone(reader: Reader) -> None:
    reader.run(TRY)
    ask = json.dumps({"device": "SUNNY", "kind": "live", "hex": "560504fdaa"})
    said = reader.run(f"echo '{ask}' | hawk decode --json-lines")
    assert json.loads(said)["error"]["code"] == "unknown_device"
