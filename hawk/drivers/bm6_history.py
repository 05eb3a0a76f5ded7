"""Reading the history of a BM6 or BM7: up to 51,200 records of 4 bytes, the newest first, 120 s apart.

Asked for in pages by index; the reply to one is an acknowledgement, blocks of records, and a mark with
their number, which alone counts: zeros at the end may be padding. Index 0 is the newest record, so each
sample that the device takes meanwhile moves all indices by one. Pages therefore overlap, and a page is
joined where its records fit. Beyond what is stored the device sends old flash contents that look like
history: a page begins only within what was received. No checksum tells damage; but of the four records in a
damaged block one has, 40 times of 41, a charge above 100 %, and then the page is asked for again.
Sources: docs/devices/bm6.md.
"""

from dataclasses import dataclass

from hawk.drivers.bm6_memory import EMPTY, END, HISTORY_HEAD, RECORD, START, is_possible
from hawk.drivers.bm_family import Family
from hawk.errors import ProtocolError, SilentDevice, Undecodable
from hawk.wire import aes

PAGE = 4000  # records: under 3 s of transfer, so that a lost link costs little; 16,381 would be the limit
OVERLAP = 128  # records that must fit: a resting battery repeats the same one for hours
INTERVAL = 120.0  # [s] between two records
SMALLEST = 256  # twice the overlap
_TRIES = 4  # of a page
_LAST = 0xFFFF  # a BM6 takes 16 bits of an index
_END_BYTES = 6  # the mark and its length
_IDLE = 8  # frames in a row without history: its live values do not stop, so it is never silent
_FRAME_HEAD = b"\xd1\x55"  # as a voltage 33.49 V and warmer than 112 degC: no record begins so
_LENGTH_OF_NONE = 9  # what the length in the mark counts besides the records


@dataclass(frozen=True, slots=True)
class _Page:
    start: int
    end: int  # exclusive

    @property
    def wanted(self) -> int:
        return self.end - self.start


