"""Mailboxes: bounded, with a rule for when they are full; what waits survives a restart."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import pytest
import trio
from trio.testing import MockClock, wait_all_tasks_blocked

from actors import Actor, ActorRef, ChildSpec, MailboxFull, MailboxSpec, Overflow
from actors.testing import open_test_system, wait_until
from tests.actors.cast import Add, Counter, Fail, Sleep, Small, Total, spec, supervised


async def busy(system: Any, kind: type[Counter]) -> ActorRef[Any]:
    """An actor that handles a long message, with an empty mailbox behind it."""
    ref: ActorRef[Any] = await system.start(ChildSpec("small", partial(kind.start)))
    ref.tell(Sleep(10))
    await wait_all_tasks_blocked()
    return ref


async def test_a_full_one_refuses_and_send_waits_for_room(autojump_clock: MockClock) -> None:
    async with open_test_system() as system:
        small = await busy(system, Small)
        small.tell(Add(1))
        small.tell(Add(1))
        with pytest.raises(MailboxFull):
            small.tell(Add(1))
        with pytest.raises(MailboxFull):
            small.ask(Total())
        started = trio.current_time()
        await small.send(Add(1))
        assert trio.current_time() - started == pytest.approx(10)
        await wait_until(lambda: small.statistics().waiting == 0)
        assert await small.ask(Total()).within(1) == 3


class Oldest(Counter):
    mailbox = MailboxSpec(size=2, overflow=Overflow.DROP_OLDEST)


class Newest(Counter):
    mailbox = MailboxSpec(size=2, overflow=Overflow.DROP_NEWEST)


@pytest.mark.parametrize(("kind", "left"), [(Oldest, 4 + 8), (Newest, 1 + 2)])
async def test_a_full_one_drops_and_counts(autojump_clock: MockClock, kind: type[Counter], left: int) -> None:
    async with open_test_system() as system:
        ref = await busy(system, kind)
        for n in (1, 2, 4, 8):
            ref.tell(Add(n))
        assert (ref.statistics().waiting, ref.statistics().dropped) == (2, 2)
        await wait_until(lambda: ref.statistics().waiting == 0)
        assert await ref.ask(Total()).within(1) == left


async def test_a_dropped_question_is_answered(autojump_clock: MockClock) -> None:
    async with open_test_system() as system:
        ref = await busy(system, Oldest)
        asked = ref.ask(Total())
        ref.tell(Add(1))
        ref.tell(Add(1))
        with pytest.raises(MailboxFull):
            await asked.within(1)


async def test_another_thread_waits_for_room() -> None:
    async with open_test_system() as system:
        small = await system.start(ChildSpec("small", partial(Small.start)))

        def elsewhere() -> None:
            for _ in range(50):
                small.tell(Add(1))

        await trio.to_thread.run_sync(elsewhere)
        assert await small.ask(Total()).within(5) == 50


async def test_what_was_sent_during_a_restart_waits_for_the_next_incarnation(
    autojump_clock: MockClock,
) -> None:
    async with open_test_system() as system:
        counter = Counter.reserve("counter")
        await supervised(system, spec("counter", ref=counter))
        counter.tell(Add(100))
        counter.tell(Fail(RuntimeError("bug")))
        await wait_until(lambda: counter._actor_weakref() is None or counter.statistics().waiting == 0)
        counter.tell(Add(7))
        assert await counter.ask(Total()).within(5) == 7
        assert counter.incarnation == 2


async def test_what_was_sent_before_the_first_incarnation_waits(autojump_clock: MockClock) -> None:
    async with open_test_system() as system:
        counter = Counter.reserve("counter")
        counter.tell(Add(3))
        asked = counter.ask(Total())
        await supervised(system, spec("counter", ref=counter))
        assert await asked.within(1) == 3


@dataclass(frozen=True, slots=True)
class Tick:
    pass


class Clockwork(Actor):
    mailbox = MailboxSpec(size=1)

    def __init__(self, ticks: list[float], work: Callable[[], float]) -> None:
        super().__init__()
        self._ticks, self._work = ticks, work

    async def setup(self) -> None:
        self.every(1.0, Tick())

    async def on_receive(self, message: Any) -> None:
        self._ticks.append(trio.current_time())
        await trio.sleep(self._work())


async def test_ticks_come_in_time(autojump_clock: MockClock) -> None:
    ticks: list[float] = []
    async with open_test_system() as system:
        started = trio.current_time()
        await system.start(ChildSpec("clock", partial(Clockwork.start, ticks, lambda: 0.0)))
        await trio.sleep(5.5)
    assert [round(at - started) for at in ticks] == [1, 2, 3, 4, 5]


async def test_ticks_of_a_busy_actor_coalesce_and_never_crash_it(autojump_clock: MockClock) -> None:
    ticks: list[float] = []
    async with open_test_system() as system:
        clock = await system.start(ChildSpec("clock", partial(Clockwork.start, ticks, lambda: 10.0)))
        await trio.sleep(60)
        assert clock.statistics().waiting <= 1
        assert clock.incarnation == 1
    assert 5 <= len(ticks) <= 7
