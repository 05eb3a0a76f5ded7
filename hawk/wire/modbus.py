"""Modbus RTU frames as they come over Bluetooth: no wrapper, in pieces, without a register address in the reply.

Functions 3 and 4 read, 6 writes one register. Numbers are big-endian, only the CRC is not.

The frames that go to devices are made by `Request.frame` alone, and it makes none but of functions
3 and 4: function 6 is known only so that the captured echo of a write can be decoded.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from hawk.errors import ProtocolError

READ_HOLDING, READ_INPUT, WRITE_ONE = 3, 4, 6
READS = frozenset({READ_HOLDING, READ_INPUT})
LONGEST = 125  # words in one reply
_FAILED = 0x80  # in the function of an exception
_REQUEST = 8  # bytes
_EXCEPTIONS = {
    1: "illegal_function",
    2: "illegal_address",
    3: "illegal_length",
    4: "device_failure",
    5: "request_crc",
}

Registers = Mapping[int, int]  # address -> word
INPUT = 0x10000  # added to the address of what function 4 reads: it has addresses of its own


@dataclass(frozen=True, slots=True)
class Request:
    device_id: int
    function: int
    register: int
    words: int  # asked for; of function 6 the value

    @property
    def first(self) -> int:
        """The address of its first word among all registers."""
        return self.register + (INPUT if self.function == READ_INPUT else 0)

    def frame(self) -> bytes:
        """Raises ValueError for what is not a read: that would change the device."""
        if self.function not in READS:
            raise ValueError(f"function {self.function} on register {self.register}: only reads are made")
        head = bytes([self.device_id, self.function])
        return sealed(head + self.register.to_bytes(2, "big") + self.words.to_bytes(2, "big"))


def crc(data: bytes) -> int:
    """CRC-16/MODBUS."""
    value = 0xFFFF
    for byte in data:
        value ^= byte
        for _ in range(8):
            value = value >> 1 ^ (0xA001 if value & 1 else 0)
    return value


def sealed(frame: bytes) -> bytes:
    return frame + crc(frame).to_bytes(2, "little")


def fits(frame: bytes) -> bool:
    """Whether its last two bytes are the CRC of the others."""
    return len(frame) > 2 and crc(frame[:-2]) == int.from_bytes(frame[-2:], "little")


def parse_request(data: bytes) -> Request:
    """Raises ProtocolError."""
    if len(data) != _REQUEST:
        raise ProtocolError("wrong_length", f"a request has 8 bytes, this one {len(data)}")
    if not fits(data):
        raise ProtocolError("checksum", "the CRC of the request is wrong")
    function, words = data[1], int.from_bytes(data[4:6], "big")
    if function not in {*READS, WRITE_ONE}:
        raise ProtocolError("wrong_header", f"a request of function {function}, which is none that is used")
    if function != WRITE_ONE and not 1 <= words <= LONGEST:
        raise ProtocolError("implausible", f"{words} words cannot be asked for: 1 to {LONGEST} can")
    return Request(data[0], function, int.from_bytes(data[2:4], "big"), words)


def parse_reply(
    request: Request, data: bytes, *, strict_length: bool = True, check_id: bool = True
) -> Registers:
    """The registers in the first frame in `data` that answers `request`; bytes before it are skipped.

    Without `strict_length` it may have more words than asked, which are left out, or fewer; without
    `check_id` it may be anybody's. Raises ProtocolError: modbus_exception, or checksum, wrong_header,
    wrong_length or incomplete for the best that was there.
    """
    best = ProtocolError("wrong_header", f"nothing in {len(data)} bytes answers this request")
    for start in range(len(data)):
        if (check_id and data[start] != request.device_id) or start + 1 == len(data):
            continue
        try:
            return _reply_at(request, data[start:], strict_length=strict_length)
        except ProtocolError as error:
            if error.reason == "modbus_exception":
                raise
            if best.reason == "wrong_header":
                best = error
    raise best


def _reply_at(request: Request, data: bytes, *, strict_length: bool) -> Registers:
    if data[1] == request.function | _FAILED:
        raise _exception(data)
    if data[1] != request.function:
        raise ProtocolError("wrong_header", f"function {data[1]} where {request.function} was asked")
    if request.function == WRITE_ONE:
        return _echo(request, data)
    words = _words_in(request, data, strict_length=strict_length)
    frame = data[: 2 * words + 5]
    if len(frame) < 2 * words + 5:
        raise ProtocolError("incomplete", f"{len(frame)} bytes of {2 * words + 5} came")
    if not fits(frame):
        raise ProtocolError("checksum", "the CRC of the reply is wrong")
    return {
        request.first + number: int.from_bytes(frame[3 + 2 * number : 5 + 2 * number], "big")
        for number in range(min(words, request.words))
    }


def _words_in(request: Request, data: bytes, *, strict_length: bool) -> int:
    """As the reply says itself; as asked while it has not come so far."""
    length = data[2] if len(data) > 2 else 2 * request.words
    if strict_length and length != 2 * request.words:
        raise ProtocolError("wrong_length", f"{length} bytes of data where {2 * request.words} were asked")
    if length % 2 or not length:
        raise ProtocolError("wrong_length", f"{length} bytes of data are no words")
    return length // 2


def _echo(request: Request, data: bytes) -> Registers:
    if len(data) < _REQUEST:
        raise ProtocolError("incomplete", f"{len(data)} bytes of {_REQUEST} came")
    if not fits(data[:_REQUEST]):
        raise ProtocolError("checksum", "the CRC of the reply is wrong")
    if parse_request(data[:_REQUEST]) != request:
        raise ProtocolError("wrong_header", "the reply to a write is not its echo")
    return {request.register: request.words}


def _exception(data: bytes) -> ProtocolError:
    if len(data) < 5:
        return ProtocolError("incomplete", f"{len(data)} bytes of an exception came, it has 5")
    if not fits(data[:5]):
        return ProtocolError("checksum", "the CRC of the exception is wrong")
    name = _EXCEPTIONS.get(data[2], "unknown")
    return ProtocolError("modbus_exception", f"the device refused with exception {data[2]} ({name})")
