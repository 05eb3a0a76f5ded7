"""`hawk scan --connect` and modules whose name does not tell what is behind them."""

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from hawk.cli.main import main
from tests.fake_bluez.monitors import Monitor
from tests.fake_bluez.rig import FakeBluez
from tests.test_renogy import CONTROLLER, INVERTER, LEGACY, MAC, NAME, module, table


def scanned(monitor: Monitor, folder: Path, *more: str) -> Any:
    with FakeBluez([monitor], adv_interval=0.2) as bluez:
        said = CliRunner().invoke(
            main, ["scan", "--connect", "--duration", "1", "--data", str(folder), *more]
        )
        wrote = bluez.do("asked", address=MAC)
    assert said.exit_code == 0, said.output
    assert {bytes.fromhex(each)[1] for each in wrote} == {3}
    return json.loads(said.stdout) if "--json" in more else said.stdout


@pytest.mark.parametrize(
    ("monitor", "device_type", "words", "voltage"),
    [
        (module(CONTROLLER), "renogy_controller", "RNG-CTRL-RVR40", 14.4),
        (module(table("V08", at_12="RBC50D1S")), "renogy_dcdc", "RBC50D1S", 14.4),
        (module(LEGACY, device_id=48), "renogy_battery", "RBT100LFP12-BT", 13.6),
        (module(INVERTER, device_id=32), "renogy_inverter", "RIV4835CSH1S", 51.2),
    ],
    ids=["controller", "dcdc", "battery", "inverter"],
)
def test_a_scan_that_connects_tells_what_is_behind_a_module_and_reads_it(
    monitor: Monitor, device_type: str, words: str, voltage: float, tmp_path: Path
) -> None:
    found = scanned(monitor, tmp_path, "--json")
    assert (found["name"], found["device_type"], found["error"]) == (NAME, device_type, None)
    assert f"answers as {words}" in found["reason"]
    assert (found["reading"]["voltage"], found["reading"]["device_type"]) == (voltage, device_type)


def test_a_module_that_nothing_answers_behind_says_so(tmp_path: Path) -> None:
    found = scanned(module({"0": 0}, device_id=5), tmp_path, "--json")
    assert (found["device_type"], found["reading"], found["error"]["code"]) == (None, None, "silent")
    assert "choose renogy_battery" in found["reason"]


def test_people_are_told_how_to_add_it(tmp_path: Path) -> None:
    lines = scanned(module(LEGACY, device_id=99), tmp_path).splitlines()
    add = f"hawk devices add {MAC} --type renogy_battery"
    assert lines[-1] == f'To have {NAME} read: {add} (its config: {{"model": "legacy", "device_id": 255}})'
