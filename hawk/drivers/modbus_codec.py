"""The conversation with a Modbus device: one request after the other, then one sample of all replies. Pure."""

from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from hawk.drivers.api import Write
from hawk.errors import ProtocolError
from hawk.model.reading import Sample
from hawk.wire.modbus import READ_HOLDING, Registers, Request, parse_reply

_LONGEST = 512  # bytes that are kept of what has come
_TRIES = 2  # of a block that a device may not have


@dataclass(frozen=True, slots=True)
class Block:
    register: int
    words: int
    optional: bool = False  # some models refuse it or stay silent; these come before the others


class ModbusCodec:
    """A reply has no address: only the order tells what it answers. So the same question is asked
    again after a silence, and neighbouring blocks have different lengths.
    """

    def __init__(
        self, device_id: int, blocks: Iterable[Block], sample: Callable[[Registers], Sample]
    ) -> None:
        self._device_id, self._sample = device_id, sample
        self._left = deque(blocks)
        self._registers: dict[int, int] = {}
        self._buffer = b""
        self._asked = 0  # times, of the block at hand
        self._answered = False

    def begin(self) -> tuple[Write, ...]:
        if self._asked >= _TRIES and self._left[0].optional:
            self._next()
        self._asked += 1
        self._buffer = b""
        return (Write(self._request().frame()),)

    def receive_data(self, data: bytes) -> Sample | None:
        self._buffer = (self._buffer + data)[-_LONGEST:]
        try:
            self._registers |= parse_reply(self._request(), self._buffer)
        except ProtocolError as error:
            if error.reason != "modbus_exception":
                return None  # the rest is still to come, or this was the reply to an earlier question
            if not self._left[0].optional:
                self._buffer = b""
                raise
        self._next()
        if self._left:
            self._answered = True
            return None
        return self._sample(self._registers)

    def wants(self) -> tuple[Write, ...]:
        if not self._answered:
            return ()
        self._answered = False
        return self.begin()

    def _request(self) -> Request:
        block = self._left[0]
        return Request(self._device_id, READ_HOLDING, block.register, block.words)

    def _next(self) -> None:
        self._left.popleft()
        self._asked, self._buffer = 0, b""
