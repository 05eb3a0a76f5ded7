"""Any Modbus device that a JSON document describes. The keys: docs/devices/generic-modbus.md.

Read only: of Modbus it knows the functions 3 and 4.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from hawk.drivers.api import Config, Driver, Gatt
from hawk.drivers.modbus_codec import ModbusCodec
from hawk.errors import Invalid
from hawk.model.reading import QUANTITIES, Sample
from hawk.wire.modbus import Registers

if TYPE_CHECKING:
    from hawk.drivers.modbus_profile import Profile

NAMES = ("generic_modbus", "generic_modbus_device")


class Rounds:
    """What one device is asked, poll after poll. As old as its actor: then everything is asked again."""

    def __init__(self, profile: Profile) -> None:
        self._profile = profile
        self._done = 0  # polls that brought a sample
        self._constants: dict[int, int] = {}  # registers that were to be asked for once

    def codec(self) -> ModbusCodec:
        """For the next poll. One that fails does not count."""
        profile = self._profile
        blocks = [
            turn.block
            for turn in profile.turns
            if self._done % turn.every == 0 and not (turn.once and turn.addresses[0] in self._constants)
        ]
        return ModbusCodec(profile.device_id, blocks, self._sample, profile.dialect)

    def _sample(self, registers: Registers) -> Sample:
        self._done += 1
        for turn in self._profile.turns:
            if turn.once:
                self._constants |= {a: registers[a] for a in turn.addresses if a in registers}
        return self._profile.reading({**self._constants, **registers})


def _configured(driver: Driver, config: Config) -> Driver:
    if not config:
        raise Invalid(
            f"a {driver.device_type} needs its document: docs/devices/generic-modbus.md says of what", ""
        )
    from hawk.drivers.modbus_document import parse  # 600 KiB: for those who have such a device

    profile = parse(config)
    return replace(
        driver,
        description=profile.name,
        gatt=profile.gatt,
        codec=Rounds(profile).codec,
        measures=tuple(quantity for quantity in QUANTITIES if quantity in profile.roles),
        polling_interval=profile.interval,
        matches=profile.match.fits,
        pace=profile.pace,
        shows=profile.shows,
    )


GENERIC_MODBUS = Driver(
    device_type=NAMES[0],
    description="any Modbus device, described by a JSON document",
    names=frozenset(),
    gatt=Gatt("", write="", notify=""),
    codec=lambda: ModbusCodec(1, (), lambda _: Sample()),  # without a document there is nothing to ask
    measures=(),
    hear=lambda _: None,
    aliases=frozenset(NAMES[1:]),
    configure=_configured,
)
