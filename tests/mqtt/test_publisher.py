"""The publisher over a real store and a real mosquitto: which readings are said, whatever gets lost on the way."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import trio

from actors import ActorRef, ActorSystem, ChildSpec, Supervisor
from actors.testing import Probe, open_test_system
from hawk.directory.actor import DirectoryActor
from hawk.events import BluetoothChanged, DeviceUpdated, ReadingsStored
from hawk.model.device import DeviceView
from hawk.model.live import Live
from hawk.model.reading import Moment, Reading, Sample, Source
from hawk.mqtt.line import Server
from hawk.mqtt.messages import GetMqttStatus, Message, MqttState, Say
from hawk.mqtt.patience import Patience
from hawk.mqtt.payloads import Condition
from hawk.mqtt.publisher import PublisherActor
from hawk.mqtt.relay import PAGE, SINK
from hawk.mqtt.terms import Terms
from hawk.mqtt.topics import Topics
from hawk.store.actor import StoreActor
from hawk.store.messages import Durability, MoveCursor, Stream
from hawk.store.readings import Log
from tests.doubles import Records, VirtualClock, device, shelf
from tests.mqtt.mosquitto import Mosquitto, Witness, say
from tests.web.stage import reading

READINGS, AVAILABILITY = "battery_hawk/device/+/reading", "battery_hawk/system/availability"
OPEN = ("allow_anonymous true",)
QUICK = Patience(refused=1.0)
CONDITION = Condition("1", 1.0, None, None, "active", 0, 0, 0)
CLOCK = VirtualClock()
CROWD = 5000  # messages that the mailbox holds


async def condition() -> Condition:
    return CONDITION


def measured(volts: float, **fields: Any) -> Reading:
    return replace(reading(voltage=volts, **fields), moment=CLOCK.moment())


def at(moment: Moment, volts: float) -> Reading:
    return replace(measured(volts), moment=moment)


@dataclass
class Stand:
    system: ActorSystem
    store: ActorRef[Any]
    publisher: ActorRef[Any]
    broker: Mosquitto
    stored: list[ReadingsStored]
    log: Log

    async def keep_quietly(self, *readings: Reading) -> tuple[Reading, ...]:
        """Nobody is told."""
        return await trio.to_thread.run_sync(self.log.append, readings, CLOCK.moment())

    async def keep(self, *readings: Reading) -> None:
        """Until they are in the log, and that was told."""
        told = len(self.stored)
        for each in readings:
            await self.store.send(each)
        with trio.fail_after(20):
            while sum(len(each.readings) for each in self.stored[told:]) < len(readings):
                await trio.sleep(0.01)

    async def until(self, state: MqttState) -> None:
        with trio.fail_after(20):
            while (await self.publisher.ask(GetMqttStatus()).within(5)).state is not state:
                await trio.sleep(0.01)


@asynccontextmanager
async def stand(
    folder: Path,
    *broker_settings: str,
    look: float = 30.0,
    replay_max_age: float = 3600.0,
    retries: int = 3,
    taken: bool = False,
) -> AsyncIterator[Stand]:
    """`taken`: the prefix, by another gateway."""
    stored: list[ReadingsStored] = []
    with (
        Mosquitto(folder, broker_settings or OPEN) as broker,
        Log.open(folder / "readings.db", "boot") as log,
    ):
        registry, directory = Records.reserve("registry"), DirectoryActor.reserve("directory")
        store, publisher = StoreActor.reserve("store"), PublisherActor.reserve("publisher")
        server = Server("127.0.0.1", broker.port, "hawk")
        terms = Terms(
            server, Topics(), "0123456789ab", replay_max_age=replay_max_age, look=look, patience=QUICK,
            retries=retries,
        )  # fmt: skip
        if taken:
            say(broker.port, AVAILABILITY, "online", "-r")
            say(broker.port, "battery_hawk/system/status", '{"gateway_id": "another"}', "-r")
        children = [
            ChildSpec("registry", partial(Records.start, shelf()), registry),
            ChildSpec(
                "directory", partial(DirectoryActor.start, registry, CLOCK, lambda _: 300.0), directory
            ),
            ChildSpec("store", partial(StoreActor.start, log, CLOCK, Durability.PROMPT, 30.0), store),
            ChildSpec(
                "publisher",
                partial(PublisherActor.start, terms, directory, store, None, CLOCK, condition),
                publisher,
            ),
            ChildSpec("probe", partial(Probe.start, stored, ReadingsStored)),
        ]
        async with open_test_system() as system:
            await system.start(ChildSpec("root", partial(Supervisor.start, children)))
            yield Stand(system, store, publisher, broker, stored, log)


async def heard(witness: Witness) -> float:
    said = await trio.to_thread.run_sync(witness.next)
    return float(said.json["voltage"])


async def test_a_reading_is_said_though_the_news_of_it_was_lost_in_a_crowd(tmp_path: Path) -> None:
    async with stand(tmp_path) as here:
        await here.until(MqttState.CONNECTED)
        with Witness(here.broker.port, READINGS) as witness:
            await here.keep(measured(12.1))
            assert await heard(witness) == 12.1
            kept = await here.keep_quietly(measured(12.2))
            here.system.bus.publish(ReadingsStored(kept))
            for _ in range(CROWD):
                here.system.bus.publish(BluetoothChanged(listening=True))
            await here.keep(measured(12.3))
            assert [await heard(witness) for _ in range(2)] == [12.2, 12.3]


async def test_what_is_stored_while_the_first_session_begins_is_said(tmp_path: Path) -> None:
    async with stand(tmp_path) as here:
        online = Witness(here.broker.port, AVAILABILITY)
        with online, Witness(here.broker.port, READINGS) as witness:
            await trio.to_thread.run_sync(online.next)  # the board is on its way
            await here.keep(measured(12.1))
            assert await heard(witness) == 12.1


async def test_the_log_is_looked_into_also_without_news(tmp_path: Path) -> None:
    async with stand(tmp_path, look=0.1) as here:
        await here.until(MqttState.CONNECTED)
        with Witness(here.broker.port, READINGS) as witness:
            await here.keep_quietly(measured(12.1))
            assert await heard(witness) == 12.1


async def test_of_what_is_stored_only_what_is_news_is_said(tmp_path: Path) -> None:
    """Not what a device remembered, nor what a file brought from yesterday."""
    yesterday = Moment(CLOCK.utc_ms() - 86_400_000, 0.0)
    async with stand(tmp_path) as here:
        await here.until(MqttState.CONNECTED)
        with Witness(here.broker.port, READINGS) as witness:
            await here.keep_quietly(measured(12.1, source=Source.HISTORY))
            await here.keep_quietly(at(yesterday, 12.2))
            await here.keep(measured(12.3))
            assert await heard(witness) == 12.3


async def test_what_is_live_is_said_where_nothing_is_to_be_said_again(tmp_path: Path) -> None:
    async with stand(tmp_path, replay_max_age=0.0) as here:
        await here.until(MqttState.CONNECTED)
        with Witness(here.broker.port, READINGS) as witness:
            await here.keep(measured(12.1))
            assert await heard(witness) == 12.1


async def test_what_is_live_goes_before_what_was_missed(tmp_path: Path) -> None:
    """Another gateway has the prefix until somebody listens, and readings are missed."""
    missed = [round(10 + i / 1000, 3) for i in range(20 * PAGE)]
    async with stand(tmp_path, taken=True) as here:
        await here.until(MqttState.REFUSED)
        await here.store.ask(MoveCursor(SINK, Stream.READING, 0)).within(5)
        begin = CLOCK.utc_ms() - 60_000
        await here.keep_quietly(*(at(Moment(begin + i, 0.0), volts) for i, volts in enumerate(missed)))
        with Witness(here.broker.port, READINGS) as witness:
            await trio.to_thread.run_sync(say, here.broker.port, AVAILABILITY, "offline", "-r")
            found = [await heard(witness)]
            await here.keep(measured(14.0))
            while len(found) < len(missed) + 1:
                found.append(await heard(witness))
        assert found.index(14.0) < len(missed) - PAGE
        assert [volts for volts in found if volts != 14.0] == missed


async def test_a_board_that_changes_all_the_time_holds_up_no_reading(tmp_path: Path) -> None:
    async with stand(tmp_path) as here, trio.open_nursery() as nursery:
        await here.until(MqttState.CONNECTED)
        with Witness(here.broker.port, READINGS) as witness, trio.fail_after(40):
            nursery.start_soon(change, here.publisher)
            for volts in (12.1, 12.2, 12.3):
                await here.keep(measured(volts))
                assert await heard(witness) == volts
        nursery.cancel_scope.cancel()


async def change(publisher: ActorRef[Any]) -> None:
    """All that the broker keeps of a hundred devices, again and again, faster than it can be said."""
    volts = 12.0
    while True:
        volts += 0.01
        live = Live().with_sample(Sample(voltage=volts), CLOCK.moment())
        for number in range(100):
            view = DeviceView(device(number), "Boat", live=live, available=True)
            publisher.tell(DeviceUpdated(view))
        await trio.sleep(0.015)


async def test_an_answer_at_which_the_broker_hangs_up_is_given_up_and_readings_are_not(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    too_long = Message("battery_hawk/gateway/response/1", "x" * 6000, 1, retain=False)
    after = Message("battery_hawk/gateway/response/2", "{}", 1, retain=False)
    async with stand(tmp_path, *OPEN, "max_packet_size 5000", retries=1) as here:
        await here.until(MqttState.CONNECTED)
        answers = Witness(here.broker.port, "battery_hawk/gateway/#")
        with answers, Witness(here.broker.port, READINGS) as witness, trio.fail_after(40):
            here.publisher.tell(Say((too_long, after)))
            await here.keep(measured(12.1))
            assert await heard(witness) == 12.1
            await trio.to_thread.run_sync(answers.until, after.topic)
    given_up = [each.getMessage() for each in caplog.records if "given up" in each.getMessage()]
    assert given_up == [
        "MQTT: battery_hawk/gateway/response/1 is given up: it was tried 2 times, and each time the connection was lost"
    ]
