"""/metrics."""

from typing import Any

from trio.testing import MockClock

from hawk.ble.messages import GetScannerStatus
from hawk.directory.messages import ListDevices
from hawk.errors import StoreUnavailable
from hawk.model.device import DeviceView
from hawk.store.messages import GetStoreStatus
from tests.doubles import address, device
from tests.web.stage import SILENCE, open_stage, reading

NORMAL: dict[str, dict[type, Any]] = {"directory": {ListDevices: (DeviceView(device()),)}}


async def test_it_tells_what_the_directory_and_the_parts_of_the_service_know() -> None:
    async with open_stage(scripts=NORMAL) as stage:
        stage.shelf.put(reading(), reading(2))
        said = await stage.ask("GET", "/metrics")
        text = await said.get_data(as_text=True)
        assert said.headers["Content-Type"] == "text/plain; version=0.0.4; charset=utf-8"
        assert f'battery_hawk_available{{device_id="{address(1)}",device_name="Toy 1",' in text
        assert "\nbattery_hawk_store_readings 2.0\n" in text
        assert "\nbattery_hawk_bluetooth_adverts_total 7.0\n" in text
        assert '\nbattery_hawk_actor_up{actor="store"} 1.0\n' in text


async def test_nothing_is_kept_from_one_scrape_to_the_next() -> None:
    async with open_stage(scripts=NORMAL) as stage:
        for readings in (0, 1, 2):
            text = await (await stage.ask("GET", "/metrics")).get_data(as_text=True)
            assert f"\nbattery_hawk_store_readings {readings}.0\n" in text
            stage.shelf.put(reading())


async def test_the_form_is_negotiated_and_a_browser_gets_text() -> None:
    async with open_stage(scripts=NORMAL) as stage:
        for accept, media_type in (
            ("application/openmetrics-text;version=1.0.0,*/*;q=0.1", "application/openmetrics-text"),
            ("text/html,*/*;q=0.8", "text/plain"),
        ):
            said = await stage.ask("GET", "/metrics", headers={"Accept": accept})
            assert (said.status_code, said.mimetype) == (200, media_type)


async def test_what_does_not_answer_is_absent_and_the_rest_is_told(autojump_clock: MockClock) -> None:
    scripts: dict[str, dict[type, Any]] = {
        "directory": {ListDevices: SILENCE},
        "scanner": {GetScannerStatus: SILENCE},
        "store": {GetStoreStatus: StoreUnavailable("the disk refuses")},
    }
    async with open_stage(scripts=scripts) as stage:
        text = await (await stage.ask("GET", "/metrics")).get_data(as_text=True)
        for part in ("directory", "scanner", "store"):
            assert f'battery_hawk_part_answered{{part="{part}"}} 0.0' in text
        assert "battery_hawk_store_readings" not in text
        assert "\nbattery_hawk_links_held 0.0\n" in text
