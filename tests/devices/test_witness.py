"""When a monitor is asked for its last start, and what becomes of it."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import pytest
import trio
from trio.testing import MockClock

from hawk.devices.sequel import Sequel
from hawk.devices.suspicion import ABSENT, AT_LEAST, TRY_AGAIN, Suspicion
from hawk.devices.witness import Witness
from hawk.drivers.bm_drivers import BM2, BM6
from hawk.errors import ClockUncertain, NoCranking
from hawk.model.reading import Sample
from tests.doubles import VirtualClock

NORMAL, CHARGING, BEACON = Sample(status="normal"), Sample(status="charging"), Sample(state_of_charge=80)


def after(*heard: tuple[float, Sample | None]) -> Suspicion:
    """A look at once, then what was heard, each so long after the one before."""
    suspicion, at = Suspicion(), 0.0
    assert suspicion.due(at)
    suspicion.note(NORMAL, at)
    suspicion.looked(at, ok=True)
    for seconds, sample in heard:
        at += seconds
        suspicion.note(sample, at)
    return suspicion


def every(seconds: float, times: int, sample: Sample | None) -> list[tuple[float, Sample | None]]:
    return [(seconds, sample)] * times


@pytest.mark.parametrize(
    ("heard", "raised"),
    [
        (every(6, 1000, NORMAL), False),
        (every(30, 100, None), False),
        (every(6, 1, CHARGING), True),  # an alternator, or the sun
        ([(6, BEACON), (6, None), (6, CHARGING)], True),
        (every(ABSENT + 1, 1, NORMAL), True),  # it was away
        (every(ABSENT + 1, 1, None), True),
        (every(3600, 1, NORMAL), True),  # nobody listens between polls
        (every(ABSENT, 10, NORMAL), False),
    ],
)
def test_a_new_start_is_suspected_when_it_begins_to_charge_or_was_away(
    heard: list[tuple[float, Sample | None]], raised: bool
) -> None:
    assert after(*heard).raised is raised


def test_one_that_charged_all_the_time_is_not_suspected() -> None:
    suspicion = after((6, CHARGING))
    suspicion.looked(10, ok=True)
    for at in range(16, 10_000, 6):
        suspicion.note(CHARGING, at)
    assert not suspicion.raised


def test_a_voltage_that_wavers_about_the_threshold_costs_no_link_each_time() -> None:
    suspicion, looks = after(), 0
    for at in range(0, 36_000, 10):
        suspicion.note(CHARGING if at % 20 else NORMAL, at)
        if suspicion.due(at):
            looks += 1
            suspicion.looked(at, ok=True)
    assert looks <= 36_000 / AT_LEAST


def test_after_a_look_in_vain_the_next_one_comes_later_and_does_come() -> None:
    suspicion = Suspicion()
    suspicion.looked(100, ok=False)
    assert not suspicion.due(100 + TRY_AGAIN - 1)
    assert suspicion.due(100 + TRY_AGAIN)


# -- one conversation after the other ------------------------------------------------------------------


@dataclass
class Talk:
    """Done after so many frames."""

    name: bytes
    frames: int
    quiet: float = 1.0
    heard: list[bytes] = field(default_factory=list)

    @property
    def done(self) -> bool:
        return len(self.heard) >= self.frames

    def begin(self) -> tuple[bytes, ...]:
        return (self.name,)

    def receive(self, frame: bytes) -> tuple[bytes, ...]:
        self.heard.append(frame)
        return ()

    def silent(self) -> tuple[bytes, ...]:
        return (self.name,)


def test_the_second_conversation_begins_when_the_first_is_done() -> None:
    first, second = Talk(b"one", 2), Talk(b"two", 1, quiet=9.0)
    talk = Sequel(first, lambda: second)
    assert [talk.begin(), talk.receive(b"a"), talk.receive(b"b")] == [(b"one",), (), (b"two",)]
    assert (talk.done, talk.quiet, talk.silent()) == (False, 9.0, (b"two",))
    assert (talk.receive(b"c"), talk.done) == ((), True)
    assert (first.heard, second.heard) == ([b"a", b"b"], [b"c"])


def test_without_a_second_one_it_ends_with_the_first() -> None:
    talk = Sequel(Talk(b"one", 1), lambda: None)
    talk.begin()
    assert (talk.receive(b"a"), talk.done) == ((), True)


# -- without a clock that can be trusted -----------------------------------------------------------------


def witness(driver: Any, clock: VirtualClock, spawn: Callable[..., Any]) -> Witness:
    return Witness(driver, lambda **_: None, lambda _: None, spawn, clock)  # type: ignore[arg-type, return-value]  # a stand-in for three callables


async def test_while_the_clock_is_not_trusted_nobody_is_asked_and_later_it_is(
    autojump_clock: MockClock,
) -> None:
    clock = VirtualClock()
    clock.trusted = False
    seen = witness(BM6, clock, spawn=lambda *_: trio.CancelScope())
    assert seen.beside_poll(NORMAL) is None
    clock.trusted = True
    assert seen.beside_poll(NORMAL) is not None


async def test_by_hand_that_is_said(autojump_clock: MockClock) -> None:
    clock = VirtualClock()
    clock.trusted = False
    async with trio.open_nursery() as nursery:

        def spawn(task: Callable[..., Any], *args: Any) -> trio.CancelScope:
            nursery.start_soon(task, *args)
            return trio.CancelScope()

        later = witness(BM6, clock, spawn).want()
    assert later._settled is not None
    assert isinstance(later._settled[1], ClockUncertain)


def test_a_family_without_such_a_memory_says_what_there_is_instead() -> None:
    with pytest.raises(NoCranking, match="hawk devices history"):
        witness(BM2, VirtualClock(), spawn=lambda *_: trio.CancelScope()).want()
