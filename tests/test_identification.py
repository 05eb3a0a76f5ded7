"""Monitors that do not say on the air what they are: asked over a link, with unmodified bleak."""

import json
from pathlib import Path

from click.testing import CliRunner

from hawk.cli.main import main
from tests.fake_bluez.faults import Faults
from tests.fake_bluez.monitors import Monitor
from tests.fake_bluez.rig import FakeBluez
from tests.service import Service, wait_until

NEW, NEWER, OLD, STRANGE = (f"50:54:7B:00:00:0{n}" for n in range(1, 5))
REBRANDS = [
    Monitor(NEW, "BM6", volts=12.62, temperature=-7, brand="Vgate V9", adverts="plain"),
    Monitor(NEWER, "BM7", volts=13.31, temperature=16, brand="ACME X1", adverts="plain"),
    Monitor(OLD, "BM2", volts=12.87, state=1, brand="Sealey", adverts="plain"),
    Monitor(STRANGE, "BM2", volts=12.87, state=1, brand="Other", adverts="plain", faults=Faults(notify="wrongkey")),
]  # fmt: skip


def test_rebrands_are_asked_what_they_are_and_one_with_another_key_gets_no_values(tmp_path: Path) -> None:
    with FakeBluez(REBRANDS, adv_interval=0.2, period=0.1) as bluez:
        heard = CliRunner().invoke(main, ["scan", "--duration", "1.5", "--json", "--data", str(tmp_path)])
        assert "Connect" not in bluez.state()["calls"], "nobody is asked unless somebody wants it"
        asked = CliRunner().invoke(
            main, ["scan", "--connect", "--duration", "1.5", "--json", "--data", str(tmp_path)]
        )
        assert bluez.state()["linked"] == []
    before = [json.loads(line) for line in heard.stdout.splitlines()]
    assert [(each["device_type"], each["reading"]) for each in before] == [(None, None)] * 4
    assert all("--connect asks what it is" in each["reason"] for each in before)
    found = {each["address"]: each for each in map(json.loads, asked.stdout.splitlines())}
    assert {
        address: (each["device_type"], each["reading"] and each["reading"]["voltage"])
        for address, each in found.items()
    } == {NEW: ("BM6", 12.62), NEWER: ("BM7", 13.31), OLD: ("BM2", 12.87), STRANGE: (None, None)}
    assert found[STRANGE]["error"]["code"] == "undecodable"
    assert "none of the known keys" in found[STRANGE]["error"]["detail"]


def test_a_wrong_type_in_the_registry_is_found_out_over_the_link_and_said(tmp_path: Path) -> None:
    with FakeBluez(REBRANDS[2:3], adv_interval=0.2, period=0.1), Service(tmp_path / "data") as service:
        retry = {"retry_interval": 1}
        said = service.configure(OLD, device_type="BM6", polling_interval=1, connection_config=retry)
        assert said.status_code == 201, said.text
        assert wait_until(lambda: service.device(OLD)["proven_type"], within=60) == "BM2"
        assert service.readings(OLD) == []
        assert "is a BM2 by what it says, not a BM6: change its device_type" in service.log_text()
        service.configure(OLD, device_type="BM2")
        wait_until(lambda: service.readings(OLD, **{"filter[source]": "gatt"}), within=30)
        assert service.device(OLD)["proven_type"] is None
