"""/api/devices, over a real registry and directory."""

from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
import trio
from trio.testing import MockClock

from hawk.devices.messages import Connection, GetConnection, GetView, PollNow, ReadOnce, Trial
from hawk.directory.messages import LookUpDevice
from hawk.drivers.api import Shown
from hawk.errors import Busy, HeldByAnother, NotHeard, Paused, SilentDevice, StoreUnavailable
from hawk.events import DeviceUpdated
from hawk.model.device import Counters, DeviceView, Lifecycle
from hawk.model.live import Live
from hawk.model.reading import Moment, Sample, Source
from hawk.registry.messages import Discover, GetRegistry, Snapshot
from hawk.store.messages import Flush
from tests.doubles import NOON, address, device
from tests.web.stage import SILENCE, Stage, open_stage, reading

MAC = address(1)


async def until(condition: Callable[[], Awaitable[object]]) -> None:
    """What the directory hears, it hears a moment later."""
    with trio.fail_after(5):
        while not await condition():
            await trio.sleep(0.005)


async def discovered(stage: Stage, number: int = 1) -> None:
    found = Discover(address(number), "TOY", "toy", -60, "by its name", proven=False)
    await stage.services.registry.ask(found).within(5)


def live(volts: float) -> Live:
    return Live().with_sample(Sample(voltage=volts), Moment(NOON, 1.0))


# -- lists -------------------------------------------------------------------------------------


async def test_a_list_has_all_devices_in_the_order_of_their_addresses(tmp_path: Path) -> None:
    async with open_stage(tmp_path) as stage:
        await stage.configured(2)
        await discovered(stage, 1)
        listed = await stage.get("/api/devices")
        assert [(each["id"], each["attributes"]["status"]) for each in listed["data"]] == [
            (address(1), "discovered"),
            (address(2), "configured"),
        ]
        here = "/api/devices"
        assert listed["links"] == {"self": here, "first": here, "prev": None, "next": None}
        assert listed["meta"] == {"total": 2}


async def test_pages_follow_one_another_to_the_end(tmp_path: Path) -> None:
    async with open_stage(tmp_path) as stage:
        for number in range(1, 6):
            await stage.configured(number)
        seen: list[list[str]] = []
        path: str | None = "/api/devices?page[size]=2&fields[devices]=link"
        while path is not None:
            page = await stage.get(path)
            seen.append([each["id"] for each in page["data"]])
            assert page["meta"] == {"total": 5}
            assert {*page["data"][0]["attributes"]} == {"link"}
            path = page["links"]["next"]
        assert seen == [[address(1), address(2)], [address(3), address(4)], [address(5)]]


async def test_a_list_can_be_narrowed_to_a_status(tmp_path: Path) -> None:
    async with open_stage(tmp_path) as stage:
        await stage.configured(1)
        await discovered(stage, 2)
        listed = await stage.get("/api/devices?filter[status]=discovered")
        assert [each["id"] for each in listed["data"]] == [address(2)]
        assert listed["meta"] == {"total": 1}
        refused = await stage.error(await stage.ask("GET", "/api/devices?filter[status]=blue"), 400)
        assert refused["source"] == {"parameter": "filter[status]"}


async def test_vehicles_can_be_included(tmp_path: Path) -> None:
    async with open_stage(tmp_path) as stage:
        await stage.configured(1)
        await stage.configured(2, vehicle_id="vehicle_1")
        await stage.configured(3)
        for path in (f"/api/devices/{MAC}?include=vehicle", "/api/devices?include=vehicle&page[size]=2"):
            found = await stage.get(path)
            assert [(each["type"], each["id"]) for each in found["included"]] == [("vehicles", "vehicle_1")]
        assert "included" not in await stage.get("/api/devices")


# -- one ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("mac", [MAC, MAC.lower(), MAC.replace(":", "-"), MAC.replace(":", "")])
async def test_a_device_is_found_however_its_address_is_written(mac: str, tmp_path: Path) -> None:
    async with open_stage(tmp_path) as stage:
        await stage.configured()
        found = await stage.get(f"/api/devices/{mac}")
        assert found["data"]["id"] == MAC
        assert found["data"]["links"] == {"self": f"/api/devices/{MAC}"}


