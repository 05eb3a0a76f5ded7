"""The jobs: starts them, follows them, keeps how they ended."""

import secrets
from collections import OrderedDict
from dataclasses import dataclass, replace
from typing import Any

import trio

from actors import Actor, ActorCrashed, ActorRef, AskTimeout, FindChild
from hawk.devices.messages import DownloadHistory, ReadCranking
from hawk.errors import HawkError, NotFound
from hawk.events import HistoryProgress
from hawk.jobs.discovery import Discoverer
from hawk.jobs.messages import (
    CancelJob,
    Found,
    GetJob,
    Job,
    JobState,
    StartCranking,
    StartDiscovery,
    StartHistory,
)
from hawk.store.messages import Imported, LastStart

KEPT = 100
FIND_WITHIN = 5.0  # [s]
LONGEST = 3600.0  # [s] a device may go out of range in the middle
KINDS = {StartHistory: "history", StartCranking: "cranking", StartDiscovery: "discovery"}

Start = StartHistory | StartCranking | StartDiscovery


@dataclass(frozen=True, slots=True)
class _Advanced:
    job_id: str
    progress: float  # 0 to 1


class JobsActor(Actor):
    def __init__(self, devices: ActorRef[Any], discoverer: Discoverer) -> None:
        """`devices` is the group."""
        super().__init__()
        self._devices, self._discoverer = devices, discoverer
        self._jobs: OrderedDict[str, Job] = OrderedDict()
        self._tasks: dict[str, trio.CancelScope] = {}

    async def setup(self) -> None:
        self.subscribe(HistoryProgress)

    def on_receive(self, message: Any) -> Any:
        match message:
            case StartHistory() | StartCranking() | StartDiscovery():
                return self._start(message)
            case GetJob(job_id):
                return self._job(job_id)
            case CancelJob(job_id):
                return self._cancel(job_id)
            case HistoryProgress():
                self._follow(message)
            case _Advanced(job_id, progress):
                self._advance(job_id, progress)
            case Job():
                self._jobs[message.id] = message
            case _:
                return super().on_receive(message)
        return None

    def _job(self, job_id: str) -> Job:
        if (job := self._jobs.get(job_id)) is None:
            raise NotFound(
                f"there is no job {job_id!r}: a restart forgets them, and so do a hundred later ones"
            )
        return job

    def _start(self, wanted: Start) -> Job:
        address = None if isinstance(wanted, StartDiscovery) else wanted.address
        job = Job(secrets.token_hex(6), KINDS[type(wanted)], address)
        self._jobs[job.id] = job
        while len(self._jobs) > KEPT:
            self._jobs.popitem(last=False)
        self._tasks[job.id] = self.spawn(self._work, job, wanted)
        return job

    def _cancel(self, job_id: str) -> Job:
        job = self._job(job_id)
        if job.state is JobState.RUNNING:
            self._tasks[job_id].cancel()
            job = self._jobs[job_id] = replace(job, state=JobState.CANCELLED)
        return job

    def _follow(self, fact: HistoryProgress) -> None:
        for job in tuple(self._jobs.values()):
            history = job.kind == KINDS[StartHistory] and job.address == fact.address
            if history and job.state is JobState.RUNNING:
                self._advance(job.id, min(1.0, fact.records / max(fact.most, 1)))

    def _advance(self, job_id: str, progress: float) -> None:
        job = self._jobs.get(job_id)
        if job is not None and job.state is JobState.RUNNING:
            self._jobs[job_id] = replace(job, progress=progress)

    async def _work(self, job: Job, wanted: Start) -> None:
        try:
            result = await self._done(job, wanted)
        except HawkError as error:
            ended = replace(job, state=JobState.FAILED, code=error.outcome, detail=str(error))
        except (AskTimeout, ActorCrashed):
            detail = "What does it was restarted meanwhile, or took too long: try again."
            ended = replace(job, state=JobState.FAILED, code="timeout", detail=detail)
        else:
            ended = replace(job, state=JobState.DONE, progress=1.0, result=result)
        finally:
            self._tasks.pop(job.id, None)
        self.ref.tell(ended)

    async def _done(self, job: Job, wanted: Start) -> Imported | LastStart | Found:
        if not isinstance(wanted, StartDiscovery):
            return await self._read(wanted)

        def advance(progress: float) -> None:
            self.ref.tell(_Advanced(job.id, progress))

        return await self._discoverer.discover(wanted, advance)

    async def _read(self, wanted: StartHistory | StartCranking) -> Imported | LastStart:
        ref = await self._devices.ask(FindChild(wanted.address)).within(FIND_WITHIN)
        if ref is None:
            raise NotFound(f"{wanted.address} is not configured: nothing is read of it")
        if isinstance(wanted, StartCranking):
            return await ref.ask(ReadCranking()).within(LONGEST)
        return await ref.ask(DownloadHistory(wanted.days)).within(LONGEST)
