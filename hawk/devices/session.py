"""Reading a device once, whichever way its driver does it."""

from collections.abc import Callable

from hawk.ble.radio import Conversation, Limits, Radio
from hawk.ble.tape import Tape
from hawk.devices.exchange import LiveExchange
from hawk.devices.sequel import Sequel
from hawk.drivers.api import Driver
from hawk.errors import SilentDevice
from hawk.model.address import Address
from hawk.model.device import LinkState
from hawk.model.reading import Sample

Afterwards = Callable[[Sample], Conversation | None]  # what else is asked over the same link


def nothing_else(_: Sample) -> Conversation | None:
    return None


async def read(
    radio: Radio,
    address: Address,
    driver: Driver,
    limits: Limits,
    on_link: Callable[[LinkState], None],
    on_sample: Callable[[Sample], None],
    adapter: str = "",
    tape: Tape | None = None,
    afterwards: Afterwards = nothing_else,
) -> None:
    """`on_sample` is called as soon as there is one: the link takes seconds to end. `afterwards` is not asked
    where a library does all. Raises HeardOnly, or BluetoothError, also when only what came after the sample,
    or the parting, went wrong.
    """
    if driver.by_library is not None:
        if tape is not None:
            on_sample = tape.samples(address, driver, on_sample)
        await radio.read_by_library(address, driver.by_library, limits, on_link, on_sample, adapter)
        return
    gatt = driver.needed_gatt()
    codec = driver.codec() if tape is None else tape.codec(address, driver)
    exchange = LiveExchange(codec, on_sample, driver.pace)
    talk = Sequel(exchange, lambda: None if exchange.sample is None else afterwards(exchange.sample))
    await radio.converse(address, gatt, talk, limits, on_link, adapter)
    if not exchange.done:
        raise SilentDevice("The conversation ended before it had said anything.")