async def test_a_configured_device_is_shown_as_its_actor_knows_it(tmp_path: Path) -> None:
    async with open_stage(tmp_path) as stage:
        await stage.configured()
        record = (await stage.services.registry.ask(GetRegistry()).within(5)).devices[MAC]
        await stage.actor(1, {GetView: DeviceView(record, live=live(12.34))})
        assert (await stage.get(f"/api/devices/{MAC}"))["data"]["attributes"]["voltage"] == 12.34


async def test_an_actor_that_has_not_heard_of_a_change_is_not_believed(tmp_path: Path) -> None:
    async with open_stage(tmp_path) as stage:
        await stage.configured(friendly_name="New")
        await stage.actor(1, {GetView: DeviceView(device(friendly_name="Old"))})
        assert (await stage.get(f"/api/devices/{MAC}"))["data"]["attributes"]["friendly_name"] == "New"


async def test_a_discovered_device_is_shown_as_the_directory_knows_it(tmp_path: Path) -> None:
    async with open_stage(tmp_path) as stage:
        await discovered(stage)
        attributes = (await stage.get(f"/api/devices/{MAC}"))["data"]["attributes"]
        assert (attributes["status"], attributes["device_type"]) == ("discovered", "TOY")


async def test_an_unknown_device_is_404(tmp_path: Path) -> None:
    async with open_stage(tmp_path) as stage:
        for method, path in (("GET", ""), ("DELETE", ""), ("GET", "/connection"), ("POST", "/readings")):
            said = await stage.ask(method, f"/api/devices/{MAC}{path}")
            assert (await stage.error(said, 404))["code"] == "not_found"
        await stage.error(await stage.send("PATCH", f"/api/devices/{MAC}", {"friendly_name": "x"}), 404)


async def test_a_device_whose_actor_has_gone_is_what_the_registry_says(tmp_path: Path) -> None:
    """It may be on its way: a change that is on the disk is no failure."""
    async with open_stage(tmp_path) as stage:
        await stage.configured()
        await stage.actor(1, {})
        await stage.actors[MAC].stop()
        said = await stage.send("PATCH", f"/api/devices/{MAC}", {"friendly_name": "New"})
        assert said.status_code == 200
        assert (await said.get_json())["data"]["attributes"]["friendly_name"] == "New"


async def test_an_actor_that_is_silent_is_504(autojump_clock: MockClock) -> None:
    scripts: dict[str, dict[type, Any]] = {
        "registry": {GetRegistry: Snapshot(devices={MAC: device()})},
        "directory": {LookUpDevice: None},
    }
    async with open_stage(scripts=scripts) as stage:
        await stage.actor(1, {GetView: SILENCE})
        await stage.error(await stage.ask("GET", f"/api/devices/{MAC}"), 504)


# -- configuring -------------------------------------------------------------------------------


async def test_a_discovered_device_is_configured(tmp_path: Path) -> None:
    async with open_stage(tmp_path) as stage:
        await discovered(stage)
        wanted = {
            "friendly_name": "Starter",
            "polling_interval": 90,
            "connection_config": {"retry_attempts": 5},
        }
        said = await stage.send("POST", f"/api/devices/{MAC}", wanted, id=MAC)
        assert said.status_code == 200
        attributes = (await said.get_json())["data"]["attributes"]
        assert (attributes["status"], attributes["friendly_name"]) == ("configured", "Starter")
        assert attributes["polling_interval"] == 90
        assert attributes["connection_config"] == {
            "retry_attempts": 5,
            "retry_interval": 60.0,
            "reconnection_delay": 300.0,
        }
        assert attributes["configured_at"] is not None


@pytest.mark.parametrize("path", ["/api/devices", f"/api/devices/{MAC}"])
async def test_a_device_never_heard_is_created_when_its_type_is_said(path: str, tmp_path: Path) -> None:
    async with open_stage(tmp_path) as stage:
        said = await stage.send("POST", path, {"device_type": "toy"}, id=MAC.replace(":", "-").lower())
        assert said.status_code == 201
        assert said.headers["Location"] == f"/api/devices/{MAC}"
        assert (await said.get_json())["data"]["attributes"]["device_type"] == "TOY"


