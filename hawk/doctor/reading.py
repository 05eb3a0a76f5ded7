"""The last layer: a monitor that is near is really read, as `hawk serve` would."""

from collections.abc import Callable
from contextlib import suppress

import trio

from hawk.ble.radio import Limits, Radio
from hawk.devices import session
from hawk.doctor.bluetooth import APPARMOR, LISTEN
from hawk.doctor.checks import Check, good, refused, untold
from hawk.drivers.api import Driver
from hawk.drivers.catalogue import Catalogue
from hawk.errors import BluetoothError, NoPermission
from hawk.model.advertisement import Advertisement
from hawk.model.device import LinkState
from hawk.model.reading import Sample

MOST = 3  # monitors; the first that can be read is proof enough
_NAME = "connect"

Near = dict[str, tuple[Advertisement, Driver]]  # by address


async def connect(radio: Radio, catalogue: Catalogue, listen: float = LISTEN) -> Check:
    """Only those that are heard best."""
    near: Near = {}

    def hear(advertisement: Advertisement) -> None:
        identified = catalogue.hear(advertisement)
        if identified is not None and not identified.driver.heard_only:
            near[advertisement.address] = advertisement, identified.driver.named(advertisement.name or "")

    async with trio.open_nursery() as nursery:
        nursery.start_soon(radio.run)
        nursery.start_soon(_scan, radio, hear)
        await trio.sleep(listen)
        check = await _read_best(radio, near)
        nursery.cancel_scope.cancel()
    return check


async def _scan(radio: Radio, hear: Callable[[Advertisement], None]) -> None:
    with suppress(BluetoothError):  # the session says it, too
        await radio.scan(hear)


async def _read_best(radio: Radio, near: Near) -> Check:
    check = untold(_NAME, "no monitor is near that could be read: bring one near and ask again")
    for said, driver in sorted(near.values(), key=lambda each: -each[0].rssi)[:MOST]:
        check = await _read(radio, said, driver)
        if check.ok:
            break
    return check


async def _read(radio: Radio, said: Advertisement, driver: Driver) -> Check:
    samples = list[Sample]()
    try:
        await session.read(radio, said.address, driver, Limits(), _nobody, samples.append)
    except NoPermission as error:
        return Check(_NAME, False, f"scanning works, but devices may not be used ({error})", APPARMOR)
    except BluetoothError as error:
        if not samples:
            return refused(_NAME, error)
    volts = samples[0].voltage
    value = "" if volts is None else f": {volts:.2f} V"
    return good(_NAME, f"{said.address}, a {driver.device_type}, was read{value}")


def _nobody(_: LinkState) -> None:
    pass
