"""Questions and answers: typed, under a deadline, later, or never."""

import threading
from functools import partial
from typing import Any

import pykka
import pytest
import trio
from trio.testing import MockClock

from actors import ActorCrashed, AskTimeout, ChildSpec, WouldBlock
from actors.testing import open_test_system, wait_until
from tests.actors.cast import (
    Add,
    Counter,
    Defer,
    Fail,
    FailInTask,
    Refused,
    Sleep,
    Total,
    living,
    spec,
    supervised,
)


async def test_what_was_told_is_counted_before_what_is_asked(autojump_clock: MockClock) -> None:
    async with open_test_system() as system:
        counter = await system.start(spec("counter"))
        counter.tell(Add(2))
        counter.tell(Add(3))
        assert await counter.ask(Total()).within(1) == 5
        assert await counter.ask(Total()) == 5
        assert await counter.ask(Total()).map(lambda n: n * 2) == 10
        assert pykka.ActorRegistry.get_by_class(Counter) == [counter]
        assert await counter.stop() is True
        await wait_until(lambda: not counter.is_alive())
        with pytest.raises(pykka.ActorDeadError):
            counter.tell(Add(1))


async def test_no_answer_in_time_is_an_error_and_the_ask_is_given_up(autojump_clock: MockClock) -> None:
    async with open_test_system() as system:
        counter = await system.start(spec("counter"))
        with pytest.raises(AskTimeout):
            await counter.ask(Defer()).within(5)
        (later,) = living(counter).deferred
        assert later.given_up
        assert later.resolve(7) is False


async def test_a_cancelled_asker_has_given_up(autojump_clock: MockClock) -> None:
    async with open_test_system() as system:
        counter = await system.start(spec("counter"))
        with trio.move_on_after(1):
            await counter.ask(Defer())
        assert living(counter).deferred[0].given_up


async def test_an_answer_can_come_later_and_says_whether_it_was_heard(autojump_clock: MockClock) -> None:
    async with open_test_system() as system, trio.open_nursery() as nursery:
        counter = await system.start(spec("counter"))
        answers: list[int] = []

        async def ask() -> None:
            answers.append(await counter.ask(Defer()).within(60))

        nursery.start_soon(ask)
        await wait_until(lambda: living(counter).deferred)
        (later,) = living(counter).deferred
        assert later.resolve(42) is True
        assert later.resolve(43) is False
        await wait_until(lambda: answers)
        assert answers == [42]


async def test_an_answer_can_be_a_later_failure(autojump_clock: MockClock) -> None:
    async with open_test_system() as system:
        counter = await system.start(spec("counter"))
        future = counter.ask(Defer())
        await wait_until(lambda: living(counter).deferred)
        living(counter).deferred[0].fail(Refused("no"))
        with pytest.raises(Refused):
            await future.within(1)


async def test_what_was_promised_for_later_dies_with_the_actor(autojump_clock: MockClock) -> None:
    async with open_test_system() as system:
        counter = Counter.reserve("counter")
        await supervised(system, spec("counter", ref=counter))
        future = counter.ask(Defer())
        await wait_until(lambda: living(counter).deferred)
        counter.tell(Fail(RuntimeError("bug")))
        with pytest.raises(ActorCrashed):
            await future.within(5)


async def test_an_expected_error_goes_to_the_asker_and_the_actor_lives(autojump_clock: MockClock) -> None:
    async with open_test_system(expected=(Refused,)) as system:
        counter = await system.start(spec("counter"))
        counter.tell(Add(1))
        with pytest.raises(Refused):
            await counter.ask(Fail(Refused("out of range"))).within(1)
        assert await counter.ask(Total()).within(1) == 1
        assert counter.incarnation == 1


@pytest.mark.parametrize("message", [Fail(KeyError("x")), FailInTask(KeyError("x"))])
async def test_a_bug_crashes_the_actor_and_only_that(autojump_clock: MockClock, message: object) -> None:
    async with open_test_system(expected=(Refused,)) as system:
        counter, other = Counter.reserve("counter"), Counter.reserve("other")
        await supervised(system, spec("counter", ref=counter), spec("other", ref=other))
        counter.tell(Add(5))
        if isinstance(message, Fail):
            with pytest.raises(ActorCrashed):
                await counter.ask(message).within(5)
        else:
            counter.tell(message)
        await wait_until(lambda: counter.incarnation == 2)
        assert await counter.ask(Total()).within(5) == 0
        assert other.incarnation == 1


async def test_an_expected_error_after_a_tell_is_a_crash_because_nobody_hears_it(
    autojump_clock: MockClock,
) -> None:
    async with open_test_system(expected=(Refused,)) as system:
        counter = Counter.reserve("counter")
        await supervised(system, spec("counter", ref=counter))
        counter.tell(Fail(Refused("unheard")))
        await wait_until(lambda: counter.incarnation == 2)


async def test_the_trio_thread_never_blocks(autojump_clock: MockClock) -> None:
    async with open_test_system() as system:
        counter = await system.start(spec("counter"))
        with pytest.raises(WouldBlock):
            counter.ask(Defer()).get()


async def test_another_thread_asks_and_tells() -> None:
    async with open_test_system() as system:
        counter = await system.start(spec("counter"))
        said: list[Any] = []

        def elsewhere() -> None:
            counter.tell(Add(4))
            said.append(counter.ask(Total(), timeout=5))
            said.append(threading.get_ident())

        await trio.to_thread.run_sync(elsewhere)
        assert said[0] == 4
        assert said[1] != threading.get_ident()


async def test_another_thread_gives_up_after_its_timeout() -> None:
    async with open_test_system() as system:
        counter = await system.start(spec("counter"))

        def elsewhere() -> None:
            with pytest.raises(pykka.Timeout):
                counter.ask(Defer(), timeout=0.05)

        await trio.to_thread.run_sync(elsewhere)
        assert living(counter).deferred[0].given_up


async def test_who_asks_a_busy_actor_that_ends_is_told(autojump_clock: MockClock) -> None:
    async with open_test_system() as system:
        counter = await system.start(ChildSpec("counter", partial(Counter.start), shutdown=2))
        counter.tell(Sleep(100))
        future = counter.ask(Total())
        await system.stop()
        with pytest.raises(pykka.ActorDeadError):
            await future.within(1)
