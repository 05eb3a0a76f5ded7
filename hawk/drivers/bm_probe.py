"""Which of the BM family a device is that does not say it on the air: found out by what decrypts.

First it is only listened to, for a BM2 streams unasked; then asked for its live values as a BM6, then as
a BM7. Nothing else is written. Order and times: docs/devices/bm6.md, "Rebrands".
"""

from dataclasses import dataclass

from hawk.drivers.api import Proposal
from hawk.drivers.bm2 import Bm2Codec
from hawk.drivers.bm6 import BM6_FAMILY, BM7_FAMILY, Bm6Codec, decode_live
from hawk.drivers.bm_family import Family
from hawk.errors import ProtocolError, SilentDevice, Undecodable

_LISTEN, _ANSWER = 2.5, 4.0  # [s]
_STRANGE = 12  # frames in vain before the next question: a device of another make may stream for ever


@dataclass(frozen=True, slots=True)
class Candidate:
    device_type: str
    family: Family

    def begin(self) -> tuple[bytes, ...]:
        return tuple(write.data for write in Bm6Codec(self.family).begin())

    def understands(self, frame: bytes) -> bool:
        try:
            decode_live(self.family, frame)
        except ProtocolError:
            return False
        return True


ASKED = (Candidate("BM6", BM6_FAMILY), Candidate("BM7", BM7_FAMILY))


class BmProbe:
    """A conversation (hawk.ble.radio)."""

    def __init__(self) -> None:
        self.quiet = _LISTEN
        self.found: Proposal | None = None
        self._bm2 = Bm2Codec()  # a single frame of it may be noise
        self._left = list(ASKED)
        self._strange = self._frames = 0  # in vain: since the last question, and in all

    @property
    def done(self) -> bool:
        return self.found is not None

    def begin(self) -> tuple[bytes, ...]:
        return ()

    def receive(self, frame: bytes) -> tuple[bytes, ...]:
        """Raises Undecodable or SilentDevice after the last question."""
        device_type = self._spoken_by(frame)
        if device_type is not None:
            self.found = Proposal(device_type, {}, f"a {device_type}")
            return ()
        self._strange, self._frames = self._strange + 1, self._frames + 1
        return self.silent() if self._strange >= _STRANGE else ()

    def silent(self) -> tuple[bytes, ...]:
        if not self._left:
            if self._frames:
                raise Undecodable(
                    f"{self._frames} frames came and none of the known keys opens them: it is a rebrand with a"
                    " key of its own, or of another make."
                )
            raise SilentDevice("It is connected, but answers neither as a BM2 nor as a BM6 or BM7.")
        self.quiet, self._strange = _ANSWER, 0
        return self._left.pop(0).begin()

    def _spoken_by(self, frame: bytes) -> str | None:
        for each in ASKED:
            if each.understands(frame):
                return each.device_type
        try:
            return "BM2" if self._bm2.receive_data(frame) else None
        except ProtocolError:
            return None
