"""The service in this process over the simulated daemon, a story of faults, and what must hold."""

import gc
import logging
import random
import tempfile
import time
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import ExitStack, asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import psutil
import trio

from actors import ActorRef, ActorSystem, ChildSpec, FindChild, Supervisor, open_system
from hawk import app
from hawk.ble.messages import GetScannerStatus, ScannerStatus
from hawk.ble.radio import Limits
from hawk.ble.recovery import Patience
from hawk.config.load import load
from hawk.datafolder import DataFolder
from hawk.devices.messages import GetConnection
from hawk.devices.policy import BetweenPolls, InsidePoll
from hawk.errors import HawkError
from hawk.model.address import Address
from hawk.model.device import Retry
from hawk.model.reading import Reading
from hawk.registry.messages import ConfigureDevice, DeviceChanges, GetRegistry
from hawk.store.messages import GetReadingsAfter
from hawk.tree import Policies, tree
from tests.chaos.story import ADAPTERS, Episode, Story
from tests.fake_bluez.monitors import Monitor
from tests.fake_bluez.rig import FakeBluez

DEVICES = 20
STEADY = 6  # of them, which never fail by themselves
ENVIRONMENT = {
    "BATTERYHAWK_API_HOST": "127.0.0.1",
    "BATTERYHAWK_API_PORT": "0",
    "BATTERYHAWK_CLOCK_TRUST": "always",
    "BATTERYHAWK_BLUETOOTH_ADAPTERS": "all",
}

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Pace:
    """How long things last in a run."""

    policies: Policies
    environment: dict[str, str]
    retry: Retry
    interval: float  # [s] of polling
    adverts: float  # [s] between two of a device
    lasts: tuple[float, float]  # [s] an episode
    at_once: int  # episodes
    calm: int  # episodes from one inspection to the next
    heals_within: float  # [s] until all devices were read after everything healed


QUICK = Pace(
    policies=Policies(
        limits=Limits(connect=0.8, step=0.4, session=1.0),
        patience=Patience(
            silence=2.0, silence_longest=8.0, retry_first=0.05, retry_longest=0.5, settled=0.3, settled_again=0.6,
            stuck_scans=3, between_power_cycles=20.0,
        ),
        inside_poll=InsidePoll(seek=1.5, first=0.05, longest=0.3, patience=3.0),
        between_polls=BetweenPolls(longest=2.0, gap=1.0),
    ),
    environment={
        "BATTERYHAWK_BLUETOOTH_CONNECTION_TIMEOUT": "1",
        "BATTERYHAWK_BLUETOOTH_SESSION_TIMEOUT": "1",
        "BATTERYHAWK_BLUETOOTH_MAX_CONCURRENT_CONNECTIONS": "4",
    },
    retry=Retry(attempts=3, interval=1.0, reconnection_delay=1.0),
    interval=1.0, adverts=0.3, lasts=(0.2, 1.5), at_once=6, calm=250, heals_within=60.0,
)  # fmt: skip

REAL = Pace(
    policies=Policies(),
    environment={},
    retry=Retry(),
    interval=60.0, adverts=2.0, lasts=(20.0, 120.0), at_once=10, calm=60, heals_within=900.0,
)  # fmt: skip


@dataclass
class Account:
    """What a run was, and what it found wrong."""

    seed: int
    episodes: Counter[str] = field(default_factory=Counter)
    readings: int = 0
    inspections: int = 0
    longest_heal: float = 0.0  # [s] from the end of all faults until every device was read
    rungs: dict[str, int] = field(default_factory=dict)
    resident: list[float] = field(default_factory=list)  # [MiB] at each inspection
    gatt: Counter[str] = field(default_factory=Counter)  # readings over a link, by address
    outcomes: Counter[str] = field(default_factory=Counter)
    wrong: list[str] = field(default_factory=list)
    seconds: float = 0.0

    @property
    def count(self) -> int:
        return self.episodes.total()

    @property
    def fairness(self) -> float:
        """The steady device that was read least, beside the one that was read most."""
        steady = [self.gatt[each.address] for each in monitors()[:STEADY]]
        return min(steady) / max(*steady, 1)