async def test_a_device_never_heard_needs_a_type(tmp_path: Path) -> None:
    async with open_stage(tmp_path) as stage:
        error = await stage.error(await stage.send("POST", f"/api/devices/{MAC}"), 422)
        assert error["source"] == {"pointer": "/data/attributes/device_type"}


# -- reading before registering ----------------------------------------------------------------

SHOWS = (Shown("volts", origin="register 1", unit="V", quantity="voltage"), Shown("mode"))


def trial_of(asked: ReadOnce) -> Trial:
    """As the device that was asked for says it."""
    record = asked.device
    said = reading(
        device_id=record.address, device_name=record.friendly_name, vehicle_name=asked.vehicle_name,
        source=Source.GATT, voltage=12.7, extra={"volts": 12.7}, raw={"volts": 127},
    )  # fmt: skip
    return Trial(said, SHOWS)


def trials(said: Any) -> dict[str, dict[type, Any]]:
    return {"trials": {ReadOnce: said}}


@pytest.mark.parametrize("path", ["/api/devices", f"/api/devices/{MAC}"])
async def test_a_device_is_read_before_it_is_registered(path: str, tmp_path: Path) -> None:
    async with open_stage(tmp_path, scripts=trials(trial_of)) as stage:
        wanted = {"device_type": "TOY", "friendly_name": "Starter"}
        said = await stage.send("POST", path, wanted, id=MAC, meta={"test": True})
        assert said.status_code == 201
        document = await said.get_json()
        assert document["data"]["attributes"]["friendly_name"] == "Starter"
        reading = document["meta"]["reading"]
        assert (reading["voltage"], reading["device_name"], reading["source"]) == (12.7, "Starter", "gatt")
        assert document["meta"]["fields"] == [
            {"key": "volts", "value": 12.7, "unit": "V", "raw": 127, "origin": "register 1", "quantity": "voltage"},
            {"key": "mode", "value": None, "unit": "", "raw": None, "origin": "", "quantity": ""},
            {"key": "status", "value": "normal", "unit": "", "raw": None, "origin": "", "quantity": ""},
        ]  # fmt: skip


@pytest.mark.parametrize(
    ("refusal", "status", "code"),
    [
        (NotHeard("it was not heard"), 503, "unreachable"),
        (HeldByAnother("a phone has it"), 503, "held_by_another"),
        (SilentDevice("it says nothing"), 503, "silent"),
        (Paused("later"), 409, "paused"),
        (Busy("others are read"), 409, "busy"),
    ],
)
async def test_what_cannot_be_read_is_not_registered(
    refusal: Exception, status: int, code: str, tmp_path: Path
) -> None:
    async with open_stage(tmp_path, scripts=trials(refusal)) as stage:
        said = await stage.send("POST", "/api/devices", {"device_type": "TOY"}, id=MAC, meta={"test": True})
        error = await stage.error(said, status)
        assert (error["code"], error["detail"]) == (code, str(refusal))
        assert (await stage.get("/api/devices"))["data"] == []


async def test_a_device_that_is_registered_keeps_its_record_when_a_test_of_another_fails(
    tmp_path: Path,
) -> None:
    async with open_stage(tmp_path, scripts=trials(SilentDevice("it says nothing"))) as stage:
        await stage.configured(friendly_name="Starter")
        before = await stage.get("/api/devices")
        said = await stage.send("POST", f"/api/devices/{MAC}", {"friendly_name": "New"}, meta={"test": True})
        await stage.error(said, 503)
        assert await stage.get("/api/devices") == before


async def test_a_dry_run_reads_and_registers_nothing(tmp_path: Path) -> None:
    async with open_stage(tmp_path, scripts=trials(trial_of)) as stage:
        await stage.configured(2)
        said = await stage.send(
            "POST", f"/api/devices/{MAC}", {"device_type": "TOY", "vehicle_id": "vehicle_1"}, meta={"dry_run": True}
        )  # fmt: skip
        assert said.status_code == 200
        document = await said.get_json()
        assert document.keys() == {"meta"}
        assert document["meta"]["reading"]["vehicle_name"] == "Vehicle 1"
        assert [each["id"] for each in (await stage.get("/api/devices"))["data"]] == [address(2)]