class Bm6Download:
    """A conversation (hawk.ble.radio) that several links may share: `begin` goes on with the page that
    was not finished.
    """

    quiet = 5.0
    certain = True

    def __init__(self, family: Family, most: int) -> None:
        """`most` records; more may come, and fewer where the device has not so many."""
        self._family, self._most = family, most
        self.records: list[bytes] = []  # the newest first
        self._moved = 0  # samples that the device took since record 0
        self._expected = 0  # of them, by the clock
        self._complete = False
        self._restarts = 0
        self._tries = 0  # of the page at hand
        self._size = PAGE
        self._emptied = False  # an empty reply came once
        self._doubted = list[bytes]()  # records of the last reply that cannot be
        self._idle = 0  # frames since the last one with history
        self._forget_page()

    @property
    def done(self) -> bool:
        return self._complete

    @property
    def received(self) -> int:
        """Records so far, those of the page at hand included."""
        return len(self.records) + max(0, len(self._data) // RECORD - (OVERLAP if self.records else 0))

    def elapsed(self, seconds: float) -> None:
        """Since record 0 was asked for; said before a link is used again."""
        self._expected = int(seconds // INTERVAL)

    def begin(self) -> tuple[bytes, ...]:
        """After a link on which no page came whole the pages are smaller."""
        if self._tries:
            self._size = max(SMALLEST, self._size // 2)
        self._tries = 0
        return self._ask()

    def _ask(self) -> tuple[bytes, ...]:
        self._forget_page()
        self._tries += 1
        page = self._page()
        arguments = page.start.to_bytes(3, "big") + page.end.to_bytes(3, "big")
        return (self._family.sealed(HISTORY_HEAD + arguments),)

    def receive(self, frame: bytes) -> tuple[bytes, ...]:
        """Raises Undecodable or SilentDevice when a page cannot be had."""
        try:
            plain = aes.decrypt(self._family.key, frame)
        except ProtocolError:
            self._broken = True  # part of a page may have been in it
            return ()
        before = len(self._data), self._acknowledged
        for start in range(0, len(plain), aes.BLOCK):
            if self._take(plain[start : start + aes.BLOCK]):
                return self._page_ended()
        self._idle = self._idle + 1 if before == (len(self._data), self._acknowledged) else 0
        return self.silent() if self._idle >= _IDLE else ()

    def silent(self) -> tuple[bytes, ...]:
        """What is left of a reply could be taken for the next one: then only a new link helps."""
        if self._acknowledged or self._tries >= _TRIES:
            raise SilentDevice("It stopped sending its history.")
        return self._ask()

    # -- a page ------------------------------------------------------------------------------

    def _page(self) -> _Page:
        start = max(0, len(self.records) - OVERLAP + self._moved) if self.records else 0
        return _Page(start, min(start + self._size, _LAST))

    def _forget_page(self) -> None:
        self._data = bytearray()
        self._acknowledged = self._broken = False
        self._length = 0  # as the mark says
        self._idle = 0

    def _take(self, block: bytes) -> bool:
        """Whether the page has ended with it."""
        if block.startswith(HISTORY_HEAD):
            self._acknowledged = True
            self._data.clear()
        elif not self._acknowledged or block.startswith((_FRAME_HEAD, EMPTY, START)):
            pass  # live values go on meanwhile
        else:
            self._data += block
            return self._cut_at_end()
        return False

    def _cut_at_end(self) -> bool:
        """The mark stands at the border of a record; none begins like it (40.95 V, 254 %)."""
        latest = len(self._data) - _END_BYTES
        for at in range(max(0, latest - latest % RECORD - aes.BLOCK), latest + 1, RECORD):
            if self._data.startswith(END, at):
                self._length = int.from_bytes(self._data[at + 4 : at + _END_BYTES], "big")
                del self._data[at:]
                return True
        return False

    def _page_ended(self) -> tuple[bytes, ...]:
        count = max(0, self._length - _LENGTH_OF_NONE) // RECORD
        if self._broken or len(self._data) < RECORD * count or any(self._data[RECORD * count :]):
            return self._again(f"{len(self._data)} bytes of {RECORD * count} came")
        if any(self._data[RECORD * count :]):  # a start of the engine was told in between: it is no padding
            return self._again(f"{len(self._data)} bytes instead of {RECORD * count}")
        if not count and not self._emptied:
            self._emptied = True  # one in 15 replies is empty for no reason
            return self._again("an empty reply")
        came = [bytes(self._data[i * RECORD : (i + 1) * RECORD]) for i in range(count)]
        doubted = [each for each in came if not is_possible(each)]
        if doubted != self._doubted:  # it was damaged on its way; what comes twice is stored so
            self._doubted = doubted
            if doubted:
                return self._again(f"a record that cannot be, {doubted[0].hex()}")
        return self._join(came)

    def _again(self, why: str) -> tuple[bytes, ...]:
        if self._tries >= _TRIES:
            raise Undecodable(f"A page of its history was broken {_TRIES} times, the last time by {why}.")
        return self._ask()

    def _join(self, came: list[bytes]) -> tuple[bytes, ...]:
        page = self._page()
        if not self.records or not came:
            self.records += came
        elif (moved := self._fit(came)) is not None:
            self._moved += moved
            self.records += came[OVERLAP + moved :]
        else:
            return self._start_over()
        self._complete = len(came) < page.wanted or len(self.records) >= self._most
        self._emptied, self._doubted, self._tries = False, [], 0
        return () if self._complete else self.begin()

    def _fit(self, came: list[bytes]) -> int | None:
        """By how many samples the indices have moved since the last page; None if nothing fits."""
        likely = max(0, self._expected - self._moved)
        for moved in sorted(range(likely + 3), key=lambda each: abs(each - likely)):
            known = self.records[-OVERLAP - moved :]
            if came[: len(known)] == known:
                return moved
        return None

    def _start_over(self) -> tuple[bytes, ...]:
        """The device was without power, or a page was joined wrongly."""
        self._restarts += 1
        if self._restarts >= _TRIES:
            raise Undecodable("The pages of its history do not fit together.")
        self.records, self._moved = [], 0
        return self.begin()
