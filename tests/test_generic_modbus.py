"""The guide to documents of Modbus devices, followed to the letter by the whole program over the simulated bluetoothd."""

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given

from hawk.drivers import catalogue
from hawk.drivers.generic_modbus import GENERIC_MODBUS
from hawk.errors import Invalid
from hawk.model.device import DeviceView
from hawk.registry import changes
from hawk.registry.messages import Snapshot
from hawk.registry.records import Documents, from_documents, to_documents
from hawk.web.attributes import device_changes
from hawk.web.jsonapi import parse_document
from hawk.web.resources import device_resource
from tests.doubles import address
from tests.drivers.test_generic_modbus import DOCUMENTS
from tests.drivers.test_modbus import BY_ID, EXAMPLES
from tests.fake_bluez import modbus
from tests.fake_bluez.modbus import Module
from tests.fake_bluez.monitors import RENOGY, Monitor
from tests.fake_bluez.rig import FakeBluez
from tests.service import Service, wait_until

DOCS = Path(__file__).parents[1] / "docs"
GUIDE = (DOCS / "devices" / "generic-modbus.md").read_text()
ROVER, VATRER = "60:98:66:ED:FC:11", "A4:C1:38:00:00:02"
NORDIC = "6e40000{}-b5a3-f393-e0a9-e50e24dcca9e"


def captured(*names: str) -> dict[str, int]:
    table = modbus.table(*((BY_ID[name]["request"], BY_ID[name]["response"]) for name in names))
    return {str(register): word for register, word in table.items()}


def rover(**fields: Any) -> Monitor:
    return Monitor(ROVER, RENOGY, registers=captured("V01", "V02", "V03"), **fields)


def vatrer(talks: dict[str, str] | None = None, **module: Any) -> Monitor:
    """Its registers as captured; of the cells no capture is public."""
    cells = {str(21 + i): word for i, word in enumerate([4, 3296, 3295, 3294, 3293] + [0] * 26)}
    service = NORDIC.format(1)
    standard = {
        "service": service, "write": NORDIC.format(2), "notify_service": service, "notify": NORDIC.format(3),
    }  # fmt: skip
    kept = Module(name="VATRER-0002", talks=standard | (talks or {}), **module)
    registers = cells | captured("V35", "V36")
    return Monitor(VATRER, RENOGY, registers=registers, device_id=2, module=kept, rssi=-40)


# -- the guide ---------------------------------------------------------------------------------


def steps(heading: str) -> Iterator[tuple[str, list[str]]]:
    """What a section has its reader do: files to write, commands and what they print."""
    section = GUIDE.split(f"\n## {heading}", 1)[1].split("\n## ", 1)[0]
    for block in re.finditer(r"```(json|console)\n(.*?)```", section, re.DOTALL):
        kind, text = block.groups()
        if kind == "json":
            name = re.findall(r"Write this into\s+`([\w-]+\.json)`", section[: block.start()])[-1]
            yield f"write {name}", text.splitlines()
            continue
        for command in text.split("$ ")[1:]:
            first, *printed = command.splitlines()
            yield first, printed


def plain(line: str) -> str:
    """Without the padding of tables, and the signal's strength, which is never the same."""
    return re.sub(r" -\d\d\b(?=  )", " -60", re.sub(r" {2,}", "  ", line)).rstrip()


def follow(heading: str, folder: Path) -> None:
    for what, lines in steps(heading):
        if what.startswith("write "):
            (folder / what.removeprefix("write ")).write_text("\n".join(lines))
            continue
        done = subprocess.run(
            [sys.executable, "-m", *shlex.split(what)],
            cwd=folder, capture_output=True, text=True, check=False,
            env={**os.environ, "COLUMNS": "200", "BATTERYHAWK_DATA": str(folder / "data")},
        )  # fmt: skip
        printed = [plain(line) for line in (done.stdout + done.stderr).splitlines()]
        assert printed[: len(lines)] == [plain(line) for line in lines], what


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for document in (DOCS / "examples").glob("*.json"):
        shutil.copy(document, tmp_path)
    return tmp_path


def test_the_guide_can_be_followed_to_the_letter(folder: Path) -> None:
    with FakeBluez([rover()], adv_interval=0.2) as bluez, Service(folder / "data") as service:
        follow("First example", folder)
        *_, reading = service.readings(ROVER)  # the first: later ones ask only for what is due
        assert (reading["device_type"], reading["source"]) == ("generic_modbus", "gatt")
        quantities = ("voltage", "current", "temperature", "state_of_charge", "power")
        assert [reading[name] for name in quantities] == [14.4, 0.04, 25, 100, None]
        # The values that the protocol page works out by hand for these three frames.
        assert reading["extra"] == {
            "model": "RNG-CTRL-RVR40", "battery_soc": 100, "battery_voltage": 14.4, "battery_current": 0.04,
            "controller_temperature": 14, "battery_temperature": 25, "pv_power": 1, "energy_generated_today": 0,
            "energy_generated_total": 65936, "load_on": False, "charging_state": "boost", "fault_high_word": "",
            "battery_type": "lithium",
        }  # fmt: skip
        device = service.device(ROVER)
        assert (device["config"], device["polling_interval"]) == (EXAMPLES["renogy-rover"], 60)
        assert (device["available"], device["latest_reading"]["voltage"]) == (True, 14.4)

        bluez.do("appear", **vatrer().to_json())
        follow("Second example", folder)
        reading = wait_until(lambda: service.readings(VATRER))[0]
        assert (reading["voltage"], reading["current"], reading["state_of_charge"]) == (52.67, -4.96, 40)
        assert (reading["extra"]["capacity"], reading["extra"]["cycles"]) == (100.0, 27)
        assert [reading["extra"].get(f"cell_voltage_{n}") for n in range(1, 6)] == [
            3.296,
            3.295,
            3.294,
            3.293,
            None,
        ]
        wait_until(lambda: not bluez.state()["linked"])
        assert bluez.state()["notifying"] == []


