"""What a scan found: gathers advertisements, and says it as JSON lines or as rows of a table. Pure."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from hawk.drivers.api import Driver, Heard, Proposal
from hawk.drivers.catalogue import Catalogue, Identified
from hawk.errors import HawkError
from hawk.model.address import Address
from hawk.model.advertisement import Advertisement
from hawk.model.instant import rfc3339
from hawk.model.reading import QUANTITIES, Sample, Source

UNKNOWN = "no driver knows its name or understands its advertisements"
UNREADABLE = "offers the service FFF0 like a battery monitor, but no known key opens what it says"
UNASKED = "offers the service FFF0, as battery monitors and many other things do: --connect asks what it is"
_SEALED = 14  # bytes of a sealed advertisement after the company id
_FFF0 = "0000fff0-0000-1000-8000-00805f9b34fb"


@dataclass(frozen=True, slots=True)
class Said:
    """A sample, when and how it came."""

    sample: Sample
    at: int  # [ms since the epoch]
    source: Source


@dataclass(slots=True)
class Found:
    """One device in range."""

    newest: Advertisement
    last_seen: int  # [ms since the epoch]
    name: str | None = None
    services: frozenset[str] = frozenset()  # UUIDs
    driver: Driver | None = None
    proven: bool = False
    reason: str = UNKNOWN
    to_add: str = ""  # the command, where it is not found by itself
    said: Said | None = None
    error: HawkError | None = None  # why it could not be read

    @property
    def address(self) -> Address:
        return self.newest.address

    def to_json(self) -> Mapping[str, object]:
        return {
            "address": self.address,
            "name": self.name,
            "rssi": self.newest.rssi,
            "device_type": self.driver.device_type if self.driver else None,
            "reason": ": ".join(filter(None, (self.reason, self.to_add))),
            "connectable": self.newest.connectable,
            "last_seen": rfc3339(self.last_seen),
            "reading": self._reading(self.said) if self.said else None,
            "error": error_json(self.error) if self.error else None,
        }

    def _reading(self, said: Said) -> Mapping[str, object]:
        sample = said.sample
        known: dict[str, object] = {
            "device_id": self.address,
            "timestamp": rfc3339(said.at),
            **{quantity: getattr(sample, quantity) for quantity in QUANTITIES},
            "status": sample.status,
            "status_code": sample.status_code,
            "source": said.source.word,
            "device_type": self.driver.device_type if self.driver else None,
            "rssi": self.newest.rssi,
            "simulated": self.newest.simulated,
            "extra": dict(sample.extra) or None,
        }
        return {key: value for key, value in known.items() if value is not None}


@dataclass(slots=True)
class Survey:
    catalogue: Catalogue
    devices: dict[Address, Found] = field(default_factory=dict)

    def heard(self, advertisement: Advertisement, now: int) -> None:
        """`now` in ms since the epoch."""
        found = self.devices.setdefault(advertisement.address, Found(advertisement, now))
        found.newest, found.last_seen = advertisement, now
        found.name = advertisement.name or found.name
        found.services |= frozenset(advertisement.service_uuids)
        identified = self.catalogue.hear(advertisement)
        if identified is not None:
            _identify(found, identified)
            if identified.driver is found.driver:
                _keep(found, identified.heard, now)
        elif found.driver is None and (types := self.catalogue.candidates(found.name or "")):
            found.reason = f"its name does not tell which it is: choose {', '.join(types)}"
        elif found.driver is None and _FFF0 in found.services:
            sealed = any(len(data) == _SEALED for data in advertisement.manufacturer_data.values())
            found.reason = UNREADABLE if sealed or found.reason == UNREADABLE else UNASKED

    def probed(self, found: Found, proposal: Proposal) -> None:
        """What it answered says which of several types it is."""
        driver = self.catalogue.driver(proposal.device_type)
        found.driver = driver.configured(proposal.config)
        found.reason, found.to_add = f"it answers as {proposal.words}", _to_add(found.address, proposal)

    def unsure(self) -> tuple[tuple[Found, Driver], ...]:
        """Those whose name does not decide, each with a driver whose probe does."""
        return tuple(
            (found, driver)
            for found in self.sorted()
            if found.driver is None
            and found.newest.connectable
            and (driver := self.catalogue.prober(found.name or "", found.services))
        )

    def recognised(self) -> tuple[Found, ...]:
        """Identified, or with a name that is one of a few types."""
        unsure = {found.address for found, _ in self.unsure()}
        return tuple(found for found in self.sorted() if found.driver or found.address in unsure)

    def identified(self) -> tuple[Found, ...]:
        return tuple(found for found in self.sorted() if found.driver is not None)

    def sorted(self) -> tuple[Found, ...]:
        """The nearest first."""
        return tuple(sorted(self.devices.values(), key=lambda found: (-found.newest.rssi, found.address)))


def _identify(found: Found, identified: Identified) -> None:
    """A name is a hint, a decrypted advertisement is proof; proof stays."""
    if identified.heard.proven or not found.proven:
        found.driver, found.reason = identified.driver, identified.reason
        found.proven = identified.heard.proven


def _to_add(address: Address, proposal: Proposal) -> str:
    config = f" (its config: {json.dumps(proposal.config)})" if proposal.config else ""
    return f"hawk devices add {address} --type {proposal.device_type}{config}"


def _keep(found: Found, heard: Heard, now: int) -> None:
    """The newest measurement of voltage; a beacon's charge only while there is none. What was
    read over a link holds more and stays.
    """
    said = found.said
    if heard.sample == Sample() or (said is not None and said.source is Source.GATT):
        return
    if heard.recordable or said is None or said.sample.voltage is None:
        found.said = Said(heard.sample, now, Source.ADVERTISEMENT)


def error_json(error: HawkError) -> Mapping[str, str]:
    """With the code of the service, where that refused."""
    from hawk.cli.running import Refused

    code = error.said if isinstance(error, Refused) else error.code
    return {"code": code, "detail": str(error)}


NAME, REMARK = "Name", "Remark"  # the columns whose cells may be long
_HEADINGS = ("Address", NAME, "Type", "dBm", "Voltage", "Charge", "Temp.", "Status", REMARK)


def table(devices: Sequence[Found]) -> tuple[tuple[str, ...], ...]:
    """Headings, then the cells of each device; without the columns in which nothing stands."""
    columns = zip(_HEADINGS, *(_cells(found) for found in devices), strict=True)
    return tuple(zip(*(column for column in columns if any(column[1:])), strict=True))


def _cells(found: Found) -> tuple[str, ...]:
    sample = found.said.sample if found.said else Sample()
    return (
        found.address,
        found.name or "",
        found.driver.device_type if found.driver else "?",
        str(found.newest.rssi),
        _number(sample.voltage, ".2f", " V"),
        _number(sample.state_of_charge, ".0f", " %"),
        _number(sample.temperature, ".0f", " °C"),
        sample.status or "",
        _remark(found),
    )


def _remark(found: Found) -> str:
    """What is not as it should be."""
    if found.error is not None:
        return str(found.error)
    if not found.proven:
        return found.reason
    return "simulated" if found.newest.simulated else ""


def _number(value: float | None, form: str, unit: str) -> str:
    return "" if value is None else f"{value:{form}}{unit}"
