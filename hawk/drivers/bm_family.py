"""What BM6, BM7 and BM2 share: where they talk, their sealed advertisements and iBeacons.

Sealed advertisement, one block: 0-5 address (BM2: reversed), 6-7 voltage 0.01 V, 8 state of
charge, 9 status, 10 battery type (by inference), 14-15 version. Its first two bytes are in the
place of the company id. Checked on 14 captures of 9 devices; BM7's was never captured and is
taken to be as BM6's.
iBeacon: BM6 has the charge in the low byte of major, BM2 in the last byte. 9 captures.
Sources: docs/devices/bm6.md, docs/devices/bm2.md.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from hawk.drivers.api import Gatt, Heard
from hawk.errors import ProtocolError
from hawk.model.address import Address, address_bytes
from hawk.model.advertisement import Advertisement
from hawk.model.reading import Sample
from hawk.model.rules import Bounds, Plausibility
from hawk.wire import aes

GATT = Gatt(
    service="0000fff0-0000-1000-8000-00805f9b34fb",
    write="0000fff3-0000-1000-8000-00805f9b34fb",
    notify="0000fff4-0000-1000-8000-00805f9b34fb",
)

# Made for 6 to 20 V; a 24 V system charges at 30. No lower limit: starting pulls a battery down.
PLAUSIBLE: Plausibility = {
    "voltage": Bounds(0, 36),
    "temperature": Bounds(-50, 120, max_jump=40),
    "state_of_charge": Bounds(0, 100),
}

APPLE = 0x004C
_IBEACON = b"\x02\x15"
_SEALED_TAIL = 14  # bytes after the two in the place of the company id
_BEACON_LENGTH = 23  # bytes after the company id
_PLAUSIBLE = range(500, 4101)  # [0.01 V] the encoding ends at 40.95, a dead battery sends nothing


@dataclass(frozen=True, slots=True)
class Family:
    """What differs from one family to the next."""

    key: bytes
    statuses: Mapping[int, str]
    beacon: bytes | None  # UUID; None where none was captured
    reads: frozenset[bytes]  # how commands begin that only read; no others are made
    reversed_address: bool = False
    strict_status: bool = False  # codes that are not in `statuses` do not exist
    charge_in_last_byte: bool = False  # of the iBeacon

    def sealed(self, command: bytes) -> bytes:
        """For the air. Raises ValueError for a command that is not known to read only: others change a
        device for good."""
        if not command.startswith(tuple(self.reads)):
            raise ValueError(f"command {command.hex()} is not one that only reads")
        return aes.encrypt(self.key, command.ljust(aes.BLOCK, b"\0"))

    def status(self, code: int) -> str:
        if (word := self.statuses.get(code)) is not None:
            return word
        if self.strict_status:
            raise implausible(f"there is no status {code}")
        return "unknown"


def implausible(detail: str) -> ProtocolError:
    return ProtocolError("implausible", detail)


def checked_charge(percent: int) -> int:
    if percent > 100:
        raise implausible(f"a state of charge of {percent} %")
    return percent


SERVICES = frozenset({GATT.service})


def hear(family: Family, advertisement: Advertisement) -> Heard | None:
    """What an advertisement of this family says; None if it is none."""
    for company, data in advertisement.manufacturer_data.items():
        if company == APPLE and len(data) == _BEACON_LENGTH:
            return hear_beacon(family, data)
        if len(data) == _SEALED_TAIL:
            return hear_sealed(family, company.to_bytes(2, "little") + data, advertisement.address)
    return None


def hear_sealed(family: Family, sealed: bytes, address: Address) -> Heard | None:
    """None if the inner address is not the sender's: another family, or no monitor at all."""
    try:
        sample = open_sealed(family, sealed, address)
    except ProtocolError as error:
        if error.reason == "address_mismatch":
            return None
        raise
    return Heard(sample, proven=True, recordable=True)


def open_sealed(family: Family, sealed: bytes, address: Address) -> Sample:
    if len(sealed) != aes.BLOCK:
        raise ProtocolError("wrong_length", f"a sealed advertisement has 16 bytes, this one {len(sealed)}")
    plain = aes.decrypt(family.key, sealed)
    inner = plain[5::-1] if family.reversed_address else plain[:6]
    if inner != address_bytes(address):
        raise ProtocolError("address_mismatch", f"the address inside is not that of the sender, {address}")
    raw = int.from_bytes(plain[6:8], "big")
    if raw not in _PLAUSIBLE:
        raise implausible(f"a voltage of {raw / 100:.2f} V")
    return Sample(
        voltage=raw / 100,
        state_of_charge=checked_charge(plain[8]),
        status=family.status(plain[9]),
        status_code=plain[9],
    )


def hear_beacon(family: Family, data: bytes) -> Heard | None:
    if family.beacon is None or data[:2] != _IBEACON or data[2:18] != family.beacon:
        return None
    said = open_beacon(family, APPLE.to_bytes(2, "little") + data)
    return Heard(said, proven=False, recordable=False, reason="iBeacon")


def open_beacon(family: Family, data: bytes) -> Sample:
    """`data` begins with the company id, 4c00. The charge alone."""
    if len(data) != _BEACON_LENGTH + 2:
        raise ProtocolError("wrong_length", f"an iBeacon has 25 bytes, this one {len(data)}")
    if data[:2] != APPLE.to_bytes(2, "little") or data[2:4] != _IBEACON or data[4:20] != family.beacon:
        raise ProtocolError("wrong_header", "an iBeacon of something else")
    return Sample(state_of_charge=checked_charge(data[24 if family.charge_in_last_byte else 21]))


def decode_advertisement(family: Family, sealed: bytes, address: Address | None) -> Sample:
    """For `hawk decode`. Without the sender's address nothing proves that the bytes are what they seem."""
    if address is None:
        raise ProtocolError("bad_request", "an advertisement needs the 'address' of its sender")
    return open_sealed(family, sealed, address)
