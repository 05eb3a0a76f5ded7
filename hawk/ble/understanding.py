"""What an advert says, by the driver of its device. Pure."""

from collections.abc import Iterable
from dataclasses import dataclass

from hawk.drivers.api import Driver, Heard
from hawk.drivers.catalogue import Catalogue
from hawk.errors import NotFound, ProtocolError
from hawk.model.address import Address
from hawk.model.advertisement import Advertisement
from hawk.model.device import Device


@dataclass(frozen=True, slots=True)
class Understood:
    device_type: str | None = None
    heard: Heard | None = None
    reason: str | None = None  # how the family of a device that nobody knows was found
    proven_type: str | None = None  # what it is, where the registry says another type


class Understanding:
    """The registry's word for the type of a device counts more than a guess."""

    def __init__(self, catalogue: Catalogue) -> None:
        self._catalogue = catalogue
        self._types: dict[Address, str | None] = {}  # None: its record was removed
        self.damaged = 0  # adverts of known devices that could not be decoded

    def learn(self, devices: Iterable[Device]) -> None:
        """A snapshot; what was changed or removed since it was asked for stays so."""
        for device in devices:
            self._types.setdefault(device.address, device.device_type)

    def change(self, device: Device) -> None:
        self._types[device.address] = device.device_type

    def remove(self, address: Address) -> None:
        self._types[address] = None

    def of(self, advertisement: Advertisement) -> Understood:
        device_type = self._types.get(advertisement.address)
        if device_type is None:
            return self._guess(advertisement)
        try:
            driver = self._catalogue.driver(device_type)
        except NotFound:  # it is not installed any more
            return Understood(device_type)
        heard = self._hear(driver, advertisement)
        proven = self._contradiction(driver, advertisement) if heard is None else None
        return Understood(driver.device_type, heard, proven_type=proven)

    def _contradiction(self, driver: Driver, advertisement: Advertisement) -> str | None:
        found = self._catalogue.hear(advertisement)
        if found is None or not found.heard.proven or found.driver is driver:
            return None
        return found.driver.device_type

    def _guess(self, advertisement: Advertisement) -> Understood:
        found = self._catalogue.hear(advertisement)
        if found is None:
            return Understood()
        return Understood(found.driver.device_type, found.heard, found.reason)

    def _hear(self, driver: Driver, advertisement: Advertisement) -> Heard | None:
        try:
            return driver.hear(advertisement)
        except ProtocolError:
            self.damaged += 1
            return None
