"""Readings, devices and vehicles as JSON."""

import json
from typing import Any

from hawk.devices.messages import Connection
from hawk.directory.messages import VehicleView
from hawk.model.device import Counters, DeviceView, Lifecycle, LinkState, Outcome, Quality, Transition
from hawk.model.live import Live
from hawk.model.reading import Moment, Sample, Source
from hawk.model.rules import Bounds, Reason, Rejected, Rejection
from hawk.model.vehicle import Member, Vehicle, summarise
from hawk.web.resources import (
    connection_resource,
    device_resource,
    reading_resource,
    vehicle_resource,
)
from tests.doubles import NOON, address, device
from tests.web.stage import GATEWAY, reading

NOW = Moment(NOON, 100.0)
LATER = Moment(NOON + 1500, 101.5)
HOURLY = 3600.0


def test_a_reading_says_all_keys_and_null_for_what_was_not_measured() -> None:
    said = reading_resource(
        reading(voltage=12.62, state_of_charge=0.0, status_code=1, source=Source.GATT, seq=7, rssi=-70)
    )
    assert said == {
        "type": "readings",
        "id": "02:00:00:00:00:01@2026-11-18T11:06:40.000Z",
        "attributes": {
            "device_id": "02:00:00:00:00:01",
            "timestamp": "2026-11-18T11:06:40.000Z",
            "voltage": 12.62,
            "current": None,
            "temperature": None,
            "state_of_charge": 0.0,
            "power": None,
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
            "extra": {},
        },
        "relationships": {"device": {"data": {"type": "devices", "id": "02:00:00:00:00:01"}}},
    }
    json.dumps(said, allow_nan=False)


def test_a_reading_that_waits_for_its_date_has_none() -> None:
    said = reading_resource(reading(moment=Moment(None, 5.0)))
    assert said["attributes"]["timestamp"] is None
    assert said["id"] == "02:00:00:00:00:01@undated"


def attributes(view: DeviceView) -> dict[str, Any]:
    return dict(device_resource(view, HOURLY)["attributes"])


def test_a_device_nobody_heard_has_every_key_and_no_value() -> None:
    said = attributes(DeviceView(device(lifecycle=Lifecycle.DISCOVERED)))
    assert said["mac_address"] == address(1)
    assert (said["status"], said["lifecycle"], said["link"]) == ("discovered", "discovered", "idle")
    assert said["polling_interval"] == HOURLY
    assert said["connection_config"] == {
        "retry_attempts": 3,
        "retry_interval": 60.0,
        "reconnection_delay": 300.0,
    }
    unknown = [
        "voltage",
        "current",
        "temperature",
        "state_of_charge",
        "power",
        "battery_status",
        "latest_reading",
        "last_seen",
        "last_outcome",
        "rssi",
        "adapter",
        "advertised_name",
        "discovered_at",
        "configured_at",
    ]
    assert {name: said[name] for name in unknown} == dict.fromkeys(unknown)
    assert (said["available"], said["stale"], said["simulated"]) == (False, False, False)


def test_each_value_keeps_the_time_it_was_measured() -> None:
    live = Live().with_sample(Sample(voltage=12.6, temperature=0.0, status="normal", status_code=0), NOW)
    live = live.with_sample(Sample(voltage=12.7, status="low", status_code=2), LATER)
    view = DeviceView(
        device(polling_interval=60.0, discovered_at=NOON, configured_at=NOON),
        vehicle_name="Boat",
        link=LinkState.CONNECTED,
        live=live,
        last_seen=LATER,
        available=True,
        outcome=Outcome("unreachable", "not heard", NOW),
        simulated=True,
    )
    said = attributes(view)
    assert (said["voltage"], said["temperature"], said["current"]) == (12.7, 0.0, None)
    assert said["battery_status"] == "low"
    assert said["status"] == "connected"
    assert said["polling_interval"] == 60.0
    assert said["vehicle_name"] == "Boat"
    assert said["latest_reading"] == {
        "timestamp": "2026-11-18T11:06:41.500Z",
        "voltage": 12.7,
        "current": None,
        "temperature": 0.0,
        "state_of_charge": None,
        "power": None,
        "status": "low",
        "status_code": 2,
        "measured_at": {"voltage": "2026-11-18T11:06:41.500Z", "temperature": "2026-11-18T11:06:40.000Z"},
        "stale": [],
        "extra": {},
    }
    assert said["last_outcome"] == {
        "code": "unreachable",
        "detail": "not heard",
        "timestamp": "2026-11-18T11:06:40.000Z",
    }
    assert said["discovered_at"] == said["configured_at"] == "2026-11-18T11:06:40.000Z"


