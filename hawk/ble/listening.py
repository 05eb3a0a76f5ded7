"""Keeps a scan running while it is wanted, whatever happens to Bluetooth meanwhile.

The one place that takes the rungs of `hawk.ble.recovery`.
"""

import logging
import math
from collections.abc import Callable, Collection

import trio

from hawk.ble.adapters import Adapters
from hawk.ble.radio import Radio
from hawk.ble.recovery import Recovery
from hawk.errors import BluetoothError, BluetoothStuck, NoAdapter, ScannedByAnother
from hawk.model.advertisement import Advertisement
from hawk.model.rung import Rung

_RUNG_WITHIN = 60.0  # [s] to take one: sessions that it ends may need 20 to let go

_SAID = {
    Rung.RESTART_SCAN: "the scan is started anew",
    Rung.NEW_CONNECTION: "a new connection to Bluetooth is made",
    Rung.POWER_CYCLE: "the Bluetooth adapter is switched off and on",
}

log = logging.getLogger(__name__)


class Listening:
    def __init__(
        self,
        radio: Radio,
        recovery: Recovery,
        heard: Callable[[Advertisement], None],
        changed: Callable[[BluetoothError | None], None],
        climbed: Callable[[Rung], None],
        give_up: Callable[[str], None],
    ) -> None:
        """`changed` is called when hearing becomes possible (None) or impossible (why); it is
        silent about scans that nobody wants. `climbed` is called when a rung
        is taken, `give_up` when Bluetooth has not worked for so long that the process shall end.
        """
        self._radio, self._recovery = radio, recovery
        self._heard, self._changed = heard, changed
        self._climbed, self._give_up = climbed, give_up
        self._wanted = trio.Event()
        self._scope = trio.CancelScope()  # around all scans until they are unwanted
        self._silence = trio.CancelScope()  # around the scan that runs
        self._scan_began = -math.inf  # [s of Trio's clock]
        self._ordered: tuple[Rung, Collection[str]] | None = None
        self._end = trio.CancelScope()  # its deadline is that of the process
        self._silent_since: float | None = None  # [s of Trio's clock] the ladder was climbed in vain
        self._said: str | None = None  # the last news: "" = hearing
        self.adapters = Adapters(recovery.patience)
        self.hearing = False
        self.outage: BluetoothError | None = None  # why nothing can be heard; None also when nobody tries
        self.down_since: float | None = None  # [s of Trio's clock] as long as nothing can be heard

    def want(self, wanted: bool) -> None:
        if wanted:
            self._wanted.set()
        elif self._wanted.is_set():
            self._wanted = trio.Event()
            self._scope.cancel()

    def take(self, rung: Rung, adapters: Collection[str]) -> None:
        """Ends the scan that runs, for a rung that the sessions through these adapters call for."""
        self._ordered = rung, adapters
        self._silence.cancel()

    def doubt(self) -> None:
        """A session found that Bluetooth does not answer: so does a new scan, or it does again."""
        if self.hearing and trio.current_time() - self._scan_began >= self._recovery.patience.settled_again:
            self.take(self._recovery.doubted(), ())

    async def watch(self) -> None:
        """Beside `run`."""
        with self._end:
            await trio.sleep_forever()
        self._give_up("nothing is heard any more" if self.outage is None else str(self.outage))

    async def run(self) -> None:
        while True:
            await self._wanted.wait()
            with trio.CancelScope() as self._scope:
                await self._listen()
            self.hearing, self.outage, self.down_since, self._silent_since = False, None, None, None
            self._plan_end()
            self.adapters.ended(None)

    async def _listen(self) -> None:
        while True:
            error, now = await self._scan(), trio.current_time()
            ordered, self._ordered = self._ordered, None
            if error is None:
                await self._climb(*(ordered or (self._recovery.silent(now), self.adapters.listening())))
                if self._recovery.climbed_in_vain and self._silent_since is None:
                    self._silent_since = now
                    self._plan_end()
                continue
            self.adapters.ended(error)
            rung = self._recovery.failed(
                now, stuck=isinstance(error, BluetoothStuck), shared=isinstance(error, ScannedByAnother)
            )
            self._say(error)
            await self._climb(rung, self.adapters.stuck())
            await trio.sleep(self._recovery.retry_in())

    async def _scan(self) -> BluetoothError | None:
        """Until it fails, or falls silent: then None."""
        error: BluetoothError | None = None
        self._scan_began = trio.current_time()
        async with trio.open_nursery() as nursery:
            nursery.start_soon(self._settle)
            nursery.start_soon(self._mind_each)
            with trio.CancelScope(deadline=self._silent_at()) as self._silence:
                try:
                    await self._radio.scan(self._take, self._told)
                    error = NoAdapter("The scan ended by itself.")
                except BluetoothError as raised:
                    error = raised
            nursery.cancel_scope.cancel()
        return error

    async def _mind_each(self) -> None:
        """Of several adapters one may fall silent, or refuse to scan, while the others hear."""
        while True:
            await trio.sleep(self._recovery.patience.silence / 10)
            for deaf in self.adapters.deaf(now := trio.current_time()):
                await self._climb_alone(deaf.adapter, self._recovery.deaf(deaf.times, now))

    async def _climb_alone(self, adapter: str, rung: Rung) -> None:
        self._climbed(rung)
        self.adapters.climbed(rung, (adapter,))
        log.warning("%s hears nothing while another adapter does: %s", adapter, _SAID[rung])
        if rung is Rung.RESTART_SCAN:
            self._radio.rescan(adapter)
        await self._act(rung, (adapter,))

    async def _climb(self, rung: Rung, adapters: Collection[str]) -> None:
        """A rung that fails is followed by the next scan like one that does not help."""
        self._climbed(rung)
        self.adapters.climbed(rung, adapters)
        if rung is Rung.ADAPTER_DOWN:
            return
        log.warning("nothing comes over Bluetooth as it should: %s", _SAID[rung])
        await self._act(rung, adapters)

    async def _act(self, rung: Rung, adapters: Collection[str]) -> None:
        """What of a rung is more than a new scan."""
        with trio.move_on_after(_RUNG_WITHIN):
            try:
                if rung is Rung.NEW_CONNECTION:
                    await self._radio.renew()
                elif rung is Rung.POWER_CYCLE:
                    await self._radio.power_cycle(adapters)
            except BluetoothError as error:
                log.warning("that did not work: %s", error)

    async def _settle(self) -> None:
        """Where nobody advertises, a scan that goes on is all there is to know."""
        patience = self._recovery.patience
        await trio.sleep(patience.settled_again if self._recovery.troubled else patience.settled)
        self._recovery.works()
        self._say(None)

    def _take(self, advertisement: Advertisement) -> None:
        self._recovery.heard()
        if self._silent_since is not None:
            self._silent_since = None
            self._plan_end()
        self.adapters.heard(advertisement.adapter, trio.current_time())
        self._silence.deadline = self._silent_at()
        self._say(None)
        self._heard(advertisement)

    def _plan_end(self) -> None:
        since = [each for each in (self.down_since, self._silent_since) if each is not None]
        self._end.deadline = self._recovery.ends_at(min(since)) if since else math.inf

    def _told(self, adapter: str, trouble: BluetoothError | None) -> None:
        news = self.adapters.told(adapter, trouble, trio.current_time())
        if not news or not self.adapters.several:
            return
        if trouble is None:
            log.info("%s is listened with again", adapter)
        else:
            log.warning("%s cannot be listened with: %s", adapter, trouble)

    def _silent_at(self) -> float:
        return trio.current_time() + self._recovery.longest_silence()

    def _say(self, outage: BluetoothError | None) -> None:
        if (outage is None) is not (self.down_since is None):
            self.down_since = None if outage is None else trio.current_time()
            self._plan_end()
        self.hearing, self.outage = outage is None, outage
        said = "" if outage is None else f"{outage.outcome} {outage}"
        if self._said == said:
            return
        self._said = said
        if outage is None:
            log.info("listening for devices")
        else:
            log.warning("no device can be heard: %s", outage)
        self._changed(outage)
