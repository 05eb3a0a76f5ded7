"""A JBD, read by the whole program and the real aiobmsble over the simulated bluetoothd. Needs Python 3.12."""

from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from tests.drivers.test_bms import JBD, LIBRARY
from tests.fake_bluez.monitors import Monitor
from tests.fake_bluez.rig import FakeBluez
from tests.fake_bluez.scripted import Script
from tests.service import Service, wait_until

pytestmark = LIBRARY

MAC = "A4:C1:38:00:00:01"
SERVICE, NOTIFY, WRITE = (f"0000{short}-0000-1000-8000-00805f9b34fb" for short in ("ff00", "ff01", "ff02"))
BASIC = "dd03001d0618fee101f201f4002a2c7c00000000000080640304030b8b0b8a0b84f88477"  # frames of the library's tests
CELLS = "dd0400080d660d610d680d59fe3c77"
SECRET = "123456"


def pieces(frame: str) -> list[str]:
    return [frame[i : i + 40] for i in range(0, len(frame), 40)]


def unlock(secret: str) -> str:
    said = bytes([0x15, len(secret)]) + secret.encode()
    return "ffaa" + said.hex() + f"{sum(said) & 0xFF:02x}"


JBD_DEVICE = Script(
    name="JBD-SP04S034",
    advertised=["ff00"],
    services={SERVICE: {NOTIFY: ["notify"], WRITE: ["write", "write-without-response"]}},
    notify=NOTIFY,
    answers={
        "dda50300fffd77": pieces(BASIC),
        "dda50400fffc77": pieces(CELLS),
        unlock(SECRET): ["ffaa15010016"],
        unlock("000000"): ["ffaa15010117"],
    },
)


@pytest.fixture
def bluez() -> Iterator[FakeBluez]:
    with FakeBluez([Monitor(MAC, script=JBD_DEVICE)], adv_interval=0.2) as bluez:
        yield bluez


def polled(service: Service) -> list[dict[str, Any]]:
    return [dict(each) for each in service.readings(MAC)]


@pytest.mark.parametrize("config", [{}, {"family": "jbd"}, {"family": "jbd", "secret": SECRET}])
def test_it_is_read_and_let_go(bluez: FakeBluez, tmp_path: Path, config: dict[str, Any]) -> None:
    with Service(tmp_path / "data") as service:
        configured = service.configure(MAC, device_type="bms", friendly_name="House", config=config)
        assert configured.status_code == 201, configured.text
        reading = wait_until(partial(polled, service), within=40)[0]
        assert (reading["voltage"], reading["current"], reading["power"]) == (15.6, -2.87, -44.772)
        assert (reading["temperature"], reading["state_of_charge"], reading["status"]) == (
            22.133,
            100,
            "normal",
        )
        assert reading["source"] == "gatt"
        assert reading["extra"] == JBD.extra
        wait_until(lambda: not bluez.state()["linked"])
        assert service.device(MAC)["polling_interval"] == 300
        assert SECRET not in service.http.get(f"/api/devices/{MAC}").text
    assert SECRET not in service.log_text()
    assert SECRET.encode().hex(" ") not in service.log_text()


def test_a_wrong_secret_is_said(bluez: FakeBluez, tmp_path: Path) -> None:
    with Service(tmp_path / "data") as service:
        service.configure(MAC, device_type="bms", config={"family": "jbd", "secret": "000000"})
        outcome = wait_until(lambda: service.device(MAC)["last_outcome"], within=40)
        assert outcome["code"] == "undecodable"
        assert "refused the secret" in outcome["detail"]
        wait_until(lambda: not bluez.state()["linked"])
        assert polled(service) == []


def test_one_that_does_not_answer_is_silent_and_let_go(tmp_path: Path) -> None:
    mute = Monitor(MAC, script=JBD_DEVICE)
    mute.faults.notify = "none"
    with FakeBluez([mute], adv_interval=0.2) as bluez, Service(tmp_path / "data") as service:
        service.configure(MAC, device_type="bms", config={"family": "jbd"})
        outcome = wait_until(lambda: service.device(MAC)["last_outcome"], within=60)
        assert outcome["code"] == "silent"
        wait_until(lambda: not bluez.state()["linked"])


def test_a_device_like_none_of_them_is_said_with_the_families(tmp_path: Path) -> None:
    other = Script("Kettle", JBD_DEVICE.services, NOTIFY)
    with (
        FakeBluez([Monitor("50:54:7B:00:00:01", script=other)], adv_interval=0.2),
        Service(tmp_path / "data") as service,
    ):
        service.configure("50:54:7B:00:00:01", device_type="bms")
        outcome = wait_until(lambda: service.device("50:54:7B:00:00:01")["last_outcome"], within=40)
        assert outcome["code"] == "undecodable"
        assert "known are abc, ag" in outcome["detail"]