def test_old_values_of_a_configured_device_are_marked_stale() -> None:
    live = Live().with_sample(Sample(voltage=12.6), NOW)
    assert attributes(DeviceView(device(), live=live, available=False))["stale"] is True
    assert attributes(DeviceView(device(), live=live, available=True))["stale"] is False


def test_a_device_links_to_its_vehicle() -> None:
    link = device_resource(DeviceView(device()), HOURLY)["relationships"]["vehicle"]
    assert link["data"] == {"type": "vehicles", "id": "vehicle_1"}
    here = f"/api/devices/{address(1)}"
    assert link["links"] == {"self": f"{here}/relationships/vehicle", "related": f"{here}/vehicle"}
    alone = device_resource(DeviceView(device(vehicle_id=None)), HOURLY)
    assert alone["relationships"]["vehicle"]["data"] is None


def test_a_connection_tells_its_transitions_and_counters() -> None:
    view = DeviceView(
        device(),
        link=LinkState.ERROR,
        counters=Counters(
            polls=2,
            ok=1,
            failed=1,
            failed_by={"silent": 1},
            mean_duration=3.5,
            last_duration=3.5,
            last_success=NOW,
        ),
        quality=Quality(12, 9, 75, "fair"),
        rejections=(Rejection(Rejected("voltage", Reason.MAX, 58.88, 36), 3, NOW),),
    )
    connection = Connection(
        view=view,
        transitions=(
            Transition(LinkState.CONNECTING, NOW),
            Transition(LinkState.ERROR, LATER, "unreachable"),
        ),
        next_poll=42.0,
        limits={"voltage": Bounds(0, 36)},
    )
    said = connection_resource(connection)
    assert (said["type"], said["id"]) == ("connections", address(1))
    assert said["attributes"]["transitions"] == [
        {"state": "connecting", "timestamp": "2026-11-18T11:06:40.000Z", "reason": None},
        {"state": "error", "timestamp": "2026-11-18T11:06:41.500Z", "reason": "unreachable"},
    ]
    assert (said["attributes"]["polls"], said["attributes"]["polls_failed"]) == (2, 1)
    assert said["attributes"]["link_quality"] == {"attempts": 12, "ok": 9, "percent": 75, "verdict": "fair"}
    assert said["attributes"]["next_poll_in"] == 42.0
    assert said["attributes"]["limits"] == {"voltage": {"min": 0, "max": 36}}
    assert said["attributes"]["rejected"] == [
        {"quantity": "voltage", "reason": "max", "count": 3, "value": 58.88, "limit": 36,
         "timestamp": "2026-11-18T11:06:40.000Z"}
    ]  # fmt: skip


def test_a_vehicle_tells_the_summary_of_its_batteries() -> None:
    vehicle = Vehicle("vehicle_1", "Boat", NOON)
    live = Live().with_sample(Sample(voltage=12.6, status="normal"), NOW)
    summary = summarise(vehicle, [Member.of(DeviceView(device(), live=live, available=True))], NOW)
    said = vehicle_resource(VehicleView(vehicle, (address(1), address(2)), summary, listed=True))
    assert said["attributes"]["name"] == "Boat"
    assert said["attributes"]["created_at"] == "2026-11-18T11:06:40.000Z"
    assert said["attributes"]["device_count"] == 2
    assert said["attributes"]["summary"]["average_voltage"] == 12.6
    assert said["attributes"]["summary"]["devices"] == [
        {"id": address(1), "friendly_name": "Toy 1", "status": "configured", "voltage": 12.6}
    ]
    assert [each["id"] for each in said["relationships"]["devices"]["data"]] == [address(1), address(2)]
    assert vehicle_resource(VehicleView(vehicle, (), None, listed=True))["attributes"]["summary"] is None
