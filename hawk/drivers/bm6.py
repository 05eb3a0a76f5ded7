"""BM6 and BM7: 12 V battery monitors. Voltage, temperature and charge; they measure no current.

Live frame, one block, after the request d15507:
  0-2    d1 55 07
  3      temperature sign  00 above, 01 below zero; ff: an acknowledgement, no measurement
  4      temperature       1 degC
  5      status            0 normal, 1 low, 2 charging
  6      state of charge   1 %, as computed in the device from the profile that the app wrote
  7-8    voltage           0.01 V, 12 bits
  9-12   rapid acceleration, rapid deceleration (by name only; meaning unknown)
Captured many times over; a negative temperature never, its sign is from the vendor's app.
Sources: docs/devices/bm6.md; frames in tests/fixtures.
"""

from hawk.drivers import bm6_memory
from hawk.drivers.api import Note, Write
from hawk.drivers.bm_family import Family, checked_charge, implausible
from hawk.errors import ProtocolError
from hawk.model.reading import Sample
from hawk.wire import aes

VERSION, CRANKING, HISTORY, LIVE = 0x01, 0x03, 0x05, 0x07
_HARMLESS = frozenset({VERSION, CRANKING, HISTORY, LIVE})
_HEAD = b"\xd1\x55"
_READS = frozenset(_HEAD + bytes([number]) for number in _HARMLESS)
_ACKNOWLEDGED = 0xFF
_EVENT_BLOCKS = 40  # after the first; 33 in all captures

BM6_FAMILY = Family(
    key=b"leagend\xff\xfe0100009",
    statuses={0: "normal", 1: "low", 2: "charging"},
    beacon=bytes.fromhex("3ba29cd9a42c894856badaf2606ef777"),
    reads=_READS,
)
BM7_FAMILY = Family(key=b"leagend\xff\xfe010000@", statuses=BM6_FAMILY.statuses, beacon=None, reads=_READS)


def command(number: int, arguments: bytes = b"") -> bytes:
    """The plain text; Family.sealed says which may be sent."""
    return (_HEAD + bytes([number]) + arguments).ljust(aes.BLOCK, b"\x00")


class Bm6Codec:
    """A start of the engine is told unasked while we are connected, in blocks of which only the first has a head."""

    def __init__(self, family: Family) -> None:
        self._family = family
        self._of_event = 0  # blocks without a head that may still come

    def begin(self) -> tuple[Write, ...]:
        return (Write(self._family.sealed(command(LIVE))),)

    def receive_data(self, data: bytes) -> Sample | None:
        try:
            said = decode_live(self._family, data)
        except ProtocolError as error:
            if error.reason != "wrong_header" or not self._of_event:
                raise
            self._of_event -= 1
            return None
        if said is Note.NOT_A_READING and aes.decrypt(self._family.key, data)[2] == CRANKING:
            self._of_event = _EVENT_BLOCKS
        return said if isinstance(said, Sample) else None

    def wants(self) -> tuple[Write, ...]:
        return ()


def decode_live(family: Family, data: bytes) -> Sample | Note:
    """An answer to another command is no error: it may be interleaved."""
    if len(data) != aes.BLOCK:
        raise ProtocolError("wrong_length", f"a live frame has 16 bytes, this one {len(data)}")
    plain = aes.decrypt(family.key, data)
    if plain.startswith(bm6_memory.MARKS):
        return Note.NOT_A_READING
    if plain[:2] != _HEAD or plain[2] not in _HARMLESS:
        raise ProtocolError("wrong_header", f"a frame begins with d155, not with {plain[:3].hex()}")
    if plain[2] != LIVE:
        return Note.NOT_A_READING
    if plain[3] == _ACKNOWLEDGED:
        return Note.ACKNOWLEDGEMENT
    return _measurement(family, plain)


def _measurement(family: Family, plain: bytes) -> Sample:
    if plain[3] > 1:
        raise implausible(f"a temperature sign of {plain[3]:02x}")
    raw = int.from_bytes(plain[7:9], "big")
    if not 0 < raw < 0x1000:
        raise implausible(f"a voltage of {raw / 100:.2f} V")
    return Sample(
        voltage=raw / 100,
        temperature=-plain[4] if plain[3] else plain[4],
        state_of_charge=checked_charge(plain[6]),
        status=family.status(plain[5]),
        status_code=plain[5],
        extra={
            "rapid_acceleration": int.from_bytes(plain[9:11], "big"),
            "rapid_deceleration": int.from_bytes(plain[11:13], "big"),
        },
    )
