"""Reading the history of a BM2, all at once: records of 4 bytes, 120 s apart.

e701 asks for its size; at least 1 s later (it ignores an earlier command) e300 with that size for the
records, which stand between the marks fffffe and fffefe; the second one says the length. Which end is the
newest is disputed: the voltage of now, which it goes on sending, tells, if the ends differ. One source
with hardware: KrystianD/bm2-battery-monitor; no capture is public.
"""

from hawk.drivers.bm_family import Family
from hawk.errors import ProtocolError, SilentDevice, Undecodable
from hawk.wire import aes

RECORD = 4  # bytes
_COUNT, _DOWNLOAD = b"\xe7\x01", b"\xe3\x00\x00"
_LIVE, _SIZE, _START, _END = b"\xf5", b"\xe7", b"\xff\xff\xfe", b"\xff\xfe\xfe"
_LENGTH_OF_NONE = 9  # what the length in the end mark counts besides the records
_SETTLED = 2  # live frames, one a second, after the size: more than a second has passed
_IDLE = 60  # live frames in a row: it had a minute
_APART = 0.1  # [V] by which one end must be nearer to the voltage of now to be the newest
_TRIES = 3


class Bm2Download:
    """A conversation (hawk.ble.radio). A lost link loses all of it."""

    quiet = 5.0

    def __init__(self, family: Family, most: int) -> None:
        self._family, self._most = family, most
        self.records: list[bytes] = []
        self.certain = True  # which end is the newest
        self.done = False
        self._tries = 0
        self._forget()

    @property
    def received(self) -> int:
        return len(self._data) // RECORD

    def elapsed(self, seconds: float) -> None:
        """All is read anew."""

    def begin(self) -> tuple[bytes, ...]:
        self._forget()
        return (self._family.sealed(_COUNT),)

    def receive(self, frame: bytes) -> tuple[bytes, ...]:
        """Raises Undecodable when it is broken each time, SilentDevice when nothing comes."""
        try:
            plain = aes.decrypt(self._family.key, frame)
        except ProtocolError:
            self._broken = True  # records may have been in it
            return ()
        writes: tuple[bytes, ...] = ()
        for start in range(0, len(plain), aes.BLOCK):
            writes += self._take(plain[start : start + aes.BLOCK])
        return writes

    def silent(self) -> tuple[bytes, ...]:
        if self._size is not None and not self._asked:
            return self._ask()
        self._tries += 1
        if self._begun or self._tries >= _TRIES:
            raise SilentDevice("It stopped sending its history.")
        return self.begin()

    def _forget(self) -> None:
        self._size: bytes | None = None
        self._asked = self._begun = self._broken = False
        self._live: float | None = None  # [V]
        self._seconds = 0  # live frames since something else came
        self._data = bytearray()

    def _take(self, block: bytes) -> tuple[bytes, ...]:
        if block.startswith(_LIVE):
            return self._tick(block)
        self._seconds = 0
        if block.startswith(_SIZE) and self._size is None:
            self._size = block[1:4]
            self.done = not any(self._size)
        elif block.startswith(_START):
            self._begun = True
        elif self._begun and not self.done:
            self._data += block
            return self._cut_at_end()
        return ()

    def _tick(self, block: bytes) -> tuple[bytes, ...]:
        self._live = (block[1] << 4 | block[2] >> 4) / 100
        self._seconds += 1
        if self._size is not None and not self._asked and self._seconds >= _SETTLED:
            return self._ask()
        return self.silent() if self._seconds >= _IDLE else ()

    def _ask(self) -> tuple[bytes, ...]:
        self._asked, self._seconds = True, 0
        return (self._family.sealed(_DOWNLOAD + b"\0" + (self._size or b"")),)

    def _cut_at_end(self) -> tuple[bytes, ...]:
        """What follows the records in their last block is zero."""
        at = len(self._data) - aes.BLOCK
        if not self._data.startswith(_END, at):
            return ()
        promised = int.from_bytes(self._data[at + 3 : at + 6], "big") - _LENGTH_OF_NONE
        if self._broken or promised > at or any(self._data[max(0, promised) : at]):
            return self._again(f"{at} bytes of {promised} came")
        records = [bytes(self._data[i : i + RECORD]) for i in range(0, promised - RECORD + 1, RECORD)]
        self.records = self._newest_first(records)[: self._most]
        self.done = True
        return ()

    def _again(self, why: str) -> tuple[bytes, ...]:
        self._tries += 1
        if self._tries >= _TRIES:
            raise Undecodable(f"Its history was broken {_TRIES} times, the last time by {why}.")
        return self.begin()

    def _newest_first(self, records: list[bytes]) -> list[bytes]:
        """As sent they are taken to be the oldest first, unless the voltages say otherwise."""
        ends = [each for each in (records[:1], records[-1:]) if each and any(each[0])]
        if len(ends) < 2 or self._live is None:
            self.certain = False
            return records[::-1]
        first, last = (abs(_volts(end[0]) - self._live) for end in ends)
        self.certain = abs(first - last) >= _APART
        return records if self.certain and first < last else records[::-1]


def _volts(record: bytes) -> float:
    return (record[0] << 4 | record[1] >> 4) / 100
