"""What is said on each topic, to the letter."""

import json
from typing import Any

import pytest

from hawk.events import DeviceDiscovered
from hawk.model.device import DeviceView, LinkState, Outcome
from hawk.model.live import Live
from hawk.model.reading import Moment, Sample, Source
from hawk.model.vehicle import Member, Vehicle, summarise
from hawk.mqtt import payloads
from hawk.mqtt.payloads import Condition, Gateway
from tests.doubles import NOON, address, device
from tests.web.stage import GATEWAY, reading

NOW = Moment(NOON, 100.0)
HERE = Gateway(GATEWAY, NOW)
AT = "2026-11-18T11:06:40.000Z"


def seen(*samples: Sample, **fields: Any) -> DeviceView:
    live = Live()
    for number, sample in enumerate(samples):
        live = live.with_sample(sample, Moment(NOON + number * 1000, 100.0 + number))
    return DeviceView(device(), "Boat", live=live, rssi=-70, available=True, **fields)


def test_a_reading_has_what_was_measured_and_nothing_else() -> None:
    taken = reading(voltage=12.62, state_of_charge=0.0, status_code=1, source=Source.GATT, seq=7, rssi=-70)
    assert payloads.reading(taken) == {
        "device_id": "02:00:00:00:00:01",
        "timestamp": AT,
        "voltage": 12.62,
        "state_of_charge": 0.0,
        "status": "normal",
        "status_code": 1,
        "source": "gatt",
        "device_type": "TOY",
        "device_name": "Toy 1",
        "vehicle_id": "vehicle_1",
        "vehicle_name": "Boat",
        "rssi": -70,
        "simulated": False,
        "gateway_id": GATEWAY,
        "seq": 7,
    }


def test_capacity_and_cycles_stand_where_the_specification_has_them() -> None:
    said = payloads.reading(reading(voltage=52.67, extra={"capacity_ah": 100.0, "cycles": 27, "pv": 0}))
    assert (said["capacity"], said["cycles"], said["extra"]["pv"]) == (100.0, 27, 0)
    renogy = payloads.reading(reading(voltage=13.3, extra={"capacity_ah": 211.93, "cycle_count": 6}))
    assert (renogy["capacity"], renogy["cycles"]) == (211.93, 6)


def test_the_state_has_the_newest_of_each_quantity_as_long_as_it_holds() -> None:
    samples = Sample(voltage=12.5, temperature=-7.0), Sample(voltage=12.6, status="charging", status_code=4)
    assert payloads.state(seen(*samples), HERE) == {
        "device_id": "02:00:00:00:00:01",
        "voltage": 12.6,
        "temperature": -7.0,
        "status": "charging",
        "status_code": 4,
        "charging": True,
        "problem": False,
        "rssi": -70,
        "last_seen": "2026-11-18T11:06:41.000Z",
        "timestamp": "2026-11-18T11:06:41.000Z",
        "gateway_id": GATEWAY,
    }
    old = payloads.state(seen(*samples, stale=frozenset({"temperature"})), HERE)
    assert "temperature" not in old
    assert old["voltage"] == 12.6


def test_of_a_device_that_said_nothing_the_state_claims_nothing() -> None:
    assert payloads.state(DeviceView(device()), HERE) == {
        "device_id": "02:00:00:00:00:01",
        "gateway_id": GATEWAY,
    }


@pytest.mark.parametrize(
    ("status", "charging", "problem"),
    [
        ("normal", False, False), ("floating", True, False), ("boost", True, False), ("deactivated", False, False),
        ("absorption", True, False), ("low", False, True), ("fault", False, True), ("off", False, False),
    ],
)  # fmt: skip
def test_whatever_word_a_family_has_for_it_charging_and_problems_are_told(
    status: str, charging: bool, problem: bool
) -> None:
    said = payloads.state(seen(Sample(voltage=12.6, status=status)), HERE)
    assert (said["charging"], said["problem"]) == (charging, problem)


def test_the_status_has_every_documented_key() -> None:
    said = payloads.status(DeviceView(device()), HERE)
    assert said == {
        "device_id": "02:00:00:00:00:01",
        "timestamp": AT,
        "device_type": "TOY",
        "connected": False,
        "status": "configured",
        "protocol_version": None,
        "last_command": None,
        "error_code": None,
        "error_message": None,
        "gateway_id": GATEWAY,
        "extra": {
            "signal_strength": None,
            "link": "idle",
            "last_seen": None,
            "released_until": None,
            "link_quality": None,
            "link_verdict": None,
            "polls": {"total": 0, "ok": 0, "failed": 0, "skipped": 0, "mean_duration": None},
        },
    }


def test_a_failure_is_named_in_the_status() -> None:
    view = seen(outcome=Outcome("unreachable", "it was not heard", NOW), link=LinkState.ERROR)
    said = payloads.status(view, HERE)
    assert (said["error_code"], said["error_message"]) == ("unreachable", "it was not heard")
    assert (said["last_command"], said["status"]) == ("poll", "error")
    assert payloads.status(seen(outcome=Outcome("ok", "", NOW)), HERE)["error_code"] is None


def test_a_vehicle_is_summed_up_as_documented() -> None:
    boat = Vehicle("vehicle_1", "Boat", NOON)
    said = payloads.summary(
        summarise(boat, [Member.of(seen(Sample(voltage=12.6, status="normal")))], NOW), HERE
    )
    assert said == {
        "vehicle_id": "vehicle_1",
        "timestamp": AT,
        "total_devices": 1,
        "connected_devices": 1,
        "average_voltage": 12.6,
        "total_capacity": None,
        "overall_health": "good",
        "health_score": 100,
        "devices": [
            {"id": "02:00:00:00:00:01", "friendly_name": "Toy 1", "status": "configured", "voltage": 12.6}
        ],
        "gateway_id": GATEWAY,
    }
    assert payloads.associated(seen(), HERE) == {
        "device_id": "02:00:00:00:00:01",
        "device_name": "Toy 1",
        "vehicle_id": "vehicle_1",
        "vehicle_name": "Boat",
        "timestamp": AT,
        "gateway_id": GATEWAY,
    }


def test_a_find_tells_what_and_why() -> None:
    said = payloads.found(DeviceDiscovered(device(), "ZX-1689", -70, "name", NOW), HERE)
    assert said == {
        "mac_address": address(1),
        "device_type": "TOY",
        "name": "ZX-1689",
        "rssi": -70,
        "reason": "name",
        "first_seen": AT,
        "timestamp": AT,
        "gateway_id": GATEWAY,
    }


def test_the_settings_in_force_are_said() -> None:
    said = payloads.config(DeviceView(device(), interval=3600.0), HERE)
    assert (said["polling_interval"], said["friendly_name"]) == (3600.0, "Toy 1")
    own = payloads.config(DeviceView(device(polling_interval=60.0), interval=60.0), HERE)
    assert own["polling_interval"] == 60.0
    assert payloads.config(DeviceView(device(), heard_only=True), HERE)["polling_interval"] is None


def test_the_system_tells_null_where_nothing_is_known() -> None:
    unknown = Condition("1.0", 12.0, None, None, None, None, None, None)
    said = payloads.system_status(unknown, HERE)
    assert said == {
        "timestamp": AT,
        "core": {"running": True, "uptime_seconds": 12.0, "version": "1.0"},
        "storage": {"influxdb_connected": None, "disk_usage_percent": None},
        "components": {"mqtt": "connected", "bluetooth": None, "api": "running"},
        "devices": {"total": None, "connected": None, "discovered": None},
        "gateway_id": GATEWAY,
    }
    json.dumps(said, allow_nan=False)
