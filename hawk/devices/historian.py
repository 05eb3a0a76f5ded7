"""What a device remembers comes into the log: when somebody wants it, and after an absence by itself."""

import logging
import math
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial

import trio

from actors import ActorCrashed, AskTimeout, Later
from hawk.devices.download import download
from hawk.devices.judgement import Remembered
from hawk.devices.visit import Visitor
from hawk.drivers.api import Driver, History
from hawk.errors import Busy, ClockUncertain, HawkError, NoHistory, StoreUnavailable
from hawk.events import HistoryProgress
from hawk.model.reading import Moment, Reading, Sample
from hawk.model.rules import Rejected, Rules
from hawk.store.messages import Imported, ImportHistory

IMPORT_WITHIN = 300.0  # [s] 51,200 records take 2 on a PC
SEAM = 200  # records more than are missing, by which they are found to follow what is there
TRY_AGAIN = 3600.0  # [s] after one in vain that nobody asked for
ABSENT = 2.0  # polling intervals without data
DAY = 86_400.0  # [s]

log = logging.getLogger(__name__)


class Historian:
    """One download at a time."""

    def __init__(
        self,
        driver: Driver,
        visitor: Callable[..., Visitor],
        like: Callable[[Moment], Reading],
        publish: Callable[[object], None],
        spawn: Callable[..., trio.CancelScope],
        rules: Callable[[], Rules],
        on_rejected: Callable[[Sequence[Rejected]], None],
        *,
        past_of_new: bool = False,
    ) -> None:
        """`like` makes the reading that all of them resemble; `spawn` starts a task of the actor;
        `rules` are those that hold by then; `on_rejected` is told what broke them; `past_of_new`: one that
        is new counts as absent for ever.
        """
        self._driver, self._visitor, self._like = driver, visitor, like
        self._publish, self._spawn = publish, spawn
        self._rules, self._on_rejected = rules, on_rejected
        self._task: trio.CancelScope | None = None
        self._past_of_new = past_of_new
        self._last: Moment | None = None  # data of the device, or what the log had at the start
        self._missing: float | None = None  # [s] for which nobody listened
        self._tried = -math.inf  # [s] of boot time

    def want(self, days: float | None) -> Later[Imported]:
        """All there is without `days`. Raises NoHistory or Busy."""
        history = self._driver.history
        if history is None:
            raise NoHistory(f"A {self._driver.device_type} remembers nothing that could be read.")
        if self._task is not None:
            raise Busy("Its history is being read already.")
        most = history.most if days is None else min(history.most, math.ceil(days * DAY / history.interval))
        later: Later[Imported] = Later(on_given_up=self.give_up)
        self._task = self._spawn(self._run, history, later, most, True)
        return later

    def give_up(self) -> None:
        if self._task is not None:
            self._task.cancel()

    def begin_after(self, last: Moment | None) -> None:
        """What the log had at the start."""
        self._last = self._last or last

    def follow(self, moment: Moment, interval: float) -> None:
        """The device is there. After an absence what it remembers of it is read; one that is new has not
        been absent, and what it remembers is read when somebody wants it.
        """
        history = self._driver.history
        if moment.utc is None or history is None:
            return
        gap = self._absence(moment)
        self._last = moment
        if gap > max(ABSENT * interval, ABSENT * history.interval):
            self._missing, self._tried = gap, -math.inf
        if self._missing is None or self._task is not None or moment.boot_time - self._tried < TRY_AGAIN:
            return
        self._tried = moment.boot_time
        most = min(float(history.most), self._missing / history.interval + SEAM)
        self._task = self._spawn(self._run, history, Later[Imported](), math.ceil(most), False)

    # ----------------------------------------------------------------------------------------

    def _absence(self, moment: Moment) -> float:
        """[s] until this moment."""
        if self._last is None:
            return math.inf if self._past_of_new else 0.0
        return moment.boot_time - self._last.boot_time

    async def _run(self, history: History, later: Later[Imported], most: int, urgent: bool) -> None:
        visitor = self._visitor(urgent=urgent)
        address = visitor.address
        try:
            imported = await self._into_the_log(visitor, history, most)
        except HawkError as error:
            log.info("the history of %s could not be read: %s", address, error)
            self._publish(HistoryProgress(address, 0, most, error=str(error)))
            later.fail(error)
        else:
            self._missing = None
            log.info("%s: %d records of history, %d of them new", address, imported.records, imported.stored)
            self._publish(HistoryProgress(address, imported.records, most, imported=imported.stored))
            later.resolve(imported)
        finally:
            self._task = None

    async def _into_the_log(self, visitor: Visitor, history: History, most: int) -> Imported:
        if visitor.station.clock.moment().utc is None:
            raise ClockUncertain(
                "The clock cannot be trusted yet, and a device keeps no times: try again later."
            )
        said = 0

        def on_progress(records: int) -> None:
            nonlocal said
            if records - said >= most / 100:
                said = records
                self._publish(HistoryProgress(visitor.address, records, most))

        came = await download(visitor, self._driver.needed_gatt(), history, most, on_progress)
        sample = history.sample if came.certain else partial(_uncertain, history.sample)
        remembered = Remembered(self._rules(), sample)
        wanted = ImportHistory(
            self._like(came.newest), came.records[:most], remembered.sample, history.interval,
            cranking=history.cranking, uncertain=not came.certain,
        )  # fmt: skip
        try:
            imported = await visitor.station.store.ask(wanted).within(IMPORT_WITHIN)
        except (AskTimeout, ActorCrashed) as error:
            raise StoreUnavailable("The log did not take the history in: try again.") from error
        finally:  # also of what was stored before it failed
            rejected = tuple(remembered.rejected)
            self._on_rejected(rejected)
        return replace(imported, rejected=len(rejected))


def _uncertain(sample: Callable[[bytes], Sample | None], raw: bytes) -> Sample | None:
    found = sample(raw)
    return found and replace(found, extra={**found.extra, "timestamp_uncertain": True})
