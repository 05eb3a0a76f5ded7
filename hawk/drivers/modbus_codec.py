"""The conversation with Modbus devices: one request after the other, then one sample of all replies. Pure.

A reply has no address: only the order tells what it answers. So the same question is asked again after
a silence, and a question waits while the reply to another one, of the same length, may still be on its
way: for a silence, and then it is left out if it can be.
"""

from collections import Counter, deque
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from itertools import dropwhile, islice

from hawk.drivers.api import Write
from hawk.errors import ProtocolError
from hawk.model.reading import Sample
from hawk.wire.modbus import READ_HOLDING, Registers, Request, parse_reply

Answers = Mapping[int, Registers]  # by device id

_LONGEST = 512  # bytes that are kept of what has come


@dataclass(frozen=True, slots=True)
class Block:
    register: int
    words: int
    optional: bool = False  # some models refuse it or stay silent; the last block is not
    only: Callable[[Registers], bool] | None = None  # by what this device id has said: is it asked for
    device_id: int = 0
    function: int = READ_HOLDING
    name: str = ""  # for people


@dataclass(frozen=True, slots=True)
class Dialect:
    """Where devices are not as most are."""

    tries: int = 2  # of a block that a device may not have
    piece: int = 0  # bytes that it takes at a time; 0: all
    strict_length: bool = True
    check_id: bool = True
    silences: int = 1
    """After so many a reply that is owed is taken for lost. After one alone that is not certain, and what
    is optional is rather left out."""


class BusCodec:
    """With one device, or with several behind one module."""

    def __init__(
        self,
        blocks: Iterable[Block],
        sample: Callable[[Answers], Sample],
        dialect: Dialect = Dialect(),  # frozen
    ) -> None:
        """Without blocks there is nothing to ask."""
        self._left, self._sample, self._dialect = deque(blocks), sample, dialect
        self._answers: dict[int, dict[int, int]] = {}
        self._owed = Counter[Request]()  # replies that may still come
        self._buffer = b""
        self._asked = 0  # times, of the block at hand
        self._drains = False  # waits for what is owed before it asks
        self._silences = 0  # meanwhile
        self._moved = False  # to the next question, by what just came

    def begin(self) -> tuple[Write, ...]:
        if not self._left:
            return ()
        self._silences += 1
        unsure = self._drains and self._dialect.silences == 1
        if self._left[0].optional and (unsure or self._asked >= self._dialect.tries):
            self._leave_out()
        return self._ask()

    def receive_data(self, data: bytes) -> Sample | None:
        if not self._left:
            return None
        self._buffer = (self._buffer + data)[-_LONGEST:]
        request = self._request()
        try:
            registers = self._parse(request)
        except ProtocolError as error:
            return None if error.reason != "modbus_exception" else self._refused(error)
        self._buffer = b""
        if self._drains:
            self._drain()
            return None
        self._owed[request] = max(0, self._owed[request] - 1)
        self._answers.setdefault(request.device_id, {}).update(registers)
        return self._next()

    def wants(self) -> tuple[Write, ...]:
        if not self._moved:
            return ()
        return self._ask()

    # -- asking ------------------------------------------------------------------------------

    def _request(self) -> Request:
        block = self._left[0]
        return Request(block.device_id, block.function, block.register, block.words)

    def _parse(self, request: Request) -> Registers:
        dialect, name = self._dialect, self._left[0].name
        try:
            return parse_reply(
                request, self._buffer, strict_length=dialect.strict_length, check_id=dialect.check_id
            )
        except ProtocolError as error:
            raise ProtocolError(error.reason, f"block {name}: {error}" if name else str(error)) from None

    def _ask(self) -> tuple[Write, ...]:
        self._moved, self._buffer = False, b""
        late = self._look_alikes()
        if late and not self._asked and not self._drains:
            self._drains, self._silences = True, 0
        if self._drains and late and self._silences < self._dialect.silences:
            return ()
        for each in late:  # it was silent long enough
            del self._owed[each]
        self._drains = False
        self._asked += 1
        self._owed[self._request()] += 1
        return self._writes(self._request().frame())

    def _writes(self, frame: bytes) -> tuple[Write, ...]:
        piece = self._dialect.piece or len(frame)
        return tuple(Write(frame[i : i + piece]) for i in range(0, len(frame), piece))

    def _look_alikes(self) -> list[Request]:
        """Other questions whose late reply would pass for one to the question at hand."""
        at_hand = self._request()
        return [
            owed
            for owed, count in self._owed.items()
            if count > 0 and owed != at_hand and self._alike(owed, at_hand)
        ]

    def _alike(self, one: Request, other: Request) -> bool:
        dialect = self._dialect
        return (
            one.function == other.function
            and (one.words == other.words or not dialect.strict_length)
            and (one.device_id == other.device_id or not dialect.check_id)
        )

    # -- going on ----------------------------------------------------------------------------

    def _refused(self, error: ProtocolError) -> Sample | None:
        """Which of the questions it refuses cannot be told while replies to several are owed."""
        self._buffer = b""
        if self._drains:
            return None
        at_hand = self._request()
        if sum(count for owed, count in self._owed.items() if owed.device_id == at_hand.device_id) == 1:
            self._owed[at_hand] = 0
        if not self._left[0].optional:
            raise error
        return self._next()

    def _drain(self) -> None:
        """A late reply came."""
        late, *others = self._look_alikes()
        self._owed[late] -= 1
        self._moved = not others and not self._owed[late]

    def _next(self) -> Sample | None:
        rest = self._rest()
        if not rest:
            return self._sample(self._answers)
        self._left, self._asked, self._moved = rest, 0, True
        return None

    def _leave_out(self) -> None:
        """A silence ends nothing: without another question this one stays, until nobody has patience."""
        if rest := self._rest():
            self._left, self._asked, self._drains = rest, 0, False

    def _rest(self) -> deque[Block]:
        """Beginning with what is asked next; whether a later one is asked shows when its turn comes."""
        return deque(dropwhile(self._is_not_wanted, islice(self._left, 1, None)))

    def _is_not_wanted(self, block: Block) -> bool:
        return block.only is not None and not block.only(self._answers.get(block.device_id, {}))


class ModbusCodec(BusCodec):
    """With one device."""

    def __init__(
        self,
        device_id: int,
        blocks: Iterable[Block],
        sample: Callable[[Registers], Sample],
        dialect: Dialect = Dialect(),  # frozen
    ) -> None:
        super().__init__(
            (replace(block, device_id=device_id) for block in blocks),
            lambda answers: sample(answers.get(device_id, {})),
            dialect,
        )
