"""What the publisher is to do, as the settings have it."""

from collections.abc import Callable
from dataclasses import dataclass, field

from hawk.drivers.catalogue import Catalogue
from hawk.errors import Invalid, NotFound
from hawk.model.device import DeviceView
from hawk.mqtt import topics
from hawk.mqtt.alias import Alias
from hawk.mqtt.discovery import Announcer, may_come
from hawk.mqtt.line import Server
from hawk.mqtt.messages import Message
from hawk.mqtt.patience import Patience
from hawk.mqtt.topics import OFFLINE, Topics


@dataclass(frozen=True, slots=True)
class Announcement:
    message: Message
    may_come: frozenset[str]  # entities that it may have, once it said something


@dataclass(frozen=True, slots=True)
class HomeAssistant:
    """It is told of each battery."""

    announcer: Announcer
    gateway_name: str
    catalogue: Catalogue
    longest_age: Callable[[float | None], float]  # [s] of data that are still good, by the polling interval

    def battery(self, view: DeviceView, said: frozenset[str]) -> Announcement | None:
        """`said` are the values that it ever had. None for a device that no driver knows; whose settings are wrong
        is said elsewhere."""
        device = view.device
        try:
            driver = self.catalogue.driver(device.device_type).configured(device.config)
        except (NotFound, Invalid):
            return None
        interval = None if view.heard_only else device.polling_interval or view.interval
        message = self.announcer.battery(view, driver, self.longest_age(interval), said)
        return Announcement(message, may_come(driver))


@dataclass(frozen=True, slots=True)
class Terms:
    server: Server
    topics: Topics
    gateway_id: str
    replay_max_age: float  # [s] of readings that are said after an outage
    listen_to: tuple[str, ...] = ()  # filters, for `desk`
    home_assistant: HomeAssistant | None = None
    alias: Alias | None = None
    patience: Patience = field(default_factory=Patience)
    retries: int = 3  # of what is said once; the log and the board are said again for ever
    look: float = 30.0  # [s] without news; then the log is looked into all the same

    @property
    def will(self) -> Message:
        return self.topics.message(topics.SYSTEM_AVAILABILITY, OFFLINE)

    @property
    def filters(self) -> tuple[str, ...]:
        """What is listened to as long as there is a session."""
        birth = () if self.home_assistant is None else (self.home_assistant.announcer.birth,)
        return f"{self.topics.prefix}/system/+", *self.listen_to, *birth

    @property
    def kept(self) -> tuple[str, ...]:
        """Filters of what a broker keeps for us, or kept for a former version of us."""
        prefix, home = self.topics.prefix, self.home_assistant
        alias = () if self.alias is None else (self.alias.kept,)
        announced = () if home is None else (home.announcer.announcements,)
        return f"{prefix}/device/+/+", f"{prefix}/vehicle/+/summary", *alias, *announced

    def asks(self, topic: str) -> bool:
        """Whether something is wanted of us there."""
        return self.topics.asks(topic) or (self.alias is not None and topic in self.alias.filters)
