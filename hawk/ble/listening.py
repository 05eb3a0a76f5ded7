"""Keeps a scan running while it is wanted, whatever happens to Bluetooth meanwhile.

The one place that takes the rungs of `hawk.ble.recovery`.
"""

import logging
import math
from collections.abc import Callable

import trio

from hawk.ble.radio import Radio
from hawk.ble.recovery import Recovery
from hawk.errors import BluetoothError, BluetoothStuck, NoAdapter
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
        self._ordered: Rung | None = None
        self._end = trio.CancelScope()  # its deadline is that of the process
        self._silent_since: float | None = None  # [s of Trio's clock] the ladder was climbed in vain
        self._said: str | None = None  # the last news: "" = hearing
        self.hearing = False
        self.outage: BluetoothError | None = None  # why nothing can be heard; None also when nobody tries
        self.down_since: float | None = None  # [s of Trio's clock] as long as nothing can be heard

    def want(self, wanted: bool) -> None:
        if wanted:
            self._wanted.set()
        elif self._wanted.is_set():
            self._wanted = trio.Event()
            self._scope.cancel()

    def take(self, rung: Rung) -> None:
        """Ends the scan that runs, for a rung that the sessions call for."""
        self._ordered = rung
        self._silence.cancel()

    def doubt(self) -> None:
        """A session found that Bluetooth does not answer: so does a new scan, or it does again."""
        if self.hearing and trio.current_time() - self._scan_began >= self._recovery.patience.settled_again:
            self.take(self._recovery.doubted())

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

    async def _listen(self) -> None:
        while True:
            error, now = await self._scan(), trio.current_time()
            ordered, self._ordered = self._ordered, None
            if error is None:
                await self._climb(ordered or self._recovery.silent(now))
                if self._recovery.climbed_in_vain and self._silent_since is None:
                    self._silent_since = now
                    self._plan_end()
                continue
            rung = self._recovery.failed(now, stuck=isinstance(error, BluetoothStuck))
            self._say(error)
            await self._climb(rung)
            await trio.sleep(self._recovery.retry_in())

    async def _scan(self) -> BluetoothError | None:
        """Until it fails, or falls silent: then None."""
        error: BluetoothError | None = None
        self._scan_began = trio.current_time()
        async with trio.open_nursery() as nursery:
            nursery.start_soon(self._settle)
            with trio.CancelScope(deadline=self._silent_at()) as self._silence:
                try:
                    await self._radio.scan(self._take)
                    error = NoAdapter("The scan ended by itself.")
                except BluetoothError as raised:
                    error = raised
            nursery.cancel_scope.cancel()
        return error

    async def _climb(self, rung: Rung) -> None:
        """A rung that fails is followed by the next scan like one that does not help."""
        self._climbed(rung)
        if rung is Rung.ADAPTER_DOWN:
            return
        log.warning("nothing comes over Bluetooth as it should: %s", _SAID[rung])
        with trio.move_on_after(_RUNG_WITHIN):
            try:
                if rung is Rung.NEW_CONNECTION:
                    await self._radio.renew()
                elif rung is Rung.POWER_CYCLE:
                    await self._radio.power_cycle()
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
        self._silence.deadline = self._silent_at()
        self._say(None)
        self._heard(advertisement)

    def _plan_end(self) -> None:
        since = [each for each in (self.down_since, self._silent_since) if each is not None]
        self._end.deadline = self._recovery.ends_at(min(since)) if since else math.inf

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
