"""Battery management systems of about fifty makers, by the library aiobmsble. It needs Python 3.12.

The library connects and talks by itself, in asyncio; so this driver has no codec, and is the only one that
awaits. It reads, and offers nothing that would switch or set anything. What each family measures and how
sure that is, is the library's: docs/devices/bms.md.
"""

import math
import sys
from collections.abc import Iterator, Mapping
from contextlib import AsyncExitStack, contextmanager
from dataclasses import replace
from functools import partial
from importlib.util import find_spec
from pkgutil import iter_modules
from typing import Any

from hawk.drivers.api import Config, Driver
from hawk.drivers.bms_shows import SHOWS
from hawk.errors import Invalid, LibraryMissing, Undecodable
from hawk.model.reading import QUANTITIES, Sample, Scalar

NEEDS = (3, 12)
_INTERVAL = 300.0  # [s] a BMS lets one in at a time: its app cannot meanwhile
_SUFFIX = "_bms"
_NO_FAMILY = {"dummy"}  # the library's pattern for new ones
_QUANTITIES = {
    "voltage": "voltage",
    "current": "current",
    "temperature": "temperature",
    "battery_level": "state_of_charge",
    "power": "power",
}


class BmsSession:
    """One, with one device; hawk.ble.bleak_radio.radio says when."""

    def __init__(self, family: str, secret: str, device: Any, advertisement: Any) -> None:
        """`device` and `advertisement` are bleak's. Without a `family` the library looks for it."""
        self._family, self._secret = family, secret
        self._device, self._advertisement = device, advertisement
        self._bms: Any = None
        self._link = AsyncExitStack()

    async def connect(self) -> None:
        from aiobmsble import BMSConfig

        kind = await self._kind()
        self._bms = kind(ble_device=self._device, config=BMSConfig(secret=self._secret))
        self._link.push_async_callback(self._bms.disconnect)  # also of a connection that was not finished
        with _translated():
            await self._link.enter_async_context(self._bms)

    async def read(self) -> Sample:
        with _translated():
            said = await self._bms.async_update()
        return sample(self._bms.bms_id(), said)

    async def disconnect(self) -> None:
        await self._link.aclose()

    async def _kind(self) -> Any:
        from aiobmsble.utils import bms_cls, bms_identify

        if self._family:
            return await bms_cls(self._family + _SUFFIX)
        kind = await bms_identify(self._advertisement, self._device.address)
        if kind is None:
            raise Undecodable(
                f"{self._device.address} advertises itself like none of the BMS that aiobmsble knows: if you know"
                f" which it is, say so in its config as 'family'; known are {', '.join(families())}."
            )
        return kind


@contextmanager
def _translated() -> Iterator[None]:
    """The library's own refusals. Bluetooth's pass through, and those of the kernel: they have a number."""
    try:
        yield
    except TimeoutError:
        raise
    except PermissionError as error:
        if error.errno is not None:
            raise
        raise Undecodable(f"It refused the secret ({error}): mend 'secret' in its config.") from error
    except OSError as error:
        if error.errno is not None:
            raise
        raise Undecodable(f"It is not understood ({error}): is it of another family?") from error
    except ValueError as error:
        raise Undecodable(f"It is not understood ({error}): is it of another family?") from error


# -- what it says ------------------------------------------------------------------------------


def sample(model: str, said: Mapping[str, Any]) -> Sample:
    """Of what the library gives, whose current is positive while charging, too."""
    quantities: dict[str, Any] = {ours: said.get(theirs) for theirs, ours in _QUANTITIES.items()}
    charge = quantities["state_of_charge"]
    if charge is not None and not 0 <= charge <= 100:
        quantities["state_of_charge"] = None
    rest = {key: value for key, value in said.items() if key not in _QUANTITIES}
    code = rest.pop("problem_code", None)
    extra = {"model": model, **dict(_flat(rest))}
    return Sample(**quantities, status=_status(said), status_code=code, extra=extra)


def _status(said: Mapping[str, Any]) -> str | None:
    if said.get("problem_code"):
        return "critical"  # it says so itself; the library's `problem` is also a guess
    charging = said.get("battery_charging")
    return None if charging is None else "charging" if charging else "normal"


def _flat(said: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Scalar]]:
    """Lists one by one: cell_voltages as cell_voltage_1 ..., packs as pack_1_voltage ..."""
    for key, value in said.items():
        if key == "packs":
            for number, pack in enumerate(value, 1):
                yield from _flat(pack, f"pack_{number}_")
        elif isinstance(value, list):
            name = f"{prefix}{_ONE_OF.get(key, key)}"
            yield from ((f"{name}_{number}", float(each)) for number, each in enumerate(value, 1))
        elif isinstance(value, bool | str) or value is None:
            yield prefix + key, value
        elif key == "battery_mode":
            yield prefix + key, value.name.lower()
        elif math.isfinite(value):
            yield prefix + key, value


_ONE_OF = {"cell_voltages": "cell_voltage", "temp_values": "temperature"}


# -- the driver --------------------------------------------------------------------------------


def families() -> list[str]:
    """That the library knows. Looked up without loading them: that takes half a second."""
    import aiobmsble.bms

    names = (module.name.removesuffix(_SUFFIX) for module in iter_modules(aiobmsble.bms.__path__))
    return sorted(set(names) - _NO_FAMILY)


def _configured(driver: Driver, config: Config) -> Driver:
    for key, value in config.items():
        if key not in {"family", "secret"}:
            raise Invalid(
                f"a {driver.device_type} has 'family' and 'secret' to configure, no {key!r}", f"/{key}"
            )
        if not isinstance(value, str) or not value.isascii():
            raise Invalid(f"{key} is a text of ASCII characters", f"/{key}")
    _check_library(driver)
    family = config.get("family", "").lower().removesuffix(_SUFFIX)
    if family and family not in (known := families()):
        raise Invalid(f"there is no family {family!r}; known: {', '.join(known)}", "/family")
    return replace(driver, by_library=partial(BmsSession, family, config.get("secret", "")))


def _check_library(driver: Driver) -> None:
    if sys.version_info < NEEDS:
        old = f", with Python 3.12 or newer: this is {sys.version_info.major}.{sys.version_info.minor}"
        raise LibraryMissing(driver.device_type, "aiobmsble", "bms", old)
    if find_spec("aiobmsble") is None:
        raise LibraryMissing(driver.device_type, "aiobmsble", "bms")


def _unconfigured(*_: object) -> BmsSession:
    raise LibraryMissing("bms", "aiobmsble", "bms")


BMS = Driver(
    device_type="bms",
    description="battery management systems: JBD, JK, Daly, Seplos, Redodo, ANT and some fifty others",
    names=frozenset(),
    measures=QUANTITIES,
    of_many_kinds=True,
    shows=SHOWS,
    hear=lambda _: None,
    by_library=_unconfigured,
    polling_interval=_INTERVAL,
    aliases=frozenset({"aiobmsble"}),
    configure=_configured,
    secrets=frozenset({"secret"}),
)
