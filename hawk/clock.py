"""What time it is, and whether that can be believed.

A Raspberry Pi has no clock of its own: after a power cut it begins somewhere in the past and
is set right later. A reading with a wrong time is worse than one that gets its time later, so
the wall clock is judged before it is used. Timers never ask here: they are monotonic.
"""

import ctypes
import enum
import os
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Protocol

from hawk import RELEASED
from hawk.model.reading import Moment

SETTLING = 600.0  # [s] after boot or a step, when nobody says that the clock is synchronised
STEP = 60.0  # [s] a smaller jump is the daily work of a time service

_TIME_ERROR = 5  # what adjtimex returns while the clock is not synchronised
_TIMEX_BYTES = 512  # struct timex is 128 to 208 bytes, by platform


class Clock(Protocol):
    """Asked from the Trio thread only."""

    def moment(self) -> Moment:
        """Now. Its `utc` is None while the wall clock is not trusted."""

    def utc_ms(self) -> int:
        """What the wall clock shows, right or wrong: milliseconds since the epoch."""


class Doubt(enum.StrEnum):
    """Why the wall clock is not trusted."""

    PAST = "it shows a time that is over"
    UNSET = "this board has no battery-backed clock, and no time service has set it since boot"
    STEPPED = "it was just set by more than a minute, and no time service vouches for it"


@dataclass(frozen=True, slots=True)
class Evidence:
    """All that a judgement rests on."""

    utc: int  # [ms since the epoch] as the wall clock shows
    boot_time: float  # [s] CLOCK_BOOTTIME
    not_before: int  # [ms since the epoch] an instant that is certainly over
    keeps_time: bool  # while the power is off
    synchronised: bool | None  # as the kernel says; None when it cannot be asked
    stepped_at: float | None = None  # [s of boot time] the last step of the wall clock


def judge(evidence: Evidence) -> Doubt | None:
    """None when the wall clock can be trusted."""
    if evidence.utc < evidence.not_before:
        return Doubt.PAST
    if evidence.synchronised:
        return None
    if not evidence.keeps_time and evidence.boot_time < SETTLING:
        return Doubt.UNSET
    if evidence.stepped_at is not None and evidence.boot_time - evidence.stepped_at < SETTLING:
        return Doubt.STEPPED
    return None


@dataclass(frozen=True, slots=True)
class Steps:
    """Follows the wall clock against CLOCK_BOOTTIME, which nobody sets."""

    offset: float | None = None  # [s] between the two when last looked at
    last: float | None = None  # [s of boot time] when a step was noticed

    def look(self, utc: int, boot_time: float) -> "Steps":
        offset = utc / 1000 - boot_time
        stepped = self.offset is not None and abs(offset - self.offset) > STEP
        return Steps(offset, boot_time if stepped else self.last)


class SystemClock:
    """The clock of this machine."""

    def __init__(self, trust: str = "auto") -> None:
        """`trust` is the setting `clock.trust`: "always" switches the judgement off."""
        self._always = trust == "always"
        self._not_before = _midnight_ms(RELEASED)
        self._keeps_time = keeps_time()
        self._steps = Steps()

    def not_before(self, utc_ms: int) -> None:
        """What shows less is wrong: something was stored at that instant."""
        self._not_before = max(self._not_before, utc_ms)

    def moment(self) -> Moment:
        utc, boot_time = self.utc_ms(), time.clock_gettime(time.CLOCK_BOOTTIME)
        return Moment(None if self._doubt(utc, boot_time) else utc, boot_time)

    def utc_ms(self) -> int:
        return time.time_ns() // 1_000_000

    @property
    def doubt(self) -> Doubt | None:
        """Why `moment().utc` is None just now; None when it is not."""
        return self._doubt(self.utc_ms(), time.clock_gettime(time.CLOCK_BOOTTIME))

    def _doubt(self, utc: int, boot_time: float) -> Doubt | None:
        if self._always:
            return None
        self._steps = self._steps.look(utc, boot_time)
        return judge(
            Evidence(
                utc=utc,
                boot_time=boot_time,
                not_before=self._not_before,
                keeps_time=self._keeps_time,
                synchronised=kernel_synchronised(),
                stepped_at=self._steps.last,
            )
        )


def keeps_time(root: Path = Path("/")) -> bool:
    """Whether the time survives a power cut: all machines do, but boards without an RTC.

    Containers hide /dev/rtc and the target of the link /proc/device-tree, so the link itself
    and the class folder are looked at too.
    """
    board = os.path.lexists(root / "proc/device-tree")
    rtc = any((root / "dev").glob("rtc*")) or any((root / "sys/class/rtc").glob("rtc*"))
    return rtc or not board


def kernel_synchronised() -> bool | None:
    """Whether a time service keeps the wall clock; None when the kernel does not tell."""
    if _LIBC is None:
        return None
    ctypes.memset(_TIMEX, 0, _TIMEX_BYTES)  # modes = 0: only ask
    state = int(_LIBC.adjtimex(_TIMEX))
    return None if state < 0 else state != _TIME_ERROR


def boot_id() -> str | None:
    """Another one after each boot; None where the kernel has none."""
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    except OSError:
        return None


def _midnight_ms(date: str) -> int:
    return round(datetime.fromisoformat(date).replace(tzinfo=UTC).timestamp() * 1000)


def _libc() -> ctypes.CDLL | None:
    libc = ctypes.CDLL(None)
    return libc if hasattr(libc, "adjtimex") else None


_LIBC = _libc()
_TIMEX = ctypes.create_string_buffer(_TIMEX_BYTES)