def test_a_device_is_asked_only_for_what_is_due_and_everything_again_after_a_restart(tmp_path: Path) -> None:
    info, live, kind = ("ff03000c000891d1", "ff0301000022d1f1", "ff03e0040001e7d5")
    with FakeBluez([rover()], adv_interval=0.2) as bluez:
        with Service(tmp_path / "data") as service:
            service.configure(ROVER, device_type="generic_modbus", config=EXAMPLES["renogy-rover"])
            wait_until(lambda: service.readings(ROVER))
            poll = service.http.post(f"/api/devices/{ROVER}/readings", timeout=60).json()["data"][
                "attributes"
            ]
            assert poll["extra"]["model"] == "RNG-CTRL-RVR40"
            assert "battery_type" not in poll["extra"]
            assert bluez.do("asked", address=ROVER) == [info, live, kind, live]
        with Service(tmp_path / "data") as service:
            wait_until(lambda: bluez.do("asked", address=ROVER)[6:])
            assert bluez.do("asked", address=ROVER)[4:7] == [info, live, kind]


# -- as the device wants it --------------------------------------------------------------------


def profile(**parts: Any) -> dict[str, Any]:
    """Of the device below; its own keys are merged into the document's."""
    document: dict[str, Any] = {
        "schema": 1,
        "name": "a device",
        "ble": {
            "write": {"characteristic": NORDIC.format(2)},
            "notify": {"characteristic": NORDIC.format(3)},
            "response_timeout_s": 2,
        },
        "modbus": {"device_id": 2},
        "fields": [{"key": "volts", "register": 0, "type": "u16", "scale": 0.01, "role": "voltage"}],
    }
    for part, value in parts.items():
        document[part] = document[part] | value if isinstance(value, dict) else value
    return document


def dry_run(tmp_path: Path, config: dict[str, Any], monitor: Monitor, **faults: Any) -> tuple[Any, list[str]]:
    """With no service: the answer or the error, and how what was written to the device."""
    (tmp_path / "device.json").write_text(json.dumps(config))
    command = [
        "devices",
        "add",
        VATRER,
        "--type",
        "generic_modbus",
        "--config",
        "device.json",
        "--dry-run",
        "--json",
    ]
    with FakeBluez([monitor], adv_interval=0.2, **faults) as bluez:
        done = subprocess.run(
            [sys.executable, "-m", "hawk", *command, "--data", "data"],
            cwd=tmp_path, capture_output=True, text=True, check=False,
        )  # fmt: skip
        ways, asked = (bluez.do(what, address=VATRER) for what in ("ways", "asked"))
        assert bluez.state()["linked"] == []
    assert done.returncode == (0 if done.stdout else 1), done.stderr
    return json.loads(done.stdout or done.stderr), [" ".join(each) for each in zip(ways, asked, strict=False)]


ASK = "020300000001843" + "9"


@pytest.mark.parametrize(
    ("mode", "takes", "way"),
    [
        ("auto", ["write-without-response", "write"], "command"),
        ("without_response", ["write-without-response", "write"], "command"),
        ("with_response", ["write-without-response", "write"], "request"),
        ("auto", ["write"], "request"),
        ("with_response", ["write-without-response"], "command"),
    ],
)
def test_it_is_written_to_the_way_the_document_says_where_the_device_allows_it(
    mode: str, takes: list[str], way: str, tmp_path: Path
) -> None:
    config = profile(ble={"write": {"characteristic": NORDIC.format(2), "mode": mode}})
    said, written = dry_run(tmp_path, config, vatrer(takes=takes))
    assert said["meta"]["reading"]["voltage"] == 52.67
    assert written == [f"{way} {ASK}"]


def test_a_device_that_takes_little_at_a_time_is_asked_in_pieces(tmp_path: Path) -> None:
    small = vatrer(takes_at_most=3, piece=4)
    said, written = dry_run(tmp_path, profile(ble={"max_chunk": 3}), small)
    assert said["meta"]["reading"]["voltage"] == 52.67
    assert [line.split()[1] for line in written] == [ASK[:6], ASK[6:12], ASK[12:]]


