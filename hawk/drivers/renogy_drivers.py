"""Renogy's charge controllers, DC-DC chargers and inverters behind a BT-1 or BT-2 module, as drivers.

The name of a module (`BT-TH-...`) tells nothing about what is behind it, so none is found by
itself: somebody says which it is.
"""

from collections.abc import Callable
from dataclasses import replace

from hawk.drivers import renogy
from hawk.drivers.api import Driver, Gatt
from hawk.drivers.modbus_codec import Block, ModbusCodec
from hawk.model.reading import Sample, Scalar
from hawk.wire.modbus import Registers

GATT = Gatt(
    service="0000ffd0-0000-1000-8000-00805f9b34fb",
    write="0000ffd1-0000-1000-8000-00805f9b34fb",
    notify="0000fff1-0000-1000-8000-00805f9b34fb",
    notify_service="0000fff0-0000-1000-8000-00805f9b34fb",
    acknowledged=False,
)
WHOEVER, INVERTER_ID = 255, 0x20  # 255: who is there alone answers
_INTERVAL = 60.0  # [s]
_MODEL = Block(12, 8, optional=True)


def _reading(decode: Callable[[Registers, str], Sample]) -> Callable[[Registers], Sample]:
    """With the power, and lists as text."""

    def sample(registers: Registers) -> Sample:
        said = decode(registers, "")
        power = (
            None if said.voltage is None or said.current is None else round(said.voltage * said.current, 1)
        )
        return replace(said, power=power, extra={key: _scalar(value) for key, value in said.extra.items()})

    return sample


def _scalar(value: object) -> Scalar:
    if isinstance(value, list):
        return ", ".join(map(str, value))
    return value if isinstance(value, int | float | str) else None


def _inverter(registers: Registers, model: str) -> Sample:
    """The sign of the current is proven for RIV4835 alone; of others it stays under its own key."""
    said = renogy.inverter(registers, model)
    proven = str(said.extra.get("model", "")).startswith("RIV4835")
    return said if proven else replace(said, current=None)


def _driver(
    device_type: str,
    description: str,
    blocks: tuple[Block, ...],
    decode: Callable[[Registers, str], Sample],
    alias: str,
    device_id: int = WHOEVER,
) -> Driver:
    return Driver(
        device_type=device_type,
        description=description,
        names=frozenset(),
        gatt=GATT,
        codec=lambda: ModbusCodec(device_id, blocks, _reading(decode)),
        measures=("voltage", "current", "temperature", "state_of_charge", "power"),
        hear=lambda _: None,
        polling_interval=_INTERVAL,
        aliases=frozenset({alias}),
        name_starts=("BT-TH-",),
    )


CONTROLLER = _driver(
    "renogy_controller",
    "solar charge controller: Renogy Rover, Wanderer, Adventurer",
    (_MODEL, Block(0xE004, 1, optional=True), Block(256, 34)),
    renogy.controller,
    "RenogyController",
)
DCDC = _driver(
    "renogy_dcdc",
    "DC-DC charger: Renogy DCC30S, DCC50S, RBC",
    (_MODEL, Block(288, 7, optional=True), Block(256, 30)),
    renogy.dcdc,
    "RenogyDcdc",
)
INVERTER = _driver(
    "renogy_inverter",
    "inverter: Renogy RIV, Lycan",
    (
        Block(4311, 8, optional=True),
        Block(4327, 7, optional=True),
        Block(4408, 6, optional=True),
        Block(4000, 10),
    ),  # longer ones were not answered
    _inverter,
    "RenogyInverter",
    INVERTER_ID,
)