def monitors() -> list[Monitor]:
    """With values that no two have in common."""
    families = ("BM6", "BM6", "BM2", "BM7")
    return [
        Monitor(
            f"50:54:7B:00:00:{number + 1:02X}", families[number % 4], volts=round(11.0 + number * 0.11, 2),
            temperature=number * 3 - 12, charge=30 + number, state=int(families[number % 4] == "BM2"),
            adverts="sealed", adapters=list(ADAPTERS),
        )
        for number in range(DEVICES)
    ]  # fmt: skip


class Chaos:
    def __init__(self, bluez: FakeBluez, system: ActorSystem, pace: Pace, account: Account) -> None:
        self._bluez, self._system, self._pace, self.account = bluez, system, pace, account
        self._truth = {each.address: each for each in bluez.monitors}
        self._seq = 0
        self._moments: set[tuple[str, int, int]] = set()
        self._lock = trio.Lock()  # the daemon takes one order at a time

    def _ref(self, *path: str) -> ActorRef[Any]:
        actor: Any = self._system._tops["root"][2]
        for name in path:
            actor = actor._children[name].actor
        ref: ActorRef[Any] = actor.ref
        return ref

    async def order(self, **order: Any) -> Any:
        async with self._lock:
            return await trio.to_thread.run_sync(lambda: self._bluez.do(order.pop("do"), **order))

    # -- running -----------------------------------------------------------------------------

    async def configure(self) -> None:
        registry = self._ref("registry")
        with trio.fail_after(60):
            while len((await registry.ask(GetRegistry()).within(5)).devices) < DEVICES:
                await trio.sleep(0.2)
        for address in self._truth:
            retry = self._pace.retry
            changes = DeviceChanges(
                polling_interval=self._pace.interval,
                retry_attempts=retry.attempts,
                retry_interval=retry.interval,
                reconnection_delay=retry.reconnection_delay,
            )
            await registry.ask(ConfigureDevice(Address(address), changes)).within(5)

    async def live(self, story: Story, episodes: int) -> None:
        """So many of them, several at once, with an inspection after every few."""
        told, left = story.episodes(), episodes
        while left > 0:
            part = min(left, self._pace.calm)
            limit = trio.Semaphore(self._pace.at_once)
            async with trio.open_nursery() as nursery:
                for _ in range(part):
                    episode = next(told)
                    await limit.acquire()
                    nursery.start_soon(self._play, episode, limit)
            left -= part
            await self.inspect()

    async def _play(self, episode: Episode, limit: trio.Semaphore) -> None:
        for order in episode.begin:
            await self._try(order)
        await trio.sleep(episode.lasts)
        for order in episode.end:
            await self._try(order)
        self.account.episodes[episode.name] += 1
        limit.release()

    async def _try(self, order: dict[str, Any]) -> None:
        """Of two stories at once the one may have taken away what the other needs."""
        try:
            await self.order(**order)
        except RuntimeError as error:
            log.debug("%s: %s", order, error)

    async def heal(self) -> None:
        """Whatever the last episodes left."""
        await self._try({"do": "start"})
        for adapter in ADAPTERS:
            await self._try({"do": "plug", "adapter": adapter})
            await self._try({"do": "power", "on": True, "adapter": adapter})
        await self._try({"do": "discovery_error", "error": ""})  # of every adapter

    # -- looking -----------------------------------------------------------------------------

    async def inspect(self) -> None:
        """All devices are read again, nothing is left over, and every reading is true."""
        await self.heal()
        began, account = trio.current_time(), self.account
        await self._judge_new_readings()
        waiting = set(self._truth)
        with trio.move_on_after(self._pace.heals_within) as patience:
            while waiting:
                await trio.sleep(0.2)
                waiting -= {r.device_id for r in await self._judge_new_readings() if r.source.word == "gatt"}
        if patience.cancelled_caught:
            status = await self._status()
            account.wrong.append(f"not read again: {sorted(waiting)}; scanner: {status}")
        account.longest_heal = max(account.longest_heal, trio.current_time() - began)
        account.inspections += 1
        account.resident.append(psutil.Process().memory_info().rss / 2**20)
        account.rungs = {str(rung): count for rung, count in (await self._status()).recovery.items()}

    async def _status(self) -> ScannerStatus:
        return await self._ref("bluetooth", "work", "scanner").ask(GetScannerStatus()).within(10)

    async def _judge_new_readings(self) -> list[Reading]:
        new: list[Reading] = []
        while batch := await self._ref("store").ask(GetReadingsAfter(self._seq, 500)).within(20):
            self._seq = batch[-1].seq or 0
            new.extend(batch)
        for reading in new:
            self._judge(reading)
        self.account.readings += len(new)
        return new

    def _judge(self, reading: Reading) -> None:
        truth, sample = self._truth[reading.device_id], reading.sample
        gatt = reading.source.word == "gatt"
        temperature = truth.temperature if gatt and truth.family != "BM2" else None
        said = (reading.device_type, sample.voltage, sample.temperature, sample.state_of_charge)
        if said != (truth.family, truth.volts, temperature, truth.charge):
            self.account.wrong.append(f"wrong: {reading}")
        moment = (reading.device_id, reading.moment.utc or 0, int(reading.source))
        if moment in self._moments:
            self.account.wrong.append(f"twice: {reading}")
        self._moments.add(moment)
        self.account.gatt[reading.device_id] += gatt

    async def count_outcomes(self) -> None:
        devices = self._ref("bluetooth", "work", "devices")
        for address in self._truth:
            ref = await devices.ask(FindChild(Address(address))).within(10)
            assert ref is not None
            counters = (await ref.ask(GetConnection()).within(10)).view.counters
            self.account.outcomes["polls"] += counters.polls
            self.account.outcomes["ok"] += counters.ok


