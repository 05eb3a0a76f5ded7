"""Keeps a scan running while it is wanted, whatever happens to Bluetooth meanwhile."""

import logging
import math
from collections.abc import Callable

import trio

from hawk.ble.radio import Radio
from hawk.errors import BluetoothError, NoAdapter
from hawk.model.advertisement import Advertisement

RETRY_FIRST, RETRY_LONGEST = 1.0, 30.0  # [s] between attempts while nothing can be heard
SETTLED = 3.0  # [s] a scan has run that will probably last
SETTLED_AGAIN = 25.0  # [s] after a failure: BlueZ may take 20 to say that it cannot
SILENCE, SILENCE_LONGEST = 90.0, 3600.0  # [s] without any advert, then the scan is started anew

log = logging.getLogger(__name__)


class Listening:
    def __init__(
        self,
        radio: Radio,
        heard: Callable[[Advertisement], None],
        changed: Callable[[bool, str | None], None],
    ) -> None:
        """`changed` is called when hearing becomes possible (True, None) or impossible
        (False, why). It is silent about scans that nobody wants.
        """
        self._radio, self._heard, self._changed = radio, heard, changed
        self._wanted = trio.Event()
        self._scope = trio.CancelScope()  # around all scans until they are unwanted
        self._silence = trio.CancelScope()  # around the scan that runs
        self._said: tuple[bool, str | None] | None = None
        self._heard_before = False
        self._fruitless = 0  # restarts in a row that brought nothing
        self._failures = 0  # in a row
        self.hearing = False
        self.reason: str | None = None  # why nothing can be heard; None also when nobody tries
        self.restarts = 0

    def want(self, wanted: bool) -> None:
        if wanted:
            self._wanted.set()
        elif self._wanted.is_set():
            self._wanted = trio.Event()
            self._scope.cancel()

    async def run(self) -> None:
        while True:
            await self._wanted.wait()
            with trio.CancelScope() as self._scope:
                await self._listen()
            self.hearing, self.reason = False, None

    async def _listen(self) -> None:
        while True:
            error = await self._scan()
            if error is None:
                self.restarts += 1
                self._fruitless += 1
                log.info("nothing was heard for long: the scan is started anew")
                continue
            self._failures += 1
            self._say(hearing=False, reason=str(error))
            await trio.sleep(min(RETRY_FIRST * 2.0 ** min(self._failures - 1, 16), RETRY_LONGEST))

    async def _scan(self) -> BluetoothError | None:
        """Until it fails, or falls silent: then None."""
        error: BluetoothError | None = None
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

    async def _settle(self) -> None:
        """Where nobody advertises, a scan that goes on is all there is to know."""
        await trio.sleep(SETTLED_AGAIN if self._failures else SETTLED)
        self._works()

    def _take(self, advertisement: Advertisement) -> None:
        self._heard_before, self._fruitless = True, 0
        self._silence.deadline = self._silent_at()
        self._works()
        self._heard(advertisement)

    def _silent_at(self) -> float:
        """Scans fall silent without a word when a daemon or a driver hangs. Silence from the
        beginning is no sign of that, and who drove away will be gone for long.
        """
        if not self._heard_before:
            return math.inf
        return trio.current_time() + min(SILENCE * 2.0 ** min(self._fruitless, 16), SILENCE_LONGEST)

    def _works(self) -> None:
        self._failures = 0
        self._say(hearing=True, reason=None)

    def _say(self, *, hearing: bool, reason: str | None) -> None:
        self.hearing, self.reason = hearing, reason
        if self._said == (hearing, reason):
            return
        self._said = hearing, reason
        if hearing:
            log.info("listening for devices")
        else:
            log.warning("no device can be heard: %s", reason)
        self._changed(hearing, reason)
