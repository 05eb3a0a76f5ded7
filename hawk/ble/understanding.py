"""What an advert says, by the driver of its device. Pure."""

from collections.abc import Iterable
from dataclasses import dataclass

from hawk.drivers.api import Driver, Heard
from hawk.drivers.catalogue import Catalogue
from hawk.errors import Invalid, NotFound, ProtocolError
from hawk.model.address import Address
from hawk.model.advertisement import Advertisement
from hawk.model.device import Device


@dataclass(frozen=True, slots=True)
class Understood:
    device_type: str | None = None
    heard: Heard | None = None
    reason: str | None = None  # how the family of a device that nobody knows was found
    proven_type: str | None = None  # what it is, where the registry says another type
    damage: str | None = None  # why a known device's could not be decoded


@dataclass(frozen=True, slots=True)
class _Known:
    """What the registry says of a device."""

    device_type: str
    driver: Driver | None


class Understanding:
    """The registry's word for the type of a device counts more than a guess."""

    def __init__(self, catalogue: Catalogue) -> None:
        self._catalogue = catalogue
        self._known: dict[Address, _Known | None] = {}  # None: its record was removed
        self.damaged = 0  # adverts of known devices that could not be decoded

    def learn(self, devices: Iterable[Device]) -> None:
        """A snapshot; what was changed or removed since it was asked for stays so."""
        for device in devices:
            if device.address not in self._known:
                self.change(device)

    def change(self, device: Device) -> None:
        self._known[device.address] = _Known(device.device_type, self._driver(device))

    def remove(self, address: Address) -> None:
        self._known[address] = None

    def _driver(self, device: Device) -> Driver | None:
        """Its own; its family's while its config will not do. None if it is not installed any more."""
        try:
            driver = self._catalogue.driver(device.device_type)
        except NotFound:
            return None
        try:
            return driver.configured(device.config)
        except (Invalid, NotFound):
            return driver

    def of(self, advertisement: Advertisement) -> Understood:
        known = self._known.get(advertisement.address)
        if known is None:
            return self._guess(advertisement)
        if known.driver is None:
            return Understood(known.device_type)
        device_type = known.driver.device_type
        try:
            heard = known.driver.hear(advertisement)
        except ProtocolError as error:
            self.damaged += 1
            proven = self._contradiction(device_type, advertisement)
            return Understood(device_type, proven_type=proven, damage=str(error))
        proven = self._contradiction(device_type, advertisement) if heard is None else None
        return Understood(device_type, heard, proven_type=proven)

    def _contradiction(self, device_type: str, advertisement: Advertisement) -> str | None:
        found = self._catalogue.hear(advertisement)
        if found is None or not found.heard.proven or found.driver.device_type == device_type:
            return None
        return found.driver.device_type

    def _guess(self, advertisement: Advertisement) -> Understood:
        found = self._catalogue.hear(advertisement)
        if found is None:
            return Understood()
        return Understood(found.driver.device_type, found.heard, found.reason)
