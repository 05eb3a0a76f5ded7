"""The types of resources, as the description of the API shows them."""

from dataclasses import dataclass
from typing import Any

from hawk.config.schema import Settings
from hawk.model.shapes import DeviceAttributes, ReadingAttributes
from hawk.web import shapes


@dataclass(frozen=True, slots=True)
class Kind:
    name: str  # JSON:API's `type`
    attributes: Any  # what pydantic can describe
    links: Any = None  # of its relationships; None where it has none
    id: str = ""  # what the id is, for people
    placed: bool = False  # it has a link to itself


DEVICES = Kind("devices", DeviceAttributes, shapes.DeviceLinks, "The address.", placed=True)
CONNECTIONS = Kind("connections", shapes.ConnectionAttributes, shapes.OfDevice, "The device's address.")
VEHICLES = Kind("vehicles", shapes.VehicleAttributes, shapes.VehicleLinks, "Never used twice.", placed=True)
READINGS = Kind("readings", ReadingAttributes, shapes.OfDevice, "`MAC@timestamp`")
SUMMARIES = Kind(
    "reading-summaries",
    shapes.ReadingSummaryAttributes,
    shapes.OfDevice,
    "`MAC@timestamp@resolution`",
)
CRANKING = Kind("cranking-events", shapes.CrankingAttributes, shapes.OfDevice, "`MAC@timestamp`")
DISCOVERIES = Kind("discoveries", shapes.DiscoveryAttributes, shapes.OfDevice, "The address.")
RELEASES = Kind("releases", shapes.ReleaseAttributes, id="The address, or `all`.")
JOBS = Kind("jobs", shapes.JobAttributes, shapes.OfDevice, placed=True)
STATUS = Kind("system-status", shapes.StatusAttributes, id="`system`")
CONFIG = Kind("system-config", Settings, id="`system`")
HISTORY = Kind("history", shapes.HistoryAttributes, shapes.OfDevice, "The address.")

ALL = (
    DEVICES, CONNECTIONS, VEHICLES, READINGS, SUMMARIES, CRANKING, DISCOVERIES, RELEASES, JOBS, STATUS, CONFIG,
    HISTORY,
)  # fmt: skip
