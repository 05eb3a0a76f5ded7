"""Every part of the running system is killed in turn: nothing stops, nothing stored is lost, no link stays.

The whole tree in this process, with unmodified bleak on a real D-Bus below it.
"""

from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import ExitStack, asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import trio
import trio_asyncio

from actors import Actor, ActorSystem, ChildSpec, Supervisor, open_system
from hawk import app
from hawk.config.load import load
from hawk.datafolder import DataFolder
from hawk.errors import HawkError
from hawk.model.address import Address
from hawk.registry.messages import ConfigureDevice, DeviceChanges, GetRegistry
from hawk.store.messages import GetReadingsAfter
from hawk.tree import Parts, tree
from tests.fake_bluez.monitors import Monitor
from tests.fake_bluez.rig import FakeBluez
from tests.mqtt.mosquitto import Witness

ADDRESSES = [Address(f"50:54:7B:00:00:0{i}") for i in range(1, 4)]
MONITORS = [
    Monitor(ADDRESSES[0], volts=12.62, temperature=-7),
    Monitor(ADDRESSES[1], volts=12.54, temperature=0),
    Monitor(ADDRESSES[2], family="BM2", volts=12.87, state=1),
]
ENVIRONMENT = {
    "BATTERYHAWK_API_HOST": "127.0.0.1",
    "BATTERYHAWK_API_PORT": "0",
    "BATTERYHAWK_CLOCK_TRUST": "always",
}


class Running:
    """The system under test, and how to reach into it."""

    def __init__(self, system: ActorSystem, parts: Parts) -> None:
        self.system, self.parts = system, parts

    @property
    def root(self) -> Actor:
        return self.system._tops["root"][2]

    def actor(self, *path: str) -> Actor | None:
        found: Any = self.root
        for name in path:
            child = found._children.get(name) if found is not None else None
            found = child.actor if child else None
        return found

    async def readings(self) -> list[Any]:
        store = self.actor("store")
        assert store is not None
        return list(await store.ref.ask(GetReadingsAfter(0, 100_000)).within(10))


@asynccontextmanager
async def running(data: Path, **environment: str) -> AsyncIterator[Running]:
    loaded = load(None, {**ENVIRONMENT, **environment})
    with ExitStack() as stack:
        folder = stack.enter_context(DataFolder.open(data))
        parts = app._open(app.Launch(data, loaded), folder, stack, app.Ending())
        async with open_system(expected=(HawkError,)) as system:
            root = Supervisor.reserve("root")
            await system.start(ChildSpec("root", lambda: Supervisor.start(tree(parts, system, root)), root))
            yield Running(system, parts)


async def until(condition: Any, within: float = 20.0) -> Any:
    with trio.fail_after(within):
        while True:
            said = await condition()
            if said:
                return said
            await trio.sleep(0.05)


async def configure(here: Running) -> None:
    registry = here.actor("registry")
    assert registry is not None

    async def all_found() -> bool:
        return len((await registry.ref.ask(GetRegistry()).within(5)).devices) == len(ADDRESSES)

    await until(all_found)
    for address in ADDRESSES:
        await registry.ref.ask(ConfigureDevice(address, DeviceChanges(polling_interval=1.0))).within(5)


async def polled_after(here: Running, seq: int) -> set[str]:
    return {r.device_id for r in await here.readings() if r.seq > seq and r.source.word == "gatt"}


PATHS = [
    ("registry",),
    ("directory",),
    ("store",),
    ("broker",),
    ("mqtt",),
    ("mqtt", "publisher"),
    ("mqtt", "desk"),
    ("sinks",),
    ("sinks", "influxdb"),
    ("vehicles",),
    ("vehicles", "vehicle_1"),
    ("bluetooth", "radio"),
    ("bluetooth", "arbiter"),
    ("bluetooth", "work"),
    ("bluetooth", "work", "scanner"),
    ("bluetooth", "work", "devices"),
    ("bluetooth", "work", "devices", ADDRESSES[0]),
    ("bluetooth", "work", "trials"),
    ("bluetooth",),
    ("jobs",),
    ("web",),
]


@pytest.fixture
def bluez() -> Iterator[FakeBluez]:
    with FakeBluez(MONITORS, adv_interval=0.15, period=0.2, disconnect_delay=0.1) as bluez:
        yield bluez


