"""Renogy's lithium batteries: with Bluetooth of their own, behind a module, or several behind a hub.

Config, all optional: `model` (legacy, pro, rngpro, rngc), where neither name nor model text tell it;
`device_id`; or `hub`, the ids of several packs in parallel behind one module.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import partial

from hawk.drivers import renogy, renogy_shows
from hawk.drivers.api import Codec, Config, Driver
from hawk.drivers.modbus_codec import Answers, Block, BusCodec, ModbusCodec
from hawk.drivers.renogy_hub import bank
from hawk.drivers.renogy_models import BY_NAME, by_name, judge
from hawk.drivers.renogy_modules import (
    GATT,
    INTERVAL,
    MEASURES,
    MODULE,
    PLAUSIBLE,
    WHOEVER,
    check_keys,
    checked_id,
    device_id,
    finished,
)
from hawk.drivers.renogy_probe import RenogyProbe
from hawk.errors import Invalid
from hawk.model.reading import Sample
from hawk.wire.modbus import Registers

BEHIND_A_MODULE = 0x30  # the id that a pack with another name does not need
MOST_PACKS = 8  # ids 0x30 to 0x37

_CYCLES = 5048  # in a longer reply that not every pack gives


def _has_no_cycles(registers: Registers) -> bool:
    return bool(registers) and _CYCLES not in registers


_ROLL_CALL = Block(5042, 6)  # what every pack answers
_REST = (
    Block(5122, 8, optional=True),
    Block(5000, 34, optional=True),
    Block(5100, 8, optional=True),
    Block(5042, 7, optional=True),
    Block(5042, 6, only=_has_no_cycles),
)


@dataclass(frozen=True, slots=True)
class Settings:
    model: str | None = None  # None: as name or model text say
    device_id: int | None = None  # None: by the name
    hub: tuple[int, ...] = ()


def parse(config: Config) -> Settings:
    """Raises Invalid with a pointer."""
    check_keys(config, {"model", "device_id", "hub"})
    model = config.get("model")
    if "model" in config and model not in renogy.MODELS:
        raise Invalid(f"a battery's model is one of {', '.join(renogy.MODELS)}", "/model")
    if "hub" in config and "device_id" in config:
        raise Invalid("the ids of a hub's packs are in 'hub': leave 'device_id' out", "/device_id")
    number = device_id(config, WHOEVER) if "device_id" in config else None
    return Settings(model, number, _hub(config["hub"]) if "hub" in config else ())


def _hub(said: object) -> tuple[int, ...]:
    if not isinstance(said, list) or not 1 <= len(said) <= MOST_PACKS:
        raise Invalid(f"a list of 1 to {MOST_PACKS} device ids is expected, as [48, 49, 50]", "/hub")
    ids: list[int] = []
    for place, each in enumerate(said):
        if checked_id(each, f"/hub/{place}") in {WHOEVER, *ids}:
            raise Invalid("each pack of a hub has an id of its own, from 1 to 254", f"/hub/{place}")
        ids.append(each)
    return tuple(ids)


# -- reading -----------------------------------------------------------------------------------


def pack(registers: Registers, model: str | None, name: str) -> Sample:
    """One battery's. Without a current, and with a note, where its unit is not certain."""
    text = str(renogy.battery(registers).extra.get("model", ""))
    judgement = judge(model, name, text)
    said = renogy.battery(registers, judgement.model or "legacy")
    if judgement.model is None:
        extra = {key: value for key, value in said.extra.items() if key != "current"}
        said = replace(said, current=None, extra={**extra, "note": judgement.note})
    charge = said.state_of_charge
    return finished(replace(said, state_of_charge=None if charge is None else min(charge, 100.0)))


def _codec(settings: Settings, name: str) -> Codec:
    if settings.hub:
        return _hub_codec(settings)
    own = WHOEVER if by_name(name) else BEHIND_A_MODULE
    return ModbusCodec(
        settings.device_id or own, (_ROLL_CALL, *_REST), partial(pack, model=settings.model, name=name)
    )


def _hub_codec(settings: Settings) -> Codec:
    """Who is there, and then more of those."""
    roll_call = tuple(replace(_ROLL_CALL, optional=True, device_id=each) for each in settings.hub)
    rest = tuple(_of_pack(block, each) for each in settings.hub for block in _REST)

    def sample(answers: Answers) -> Sample:
        packs: Mapping[int, Sample | None] = {
            each: pack(answers[each], settings.model, "") if each in answers else None
            for each in settings.hub
        }
        return bank(packs)

    return BusCodec((*roll_call, *rest), sample)


def _of_pack(block: Block, number: int) -> Block:
    return replace(block, device_id=number, only=block.only or bool)  # bool: it said something


# -- the driver --------------------------------------------------------------------------------


def _with(settings: Settings) -> tuple[Callable[[], Codec], Callable[[Driver, str], Driver]]:
    """Its codec while the name is not known, and the driver when it is."""

    def named(driver: Driver, name: str) -> Driver:
        return replace(driver, codec=partial(_codec, settings, name.strip()))

    return partial(_codec, settings, ""), named


def _configure(driver: Driver, config: Config) -> Driver:
    settings = parse(config)
    codec, by_name = _with(settings)
    return replace(driver, codec=codec, by_name=by_name, shows=renogy_shows.battery(settings.hub))


BATTERY = _configure(
    Driver(
        device_type="renogy_battery",
        description="lithium battery: Renogy, with Bluetooth of its own, behind a module or a hub",
        names=frozenset(),
        gatt=GATT,
        codec=partial(_codec, Settings(), ""),
        measures=MEASURES,
        hear=lambda _: None,
        polling_interval=INTERVAL,
        aliases=frozenset({"RenogyBattery"}),
        own_name_starts=tuple(BY_NAME),
        name_starts=(MODULE,),
        probe=RenogyProbe,
        plausible=PLAUSIBLE,
        configure=_configure,
    ),
    {},
)
