"""The last start of the engine, as the monitor remembers it, comes into the log: over the link of a poll when there
may have been one, and over a link of its own when somebody wants it.
"""

import logging
from collections.abc import Callable

import trio

from actors import ActorCrashed, AskTimeout, Later
from hawk.ble.radio import Conversation
from hawk.clock import Clock
from hawk.devices.poll import PASSING
from hawk.devices.suspicion import Suspicion
from hawk.devices.visit import Visitor
from hawk.drivers.api import Driver, Recollection
from hawk.errors import BluetoothError, Busy, ClockUncertain, HawkError, NoCranking, StoreUnavailable
from hawk.model.cranking import Cranking, CrankingEvent
from hawk.model.reading import Moment, Reading, Sample
from hawk.store.messages import KeepCranking, LastStart

LINKS = 3  # tried when somebody wants it
PAUSE = 2.0  # [s] between two
KEEP_WITHIN = 30.0  # [s] for the log
OLDEST = 0xFFFF * 120  # [s] the greatest age there is; whether it stops there or begins anew is not known

log = logging.getLogger(__name__)


class _Dated:
    """A recollection that knows when it was complete."""

    def __init__(self, talk: Recollection, clock: Clock) -> None:
        self._talk, self._clock = talk, clock
        self.quiet, self.moment = talk.quiet, clock.moment()

    @property
    def done(self) -> bool:
        return self._talk.done

    @property
    def event(self) -> CrankingEvent | None:
        return self._talk.event

    def begin(self) -> tuple[bytes, ...]:
        return self._talk.begin()

    def receive(self, frame: bytes) -> tuple[bytes, ...]:
        writes = self._talk.receive(frame)
        self.moment = self._clock.moment()
        return writes

    def silent(self) -> tuple[bytes, ...]:
        return self._talk.silent()


class Witness:
    """One look at a time."""

    def __init__(
        self,
        driver: Driver,
        visitor: Callable[..., Visitor],
        like: Callable[[Moment], Reading],
        spawn: Callable[..., trio.CancelScope],
        clock: Clock,
    ) -> None:
        """`like` makes the reading that says whose a start is; `spawn` starts a task of the actor."""
        self._driver, self._visitor, self._like = driver, visitor, like
        self._spawn, self._clock = spawn, clock
        self._suspicion = Suspicion()
        self._task: trio.CancelScope | None = None  # somebody wants it
        self._beside: _Dated | None = None  # over the link of the poll that runs

    def note(self, sample: Sample | None, moment: Moment) -> None:
        """The device was heard, or read."""
        self._suspicion.note(sample, moment.boot_time)

    # -- when somebody wants it ----------------------------------------------------------------

    def want(self) -> Later[LastStart]:
        """Raises NoCranking or Busy."""
        if self._driver.cranking is None:
            raise NoCranking(_why_not(self._driver))
        if self._task is not None:
            raise Busy("Its last start is being read already.")
        later: Later[LastStart] = Later(on_given_up=self.give_up)
        self._task = self._spawn(self._run, _Dated(self._driver.cranking(), self._clock), later)
        return later

    def give_up(self) -> None:
        if self._task is not None:
            self._task.cancel()

    async def _run(self, talk: _Dated, later: Later[LastStart]) -> None:
        visitor = self._visitor(urgent=True)
        try:
            await self._visit(visitor, talk)
            later.resolve(await self._kept(visitor, talk))
        except HawkError as error:
            later.fail(error)
        finally:
            self._task = None

    async def _visit(self, visitor: Visitor, talk: _Dated) -> None:
        if self._clock.moment().utc is None:
            raise ClockUncertain(
                "The clock cannot be trusted yet, and a device keeps no times: try again later."
            )
        for left in reversed(range(LINKS)):
            try:
                sighted = await visitor.wait_until_heard()
                async with visitor.slot(sighted.adapter) as slot:
                    await visitor.talk(slot, self._driver.needed_gatt(), talk)
            except BluetoothError as error:
                if not left or not isinstance(error, PASSING):
                    raise
            else:
                return
            await trio.sleep(PAUSE)

    # -- over the link of a poll ---------------------------------------------------------------

    def beside_poll(self, sample: Sample) -> Conversation | None:
        """What to ask after this sample has come, over the same link."""
        now = self._clock.moment()
        self.note(sample, now)
        if self._driver.cranking is None or now.utc is None or not self._suspicion.due(now.boot_time):
            return None
        self._beside = _Dated(self._driver.cranking(), self._clock)
        return self._beside

    def poll_ended(self) -> None:
        talk, self._beside = self._beside, None
        if talk is None:
            return
        self._suspicion.looked(self._clock.moment().boot_time, ok=talk.done)
        visitor = self._visitor(urgent=False)
        if talk.done:
            self._spawn(self._keep, visitor, talk)
        else:
            log.info("the last start of %s could not be read; it is tried again later", visitor.address)

    def poll_given_up(self) -> None:
        self._beside = None

    async def _keep(self, visitor: Visitor, talk: _Dated) -> None:
        try:
            last = await self._kept(visitor, talk)
        except HawkError as error:
            log.warning("the last start of %s is not in the log: %s", visitor.address, error)
            self._suspicion.raised = True
            return
        if last.stored:
            log.info("%s remembers a start that was not known", visitor.address)

    # ------------------------------------------------------------------------------------------

    async def _kept(self, visitor: Visitor, talk: _Dated) -> LastStart:
        if (event := talk.event) is None:
            return LastStart(None)
        wanted = KeepCranking(self._placed(event, talk.moment))
        try:
            return await visitor.station.store.ask(wanted).within(KEEP_WITHIN)
        except (AskTimeout, ActorCrashed) as error:
            raise StoreUnavailable("The log did not take the start in: try again.") from error

    def _placed(self, event: CrankingEvent, read: Moment) -> Cranking:
        """Raises ClockUncertain."""
        if read.utc is None:
            raise ClockUncertain("The clock was set meanwhile: try again later.")
        age = event.age or 0
        moment = Moment(read.utc - 1000 * age, read.boot_time - age)
        return Cranking(self._like(moment), event, uncertain=age >= OLDEST)


def _why_not(driver: Driver) -> str:
    said = f"A {driver.device_type} keeps no curve of a start."
    if driver.history is None:
        return said
    return (
        f"{said} If it notes the lowest voltage while cranking, that comes with 'hawk devices history MAC'."
    )
