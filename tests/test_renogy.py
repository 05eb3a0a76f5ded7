"""A Renogy charge controller behind a BT-2, read by the whole program over the simulated bluetoothd."""

from pathlib import Path

import pytest

from tests.drivers.test_modbus import BY_ID
from tests.fake_bluez import modbus
from tests.fake_bluez.monitors import RENOGY, Monitor
from tests.fake_bluez.rig import FakeBluez
from tests.service import Service, wait_until

MAC = "60:98:66:ED:FC:11"
TABLE = modbus.table(*((BY_ID[name]["request"], BY_ID[name]["response"]) for name in ("V01", "V02", "V03")))


def module() -> Monitor:
    return Monitor(MAC, RENOGY, registers={str(address): word for address, word in TABLE.items()})


@pytest.mark.parametrize("delay", [0.0, 0.3])
def test_a_controller_that_somebody_named_is_read(delay: float, tmp_path: Path) -> None:
    with (
        FakeBluez([module()], adv_interval=0.2, reply_delay=delay) as bluez,
        Service(tmp_path / "data") as service,
    ):
        assert service.configure(MAC, device_type="RenogyController").status_code == 201
        reading = wait_until(lambda: service.readings(MAC))[0]
        assert (reading["device_type"], reading["source"]) == ("renogy_controller", "gatt")
        assert (reading["voltage"], reading["current"], reading["power"]) == (14.4, 0.04, 0.6)
        assert (reading["temperature"], reading["state_of_charge"], reading["status"]) == (25, 100, "boost")
        extra = reading["extra"]
        assert (extra["model"], extra["pv_power"], extra["faults"]) == ("RNG-CTRL-RVR40", 1, "")
        assert service.device(MAC)["polling_interval"] == 60
        wait_until(lambda: not bluez.state()["linked"])
        assert bluez.state()["notifying"] == []
