import logging
from typing import Any

import pytest
import trio
from trio.testing import MockClock

from actors import ActorRef, ChildState, RestartChild, WhichChildren
from hawk.devices.messages import PollNow
from hawk.devices.supervisor import configured
from hawk.model.device import Lifecycle, LinkState
from hawk.model.reading import Source
from hawk.model.vehicle import Vehicle
from hawk.registry.messages import Snapshot
from tests.devices.stage import Stage, open_stage
from tests.doubles import Put, Remove, Session, address, advert, device


class BugError(Exception):
    pass


def crash(ref: ActorRef[Any]) -> None:
    """As a bug in one of its tasks would."""
    actor = ref._actor_weakref()
    assert actor is not None
    actor._fail(BugError())


async def children(stage: Stage) -> dict[str, ChildState]:
    return {child.name: child for child in await stage.devices.ask(WhichChildren()).within(1)}


def test_only_configured_devices_are_wanted_and_their_vehicles_named() -> None:
    snapshot = Snapshot(
        devices={
            address(1): device(1),
            address(2): device(2, lifecycle=Lifecycle.DISCOVERED),
            address(3): device(3, lifecycle=Lifecycle.IGNORED),
            address(4): device(4, vehicle_id=None),
        },
        vehicles={"vehicle_1": Vehicle("vehicle_1", "Boat", None)},
    )
    assert {name: record.vehicle_name for name, record in configured(snapshot).items()} == {
        address(1): "Boat",
        address(4): None,
    }


async def test_devices_come_and_go_with_their_records(autojump_clock: MockClock) -> None:
    async with open_stage(device(1), device(2, lifecycle=Lifecycle.DISCOVERED)) as stage:
        assert set(await children(stage)) == {address(1)}
        stage.records.tell(Put(device(2)))
        await trio.sleep(0.1)
        assert set(await children(stage)) == {address(1), address(2)}
        stage.records.tell(Remove(address(1)))
        stage.records.tell(Put(device(2, lifecycle=Lifecycle.IGNORED)))
        await trio.sleep(0.1)
        assert set(await children(stage)) == set()


async def test_a_type_without_a_driver_is_said_once_and_left_out(
    autojump_clock: MockClock, caplog: pytest.LogCaptureFixture
) -> None:
    async with open_stage(device(1), device(2, device_type="EXOTIC")) as stage:
        stage.records.tell(Put(device(1, friendly_name="Boat")))
        await trio.sleep(0.1)
        assert set(await children(stage)) == {address(1)}
        complaints = [record for record in caplog.records if record.levelno >= logging.WARNING]
        assert len(complaints) == 1
        assert f"Toy 2 ({address(2)}) is left alone: there is no driver for 'EXOTIC'" in caplog.text


async def test_a_config_that_its_driver_refuses_is_said_and_the_device_left_out(
    autojump_clock: MockClock, caplog: pytest.LogCaptureFixture
) -> None:
    async with open_stage(device(1, config={"model": "pro"})) as stage:
        assert set(await children(stage)) == set()
        assert "config is wrong at /model: a TOY has nothing to configure" in caplog.text
        stage.records.tell(Put(device(1)))
        await trio.sleep(0.1)
        assert set(await children(stage)) == {address(1)}


async def test_another_type_makes_another_actor_behind_the_same_ref(autojump_clock: MockClock) -> None:
    async with open_stage(device(1, device_type="MUTE")) as stage:
        before = await stage.device()
        stage.records.tell(Put(device(1, device_type="TOY")))
        await trio.sleep(0.5)
        assert await stage.device() is before
        assert before.incarnation == 2
        stage.radio.hear(advert(1, "12.60"))
        await trio.sleep(0.1)
        assert [reading.device_type for reading in stage.stored] == ["TOY"]


async def test_a_device_that_crashes_begins_again_with_its_record_of_now(autojump_clock: MockClock) -> None:
    async with open_stage(device(1, friendly_name="Old")) as stage:
        stage.records.tell(Put(device(1, friendly_name="New")))
        await trio.sleep(0.1)
        assert await stage.devices.ask(RestartChild(address(1))).within(5)
        stage.radio.hear(advert(1, "12.60"))
        await trio.sleep(0.1)
        assert [reading.device_name for reading in stage.stored] == ["New"]


# -- killed in the middle ----------------------------------------------------------------------


async def test_a_device_killed_in_its_session_releases_link_and_slot(autojump_clock: MockClock) -> None:
    async with open_stage(device(1), device(2)) as stage:
        stage.radio.script(1, Session(frames=()), Session())
        stage.radio.hear(advert(1))
        await trio.sleep(1)
        assert stage.radio.linked == {address(1)}
        stage.radio.hear(advert(2))
        assert await stage.devices.ask(RestartChild(address(1))).within(5)
        assert stage.radio.linked == set()
        await trio.sleep(1)
        assert [slot.address for slot in (await stage.slots()).held] != [address(1)]
        stage.radio.hear(advert(1))
        await trio.sleep(8)
        assert {reading.device_id for reading in stage.stored} == {address(1), address(2)}
        assert (await stage.slots()).taken_back == 0
        view = await stage.view(1)
        assert (view.link, (await stage.slots()).held) == (LinkState.IDLE, ())


async def test_a_device_that_crashes_in_its_session_is_read_by_its_next_incarnation(
    autojump_clock: MockClock,
) -> None:
    async with open_stage(device(1)) as stage:
        stage.radio.hear(advert(1))
        await trio.sleep(0.3)
        assert stage.radio.establishing == {address(1)}
        crash(await stage.device())
        await trio.sleep(10)
        assert stage.radio.linked == set()
        assert (await stage.slots()).held == ()
        assert [volts for _, volts in stage.said(Source.GATT)] == [12.60]
        assert (await children(stage))[address(1)].restarts == 1


async def test_removing_a_device_in_its_session_lets_the_link_go(autojump_clock: MockClock) -> None:
    async with open_stage(device(1), device(2)) as stage:
        stage.radio.script(1, Session(frames=()))
        stage.radio.hear(advert(1))
        await trio.sleep(1)
        stage.records.tell(Remove(address(1)))
        await trio.sleep(3)
        assert stage.radio.linked == set()
        assert (await stage.slots()).held == ()
        stage.radio.hear(advert(2))
        await trio.sleep(3)
        assert [reading.device_id for reading in stage.stored] == [address(2)]


@pytest.mark.parametrize("victim", ["scanner", "devices", "arbiter"])
async def test_all_goes_on_after_an_actor_of_the_radio_was_restarted(
    victim: str, autojump_clock: MockClock
) -> None:
    """In the middle of a session, with others waiting."""
    async with open_stage(device(1), device(2), device(3, lifecycle=Lifecycle.DISCOVERED)) as stage:
        stage.radio.script(1, Session(frames=()), Session())
        async with trio.open_nursery() as nursery:
            nursery.start_soon(stage.radio.chatter, *(advert(n, "12.60") for n in (1, 2, 3)))
            await trio.sleep(2)
            crash(getattr(stage, victim))
            await trio.sleep(100)
            nursery.cancel_scope.cancel()
        polled = {reading.device_id for reading in stage.stored if reading.source is Source.GATT}
        assert polled == {address(1), address(2)}
        assert {reading.device_id for reading in stage.stored} == polled
        assert stage.radio.linked == set()
        status = await stage.slots()
        assert (status.held, status.waiting) == ((), 0)
        reading = await (await stage.device(2)).ask(PollNow()).within(1_000)
        assert reading.sample.voltage == 12.60