def test_input_registers_another_id_and_more_words_than_asked(tmp_path: Path) -> None:
    odd = vatrer(inputs={"0": 1234}, answers_as=7, more_words=1)
    config = profile(modbus={"function": 4, "check_id": False, "strict_length": False})
    said, _ = dry_run(tmp_path, config, odd)
    assert said["meta"]["reading"]["voltage"] == 12.34


def test_a_late_answer_is_not_taken_for_the_answer_to_the_next_question(tmp_path: Path) -> None:
    """Both are of one length, and each comes after the question was repeated."""
    config = profile(
        ble={"response_timeout_s": 1, "retries": 3},
        blocks=[{"id": "a", "register": 0, "words": 2}, {"id": "b", "register": 6, "words": 2}],
        fields=[
            {"key": "volts", "register": 0, "type": "u16", "scale": 0.01, "role": "voltage"},
            {"key": "cycles", "register": 6, "type": "u16"},
        ],
    )
    said, written = dry_run(tmp_path, config, vatrer(), reply_delay=1.4)
    assert {field["key"]: field["value"] for field in said["meta"]["fields"]} == {
        "volts": 52.67,
        "cycles": 27,
    }
    assert len(written) >= 3


def test_a_device_that_does_not_answer_is_said_as_soon_as_the_document_wants(tmp_path: Path) -> None:
    said, written = dry_run(tmp_path, profile(ble={"retries": 2}), vatrer(mute=[0]))
    assert said["error"]["code"] == "silent"
    assert "did not answer 3 requests" in said["error"]["detail"]
    assert len(written) == 3


def test_a_refused_block_is_named(tmp_path: Path) -> None:
    config = profile(blocks=[{"id": "status", "register": 0, "words": 21}])
    said, _ = dry_run(tmp_path, config, vatrer())
    assert said["error"]["code"] == "undecodable"
    assert "block status: the device refused with exception 2" in said["error"]["detail"]


def test_damaged_answers_are_no_reading(tmp_path: Path) -> None:
    for notify in ("garbage", "short"):
        said, _ = dry_run(tmp_path, profile(ble={"response_timeout_s": 0.5}), vatrer(), notify=notify)
        assert said["error"]["code"] in {"silent", "undecodable"}


def test_a_wrong_uuid_is_said(tmp_path: Path) -> None:
    said, _ = dry_run(tmp_path, profile(ble={"notify": {"characteristic": "fff1"}}), vatrer())
    assert said["error"]["code"] == "undecodable"
    assert "no characteristic fff1" in said["error"]["detail"]


def test_a_characteristic_that_is_there_twice_needs_its_service(tmp_path: Path) -> None:
    apart = vatrer({"notify_service": NORDIC.format(9)})
    said, _ = dry_run(tmp_path, profile(), apart)
    assert "meta" in said, said
    assert said["meta"]["reading"]["voltage"] == 52.67
    talks = {"notify_service": NORDIC.format(9), "write": NORDIC.format(3), "notify": NORDIC.format(3)}
    config = profile(ble={"write": {"characteristic": NORDIC.format(3)}})
    said, _ = dry_run(tmp_path, config, vatrer(talks))  # told apart by what they can do
    assert said["meta"]["reading"]["voltage"] == 52.67
    said, _ = dry_run(tmp_path, config, vatrer(talks, takes=["write", "notify"]))
    assert said["error"]["code"] == "undecodable"
    assert "say which" in said["error"]["detail"]


# -- the record --------------------------------------------------------------------------------


@given(DOCUMENTS)
def test_a_document_comes_back_from_the_api_and_the_file_as_it_was_sent(document: dict[str, Any]) -> None:
    try:
        GENERIC_MODBUS.configured(document)
    except Invalid:
        return
    mac, drivers = address(1), catalogue.load()
    attributes = {"device_type": "generic_modbus_device", "config": document}
    body = json.dumps({"data": {"type": "devices", "id": mac, "attributes": attributes}}).encode()
    wanted = device_changes(mac, parse_document(body, "devices"))
    snapshot = changes.configure(Snapshot(), mac, wanted, 0, drivers.canonical_type)
    on_disk = json.dumps(to_documents(snapshot, Documents()).devices)
    vehicles = to_documents(snapshot, Documents()).vehicles
    again = from_documents(Documents(json.loads(on_disk), vehicles)).devices[mac]
    assert again == snapshot.devices[mac]
    shown = drivers.shown(again.device_type, again.config)
    said = device_resource(DeviceView(again), 3600.0, shown)["attributes"]
    assert (said["device_type"], said["config"]) == ("generic_modbus", document)


def test_a_scan_with_a_document_reads_what_it_fits_also_through_the_service(folder: Path) -> None:
    with FakeBluez([vatrer()], adv_interval=0.2), Service(folder / "data") as service:
        done = subprocess.run(
            [sys.executable, "-m", "hawk", "scan", "--connect", "--duration", "1.5", "--json",
             "--config", "vatrer-bms.json", "--data", str(service.data)],
            cwd=folder, capture_output=True, text=True, check=True,
        )  # fmt: skip
    (found,) = map(json.loads, done.stdout.splitlines())
    assert (found["device_type"], found["error"]) == ("generic_modbus", None)
    assert (found["reading"]["source"], found["reading"]["voltage"] > 0) == ("gatt", True)
