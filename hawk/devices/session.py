"""Reading a device once, whichever way its driver does it."""

from collections.abc import Callable

from hawk.ble.radio import Limits, Radio
from hawk.ble.tape import Tape
from hawk.devices.exchange import LiveExchange
from hawk.drivers.api import Driver
from hawk.errors import SilentDevice
from hawk.model.address import Address
from hawk.model.device import LinkState
from hawk.model.reading import Sample


async def read(
    radio: Radio,
    address: Address,
    driver: Driver,
    limits: Limits,
    on_link: Callable[[LinkState], None],
    on_sample: Callable[[Sample], None],
    adapter: str = "",
    tape: Tape | None = None,
) -> None:
    """`on_sample` is called as soon as there is one: the link takes seconds to end. Raises HeardOnly, or
    BluetoothError, also when only the parting went wrong.
    """
    if driver.by_library is not None:
        if tape is not None:
            on_sample = tape.samples(address, driver, on_sample)
        await radio.read_by_library(address, driver.by_library, limits, on_link, on_sample, adapter)
        return
    gatt = driver.needed_gatt()
    codec = driver.codec() if tape is None else tape.codec(address, driver)
    exchange = LiveExchange(codec, on_sample, driver.pace)
    await radio.converse(address, gatt, exchange, limits, on_link, adapter)
    if not exchange.done:
        raise SilentDevice("The conversation ended before it had said anything.")
