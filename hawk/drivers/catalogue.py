"""All drivers that are installed, and which of them an unknown device belongs to."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from hawk.drivers import door, secrets
from hawk.drivers.api import Config, Driver, Heard
from hawk.errors import NotFound, ProtocolError
from hawk.model.advertisement import Advertisement
from hawk.model.reading import Sample

_NOTHING = Heard(Sample(), proven=False, recordable=False)


@dataclass(frozen=True, slots=True)
class Identified:
    driver: Driver
    heard: Heard
    reason: str  # in words for people


class Catalogue:
    def __init__(self, drivers: Iterable[Driver], problems: Iterable[str] = ()) -> None:
        """`problems`: a sentence for each driver that could not be loaded."""
        self.drivers, self.problems = tuple(drivers), tuple(problems)
        self._by_word = {word: driver for driver in self.drivers for word in driver.words}

    def driver(self, device_type: str) -> Driver:
        """By its type or an alias, in any case. Raises NotFound."""
        if (driver := self._by_word.get(device_type.lower())) is None:
            known = ", ".join(sorted(driver.device_type for driver in self.drivers))
            raise NotFound(f"there is no driver for {device_type!r}; known types: {known}")
        return driver

    def canonical_type(self, device_type: str, config: Config) -> str:
        """Its right spelling. Raises NotFound, or Invalid if the driver cannot do with this config."""
        return self.driver(device_type).configured(config).device_type

    def shown(self, device_type: str, config: Config) -> Config:
        """Without its secrets. Of a type that is not installed nobody knows which they are: all is hidden."""
        driver = self._by_word.get(device_type.lower())
        return secrets.hidden(config, config if driver is None else driver.secrets)

    def hear(self, advertisement: Advertisement) -> Identified | None:
        """Proof by decryption before the beacon before the name. The service FFF0, which many
        unrelated products have, says nothing; nor does what several drivers claim."""
        heard = [(driver, said) for driver in self.drivers if (said := _try(driver, advertisement))]
        for driver, said in heard:
            if said.proven:
                return Identified(driver, said, "decrypted advertisement")
        if len(heard) == 1:
            return Identified(*heard[0], heard[0][1].reason)
        return self._by_name(advertisement.name) or self._by_match(advertisement)

    def candidates(self, name: str) -> tuple[str, ...]:
        """The types that a device of this name may be, where the name does not decide."""
        return tuple(driver.device_type for driver in self.drivers if name.startswith(driver.name_starts))

    def prober(self, name: str, service_uuids: Collection[str]) -> Driver | None:
        """One whose probe tells what a device is that says no more than this of itself."""
        named = (each for each in self.drivers if each.probe and name.startswith(each.name_starts))
        served = (each for each in self.drivers if not each.probe_services.isdisjoint(service_uuids))
        return next(named, next(served, None))

    def _by_name(self, name: str | None) -> Identified | None:
        if name is None:
            return None
        name = name.strip()
        fits = [driver for driver in self.drivers if _is_named(driver, name)]
        return Identified(fits[0], _NOTHING, f"name {name!r}") if len(fits) == 1 else None

    def _by_match(self, advertisement: Advertisement) -> Identified | None:
        fits = [driver for driver in self.drivers if driver.matches(advertisement)]
        return Identified(fits[0], _NOTHING, f"may be a {fits[0].description}") if len(fits) == 1 else None


def _is_named(driver: Driver, name: str) -> bool:
    return name.lower() in driver.names or name.startswith(driver.own_name_starts)


def _try(driver: Driver, advertisement: Advertisement) -> Heard | None:
    try:
        return driver.hear(advertisement)
    except ProtocolError:
        return None


@cache
def load(folder: Path | None = None) -> Catalogue:
    """All that are installed, and those in `folder` (the setting drivers.folder)."""
    admitted = door.admit(folder)
    return Catalogue(admitted.drivers, admitted.problems)
