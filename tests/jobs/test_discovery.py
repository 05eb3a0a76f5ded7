"""Looking around as a job: what it finds, how far it is, and how it ends."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

import trio
from trio.testing import MockClock

from actors import ActorRef, ActorSystem, ChildSpec, Later
from actors.testing import open_test_system
from hawk.ble.messages import LookAround
from hawk.devices.messages import ReadOnce, Trial
from hawk.directory.messages import ListDevices
from hawk.errors import HawkError, NoAdapter, SilentDevice
from hawk.jobs.actor import JobsActor
from hawk.jobs.discovery import Discoverer, heard_since
from hawk.jobs.messages import CancelJob, Found, GetJob, Job, JobState, ReadOf, StartDiscovery
from hawk.model.device import DeviceView, Lifecycle
from hawk.model.reading import Moment
from tests.doubles import VirtualClock, address, device
from tests.web.stage import Scripted, reading

OURS, OLD, NEW, GONE = 1, 2, 3, 4


def view(number: int, lifecycle: Lifecycle = Lifecycle.DISCOVERED, seen: float | None = None) -> DeviceView:
    record = replace(device(), address=address(number), lifecycle=lifecycle)
    return DeviceView(record, last_seen=None if seen is None else Moment(None, seen))


@dataclass(slots=True)
class Air:
    """Before it is listened to, and after."""

    before: tuple[DeviceView, ...] = ()
    after: tuple[DeviceView, ...] = ()
    trouble: HawkError | None = None
    read: dict[str, Any] = field(default_factory=dict)
    listened: float | None = None

    async def _listen(self, seconds: float, later: Later[None]) -> None:
        await trio.sleep(seconds)
        self.listened = seconds
        later.resolve(None)

    def look_around(self, nursery: trio.Nursery, wanted: LookAround) -> Later[None]:
        if self.trouble is not None:
            raise self.trouble
        later: Later[None] = Later()
        assert wanted.seconds is not None
        nursery.start_soon(self._listen, wanted.seconds, later)
        return later

    def list_devices(self, _: ListDevices) -> tuple[DeviceView, ...]:
        return self.before if self.listened is None else self.after

    def read_once(self, wanted: ReadOnce) -> Trial:
        said = self.read[wanted.device.address]
        if isinstance(said, HawkError):
            raise said
        return Trial(said, ())


@asynccontextmanager
async def jobs(air: Air) -> AsyncIterator[ActorRef[Any]]:
    async with trio.open_nursery() as nursery, open_test_system(expected=(HawkError,)) as system:

        async def scripted(name: str, script: dict[type, Any]) -> ActorRef[Any]:
            return await system.start(ChildSpec(name, partial(Scripted.start, script)))

        discoverer = Discoverer(
            scanner=await scripted("scanner", {LookAround: partial(air.look_around, nursery)}),
            directory=await scripted("directory", {ListDevices: air.list_devices}),
            trials=await scripted("trials", {ReadOnce: air.read_once}),
            clock=VirtualClock(),
            duration=10.0,
        )
        yield await started(system, discoverer)
        nursery.cancel_scope.cancel()


async def started(system: ActorSystem, discoverer: Discoverer) -> ActorRef[Any]:
    devices = await system.start(ChildSpec("devices", partial(Scripted.start, {})))
    return await system.start(ChildSpec("jobs", partial(JobsActor.start, devices, discoverer)))


async def end_of(jobs: ActorRef[Any], job: Job) -> Job:
    while job.state is JobState.RUNNING:
        await trio.sleep(1)
        job = await jobs.ask(GetJob(job.id)).within(5)
    return job


async def test_it_finds_what_is_heard_and_none_of_ours_and_says_what_is_new(
    autojump_clock: MockClock,
) -> None:
    ours, gone = view(OURS, Lifecycle.CONFIGURED, seen=5), view(GONE, seen=-100)
    air = Air(
        before=(ours, view(OLD, seen=-50), gone),
        after=(ours, view(OLD, seen=5), view(NEW, seen=6), gone, view(5, Lifecycle.IGNORED, seen=5)),
    )
    async with jobs(air) as ref:
        job = await ref.ask(StartDiscovery()).within(5)
        assert (job.kind, job.address, job.state) == ("discovery", None, JobState.RUNNING)
        job = await end_of(ref, job)
    assert (job.state, job.progress) == (JobState.DONE, 1.0)
    assert job.result == Found((address(OLD), address(NEW)), (address(NEW),))
    assert air.listened == 10.0


async def test_its_progress_goes_with_the_time(autojump_clock: MockClock) -> None:
    async with jobs(Air()) as ref:
        job = await ref.ask(StartDiscovery(duration=100.0)).within(5)
        await trio.sleep(52)
        assert (await ref.ask(GetJob(job.id)).within(5)).progress == 0.5


async def test_with_connect_each_of_them_is_read_and_says_why_it_could_not_be(
    autojump_clock: MockClock,
) -> None:
    said = reading(NEW)
    silent = SilentDevice("it does not answer")
    air = Air(after=(view(OLD, seen=5), view(NEW, seen=5)), read={address(OLD): silent, address(NEW): said})
    async with jobs(air) as ref:
        job = await end_of(ref, await ref.ask(StartDiscovery(connect=True)).within(5))
    assert isinstance(job.result, Found)
    assert job.result.read == (
        ReadOf(address(OLD), code="silent", detail="it does not answer"),
        ReadOf(address(NEW), said),
    )


async def test_without_bluetooth_it_fails_with_the_reason(autojump_clock: MockClock) -> None:
    async with jobs(Air(trouble=NoAdapter("there is no adapter"))) as ref:
        job = await end_of(ref, await ref.ask(StartDiscovery()).within(5))
    assert (job.state, job.code, job.detail) == (JobState.FAILED, "no_adapter", "there is no adapter")


async def test_one_that_is_cancelled_stays_so(autojump_clock: MockClock) -> None:
    async with jobs(Air()) as ref:
        job = await ref.ask(StartDiscovery()).within(5)
        await ref.ask(CancelJob(job.id)).within(5)
        await trio.sleep(60)
        assert (await ref.ask(GetJob(job.id)).within(5)).state is JobState.CANCELLED


def test_what_was_heard_at_the_first_instant_counts() -> None:
    assert [each.device.address for each in heard_since([view(1, seen=7.0), view(2, seen=6.9)], 7.0)] == [
        address(1)
    ]