async def test_each_part_can_crash(bluez: FakeBluez, tmp_path: Path) -> None:
    broker = {"BATTERYHAWK_BROKER_ENABLED": "true", "BATTERYHAWK_BROKER_PORT": "0"}
    async with running(tmp_path / "data", **broker) as here:
        await each_crashes(here)
        assert here.parts.doorway is not None
        await until(partial(is_online, here.parts.doorway.port))
    state = bluez.state()
    assert (state["linked"], state["connecting"], state["notifying"], state["discovering"]) == ([], [], [], 0)


async def is_online(port: int) -> bool:
    def kept() -> str:
        with Witness(port, "battery_hawk/system/availability") as witness:
            return witness.next().text

    return await trio.to_thread.run_sync(kept) == "online"


async def each_crashes(here: Running) -> None:
    await configure(here)
    children = {state.name for state in here.system.tree()[0].children}
    elsewhere = {"settings", "announcer"}  # tests/config/test_actor.py, tests/web/test_announce.py
    assert {".".join(path) for path in PATHS} >= children - elsewhere
    for path in PATHS:
        await crash_and_recover(here, path)
    assert here.root.incarnation == 1


async def crash_and_recover(here: Running, path: tuple[str, ...]) -> None:
    before = await here.readings()
    victim = here.actor(*path)
    assert victim is not None, path
    incarnation = victim.incarnation
    victim._fail(RuntimeError(f"killed by a test: {path}"))
    await victim._ended.wait()

    async def is_back() -> bool:
        now = here.actor(*path)
        return now is not None and now is not victim and now.incarnation >= min(incarnation + 1, 1)

    await until(is_back, within=60.0)  # each crash under the root waits twice as long as the one before
    await all_are_polled_after(here, before)


async def all_are_polled_after(here: Running, before: list[Any]) -> None:
    """And what was stored before is still there."""

    async def all_polled() -> bool:
        return await polled_after(here, before[-1].seq if before else 0) == set(ADDRESSES)

    await until(all_polled, within=40.0)
    kept = {(r.seq, r.device_id, r.moment.utc, r.sample.voltage) for r in await here.readings()}
    assert kept >= {(r.seq, r.device_id, r.moment.utc, r.sample.voltage) for r in before}


def _stop(loop: trio_asyncio.TrioEventLoop) -> None:
    loop.stop()


def _lose_its_io(loop: trio_asyncio.TrioEventLoop) -> None:
    """As when a task of the loop's own crashes: nothing is read or written any more."""
    loop._nursery.cancel_scope.cancel()


@pytest.mark.parametrize("kill", [_stop, pytest.param(_lose_its_io, marks=pytest.mark.soak)])
async def test_the_asyncio_loop_can_die_by_itself_in_the_middle_of_a_session(
    kill: Callable[[trio_asyncio.TrioEventLoop], None], bluez: FakeBluez, tmp_path: Path
) -> None:
    async with running(tmp_path / "data") as here:
        await configure(here)
        for _ in range(2):
            before, victim = await here.readings(), here.actor("bluetooth", "radio")
            assert victim is not None

            async def a_link_is_up() -> bool:
                return bool(bluez.state()["notifying"])

            await until(a_link_is_up)
            kill(here.parts.radio._radio._bridge._loop)  # type: ignore[attr-defined]  # of bleak, below the tape
            with trio.fail_after(30):
                await victim._ended.wait()
            assert (bluez.state()["linked"], bluez.state()["notifying"]) == ([], [])
            await all_are_polled_after(here, before)
        assert here.root.incarnation == 1
    state = bluez.state()
    assert (state["linked"], state["connecting"], state["notifying"], state["discovering"]) == ([], [], [], 0)


async def test_the_right_numbers_and_nothing_else_are_stored_meanwhile(
    bluez: FakeBluez, tmp_path: Path
) -> None:
    right = {m.address: (m.volts, m.temperature if m.family == "BM6" else None) for m in MONITORS}
    async with running(tmp_path / "data") as here:
        await configure(here)
        for path in (("bluetooth", "radio"), ("bluetooth", "work", "devices", ADDRESSES[1])):
            await crash_and_recover(here, path)
        for reading in await here.readings():
            volts, temperature = right[reading.device_id]
            assert reading.sample.voltage == volts
            assert reading.sample.temperature == (temperature if reading.source.word == "gatt" else None)