@pytest.mark.parametrize(
    ("attributes", "meta", "pointer"),
    [
        ({"device_type": "Tesla"}, {"test": True}, "/data/attributes/device_type"),
        ({}, {"test": True}, "/data/attributes/device_type"),
        ({"device_type": "TOY", "config": {"x": 1}}, {"dry_run": True}, "/data/attributes/config/x"),
        ({"device_type": "TOY", "vehicle_id": "vehicle_9"}, {"dry_run": True}, "/data/attributes/vehicle_id"),
        ({"device_type": "TOY"}, {"test": "yes"}, "/meta/test"),
        ({"device_type": "TOY"}, {"dry_run": 1}, "/meta/dry_run"),
    ],
)
async def test_a_wrong_record_is_refused_without_reading(
    attributes: dict[str, Any], meta: dict[str, Any], pointer: str, tmp_path: Path
) -> None:
    async with open_stage(tmp_path, scripts=trials(AssertionError("it was read"))) as stage:
        said = await stage.send("POST", f"/api/devices/{MAC}", attributes, meta=meta)
        assert (await stage.error(said, 422))["source"] == {"pointer": pointer}
        assert (await stage.get("/api/devices"))["data"] == []


# -- changing ----------------------------------------------------------------------------------


async def test_a_change_touches_nothing_else(tmp_path: Path) -> None:
    async with open_stage(tmp_path) as stage:
        await stage.configured(friendly_name="Starter", retry_attempts=5)
        before = (await stage.get(f"/api/devices/{MAC}"))["data"]["attributes"]
        said = await stage.send("PATCH", f"/api/devices/{MAC}", {"connection_config": {"retry_interval": 10}})
        after = (await said.get_json())["data"]["attributes"]
        assert after == before | {
            "connection_config": {"retry_attempts": 5, "retry_interval": 10, "reconnection_delay": 300.0}
        }


async def test_a_device_moves_by_attribute_and_by_relationship(tmp_path: Path) -> None:
    async with open_stage(tmp_path) as stage:
        await stage.configured()
        for name in ("Boat", "Car"):
            await stage.send("POST", "/api/vehicles", {"name": name}, "vehicles")
        said = await stage.send("PATCH", f"/api/devices/{MAC}", {"vehicle_id": "vehicle_2"})
        assert (await said.get_json())["data"]["relationships"]["vehicle"]["data"]["id"] == "vehicle_2"
        to_car = {"vehicle": {"data": {"type": "vehicles", "id": "vehicle_3"}}}
        said = await stage.send("PATCH", f"/api/devices/{MAC}", relationships=to_car)
        assert (await said.get_json())["data"]["attributes"]["vehicle_id"] == "vehicle_3"
        said = await stage.send("PATCH", f"/api/devices/{MAC}", relationships={"vehicle": {"data": None}})
        assert (await said.get_json())["data"]["attributes"]["vehicle_id"] is None


@pytest.mark.parametrize(
    ("attributes", "members", "pointer"),
    [
        ({"friendly_name": ""}, {}, "/data/attributes/friendly_name"),
        ({"friendly_name": "x" * 65}, {}, "/data/attributes/friendly_name"),
        ({"friendly_name": "bell\a"}, {}, "/data/attributes/friendly_name"),
        ({"friendly_name": "half \ud800"}, {}, "/data/attributes/friendly_name"),
        ({"device_type": "Tesla"}, {}, "/data/attributes/device_type"),
        ({"vehicle_id": "vehicle_9"}, {}, "/data/attributes/vehicle_id"),
        ({"voltage": 12.6}, {}, "/data/attributes/voltage"),
    ],
)
@pytest.mark.parametrize("method", ["POST", "PATCH"])
async def test_what_cannot_be_is_422_and_changes_nothing(
    method: str, attributes: dict[str, Any], members: dict[str, Any], pointer: str, tmp_path: Path
) -> None:
    async with open_stage(tmp_path) as stage:
        await stage.configured()
        before = await stage.get("/api/devices")
        said = await stage.send(method, f"/api/devices/{MAC}", attributes, **members)
        assert (await stage.error(said, 422))["source"] == {"pointer": pointer}
        assert await stage.get("/api/devices") == before


