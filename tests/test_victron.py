"""A SmartShunt, heard by the whole program over the simulated bluetoothd; and its key, which nobody is shown."""

import json
from pathlib import Path

from tests.drivers.victron_vectors import BY_ID
from tests.fake_bluez.monitors import Monitor
from tests.fake_bluez.rig import FakeBluez
from tests.fake_bluez.scripted import Script
from tests.service import Service, wait_until

MAC = "E1:02:00:00:00:01"
SHUNT = BY_ID["BM1"]
ON_THE_AIR = Script(name="SmartShunt", manufacturer="e102" + SHUNT.data.hex(), services={}, notify="")


def test_a_shunt_is_found_and_heard_with_its_key_and_never_connected_to(tmp_path: Path) -> None:
    with (
        FakeBluez([Monitor(MAC, script=ON_THE_AIR)], adv_interval=0.2) as bluez,
        Service(tmp_path / "data") as service,
    ):
        found = wait_until(lambda: service.get("/api/devices")["data"])[0]["attributes"]
        assert (found["device_type"], found["status"], found["voltage"]) == ("victron", "discovered", None)

        refused = service.configure(MAC, friendly_name="Shunt")
        assert refused.status_code == 422
        assert refused.json()["errors"][0]["source"]["pointer"] == "/data/attributes/config/key"
        refused = service.configure(MAC, config={"key": "12"})
        assert (refused.status_code, "32 hex digits" in refused.text) == (422, True)

        configured = service.configure(MAC, friendly_name="Shunt", config={"key": SHUNT.key})
        assert configured.json()["data"]["attributes"]["config"] == {"key": "***"}
        reading = wait_until(lambda: service.readings(MAC))[0]
        assert (reading["voltage"], reading["current"], reading["state_of_charge"]) == (12.53, 0.0, 50.0)
        assert (reading["source"], reading["extra"]["model"]) == ("advertisement", "SmartShunt 500A/50mV")

        device = wait_until(lambda: (d := service.device(MAC))["last_outcome"] and d)
        assert (device["available"], device["polling_interval"]) == (True, None)
        assert device["last_outcome"]["code"] == "ok"
        assert device["latest_reading"]["extra"]["consumed_ah"] == -50.0

        refused = service.http.post(f"/api/devices/{MAC}/readings")
        assert refused.status_code == 409
        assert "only listened to" in refused.json()["errors"][0]["detail"]
        assert bluez.state()["calls"].get("Connect", 0) == 0

        _hides_the_key(service)
    assert SHUNT.key not in service.log_text()


def _hides_the_key(service: Service) -> None:
    """In every answer; and who sends back what he was shown keeps it."""
    for path in ("/api/devices", f"/api/devices/{MAC}", "/api/vehicles?include=devices"):
        shown = service.http.get(path).text
        assert SHUNT.key not in shown
        assert '"key":"***"' in shown or "include" in path
    service.send("PATCH", f"/api/devices/{MAC}", {"config": {"key": "***"}}, "devices", MAC)
    service.send("PATCH", f"/api/devices/{MAC}", {"friendly_name": "Shunt 2"}, "devices", MAC)
    stored = json.loads((service.data / "devices.json").read_text())["devices"][MAC]
    assert (stored["config"], stored["friendly_name"]) == ({"key": SHUNT.key}, "Shunt 2")
