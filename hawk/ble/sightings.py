"""Which devices were heard when, and which of them are to be registered. Bounded; no clock."""

from collections import OrderedDict
from collections.abc import Collection
from dataclasses import dataclass, field

from hawk.ble.reception import Reception
from hawk.model.address import Address
from hawk.model.reading import Moment

MOST = 2_000  # addresses; phones and cars passing by change theirs all the time
TWICE = 5.0  # [s] at least between two adverts that match by name: a passer-by is heard once
A_MINUTE = 60.0  # [s]


@dataclass(slots=True)
class _Sighting:
    last: Moment
    name: str = ""
    reception: Reception = field(default_factory=Reception)
    device_type: str | None = None  # which driver matched
    since: float = 0.0  # [s of boot time] when it first did
    settled: bool = False  # registered, or refused for good
    asked: bool = False  # the registry is being asked
    not_before: float = 0.0  # [s of boot time] when the registry may be asked again


class Sightings:
    def __init__(self, most: int = MOST) -> None:
        self._most = most
        self._by_address: OrderedDict[Address, _Sighting] = OrderedDict()  # the last heard at the end

    def heard(
        self,
        address: Address,
        moment: Moment,
        adapter: str = "",
        rssi: float = 0.0,
        name: str | None = None,
    ) -> None:
        if (sighting := self._by_address.get(address)) is None:
            sighting = self._by_address[address] = _Sighting(moment)
            if len(self._by_address) > self._most:
                self._by_address.popitem(last=False)
        else:
            sighting.last = moment
            self._by_address.move_to_end(address)
        sighting.name = name or sighting.name
        sighting.reception.heard(adapter, rssi, moment.boot_time)

    def last(self, address: Address) -> Moment | None:
        sighting = self._by_address.get(address)
        return sighting.last if sighting else None

    def adapter(self, address: Address, now: float) -> str:
        """The one to connect through; "" if it was never heard."""
        sighting = self._by_address.get(address)
        return sighting.reception.best(now) if sighting else ""

    def name(self, address: Address) -> str:
        """ "" if it never said one."""
        sighting = self._by_address.get(address)
        return sighting.name if sighting else ""

    def heard_by(self, address: Address) -> Collection[str]:
        """The adapters that ever heard it."""
        sighting = self._by_address.get(address)
        return sighting.reception.adapters if sighting else ()

    def lately(self, now: float, within: float = A_MINUTE) -> int:
        """How many were heard."""
        return sum(now - sighting.last.boot_time <= within for sighting in self._by_address.values())

    # -- registering -------------------------------------------------------------------------

    def identified(self, address: Address, device_type: str, *, proven: bool) -> bool:
        """A driver knew the advert just heard. True: ask the registry now, and then say `settle`,
        `put_off` or `forget`.
        """
        sighting = self._by_address[address]
        now = sighting.last.boot_time
        if sighting.device_type != device_type:
            sighting.device_type, sighting.since = device_type, now
        if sighting.settled or sighting.asked or now < sighting.not_before:
            return False
        sighting.asked = proven or now - sighting.since >= TWICE
        return sighting.asked

    def settle(self, address: Address) -> None:
        """The registry knows it, or never will."""
        if (sighting := self._by_address.get(address)) is not None:
            sighting.asked, sighting.settled = False, True

    def put_off(self, address: Address, until: float) -> None:
        """The registry could not answer."""
        if (sighting := self._by_address.get(address)) is not None:
            sighting.asked, sighting.not_before = False, until

    def forget(self, address: Address) -> None:
        """Its record was removed: hearing it again finds it again."""
        if (sighting := self._by_address.get(address)) is not None:
            sighting.settled = False
