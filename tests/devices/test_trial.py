"""A device is read before it is registered, by the rules of every other poll."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import pytest
import trio
from trio.testing import MockClock

from actors import ActorCrashed, ActorRef, ChildSpec, Supervisor
from hawk.devices.messages import POLL_WITHIN, ReadOnce, Release, Trial
from hawk.devices.trial import TrialActor
from hawk.drivers.api import Shown
from hawk.drivers.catalogue import Catalogue
from hawk.errors import ConnectFailed, HeardOnly, Invalid, NotFound, NotHeard, Paused
from hawk.model.device import Device
from hawk.model.reading import Sample, Source
from tests.devices.stage import Stage, open_stage
from tests.doubles import MUTE, TOY, WHISPER, Session, ToyCodec, address, advert, device

SHOWS = (Shown("voltage", unit="V"),)


class BuggyCodec(ToyCodec):
    def receive_data(self, data: bytes) -> Sample | None:
        raise KeyError("a bug in a driver")


DRIVERS = Catalogue(
    (replace(TOY, shows=SHOWS), MUTE, WHISPER, replace(TOY, device_type="BUGGY", codec=BuggyCodec))
)


@dataclass(frozen=True, slots=True)
class Trials:
    stage: Stage
    ref: ActorRef[Any]

    async def read(self, record: Device) -> Trial:
        return await self.ref.ask(ReadOnce(record, "Boat")).within(POLL_WITHIN)


@asynccontextmanager
async def open_trials(*devices: Device) -> AsyncIterator[Trials]:
    trials = TrialActor.reserve("trials")
    async with open_stage(*devices) as stage:
        work = [ChildSpec("trials", partial(TrialActor.start, DRIVERS, stage.station), trials, shutdown=25)]
        await stage.system.start(ChildSpec("work", lambda: Supervisor.start(work), shutdown=25))
        yield Trials(stage, trials)


async def chatter(stage: Stage, nursery: trio.Nursery, *numbers: int) -> None:
    nursery.start_soon(stage.radio.chatter, *(advert(number) for number in numbers))


async def test_what_it_says_is_answered_and_kept_nowhere(autojump_clock: MockClock) -> None:
    async with open_trials() as trials, trio.open_nursery() as nursery:
        await chatter(trials.stage, nursery, 1)
        trial = await trials.read(device(1, friendly_name="Starter"))
        reading = trial.reading
        assert (reading.sample.voltage, reading.source) == (12.60, Source.GATT)
        assert (reading.device_id, reading.device_name, reading.vehicle_name) == (
            address(1),
            "Starter",
            "Boat",
        )
        assert trial.shows == SHOWS
        await trio.sleep(5)
        assert trials.stage.stored == []
        assert trials.stage.events == []
        assert trials.stage.radio.linked == set()
        assert (await trials.stage.slots()).held == ()
        nursery.cancel_scope.cancel()


async def test_it_takes_its_turn_with_the_devices_that_are_read(autojump_clock: MockClock) -> None:
    async with open_trials(device(1), device(2)) as trials, trio.open_nursery() as nursery:
        await chatter(trials.stage, nursery, 1, 2, 3)
        await trio.sleep(0.3)
        await trials.read(device(3))
        await trials.read(device(1))  # one that has an actor, too
        assert trials.stage.radio.most_linked == 1
        nursery.cancel_scope.cancel()


async def test_why_it_cannot_be_read_is_answered(autojump_clock: MockClock) -> None:
    async with open_trials() as trials, trio.open_nursery() as nursery:
        with pytest.raises(NotHeard):
            await trials.read(device(2))
        await chatter(trials.stage, nursery, 1)
        trials.stage.radio.script(1, Session(refuse=ConnectFailed("no link")))
        with pytest.raises(ConnectFailed, match="no link"):
            await trials.read(device(1))
        nursery.cancel_scope.cancel()


async def test_a_wrong_record_is_refused_at_once(autojump_clock: MockClock) -> None:
    async with open_trials() as trials:
        with pytest.raises(NotFound):
            await trials.read(device(1, device_type="EXOTIC"))
        with pytest.raises(Invalid):
            await trials.read(device(1, config={"model": "pro"}))
        assert trials.stage.radio.calls == []


async def test_a_device_that_is_left_to_others_is_left_alone(autojump_clock: MockClock) -> None:
    async with open_trials() as trials:
        await trials.stage.devices.ask(Release(60.0)).within(1)
        with pytest.raises(Paused, match="--end"):
            await trials.read(device(1))


async def test_when_nobody_waits_any_more_the_link_goes(autojump_clock: MockClock) -> None:
    async with open_trials() as trials, trio.open_nursery() as nursery:
        await chatter(trials.stage, nursery, 1)
        trials.stage.radio.script(1, Session(frames=()))
        with trio.move_on_after(3):
            await trials.read(device(1))
        await trio.sleep(3)
        assert trials.stage.radio.linked == set()
        assert (await trials.stage.slots()).held == ()
        assert (await trials.stage.slots()).taken_back == 0
        nursery.cancel_scope.cancel()


async def test_a_bug_in_a_driver_takes_no_device_along(autojump_clock: MockClock) -> None:
    async with open_trials(device(1)) as trials, trio.open_nursery() as nursery:
        await chatter(trials.stage, nursery, 1, 2)
        before = await trials.stage.device(1)
        with pytest.raises(ActorCrashed):
            await trials.read(device(2, device_type="BUGGY"))
        await trio.sleep(1)
        assert (await trials.stage.device(1)).incarnation == before.incarnation == 1
        assert (await trials.read(device(2))).reading.sample.voltage == 12.60
        nursery.cancel_scope.cancel()


async def test_nobody_connects_to_one_that_is_only_heard(autojump_clock: MockClock) -> None:
    async with open_trials() as trials, trio.open_nursery() as nursery:
        await chatter(trials.stage, nursery, 1)
        with pytest.raises(HeardOnly, match="only listened to"):
            await trials.read(device(1, device_type="WHISPER", config={"key": "abc"}))
        assert trials.stage.radio.calls == []
        nursery.cancel_scope.cancel()