@pytest.mark.parametrize("method", ["POST", "PATCH"])
async def test_a_vehicle_that_is_none_is_404_when_it_is_related_to(method: str, tmp_path: Path) -> None:
    async with open_stage(tmp_path) as stage:
        await stage.configured()
        before = await stage.get("/api/devices")
        nowhere = {"vehicle": {"data": {"type": "vehicles", "id": "vehicle_9"}}}
        said = await stage.send(method, f"/api/devices/{MAC}", relationships=nowhere)
        error = await stage.error(said, 404)
        assert error["source"] == {"pointer": "/data/relationships/vehicle/data/id"}
        assert await stage.get("/api/devices") == before


async def test_a_device_that_was_taken_out_of_its_vehicle_stays_outside(tmp_path: Path) -> None:
    async with open_stage(tmp_path) as stage:
        await stage.configured()
        for changes in ({"vehicle_id": None}, {"friendly_name": "Spare"}):
            said = await stage.send("PATCH", f"/api/devices/{MAC}", changes)
            assert (await said.get_json())["data"]["attributes"]["vehicle_id"] is None
        await stage.send("POST", f"/api/devices/{MAC}", {"polling_interval": 90})
        assert (await stage.get(f"/api/devices/{MAC}"))["data"]["attributes"]["vehicle_id"] is None
        assert (await stage.get("/api/vehicles"))["data"] == []


async def test_an_ignored_device_can_be_configured_again(tmp_path: Path) -> None:
    async with open_stage(tmp_path) as stage:
        await stage.configured()
        for word in ("ignored", "configured"):
            said = await stage.send("PATCH", f"/api/devices/{MAC}", {"status": word})
            assert (await said.get_json())["data"]["attributes"]["lifecycle"] == word


async def test_a_removed_device_is_gone(tmp_path: Path) -> None:
    async with open_stage(tmp_path) as stage:
        await stage.configured()
        said = await stage.ask("DELETE", f"/api/devices/{MAC}")
        assert (said.status_code, await said.get_data()) == (204, b"")
        await stage.error(await stage.ask("GET", f"/api/devices/{MAC}"), 404)


# -- reading, and how the link does ------------------------------------------------------------


async def test_a_poll_answers_with_the_reading(tmp_path: Path) -> None:
    async with open_stage(tmp_path) as stage:
        await stage.actor(1, {PollNow: reading(voltage=12.7, source=Source.GATT)})
        said = await stage.ask("POST", f"/api/devices/{MAC}/readings")
        assert said.status_code == 200
        data = (await said.get_json())["data"]
        assert (data["type"], data["attributes"]["voltage"], data["attributes"]["source"]) == (
            "readings",
            12.7,
            "gatt",
        )


async def test_a_poll_answers_with_the_reading_as_it_is_stored() -> None:
    async with open_stage() as stage:
        polled = reading(voltage=12.7, source=Source.GATT)
        await stage.actor(1, {PollNow: polled})
        stage.shelf.put(reading(2), polled)
        said = await stage.ask("POST", f"/api/devices/{MAC}/readings")
        assert (await said.get_json())["data"]["attributes"]["seq"] == 2


@pytest.mark.parametrize("trouble", [StoreUnavailable("the disk is full"), SILENCE])
async def test_a_poll_is_answered_also_when_the_disk_refuses(
    trouble: object, autojump_clock: MockClock
) -> None:
    async with open_stage(scripts={"store": {Flush: trouble}}) as stage:
        await stage.actor(1, {PollNow: reading(voltage=12.7, source=Source.GATT)})
        said = await stage.ask("POST", f"/api/devices/{MAC}/readings")
        assert said.status_code == 200
        attributes = (await said.get_json())["data"]["attributes"]
        assert (attributes["voltage"], attributes["seq"]) == (12.7, None)


