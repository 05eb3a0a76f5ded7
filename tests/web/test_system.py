"""/api/system/status."""

from dataclasses import replace
from typing import Any

from trio.testing import MockClock

from hawk.ble.messages import AdapterStatus, GetArbiterStatus, GetScannerStatus, ScannerStatus
from hawk.directory.messages import ListDevices
from hawk.errors import StoreUnavailable
from hawk.model.device import DeviceView, Lifecycle
from hawk.model.rung import Rung
from hawk.store.messages import GetStoreStatus
from tests.doubles import device
from tests.web.stage import GATEWAY, SCANNER, SILENCE, open_stage, reading

VIEWS = (
    DeviceView(device(1), available=True),
    DeviceView(device(2)),
    DeviceView(device(3, lifecycle=Lifecycle.DISCOVERED)),
)
NORMAL: dict[str, dict[type, Any]] = {"directory": {ListDevices: VIEWS}}


async def test_the_status_tells_of_every_part() -> None:
    async with open_stage(scripts=NORMAL) as stage:
        stage.shelf.put(reading())
        data = (await stage.get("/api/system/status"))["data"]
        assert (data["type"], data["id"]) == ("system-status", "system")
        said = data["attributes"]
        assert said["gateway_id"] == GATEWAY
        assert said["core"]["running"] is True
        assert said["core"]["uptime_seconds"] >= 0
        assert said["timestamp"].endswith("Z")
        assert (said["storage"]["store"], said["storage"]["readings"], said["storage"]["seq"]) == ("ok", 1, 1)
        assert (said["bluetooth"]["listening"], said["bluetooth"]["adverts"]) == (True, 7)
        assert said["components"] == {"api": "running", "bluetooth": "active", "mqtt": "off", "broker": "off"}
        assert said["devices"] == {"total": 3, "connected": 1, "discovered": 1}
        assert {"store", "directory"} <= {actor["name"] for actor in said["actors"]}


async def test_it_says_why_nothing_is_heard() -> None:
    deaf = ScannerStatus(listening=False, reason="no adapter", adverts=0, devices=0, restarts=3)
    async with open_stage(scripts={**NORMAL, "scanner": {GetScannerStatus: deaf}}) as stage:
        said = (await stage.get("/api/system/status"))["data"]["attributes"]
        assert (said["bluetooth"]["listening"], said["bluetooth"]["reason"]) == (False, "no adapter")
        assert said["components"]["bluetooth"] == "down"


async def test_each_adapter_is_told_by_itself() -> None:
    status = replace(
        SCANNER,
        adapters=(
            AdapterStatus("hci0", True, None, 60, 0.512, recovery={Rung.RESTART_SCAN: 2}),
            AdapterStatus("hci1", False, "hci1 is switched off", 0, None),
        ),
    )
    async with open_stage(scripts={**NORMAL, "scanner": {GetScannerStatus: status}}) as stage:
        said = (await stage.get("/api/system/status"))["data"]["attributes"]
        assert said["bluetooth"]["adapters"] == [
            {
                "name": "hci0", "listening": True, "reason": None, "adverts_per_minute": 60,
                "seconds_since_advert": 0.5, "recovery": {"restart_scan": 2},
            },
            {
                "name": "hci1", "listening": False, "reason": "hci1 is switched off", "adverts_per_minute": 0,
                "seconds_since_advert": None, "recovery": {},
            },
        ]  # fmt: skip


async def test_what_does_not_answer_is_null_and_the_rest_is_told(autojump_clock: MockClock) -> None:
    scripts: dict[str, dict[type, Any]] = {
        "scanner": {GetScannerStatus: SILENCE},
        "arbiter": {GetArbiterStatus: SILENCE},
        "store": {GetStoreStatus: StoreUnavailable("the disk refuses")},
        "directory": {ListDevices: SILENCE},
    }
    async with open_stage(scripts=scripts) as stage:
        said = (await stage.get("/api/system/status"))["data"]["attributes"]
        assert (said["storage"], said["devices"], said["components"]["bluetooth"]) == (None, None, None)
        assert said["bluetooth"]["listening"] is None
        assert said["core"]["running"] is True


async def test_parts_of_the_status_can_be_chosen() -> None:
    async with open_stage(scripts=NORMAL) as stage:
        found = await stage.get("/api/system/status?fields[system-status]=core,devices")
        assert {*found["data"]["attributes"]} == {"core", "devices"}
