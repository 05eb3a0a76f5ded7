"""Renogy's charge controllers, DC-DC chargers and inverters behind a BT-1 or BT-2 module, as drivers.

The name of a module (`BT-TH-...`) tells nothing about what is behind it, so none is found by
itself: somebody says which it is, or `hawk scan --connect` asks it. Inverters with Bluetooth of
their own have names of their own.
"""

from collections.abc import Callable
from dataclasses import replace

from hawk.drivers import renogy, renogy_shows
from hawk.drivers.api import Codec, Config, Driver, Gatt, Shown
from hawk.drivers.modbus_codec import Block, ModbusCodec
from hawk.drivers.renogy_modules import (
    GATT,
    INTERVAL,
    MEASURES,
    MODULE,
    PLAUSIBLE,
    WHOEVER,
    check_keys,
    device_id,
    finished,
)
from hawk.drivers.renogy_probe import RenogyProbe
from hawk.model.reading import Sample
from hawk.wire.modbus import Registers

INVERTER_ID = 0x20
_INVERTER_GATT = replace(GATT, settle=1.0, knock="0000ffd4-0000-1000-8000-00805f9b34fb")  # one project's word

_MODEL = Block(12, 8, optional=True)


def _is_g6(registers: Registers) -> bool:
    """Those never answer a question about 288 alone; seen by one project."""
    return str(renogy.dcdc(registers).extra.get("model", "")).endswith("-G6")


def _is_no_g6(registers: Registers) -> bool:
    return not _is_g6(registers)


def _lacks(register: int) -> Callable[[Registers], bool]:
    return lambda registers: register not in registers


def _controller(registers: Registers) -> Sample:
    return finished(renogy.controller(registers))


def _dcdc(registers: Registers) -> Sample:
    return finished(renogy.dcdc(registers))


def _inverter(registers: Registers) -> Sample:
    """The sign of the current is proven for RIV4835 alone; of others it stays under its own key."""
    said = renogy.inverter(registers)
    proven = str(said.extra.get("model", "")).startswith("RIV4835")
    return finished(said if proven else replace(said, current=None))


def _driver(
    device_type: str,
    description: str,
    blocks: tuple[Block, ...],
    sample: Callable[[Registers], Sample],
    alias: str,
    shows: tuple[Shown, ...],
    default_id: int = WHOEVER,
    gatt: Gatt = GATT,
    own_name_starts: tuple[str, ...] = (),
) -> Driver:
    def configure(driver: Driver, config: Config) -> Driver:
        check_keys(config, {"device_id"})
        number = device_id(config, default_id)

        def codec() -> Codec:
            return ModbusCodec(number, blocks, sample)

        return replace(driver, codec=codec)

    return Driver(
        device_type=device_type,
        description=description,
        names=frozenset(),
        gatt=gatt,
        codec=lambda: ModbusCodec(default_id, blocks, sample),
        measures=MEASURES,
        hear=lambda _: None,
        polling_interval=INTERVAL,
        aliases=frozenset({alias}),
        own_name_starts=own_name_starts,
        name_starts=(MODULE,),
        probe=RenogyProbe,
        shows=shows,
        plausible=PLAUSIBLE,
        configure=configure,
    )


CONTROLLER = _driver(
    "renogy_controller",
    "solar charge controller: Renogy Rover, Wanderer, Adventurer",
    (_MODEL, Block(0xE004, 1, optional=True), Block(256, 34)),
    _controller,
    "RenogyController",
    renogy_shows.CONTROLLER,
)
DCDC = _driver(
    "renogy_dcdc",
    "DC-DC charger: Renogy DCC30S, DCC50S, RBC",
    (
        _MODEL,
        Block(288, 7, optional=True, only=_is_no_g6),
        Block(256, 34, optional=True, only=_is_g6),
        Block(256, 30, only=_lacks(257)),
    ),
    _dcdc,
    "RenogyDcdc",
    renogy_shows.DCDC,
)
INVERTER = _driver(
    "renogy_inverter",
    "inverter: Renogy RIV, REGO, Lycan",
    (
        Block(4000, 8),  # all answer this; longer ones than the following were not answered
        Block(4311, 8, optional=True),
        Block(4327, 7, optional=True),
        Block(4408, 6, optional=True),
        Block(4543, 4, optional=True),
        Block(4550, 8, optional=True),
        Block(4000, 10, optional=True),
        Block(4005, 1, only=_lacks(4009)),  # alone once more: the last one must not be silent
    ),
    _inverter,
    "RenogyInverter",
    renogy_shows.INVERTER,
    INVERTER_ID,
    _INVERTER_GATT,
    ("BTRIC", "RNGRIU"),
)
