"""What a BM6 or BM7 keeps: history records, its version, the last cranking event. Plain text in.

History record, 8 nibbles `VVV SS TT F`: voltage 0.01 V, charge, temperature, flags; newest first,
120 s apart. Cranking: d15503, status, voltage, duration in ms, age in units of 2 min, fffffe, samples
of 3 nibbles packed without gaps, fffefe. Sources: docs/devices/bm6.md.
"""

from hawk.drivers.api import Note
from hawk.drivers.memory import Bm6Record, Version, refuse_frames, without_padding
from hawk.errors import ProtocolError
from hawk.model.cranking import CrankingEvent
from hawk.model.reading import Sample
from hawk.wire import aes

# Of a history reply: its end, an empty one, and a start that one driver describes.
END, EMPTY, START = b"\xff\xfe\xfe", b"\xfe\xfe\xfe", b"\xff\xff\xfe"
MARKS = (END, EMPTY, START)
HISTORY_HEAD = b"\xd1\x55\x05"
RECORD = 4  # bytes
_NO_RECORDS = (b"\xd1\x55", *MARKS)  # as a voltage d15 would be 33.49 V, fff the end of the encoding
CRANKING_HEAD = b"\xd1\x55\x03"
NO_EVENT = 0xFF
CRANKING_STEP = 0.01  # [s] 100 Hz by one source; the durations of three captures fit
AGE_STEP = 120  # [s]
_SAMPLES_BEGIN, _SAMPLES_END = "fffffe", "fffefe"
_UNKNOWN_TEMPERATURE = 0x80  # how negative ones are encoded is not known: from here on, none


def decode_history(plain: bytes) -> tuple[Bm6Record | None, ...]:
    """An all-zero record has its place in time, but no reading: None.

    Raises ProtocolError if there is a mark or another frame among the records."""
    refuse_frames(plain, _NO_RECORDS)
    return without_padding([_record(plain[i : i + RECORD]) for i in range(0, len(plain), RECORD)])


def _record(raw: bytes) -> Bm6Record | None:
    if not any(raw):
        return None
    bits = int.from_bytes(raw, "big")
    voltage, charge, temperature, flags = bits >> 20, _charge(raw), bits >> 4 & 0xFF, bits & 0xF
    if not is_possible(raw):
        raise ProtocolError("implausible", f"a record with a state of charge of {charge} %: {raw.hex()}")
    return Bm6Record(
        raw=raw,
        voltage=voltage / 100,
        state_of_charge=charge,
        temperature=temperature if temperature < _UNKNOWN_TEMPERATURE else None,
        flags=flags,
    )


def is_possible(raw: bytes) -> bool:
    return _charge(raw) <= 100


def _charge(raw: bytes) -> int:
    return (raw[1] & 0xF) << 4 | raw[2] >> 4


def sample_of(raw: bytes) -> Sample | None:
    """Of one record. None for one that was no measurement, or is damaged."""
    try:
        record = _record(raw)
    except ProtocolError:
        return None
    if record is None or not record.voltage:
        return None
    return Sample(
        voltage=record.voltage,
        temperature=record.temperature,
        state_of_charge=record.state_of_charge,
        extra={"flags": record.flags} if record.flags else {},
    )


def decode_version(plain: bytes) -> Version:
    if len(plain) != aes.BLOCK:
        raise ProtocolError("wrong_length", f"a version has 16 bytes, this one {len(plain)}")
    if plain[:3] != b"\xd1\x55\x01":
        raise ProtocolError("wrong_header", f"a version begins with d15501, not with {plain[:3].hex()}")
    return Version(plain[3:7].hex())


def decode_cranking(plain: bytes) -> CrankingEvent | Note:
    """An acknowledgement alone: the device has no event."""
    if plain[:3] != CRANKING_HEAD:
        raise ProtocolError("wrong_header", f"an event begins with d15503, not with {plain[:3].hex()}")
    if plain[3] == NO_EVENT:
        return Note.ACKNOWLEDGEMENT
    digits = plain.hex()
    if digits[20:26] != _SAMPLES_BEGIN:
        raise ProtocolError("wrong_header", "the samples of an event begin with fffffe")
    samples = _samples(digits[26:])
    if not samples:
        raise ProtocolError("incomplete", "an event without samples")
    return CrankingEvent(
        minimum_voltage=min(samples),
        status_code=plain[3],
        voltage=int.from_bytes(plain[4:6], "big") / 100,
        duration=int.from_bytes(plain[6:8], "big") / 1000,
        age=int.from_bytes(plain[8:10], "big") * AGE_STEP,
        samples=tuple(samples),
        sample_interval=CRANKING_STEP,
    )


def _samples(digits: str) -> list[float]:
    """The end mark stands at the border of a sample."""
    samples: list[float] = []
    for i in range(0, len(digits) - 5, 3):
        if digits[i : i + 6] == _SAMPLES_END:
            return samples
        samples.append(int(digits[i : i + 3], 16) / 100)
    raise ProtocolError("incomplete", "an event without its end mark fffefe")
