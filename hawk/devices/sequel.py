"""A conversation, and over the same link a second one when the first makes it worth it. Pure."""

from collections.abc import Callable

from hawk.ble.radio import Conversation


class Sequel:
    """Done with the second, if there is one. Its errors are those of the one that is being held."""

    def __init__(self, first: Conversation, then: Callable[[], Conversation | None]) -> None:
        """`then` is asked once, when the first is done."""
        self._talk, self._then = first, then
        self._first = True

    @property
    def quiet(self) -> float:
        return self._talk.quiet

    @property
    def done(self) -> bool:
        return self._talk.done

    def begin(self) -> tuple[bytes, ...]:
        return self._talk.begin()

    def receive(self, frame: bytes) -> tuple[bytes, ...]:
        return self._going_on(self._talk.receive(frame))

    def silent(self) -> tuple[bytes, ...]:
        return self._going_on(self._talk.silent())

    def _going_on(self, writes: tuple[bytes, ...]) -> tuple[bytes, ...]:
        if not self._first or not self._talk.done:
            return writes
        self._first = False
        if (second := self._then()) is None:
            return writes
        self._talk = second
        return (*writes, *second.begin())
