"""A device is left to others for a while."""

import pytest
import trio
from trio.testing import MockClock

from actors import RestartChild
from hawk.devices.messages import EndRelease, PollNow, Release
from hawk.devices.releases import Releases
from hawk.errors import Paused
from hawk.model.device import LinkState
from tests.devices.stage import Stage, open_stage
from tests.doubles import NOON, Put, Session, address, advert, device

# -- the table ---------------------------------------------------------------------------------


def test_the_later_end_of_its_own_and_of_all_counts() -> None:
    releases = Releases()
    assert releases.until(address(1), 0) is None
    releases.release(address(1), 100)
    releases.release(None, 50)
    assert (releases.until(address(1), 0), releases.until(address(2), 0)) == (100, 50)
    assert (releases.until(address(1), 100), releases.until(address(2), 49)) == (None, 50)
    releases.release(address(1), 30)  # a later word
    assert releases.until(address(1), 0) == 50


def test_the_end_for_all_ends_every_one() -> None:
    releases = Releases()
    releases.release(address(1), 100)
    releases.release(None, 50)
    releases.end(address(1))
    assert releases.until(address(1), 0) == 50
    releases.release(address(1), 100)
    releases.end(None)
    assert releases.until(address(1), 0) is None


# -- the device --------------------------------------------------------------------------------


async def heard_and_read(stage: Stage, *numbers: int) -> None:
    for _ in range(8):
        for number in numbers or (1,):
            stage.radio.hear(advert(number, "12.60"))
        await trio.sleep(1)


async def test_no_poll_begins_until_it_is_over_and_hearing_goes_on(autojump_clock: MockClock) -> None:
    async with open_stage(device(polling_interval=60.0)) as stage:
        await heard_and_read(stage)
        until = await (await stage.device()).ask(Release(600)).within(1)
        released = round(trio.current_time())
        assert until is not None
        assert until.utc == pytest.approx(NOON + (released + 600) * 1000, abs=1000)
        assert (await stage.view()).released_until == until
        before = len(stage.polls())
        while trio.current_time() < released + 590:
            stage.radio.hear(advert(1, "12.70"))
            await trio.sleep(5)
        assert len(stage.polls()) == before
        view = await stage.view()
        assert (view.live.values["voltage"].value, view.available) == (12.7, True)
        await trio.sleep_until(released + 600)
        await heard_and_read(stage)
        assert [at - released >= 599 for at in stage.polls()[before:]] == [True]
        assert (await stage.view()).released_until is None


async def test_a_session_that_runs_is_let_go_at_once_and_counts_as_nothing(autojump_clock: MockClock) -> None:
    async with open_stage(device()) as stage:
        stage.radio.script(1, Session(frames=(), parting=0.5))
        stage.radio.hear(advert(1, "12.60"))
        await trio.sleep(2)
        assert stage.radio.linked == {address(1)}
        asked = (await stage.device()).ask(PollNow())
        await trio.sleep(0.1)
        await (await stage.device()).ask(Release(60)).within(1)
        with pytest.raises(Paused):
            await asked.within(1)
        await trio.sleep(1)
        assert stage.radio.linked == set()
        connection = await stage.connection()
        assert (
            connection.view.counters.polls,
            connection.view.counters.failed,
            connection.view.counters.skipped,
        ) == (
            0,
            0,
            0,
        )
        assert connection.view.link is LinkState.IDLE
        assert (await stage.slots()).held == ()


async def test_to_read_it_meanwhile_is_refused_with_the_way_out(autojump_clock: MockClock) -> None:
    async with open_stage(device()) as stage:
        await heard_and_read(stage)
        ref = await stage.device()
        await ref.ask(Release(120)).within(1)
        with pytest.raises(Paused, match=r"2 more min.*--end"):
            await ref.ask(PollNow()).within(1)
        await ref.ask(EndRelease()).within(1)
        stage.radio.hear(advert(1, "12.60"))
        assert (await ref.ask(PollNow()).within(10)).device_id == address(1)


async def test_ended_it_is_read_at_once_if_that_is_overdue(autojump_clock: MockClock) -> None:
    async with open_stage(device(polling_interval=60.0)) as stage:
        await heard_and_read(stage)
        ref = await stage.device()
        await ref.ask(Release(3600)).within(1)
        await trio.sleep(100)
        count = len(stage.polls())
        await ref.ask(EndRelease()).within(1)
        await heard_and_read(stage)
        assert len(stage.polls()) == count + 1


async def test_all_devices_also_later_ones_and_restarted_ones(autojump_clock: MockClock) -> None:
    async with open_stage(device(1)) as stage:
        await heard_and_read(stage)
        await stage.devices.ask(Release(600)).within(1)
        count = len(stage.polls())
        stage.records.tell(Put(device(2)))
        stage.devices.tell(RestartChild(address(1)))
        await heard_and_read(stage, 1, 2)
        assert (len(stage.polls()), stage.polls(2)) == (count, [])
        assert (await stage.view(1)).released_until is not None
        assert (await stage.view(2)).released_until is not None
        await stage.devices.ask(EndRelease()).within(1)
        await heard_and_read(stage, 1, 2)
        assert len(stage.polls(2)) == 1
        assert (await stage.view(1)).released_until is None
