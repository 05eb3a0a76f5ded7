"""Readings on their way to the disk: a ring that gives up its oldest when the disk refuses for long."""

import contextlib
import threading
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass

from hawk.model.reading import Reading, Source

SIZE = 10_000


@dataclass(frozen=True, slots=True)
class Waiting:
    """What a decision to write rests on."""

    count: int
    since: float  # [s] when the oldest came, on the clock of whoever adds
    polled: bool  # a reading among them was polled for


class Backlog:
    """Filled by one thread, emptied by another. It outlives the actor, and so does what is in it."""

    def __init__(self, size: int = SIZE) -> None:
        self._size = size
        self._lock = threading.Lock()
        self._queue: deque[tuple[float, Reading]] = deque()
        self._polled = 0
        self.dropped = 0

    def __len__(self) -> int:
        return len(self._queue)

    def add(self, reading: Reading, at: float) -> None:
        """`at`: seconds on any clock that does not jump."""
        with self._lock:
            self._queue.append((at, reading))
            self._polled += reading.source is Source.GATT
            self._drop_oldest()

    def waiting(self) -> Waiting | None:
        """None when nothing waits."""
        with self._lock:
            if not self._queue:
                return None
            return Waiting(len(self._queue), self._queue[0][0], self._polled > 0)

    @contextlib.contextmanager
    def taking(self, limit: int) -> Iterator[list[Reading]]:
        """The oldest ones. They come back, to where they were, when the block raises."""
        with contextlib.ExitStack() as on_failure:
            entries = self._take(limit)
            on_failure.callback(self._put_back, entries)
            yield [reading for _, reading in entries]
            on_failure.pop_all()

    def _take(self, limit: int) -> list[tuple[float, Reading]]:
        with self._lock:
            entries = [self._queue.popleft() for _ in range(min(limit, len(self._queue)))]
            self._polled -= _polled(entries)
            return entries

    def _put_back(self, entries: list[tuple[float, Reading]]) -> None:
        with self._lock:
            self._queue.extendleft(reversed(entries))
            self._polled += _polled(entries)
            self._drop_oldest()

    def _drop_oldest(self) -> None:
        while len(self._queue) > self._size:
            self._polled -= _polled([self._queue.popleft()])
            self.dropped += 1


def _polled(entries: list[tuple[float, Reading]]) -> int:
    return sum(reading.source is Source.GATT for _, reading in entries)
