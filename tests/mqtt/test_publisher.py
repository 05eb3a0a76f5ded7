"""The publisher with the real log, a real mosquitto and mosquitto's client as the witness."""

import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import trio

from actors import ActorRef, ChildSpec, Supervisor, open_system
from hawk.clock import SystemClock
from hawk.devices.policy import Freshness
from hawk.directory.actor import DirectoryActor
from hawk.events import DeviceUpdated
from hawk.model.device import DeviceView
from hawk.model.live import Live
from hawk.model.reading import Moment, Reading, Sample
from hawk.mqtt.line import Server
from hawk.mqtt.messages import GetMqttStatus, Message, MqttState, Say
from hawk.mqtt.payloads import Condition
from hawk.mqtt.publisher import PublisherActor, Terms
from hawk.mqtt.topics import Topics
from hawk.store.actor import StoreActor
from hawk.store.messages import Durability
from hawk.store.readings import Log
from tests.doubles import NOON, Records, device, shelf
from tests.mqtt.mosquitto import Mosquitto, Witness
from tests.sinks.rows import reading

CONDITION = Condition("1", 1.0, None, None, None, None, None, None)


async def condition() -> Condition:
    return CONDITION


@asynccontextmanager
async def publishing(
    log: Log, port: int, **terms_: Any
) -> AsyncIterator[tuple[ActorRef[Any], ActorRef[Any]]]:
    """The publisher, connected, and the store."""
    publisher, store = PublisherActor.reserve("publisher"), StoreActor.reserve("store")
    registry, directory = Records.reserve("registry"), DirectoryActor.reserve("directory")
    clock = SystemClock("always")
    terms = Terms(Server("127.0.0.1", port, "battery_hawk_test"), Topics(), "0123456789ab", 3600.0, **terms_)
    know = partial(DirectoryActor.start, registry, clock, Freshness().longest_age)
    keep = partial(StoreActor.start, log, clock, Durability.PROMPT, 30.0)
    publish = partial(PublisherActor.start, terms, directory, store, None, clock, condition)
    children = [
        ChildSpec("registry", partial(Records.start, shelf()), registry),
        ChildSpec("directory", know, directory),
        ChildSpec("store", keep, store),
        ChildSpec("publisher", publish, publisher),
    ]
    async with open_system() as system:
        await system.start(ChildSpec("root", lambda: Supervisor.start(children)))
        with trio.fail_after(20):
            while (await publisher.ask(GetMqttStatus()).within(5)).state is not MqttState.CONNECTED:
                await trio.sleep(0.02)
        yield publisher, store


def view(number: int, volts: float) -> DeviceView:
    live = Live().with_sample(Sample(voltage=volts), Moment(NOON + round(volts * 1000), volts))
    return DeviceView(device(number), "Boat", live=live, available=True)


def now(number: int) -> Reading:
    """So many hundredths of a second ago, beginning with 100."""
    utc = round(time.time() * 1000) - 1000 + 10 * number
    return replace(reading(number), moment=Moment(utc, time.monotonic()))


async def change(publisher: ActorRef[Any]) -> None:
    """All that the broker keeps, again and again, faster than it can be said."""
    volts = 12.0
    while True:
        volts += 0.01
        for number in range(100):
            publisher.tell(DeviceUpdated(view(number, volts)))
        await trio.sleep(0.015)


async def test_a_board_that_changes_all_the_time_holds_up_no_reading(tmp_path: Path) -> None:
    run = trio.to_thread.run_sync
    with Mosquitto(tmp_path) as broker, Log.open(tmp_path / "readings.db", "boot-1") as log:
        async with publishing(log, broker.port) as (publisher, store), trio.open_nursery() as nursery:
            with Witness(broker.port, "battery_hawk/device/+/reading") as witness, trio.fail_after(40):
                nursery.start_soon(change, publisher)
                for second in range(5):
                    await store.send(now(second))
                    assert (await run(witness.next)).json["timestamp"]
            nursery.cancel_scope.cancel()


async def test_a_reading_whose_word_was_lost_is_said_with_the_next(tmp_path: Path) -> None:
    run = trio.to_thread.run_sync
    with Mosquitto(tmp_path) as broker, Log.open(tmp_path / "readings.db", "boot-1") as log:
        async with publishing(log, broker.port) as (_, store):
            with Witness(broker.port, "battery_hawk/device/+/reading") as witness, trio.fail_after(20):
                await store.send(now(1))
                assert (await run(witness.next)).json["seq"] == 1
                await run(log.append, [now(2), now(3)], now(3).moment)
                await store.send(now(4))
                assert [(await run(witness.next)).json["seq"] for _ in range(3)] == [2, 3, 4]


async def test_an_answer_at_which_the_broker_hangs_up_is_given_up_and_readings_are_not(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    run = trio.to_thread.run_sync
    small = ("allow_anonymous true", "max_packet_size 5000")
    with Mosquitto(tmp_path, small) as broker, Log.open(tmp_path / "readings.db", "boot-1") as log:
        async with publishing(log, broker.port, retries=1) as (publisher, store):
            with Witness(broker.port, "battery_hawk/#", "-R") as witness, trio.fail_after(40):
                too_long = Message("battery_hawk/gateway/response/1", "x" * 6000, 1, retain=False)
                after = Message("battery_hawk/gateway/response/2", "{}", 1, retain=False)
                publisher.tell(Say((too_long, after)))
                await store.send(now(1))
                await run(witness.until, after.topic)
                await run(witness.until, "battery_hawk/device/50:54:7B:00:00:01/reading")
    given_up = [each.getMessage() for each in caplog.records if "given up" in each.getMessage()]
    assert given_up == [
        "MQTT: battery_hawk/gateway/response/1 is given up: it was tried 2 times, and each time the connection was lost"
    ]
