"""BM2: the older 12 V battery monitor. Voltage and charge; no temperature, no current.

Live frame, one block, unasked once a second: nibbles `f5 VVV S CC`: voltage 0.01 V, status, state of
charge; then a tick counter and bytes of unknown meaning; 9-15 were zero in every capture.
29 frames of 4 devices. Of the status codes 1, 2 and 4 were captured; published lists swap 1 and 2.
A random block passes the checks of a single live frame once in 2,077 times: see Bm2Codec.
Sources: docs/devices/bm2.md; frames in tests/fixtures.
"""

from hawk.drivers.api import Note, Write
from hawk.drivers.bm_family import Family, checked_charge, implausible
from hawk.drivers.memory import Bm2Record, refuse_frames, without_padding
from hawk.errors import ProtocolError
from hawk.model.cranking import CrankingEvent
from hawk.model.reading import Sample
from hawk.wire import aes

_LIVE = b"\xf5"
_ZEROS = slice(9, 16)
_AGREEMENT = 1.0  # [V] between two frames a second apart
_HISTORY_FRAMES = (b"\xe7", b"\xff\xff\xfe", b"\xff\xfe\xfe")

FAMILY = Family(
    key=b"leagend\xff\xfe1882466",
    statuses={0: "critical", 1: "normal", 2: "low", 4: "charging", 8: "floating"},
    beacon=bytes.fromhex("655f83caae16a10a702e31f30d58dd82"),
    reads=frozenset({b"\xe7\x01", b"\xe3\x00\x00"}),
    reversed_address=True,
    strict_status=True,
    charge_in_last_byte=True,
)


class Bm2Codec:
    """One frame is believed at once if its end is zero as in every capture; another only together with
    the next one, for noise passes the checks of a single frame.
    """

    def __init__(self) -> None:
        self._volts: float | None = None  # of the frame before, which waits to be confirmed

    def begin(self) -> tuple[Write, ...]:
        return ()  # it streams once somebody has subscribed

    def receive_data(self, data: bytes) -> Sample | None:
        before, self._volts = self._volts, None
        said = decode_live(data)
        if not isinstance(said, Sample) or said.voltage is None:
            return None
        confirmed = before is not None and abs(said.voltage - before) <= _AGREEMENT
        if confirmed or not any(aes.decrypt(FAMILY.key, data)[_ZEROS]):
            return said
        self._volts = said.voltage
        return None

    def wants(self) -> tuple[Write, ...]:
        return ()


def decode_live(data: bytes) -> Sample | Note:
    """A frame that belongs to a history download is not a reading."""
    if len(data) != aes.BLOCK:
        raise ProtocolError("wrong_length", f"a live frame has 16 bytes, this one {len(data)}")
    plain = aes.decrypt(FAMILY.key, data)
    if plain.startswith(_HISTORY_FRAMES):
        return Note.NOT_A_READING
    if plain[:1] != _LIVE:
        raise ProtocolError("wrong_header", f"a frame begins with f5, not with {plain[:1].hex()}")
    raw, code = plain[1] << 4 | plain[2] >> 4, plain[2] & 0xF
    if not raw:
        raise implausible("a voltage of 0.00 V")
    return Sample(
        voltage=raw / 100,
        state_of_charge=checked_charge(plain[3]),
        status=FAMILY.status(code),
        status_code=code,
    )


def decode_history(plain: bytes) -> tuple[Bm2Record | None, ...]:
    """Records of 8 nibbles `xxx k yyy p`, as sent; which end is the newest is disputed.

    Raises ProtocolError if there is a mark or another frame among the records: f5 would be 39 V."""
    refuse_frames(plain, (_LIVE, *_HISTORY_FRAMES))
    return without_padding([_record(plain[i : i + 4]) for i in range(0, len(plain), 4)])


def sample_of(raw: bytes) -> Sample | None:
    """Of one record. None for one that was no measurement."""
    record = _record(raw)
    if record is None or not record.voltage:
        return None
    lowest = {"min_crank_voltage": record.min_crank_voltage} if record.min_crank_voltage else {}
    return Sample(voltage=record.voltage, extra=lowest)


def cranking_of(raw: bytes) -> CrankingEvent | None:
    """The start in the two minutes of a record. The field is known from one source, and no capture is public:
    what does not lie below the voltage of the same record is none."""
    record = _record(raw)
    if record is None or not 0 < record.min_crank_voltage < record.voltage:
        return None
    return CrankingEvent(minimum_voltage=record.min_crank_voltage)


def _record(raw: bytes) -> Bm2Record | None:
    if not any(raw):
        return None
    bits = int.from_bytes(raw, "big")
    return Bm2Record(
        raw=raw,
        voltage=(bits >> 20) / 100,
        k=bits >> 16 & 0xF,
        min_crank_voltage=(bits >> 4 & 0xFFF) / 100,
        type=bits & 0xF,
    )
