"""The conversation that asks a device for its live values once. Pure: the radio drives it."""

from collections.abc import Callable

from hawk.drivers.api import Codec
from hawk.errors import Implausible, ProtocolError, SilentDevice, Undecodable
from hawk.model.reading import Sample

REQUESTS = 4  # the request and three repetitions
GARBAGE = 12  # frames in vain; a device of another family may stream them for ever


class LiveExchange:
    """Ends with the first sample."""

    quiet = 4.0

    def __init__(self, codec: Codec, on_sample: Callable[[Sample], None] = lambda _: None) -> None:
        """`on_sample` is called within `receive`: the link takes seconds to end after that."""
        self._codec, self._on_sample = codec, on_sample
        self._requests = 0  # of the same kind, one after the other
        self._asked: tuple[bytes, ...] = ()
        self.sample: Sample | None = None
        self.undecodable = 0  # frames so far
        self._reason = ""
        self._all_implausible = True

    @property
    def done(self) -> bool:
        return self.sample is not None

    def begin(self) -> tuple[bytes, ...]:
        asked = tuple(write.data for write in self._codec.begin())
        self._requests = self._requests + 1 if asked == self._asked else 1
        self._asked = asked
        return asked

    def receive(self, frame: bytes) -> tuple[bytes, ...]:
        """Raises Undecodable when it has heard enough."""
        if self.done:
            return ()
        try:
            self.sample = self._codec.receive_data(frame)
        except ProtocolError as error:
            self._count(error)
        if self.sample is not None:
            self._on_sample(self.sample)
            return ()
        return self._more()

    def _more(self) -> tuple[bytes, ...]:
        """A device that answers one question after the other is not silent."""
        more = tuple(write.data for write in self._codec.wants())
        if more:
            self._requests, self._asked = 1, more
        return more

    def silent(self) -> tuple[bytes, ...]:
        if self._requests < REQUESTS:
            return self.begin()
        if self.undecodable:
            raise self._undecodable()
        raise SilentDevice(f"It is connected, but did not answer {REQUESTS} requests.")

    def _count(self, error: ProtocolError) -> None:
        self.undecodable += 1
        self._reason = f"{error.reason}: {error}"
        self._all_implausible &= error.reason == "implausible"
        if self.undecodable >= GARBAGE:
            raise self._undecodable() from error

    def _undecodable(self) -> Undecodable:
        frames = "frame" if self.undecodable == 1 else "frames"
        if self._all_implausible:
            return Implausible(
                f"{self.undecodable} {frames} came with values that cannot be (the last one: {self._reason}):"
                " the monitor may be failing."
            )
        return Undecodable(
            f"{self.undecodable} {frames} came and none could be decoded (the last one: {self._reason}):"
            " is it of another type?"
        )