async def test_a_device_that_is_only_discovered_is_not_configured(tmp_path: Path) -> None:
    async with open_stage(tmp_path) as stage:
        await discovered(stage)
        for method, path in (("POST", "readings"), ("GET", "connection"), ("POST", "release")):
            error = await stage.error(await stage.ask(method, f"/api/devices/{MAC}/{path}"), 409)
            assert error["code"] == "not_configured"
            assert "is discovered, not configured" in error["detail"]


@pytest.mark.parametrize(
    ("refusal", "status"), [(HeldByAnother("a phone has it"), 503), (Busy("others are read"), 409)]
)
async def test_a_poll_that_fails_says_why(refusal: Exception, status: int) -> None:
    async with open_stage() as stage:
        await stage.actor(1, {PollNow: refusal})
        error = await stage.error(await stage.ask("POST", f"/api/devices/{MAC}/readings"), status)
        assert error["detail"] == str(refusal)


async def test_the_connection_of_a_device_can_be_looked_at() -> None:
    async with open_stage() as stage:
        connection = Connection(DeviceView(device(), counters=Counters(polls=3, ok=3)), (), next_poll=10.0)
        await stage.actor(1, {GetConnection: connection})
        found = await stage.get(f"/api/devices/{MAC}/connection?fields[connections]=polls")
        assert found["data"]["attributes"] == {"polls": 3}


async def test_lists_follow_what_is_measured(tmp_path: Path) -> None:
    async with open_stage(tmp_path) as stage:
        await stage.configured()
        record = (await stage.services.registry.ask(GetRegistry()).within(5)).devices[MAC]
        stage.system.bus.publish(DeviceUpdated(DeviceView(record, live=live(12.9), available=True)))

        async def followed() -> bool:
            (found,) = (await stage.get("/api/devices"))["data"]
            return bool(found["attributes"]["voltage"] == 12.9)

        await until(followed)
        assert record.lifecycle is Lifecycle.CONFIGURED


async def test_a_calibration_is_set_merged_and_refused_with_its_place(tmp_path: Path) -> None:
    async with open_stage(tmp_path) as stage:
        await stage.configured()
        path = f"/api/devices/{MAC}"
        await stage.send("PATCH", path, {"calibration": {"voltage": {"scale": 1.01}}})
        patch = {"voltage": {"offset": 0.1}, "current": {"scale": -1}}
        said = await stage.send("PATCH", path, {"calibration": patch})
        assert (await said.get_json())["data"]["attributes"]["calibration"] == {
            "voltage": {"scale": 1.01, "offset": 0.1},
            "current": {"scale": -1, "offset": 0.0},
        }
        said = await stage.send("PATCH", path, {"plausibility": {"voltage": {"max_jump": "big"}}})
        error = await stage.error(said, 422)
        assert error["source"] == {"pointer": "/data/attributes/plausibility/voltage/max_jump"}
        said = await stage.send("PATCH", path, {"calibration": None})
        assert (await said.get_json())["data"]["attributes"]["calibration"] == {}


# -- releasing ---------------------------------------------------------------------------------


@pytest.mark.parametrize("path", ["/api/release", f"/api/devices/{MAC}/release"])
@pytest.mark.parametrize("minutes", [0, 1441, "30", True, None])
async def test_how_long_to_release_is_checked(path: str, minutes: object) -> None:
    async with open_stage() as stage:
        await stage.actor(1, {})
        said = await stage.send("POST", path, {"minutes": minutes}, kind="releases")
        error = await stage.error(said, 422)
        assert error["source"] == {"pointer": "/data/attributes/minutes"}


async def test_a_connection_is_included_on_demand(tmp_path: Path) -> None:
    async with open_stage(tmp_path) as stage:
        await stage.configured(1)
        connection = Connection(DeviceView(device()), (), None)
        await stage.actor(1, {GetConnection: connection, GetView: DeviceView(device())})
        found = await stage.get(f"/api/devices/{MAC}?include=connection&fields[connections]=link_quality")
        assert [(each["type"], each["id"]) for each in found["included"]] == [("connections", MAC)]
        assert found["data"]["relationships"]["connection"]["data"] == {"type": "connections", "id": MAC}
