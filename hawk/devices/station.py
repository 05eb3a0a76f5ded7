"""What all device actors share: whom they talk to, and by which rules they go."""

from dataclasses import dataclass, field, replace
from typing import Any, Self

from actors import ActorRef
from hawk.ble.radio import Limits, Radio
from hawk.ble.tape import Tape
from hawk.clock import Clock
from hawk.config.schema import Settings
from hawk.devices.policy import BetweenPolls, Freshness, InsidePoll, Recording
from hawk.devices.releases import Releases


@dataclass(frozen=True, slots=True)
class Station:
    gateway_id: str
    radio: Radio
    arbiter: ActorRef[Any]
    scanner: ActorRef[Any]
    store: ActorRef[Any]
    clock: Clock
    history_auto: bool = True  # what was missed in an absence is read by itself, and a start of the engine
    past_of_new: bool = False  # what a new device remembers is read by itself, too
    polling_interval: float = 3600.0  # [s] of devices that have none of their own
    recording: Recording = field(default_factory=Recording)
    limits: Limits = field(default_factory=Limits)
    between_polls: BetweenPolls = field(default_factory=BetweenPolls)
    inside_poll: InsidePoll = field(default_factory=InsidePoll)
    freshness: Freshness = field(default_factory=Freshness)
    releases: Releases = field(default_factory=Releases)
    tape: Tape = field(default_factory=Tape)

    def under(self, settings: Settings) -> Self:
        """As the settings have it that can be changed while it runs."""
        return replace(
            self,
            history_auto=settings.history.auto,
            polling_interval=settings.polling.interval,
            recording=Recording(settings.bluetooth.record_interval, settings.bluetooth.record_delta),
        )
