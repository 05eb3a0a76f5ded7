"""What to do about Bluetooth that hangs: the ladder from a new scan to a power cycle.

Pure: the caller brings the time and takes the steps. The object belongs to the process, so that
a restart of those who use it does not forget when the adapter was last switched off and on.
"""

import math
from collections import Counter
from dataclasses import dataclass, field

from hawk.model.address import Address
from hawk.model.rung import Rung

_RUNGS_OF_SILENCE = 3  # a new scan, a new connection, a power cycle


@dataclass(frozen=True, slots=True)
class Patience:
    """How long each kind of trouble may last before a rung is taken. Times in seconds."""

    silence: float = 90.0  # without any advert, though some came before
    silence_longest: float = 3600.0  # it doubles up to this: who drove away will be gone for long
    retry_first: float = 1.0  # after a scan that failed; doubles
    retry_longest: float = 30.0
    settled: float = 3.0  # a scan has run that will probably last
    settled_again: float = 25.0  # after a failure: BlueZ may take 20 s to say that it cannot
    stuck_scans: int = 3  # that failed in a row for no reason a person could mend
    vain_sessions: int = 6  # in a row that got no link, though the devices were heard
    vain_of_one: int = 24  # the same, all with one device, whose fault it may be
    between_power_cycles: float = 3600.0

    def silence_after(self, steps: int) -> float:
        """How long the next silence may last, after so many in a row."""
        return min(self.silence * 2.0 ** min(steps, 16), max(self.silence_longest, self.silence))

    def retry_after(self, failures: int) -> float:
        """Seconds until the next scan, after so many in a row that failed (at least 1)."""
        return min(self.retry_first * 2.0 ** min(failures - 1, 16), self.retry_longest)


@dataclass(slots=True)
class _Vain:
    """Sessions through one adapter, in a row, that got no link."""

    times: int = 0
    devices: set[Address] = field(default_factory=set)


class Recovery:
    def __init__(
        self, patience: Patience | None = None, *, may_reset: bool = True, exit_after: float = 0.0
    ) -> None:
        """The settings of these names: without `may_reset` no adapter is switched off; after
        `exit_after` seconds without Bluetooth the process shall end, 0 = never.
        """
        self.patience = patience or Patience()
        self.taken: Counter[Rung] = Counter()
        self._may_reset, self._exit_after = may_reset, exit_after
        self._cycled_at = -math.inf
        self._heard_before = False
        self._silences = 0  # in a row
        self._failures = 0  # of scans, in a row
        self._stuck = 0  # of them those that a new beginning may cure
        self._only_shared = True  # all of them because another program scans
        self._vain: dict[str, _Vain] = {}  # by adapter

    # -- the scan ----------------------------------------------------------------------------

    def heard(self) -> None:
        """Any advertisement."""
        self._heard_before, self._silences = True, 0
        self.works()

    def works(self) -> None:
        """A scan runs; where nobody advertises that is all there is to know."""
        self._failures = self._stuck = 0
        self._only_shared = True

    @property
    def troubled(self) -> bool:
        """The last scan failed."""
        return self._failures > 0

    def longest_silence(self) -> float:
        """Seconds until `silent` is to be called. Silence from the beginning is no sign of trouble."""
        if not self._heard_before:
            return math.inf
        return self.patience.silence_after(self._silences)

    def silent(self, now: float) -> Rung:
        """A scan brought nothing for `longest_silence`."""
        self._silences += 1
        if self._silences == 1:
            return self._take(Rung.RESTART_SCAN)
        if self._silences == 2:
            return self._take(Rung.NEW_CONNECTION)
        return self._power_cycle_or(Rung.RESTART_SCAN, now)

    def deaf(self, times: int, now: float) -> Rung:
        """One adapter of several needs help, for the so many-th time in a row. No new connection:
        over the same one the others hear, and it would end their sessions."""
        return self._take(Rung.RESTART_SCAN) if times == 1 else self._power_cycle_or(Rung.RESTART_SCAN, now)

    def failed(self, now: float, *, stuck: bool, shared: bool = False) -> Rung:
        """A scan could not be started or ended with an error. `stuck`: not because something is
        missing or switched off, so that a new beginning may help. `shared`: because another program
        scans, and that one would not survive a power cycle."""
        self._failures += 1
        self._stuck = self._stuck + 1 if stuck else 0
        self._only_shared = shared and (self._only_shared or self._stuck == 1)
        if self._stuck == 0 or self._stuck % self.patience.stuck_scans:
            return self._take(Rung.ADAPTER_DOWN)
        if self._stuck == self.patience.stuck_scans or self._only_shared:
            return self._take(Rung.NEW_CONNECTION)
        return self._power_cycle_or(Rung.NEW_CONNECTION, now)

    def retry_in(self) -> float:
        """Seconds until the next scan after a failure."""
        return self.patience.retry_after(max(self._failures, 1))

    @property
    def climbed_in_vain(self) -> bool:
        """Nothing is heard since, though every rung was tried."""
        return self._silences >= _RUNGS_OF_SILENCE

    def ends_at(self, since: float) -> float:
        """When to end the process, which has been without Bluetooth since then."""
        return since + self._exit_after if self._exit_after else math.inf

    def doubted(self) -> Rung:
        """A session found that BlueZ does not answer, though a scan runs."""
        return self._take(Rung.RESTART_SCAN)

    # -- sessions ----------------------------------------------------------------------------

    def linked(self, adapter: str = "") -> None:
        """A session got its link, whatever came of it."""
        self._vain.pop(adapter, None)

    def not_linked(self, address: Address, now: float, adapter: str = "") -> Rung | None:
        """A session with a device that was heard got no link through this adapter."""
        vain = self._vain.setdefault(adapter, _Vain())
        vain.times += 1
        vain.devices.add(address)
        several = len(vain.devices) > 1
        limit = self.patience.vain_sessions if several else self.patience.vain_of_one
        if vain.times % limit:
            return None
        if vain.times == limit or not several:
            return self._take(Rung.NEW_CONNECTION)
        return self._power_cycle_or(Rung.NEW_CONNECTION, now)

    # -- rungs -------------------------------------------------------------------------------

    def _power_cycle_or(self, lower: Rung, now: float) -> Rung:
        if not self._may_reset or now - self._cycled_at < self.patience.between_power_cycles:
            return self._take(lower)
        self._cycled_at = now
        return self._take(Rung.POWER_CYCLE)

    def _take(self, rung: Rung) -> Rung:
        self.taken[rung] += 1
        return rung