@asynccontextmanager
async def chaos(seed: int, pace: Pace) -> AsyncIterator[Chaos]:
    fleet = monitors()
    with ExitStack() as stack:
        data = Path(stack.enter_context(tempfile.TemporaryDirectory())) / "data"
        bluez = stack.enter_context(
            FakeBluez(fleet, adv_interval=pace.adverts, period=0.1, adapters=ADAPTERS)
        )
        loaded = load(None, {**ENVIRONMENT, **pace.environment})
        folder = stack.enter_context(DataFolder.open(data))
        opened = app._open(app.Launch(data, loaded), folder, stack, app.Ending())
        parts = replace(opened, policies=pace.policies)
        async with open_system(expected=(HawkError,)) as system:
            root = Supervisor.reserve("root")
            await system.start(ChildSpec("root", lambda: Supervisor.start(tree(parts, system, root)), root))
            run = Chaos(bluez, system, pace, Account(seed))
            await run.configure()
            yield run
            top: Any = system._tops["root"][2]
            if top.incarnation != 1:
                run.account.wrong.append(f"the tree was started {root.incarnation} times")
        if left := await _left_over(bluez):
            run.account.wrong.append(f"left over: {left}")


async def _left_over(bluez: FakeBluez) -> dict[str, Any]:
    """What somebody still holds after the end; soon: a session ends when the daemon hears that its client went."""
    left: dict[str, Any] = {}
    with trio.move_on_after(5):
        while left := _still_held(bluez.state()):
            await trio.sleep(0.05)
    return left


def _still_held(state: dict[str, Any]) -> dict[str, Any]:
    return {key: state[key] for key in ("linked", "connecting", "notifying", "discovering") if state[key]}


async def live(episodes: int, seed: int | None, pace: Pace) -> Account:
    seed = random.SystemRandom().randrange(10**6) if seed is None else seed
    started = time.monotonic()
    async with chaos(seed, pace) as run:
        addresses = tuple(run._truth)
        await run.inspect()
        before = _held()
        await run.live(Story(seed, addresses[STEADY:], pace.lasts), episodes)
        after = _held()
        await run.count_outcomes()
        run.account.seconds = time.monotonic() - started
        for name, (files, tasks) in {"before": before, "after": after}.items():
            log.info("%s: %d open files, %d tasks", name, files, tasks)
        if after[0] > before[0] + 5 or after[1] > before[1] + 20:
            run.account.wrong.append(f"open files and tasks grew from {before} to {after}")
    return run.account


def _held() -> tuple[int, int]:
    """Open files, and Trio tasks."""
    gc.collect()
    return len(list(Path("/proc/self/fd").iterdir())), trio.lowlevel.current_statistics().tasks_living
