"""The conversation that asks a device for its live values once. Pure: the radio drives it."""

from collections.abc import Callable, Iterable

from hawk.drivers.api import Codec, Pace, Write
from hawk.errors import Implausible, ProtocolError, SilentDevice, Undecodable
from hawk.model.reading import Sample

GARBAGE = 12  # frames in vain; a device of another family may stream them for ever


class LiveExchange:
    """Ends with the first sample."""

    def __init__(
        self, codec: Codec, on_sample: Callable[[Sample], None] = lambda _: None, pace: Pace | None = None
    ) -> None:
        """`on_sample` is called within `receive`: the link takes seconds to end after that."""
        self._codec, self._on_sample = codec, on_sample
        self._pace = pace or Pace()
        self.quiet = self._pace.patience
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
        self._requests, self._asked = 1, _data(self._codec.begin())
        return self._asked

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
        more = _data(self._codec.wants())
        if more:
            self._requests, self._asked = 1, more
        return more

    def silent(self) -> tuple[bytes, ...]:
        asked = _data(self._codec.begin())
        if asked != self._asked:  # the one before is left unanswered
            self._requests, self._asked = 1, asked
        elif self._requests < self._pace.requests:
            self._requests += 1
        elif self.undecodable:
            raise self._undecodable()
        else:
            requests = "request" if self._requests == 1 else "requests"
            raise SilentDevice(f"It is connected, but did not answer {self._requests} {requests}.")
        return asked

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


def _data(writes: Iterable[Write]) -> tuple[bytes, ...]:
    return tuple(write.data for write in writes)
