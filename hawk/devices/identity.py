"""Whether a device is of the type that its record says."""

import logging

from hawk.devices.visit import Visitor
from hawk.drivers.api import Driver, Probe
from hawk.errors import BluetoothError, Busy, HawkError, SilentDevice, Undecodable
from hawk.model.device import DeviceView

DOUBTFUL = 2  # polls in a row without a frame that is understood

log = logging.getLogger(__name__)


class Identity:
    def __init__(self, driver: Driver) -> None:
        self._driver = driver
        self._strange = 0  # polls in a row in which the device was there and was not understood

    def polled(self, error: HawkError | None) -> Probe | None:
        """A poll ended, None for well. What to ask it for what it is, when that is in doubt."""
        if error is None:
            self._strange = 0
        elif isinstance(error, Undecodable | SilentDevice):
            self._strange += 1
            if self._strange == DOUBTFUL and self._driver.probe is not None:
                return self._driver.probe()
        return None

    async def ask(self, visitor: Visitor, probe: Probe) -> str | None:
        """The type by what it answers."""
        try:
            sighted = await visitor.wait_until_heard()
            async with visitor.slot(sighted.adapter) as slot:
                await visitor.talk(slot, self._driver.needed_gatt(), probe)
        except (BluetoothError, Busy) as error:
            log.info("what %s is could not be found out: %s", visitor.address, error)
        return None if probe.found is None else probe.found.device_type

    def proven(self, view: DeviceView, device_type: str | None) -> str | None:
        """The type that it shows itself to be, or did before; None as long as nothing speaks against its record."""
        if device_type is None or device_type == self._driver.device_type:
            return view.proven_type
        if view.proven_type != device_type:
            log.warning(
                "%s (%s) is a %s by what it says, not a %s: change its device_type",
                view.device.friendly_name, view.device.address, device_type, view.device.device_type,
            )  # fmt: skip
        return device_type
