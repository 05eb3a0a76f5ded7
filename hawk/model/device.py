"""Devices: the gadget on the battery and its record."""

import enum
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from hawk.model.address import Address
from hawk.model.live import Live
from hawk.model.reading import Moment
from hawk.model.rules import Calibration, Plausibility, Rejection


class Lifecycle(enum.StrEnum):
    DISCOVERED = "discovered"  # waits for configuration; nothing of it is stored
    CONFIGURED = "configured"
    IGNORED = "ignored"  # for ever, until somebody configures it


class LinkState(enum.StrEnum):
    IDLE = "idle"
    CONNECTING = "connecting"
    CONNECTED = "connected"
    DISCONNECTING = "disconnecting"
    DISCONNECTED = "disconnected"
    ERROR = "error"


@dataclass(frozen=True, slots=True)
class Retry:
    """`connection_config` in devices.json."""

    attempts: int = 3  # failures in a row before the longer wait
    interval: float = 60.0  # [s] between those
    reconnection_delay: float = 300.0  # [s] after them


@dataclass(frozen=True, slots=True)
class Device:
    """The record in devices.json."""

    address: Address
    device_type: str
    friendly_name: str
    vehicle_id: str | None
    lifecycle: Lifecycle
    discovered_at: int | None  # [ms since the epoch]; None while the clock could not be trusted
    configured_at: int | None = None  # [ms since the epoch]
    polling_interval: float | None = None  # [s]; None = the setting polling.interval
    retry: Retry = field(default_factory=Retry)
    config: Mapping[str, Any] = field(default_factory=dict)  # JSON for its driver: docs/devices says what
    calibration: Calibration = field(default_factory=dict)
    plausibility: Plausibility = field(default_factory=dict)  # where it differs from its family's


def status_word(lifecycle: Lifecycle, link: LinkState) -> str:
    """The specification's one-word `status`, which mixes life and link."""
    if lifecycle is not Lifecycle.CONFIGURED:
        return lifecycle.value
    if link in {LinkState.CONNECTED, LinkState.DISCONNECTING}:
        return LinkState.CONNECTED.value
    if link in {LinkState.DISCONNECTED, LinkState.ERROR}:
        return link.value
    return lifecycle.value


@dataclass(frozen=True, slots=True)
class Outcome:
    """How the last poll ended. `code` is "ok" or the `outcome` of a hawk error."""

    code: str
    detail: str
    moment: Moment


@dataclass(frozen=True, slots=True)
class Transition:
    """The link of a device went from one state to the next."""

    state: LinkState
    moment: Moment
    reason: str | None = None  # the code of an error, where one led here


@dataclass(frozen=True, slots=True)
class Counters:
    """Polls since the service started."""

    polls: int = 0
    ok: int = 0
    failed: int = 0
    failed_by: Mapping[str, int] = field(default_factory=dict)  # outcome -> so many of `failed`
    skipped: int = 0  # other devices had the radio; not among `polls`
    mean_duration: float | None = None  # [s] of successful polls: 0.9 old + 0.1 new
    last_duration: float | None = None  # [s]
    last_success: Moment | None = None


@dataclass(frozen=True, slots=True)
class Quality:
    """Of the link to a device, by its last attempts to connect."""

    attempts: int  # at most 100
    ok: int
    percent: int | None  # None while there are too few
    verdict: str  # for people


@dataclass(frozen=True, slots=True)
class DeviceView:
    """A device as it is now: its record and what is known of it live."""

    device: Device
    vehicle_name: str | None = None
    link: LinkState = LinkState.IDLE
    live: Live = field(default_factory=Live)
    name: str | None = None  # as advertised
    rssi: int | None = None  # [dBm]
    adapter: str | None = None
    found_by: str | None = None  # how its family was found, in words; None after a restart
    last_seen: Moment | None = None  # any advertisement or frame
    available: bool = False  # its newest data are young enough
    stale: frozenset[str] = frozenset()  # quantities whose value is too old to be shown as of now
    outcome: Outcome | None = None
    released_until: Moment | None = None  # left to others
    interval: float | None = None  # [s] of polling that holds; None where nobody polls it
    heard_only: bool = False  # nobody connects to it
    simulated: bool = False
    proven_type: str | None = None  # what its advertisements prove it to be, if not what its record says
    counters: Counters = field(default_factory=Counters)
    quality: Quality | None = None  # None for one that is not configured
    rejections: tuple[Rejection, ...] = ()

    @property
    def status(self) -> str:
        return status_word(self.device.lifecycle, self.link)

    def at(self, boot_time: float, longest_age: float) -> "DeviceView":
        """What was said last gets old. `longest_age` [s] is that of the newest data of an available device."""
        newest, oldest = self.live.newest, boot_time - longest_age
        available = newest is not None and newest.boot_time >= oldest
        stale = self.live.older_than(oldest)
        if available == self.available and stale == self.stale:
            return self
        return replace(self, available=available, stale=stale)
