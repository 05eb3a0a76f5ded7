"""Facts anyone may hear on the bus, in the past tense.

`key` narrows a subscription to one device or vehicle; whoever subscribes without a key
hears all of that type. Commands and queries are in the `messages.py` beside their receiver.
"""

from dataclasses import dataclass

from hawk.config.schema import Settings
from hawk.drivers.api import Heard
from hawk.model.address import Address
from hawk.model.advertisement import Advertisement
from hawk.model.cranking import Cranking
from hawk.model.device import Device, DeviceView
from hawk.model.reading import Moment, Reading
from hawk.model.rung import Rung
from hawk.model.vehicle import Vehicle, VehicleSummary


@dataclass(frozen=True, slots=True)
class DeviceSeen:
    """An advertisement was heard, just now. `device_type` and `heard` are None when no driver knows it;
    `proven_type` is another one than the registry has, proven by what the device says; `damage` says why
    what a known device said could not be decoded.
    """

    advertisement: Advertisement
    moment: Moment
    device_type: str | None
    heard: Heard | None
    proven_type: str | None = None
    damage: str | None = None

    @property
    def key(self) -> Address:
        return self.advertisement.address


@dataclass(frozen=True, slots=True)
class DeviceDiscovered:
    """A device nobody knew was registered and waits for configuration."""

    device: Device
    name: str | None  # as advertised
    rssi: int | None
    reason: str  # how its family was found
    moment: Moment

    @property
    def key(self) -> Address:
        return self.device.address


@dataclass(frozen=True, slots=True)
class DeviceChanged:
    """A record in devices.json is new or another than before."""

    device: Device

    @property
    def key(self) -> Address:
        return self.device.address


@dataclass(frozen=True, slots=True)
class DeviceRemoved:
    address: Address

    @property
    def key(self) -> Address:
        return self.address


@dataclass(frozen=True, slots=True)
class DeviceUpdated:
    """What is known of a configured device, after something of it changed. Live, not committed."""

    view: DeviceView

    @property
    def key(self) -> str | None:
        return self.view.device.vehicle_id


@dataclass(frozen=True, slots=True)
class ReadingTaken:
    """A reading was measured and is on its way to the log."""

    reading: Reading

    @property
    def key(self) -> Address:
        return self.reading.device_id


@dataclass(frozen=True, slots=True)
class ReadingsStored:
    """These readings are on the disk and can no longer be lost; in the order of their `seq`."""

    readings: tuple[Reading, ...]


@dataclass(frozen=True, slots=True)
class SummariesStored:
    """Hours and days were summed up, or summed up again; the last of them has this `seq`."""

    seq: int


@dataclass(frozen=True, slots=True)
class HistoryProgress:
    """What a device remembers is being read, was read, or could not be."""

    address: Address
    records: int  # that came so far
    most: int  # that may come
    imported: int | None = None  # at the end: those that the log did not have
    error: str | None = None  # at the end: why not

    @property
    def key(self) -> Address:
        return self.address


@dataclass(frozen=True, slots=True)
class CrankingStored:
    """A device told of a start of the engine that the log did not have."""

    cranking: Cranking

    @property
    def key(self) -> Address:
        return self.cranking.by.device_id


@dataclass(frozen=True, slots=True)
class VehicleChanged:
    vehicle: Vehicle

    @property
    def key(self) -> str:
        return self.vehicle.id


@dataclass(frozen=True, slots=True)
class VehicleRemoved:
    vehicle_id: str

    @property
    def key(self) -> str:
        return self.vehicle_id


@dataclass(frozen=True, slots=True)
class VehicleSummarised:
    summary: VehicleSummary

    @property
    def key(self) -> str:
        return self.summary.vehicle_id


@dataclass(frozen=True, slots=True)
class RungTaken:
    """A step was taken to recover Bluetooth; so often since the start."""

    rung: Rung
    times: int


@dataclass(frozen=True, slots=True)
class BluetoothChanged:
    """Whether anything can be heard at all; `reason` says in words why not."""

    listening: bool
    reason: str | None = None


@dataclass(frozen=True, slots=True)
class SettingsChanged:
    """Other settings hold from now on; what cannot follow them does so after a restart."""

    settings: Settings
    names: frozenset[str]  # of those that are another, such as `polling.interval`
