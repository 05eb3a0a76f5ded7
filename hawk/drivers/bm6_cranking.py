"""Reading the last start that a BM6 or BM7 remembers: its voltage every 10 ms, some 3.5 s of it.

d15503 asks. The answer is a stream of blocks (bm6_memory has its layout), without a number or a checksum: a block
that was lost shows only where the end mark no longer stands at the border of a sample, so an event is believed
when it came twice the same; its age may have grown. In all captures its voltage is the third-lowest sample: where
that does not fit it must come three times. `d15503ff` alone says that there is none; as the live stream
begins with such an acknowledgement, it is believed after a while without a start. Live frames go on meanwhile;
and a start while we are connected is told unasked. Three events of one log of the vendor's app; the answer
without an event from an independent description. Sources: docs/devices/bm6.md.
"""

from dataclasses import replace

from hawk.drivers.api import Note
from hawk.drivers.bm6 import CRANKING, command
from hawk.drivers.bm6_memory import CRANKING_HEAD, NO_EVENT, decode_cranking
from hawk.drivers.bm_family import Family
from hawk.errors import ProtocolError, SilentDevice, Undecodable
from hawk.model.cranking import CrankingEvent
from hawk.wire import aes

_FRAME_HEAD = (
    b"\xd1\x55"  # no samples are so in the place of a block's first: 33.49 V, or 13.60 and 17.92 V in 10 ms
)
_TRIES = 5
_IDLE = 60  # frames in vain in a row: an answer whose head was missed has 33
_SECOND = 20  # such frames is a live one worth: they come once a second, and three are enough
_LONGEST = 4096  # bytes; the captured ones have 544


class Bm6Recollection:
    """A conversation (hawk.ble.radio)."""

    quiet = 2.0

    def __init__(self, family: Family) -> None:
        self._family = family
        self.event: CrankingEvent | None = None
        self.done = False
        self._before: CrankingEvent | None = None  # what was told last ...
        self._times = 0  # ... so often running
        self._tries = 0
        self._stream = bytearray()
        self._none = False  # it said that there is none; an event may follow all the same
        self._idle = 0  # frames in vain in a row, weighed

    def begin(self) -> tuple[bytes, ...]:
        self._before, self._times, self._tries = None, 0, 0
        return self._ask()

    def receive(self, frame: bytes) -> tuple[bytes, ...]:
        """Raises Undecodable or SilentDevice when it was asked often enough."""
        if self.done:
            return ()
        try:
            plain = aes.decrypt(self._family.key, frame)
        except ProtocolError:
            plain = b""  # what may have been in it is missed in the end
        before = len(self._stream), self._none
        for start in range(0, len(plain), aes.BLOCK):
            self._take(plain[start : start + aes.BLOCK])
            if (event := self._whole()) is not None:
                return self._told(event)
        if before != (len(self._stream), self._none):
            self._idle = 0
        else:
            self._idle += _SECOND if plain.startswith(_FRAME_HEAD) else 1
        return self.silent() if self._idle >= _IDLE else ()

    def silent(self) -> tuple[bytes, ...]:
        if self._none and not self._stream:
            self.done = True
            return ()
        return self._ask()

    def _forget_answer(self) -> None:
        self._stream = bytearray()
        self._none = False
        self._idle = 0

    def _ask(self) -> tuple[bytes, ...]:
        if self._tries >= _TRIES:
            raise self._in_vain()
        self._tries += 1
        self._forget_answer()
        return (self._family.sealed(command(CRANKING)),)

    def _in_vain(self) -> SilentDevice | Undecodable:
        if self._before is not None or self._stream:
            return Undecodable(f"It told its last start {_TRIES} times, and never the same again.")
        return SilentDevice("It is connected, but did not tell its last start.")

    def _take(self, block: bytes) -> None:
        if block.startswith(CRANKING_HEAD):
            self._none = block[3] == NO_EVENT
            self._stream = bytearray() if self._none else bytearray(block)
        elif not block.startswith(_FRAME_HEAD):
            self._none = False  # it is of an event whose head was missed
            self._stream += block if self._stream else b""

    def _whole(self) -> CrankingEvent | None:
        """The event, once its end mark is there."""
        if not self._stream:
            return None
        try:
            event = decode_cranking(bytes(self._stream))
        except ProtocolError as error:
            if error.reason != "incomplete" or len(self._stream) > _LONGEST:
                self._stream.clear()
            return None
        return None if isinstance(event, Note) else event

    def _told(self, event: CrankingEvent) -> tuple[bytes, ...]:
        again = self._before is not None and replace(self._before, age=event.age) == event
        self._before, self._times = event, self._times + 1 if again else 1
        if self._times < (2 if _fits(event) else 3):
            return self._ask()
        self.event, self.done = event, True
        return ()


def _fits(event: CrankingEvent) -> bool:
    """Its head to its samples."""
    return event.voltage in sorted(event.samples)[2:3]
