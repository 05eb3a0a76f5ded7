"""Calibration and plausibility from end to end: set by API while the service runs over the simulated bluetoothd."""

from dataclasses import replace
from pathlib import Path
from typing import Any

from tests.fake_bluez.monitors import Monitor
from tests.fake_bluez.rig import FakeBluez
from tests.service import Service, wait_until
from tests.test_history import A, ByHand, hawk, imported, monitor, right
from tests.test_renogy import CONTROLLER, module
from tests.test_renogy import MAC as MODULE

STARTER = "50:54:7B:00:00:01"


def test_readings_follow_the_calibration_of_their_device(tmp_path: Path) -> None:
    monitor = Monitor(STARTER, "BM6", volts=12.62, temperature=-7, charge=88)
    with FakeBluez([monitor, module(CONTROLLER)], adv_interval=0.2), Service(tmp_path / "data") as service:
        calibration = {"voltage": {"offset": 0.3}, "temperature": {"offset": 2}}
        turned = {"current": {"scale": -1}, "voltage": {"offset": 0.6}}
        assert service.configure(STARTER, device_type="BM6", calibration=calibration).status_code in {
            200,
            201,
        }
        assert (
            service.configure(MODULE, device_type="RenogyController", calibration=turned).status_code == 201
        )

        def polled(address: str) -> object:
            return any(each["source"] == "gatt" for each in service.readings(address))

        wait_until(lambda: polled(STARTER) and polled(MODULE), within=60)
        for reading in service.readings(STARTER):
            assert (reading["voltage"], reading["extra"]["raw_voltage"]) == (12.92, 12.62)
            if reading["source"] == "gatt":
                assert (reading["temperature"], reading["extra"]["raw_temperature"]) == (-5, -7)
        controller = service.readings(MODULE)[0]
        assert (controller["voltage"], controller["current"], controller["power"]) == (15, -0.04, -0.6)
        assert controller["extra"]["raw_power"] == 0.6

        # what cannot be, by the limits of the moment
        limits = {"voltage": {"max": 12.5}, "temperature": {"max": -10}, "state_of_charge": {"max": 50}}
        answer = service.send(
            "PATCH", f"/api/devices/{STARTER}", {"plausibility": limits}, "devices", STARTER
        )
        assert answer.status_code == 200, answer.text

        def of_its_link() -> Any:
            return service.get(f"/api/devices/{STARTER}/connection")["data"]["attributes"]

        def at_rest_within_limits() -> bool:
            """They hold, and no poll is under way whose value was judged before."""
            link = of_its_link()
            return link["limits"]["voltage"].get("max") == 12.5 and link["next_poll_in"] is not None

        wait_until(at_rest_within_limits, within=60)
        count = len(service.readings(STARTER))
        refused = service.http.post(f"/api/devices/{STARTER}/readings", timeout=60)
        assert refused.status_code == 503, refused.text
        assert "voltage 12.92 V is more than 12.5 V" in refused.text
        assert len(service.readings(STARTER)) == count
        connection = of_its_link()
        assert connection["failed_by"] == {"implausible": 1}
        assert {each["quantity"]: each["limit"] for each in connection["rejected"]} == {
            "voltage": 12.5, "temperature": -10, "state_of_charge": 50,
        }  # fmt: skip
        assert service.log_text().count("temperature -5 °C is more than -10 °C: not believed") == 1


def test_what_a_monitor_remembers_is_corrected_and_held_against_the_limits_too(tmp_path: Path) -> None:
    plausible_now = replace(monitor(100), volts=12.4)
    with FakeBluez([plausible_now], period=0.2), ByHand(tmp_path / "data") as service:
        said = service.configure(
            A,
            device_type="BM6",
            calibration={"voltage": {"offset": 0.5}},
            plausibility={"voltage": {"max": 13}},
        )
        assert said.is_success, said.text
        first = hawk(service, "history", A)
        assert first.exit_code == 0
        found = imported(service)
        expected = [round(volts + 0.5, 2) if volts <= 12.5 else None for volts in right(100)]
        assert len(found) >= 97  # the newest are left out where a live reading says it better
        assert found == expected[-len(found) :]
        count = sum(volts is None for volts in found)
        assert count
        assert f" {count} values are not believed" in first.output
        path = service.http.post(f"/api/devices/{A}/history").json()["data"]["links"]["self"]
        wait_until(lambda: service.get(path)["data"]["attributes"]["state"] == "done")
        again = service.get(path)["data"]["attributes"]["result"]
        assert (again["stored"], again["rejected"]) == (0, 0)  # what the log has is not judged once more
        (counted,) = service.get(f"/api/devices/{A}/connection")["data"]["attributes"]["rejected"]
        assert (counted["quantity"], counted["reason"], counted["limit"]) == ("voltage", "max", 13)
        assert counted["count"] == count
        assert service.log_text().count("values of its history are not believed, the last: voltage") == 1
        for each in service.readings(A, **{"filter[source]": "history"}):
            raw = each["extra"].get("raw_voltage")
            assert each["voltage"] == (None if raw is None else round(raw + 0.5, 2))
