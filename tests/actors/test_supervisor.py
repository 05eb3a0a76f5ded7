"""Supervision: order, strategies, intensity, escalation, and children that will not end."""

from functools import partial
from typing import Any

import pytest
import trio
from trio.testing import MockClock

from actors import (
    Actor,
    ActorDeadError,
    AskTimeout,
    ChildSpec,
    Down,
    FindChild,
    Intensity,
    Restart,
    RestartChild,
    RestartIntensityExceeded,
    StartChild,
    StopChild,
    Strategy,
    Supervisor,
    WhichChildren,
    open_system,
)
from actors.backoff import delay, recent
from actors.testing import Probe, open_test_system, wait_until
from tests.actors.cast import Add, Counter, Fail, Sleep, Total, living, spec, supervised

BUG = Fail(RuntimeError("bug"))


async def test_children_start_in_order_and_end_in_reverse(autojump_clock: MockClock) -> None:
    log: list[str] = []
    async with open_test_system() as system:
        await supervised(system, *(spec(name, log) for name in "abc"))
        assert log == ["a up", "b up", "c up"]
    assert log[3:] == ["c down", "b down", "a down"]


@pytest.mark.parametrize(
    ("strategy", "restarted"),
    [(Strategy.ONE_FOR_ONE, "b"), (Strategy.REST_FOR_ONE, "bc"), (Strategy.ONE_FOR_ALL, "abc")],
)
async def test_a_crash_restarts_what_the_strategy_says(
    autojump_clock: MockClock, strategy: Strategy, restarted: str
) -> None:
    log: list[str] = []
    async with open_test_system() as system:
        refs = {name: Counter.reserve(name) for name in "abc"}
        await supervised(system, *(spec(name, log, refs[name]) for name in "abc"), strategy=strategy)
        log.clear()
        refs["b"].tell(BUG)
        await wait_until(lambda: all(refs[name].incarnation == 2 for name in restarted))
        await trio.sleep(5)
        assert {name for name, ref in refs.items() if ref.incarnation == 2} == set(restarted)
        assert [line for line in log if line.endswith("up")] == [f"{name} up" for name in restarted]
        assert [line for line in log if line.endswith("down")] == [
            f"{name} down" for name in reversed(restarted) if name != "b"
        ]


@pytest.mark.parametrize("strategy", list(Strategy))
async def test_two_children_crash_at_once(autojump_clock: MockClock, strategy: Strategy) -> None:
    async with open_test_system() as system:
        refs = {name: Counter.reserve(name) for name in "abc"}
        root = await supervised(system, *(spec(name, None, refs[name]) for name in "abc"), strategy=strategy)
        refs["a"].tell(BUG)
        refs["c"].tell(BUG)
        await wait_until(lambda: refs["a"].incarnation >= 2 and refs["c"].incarnation >= 2)
        await trio.sleep(5)
        for ref in refs.values():
            ref.tell(Add(1))
            assert await ref.ask(Total()).within(1) == 1
        assert all(state.alive for state in await root.ask(WhichChildren()).within(1))


async def test_children_that_crash_too_often_crash_their_supervisor_which_is_restarted(
    autojump_clock: MockClock,
) -> None:
    async with open_test_system() as system:
        a, b = Counter.reserve("a"), Counter.reserve("b")
        few = Intensity(restarts=2, seconds=60)
        inner = partial(Supervisor.start, [spec("a", None, a), spec("b", None, b)], intensity=few)
        await supervised(system, ChildSpec("inner", inner))
        for _ in range(3):
            a.tell(BUG)
            await trio.sleep(5)
        (state,) = system.tree()[0].children
        assert (state.name, state.incarnation, state.restarts) == ("inner", 2, 1)
        assert "RestartIntensityExceeded" in (state.last_error or "")
        assert [child.alive for child in state.children] == [True, True]
        assert b.incarnation == 2, "its reserved ref survived"
        assert await b.ask(Total()).within(1) == 0


async def test_at_the_top_a_crash_ends_the_system(autojump_clock: MockClock) -> None:
    with pytest.raises(RestartIntensityExceeded):  # noqa: PT012  # all of it is the life of the system
        async with open_system() as system:
            a = Counter.reserve("a")
            await supervised(system, spec("a", None, a), intensity=Intensity(restarts=1))
            for _ in range(2):
                a.tell(BUG)
                await trio.sleep(5)


class Stillborn(Counter):
    """Its `setup` fails so many times."""

    left = 0

    async def setup(self) -> None:
        if Stillborn.left:
            Stillborn.left -= 1
            raise RuntimeError("not yet")
        await super().setup()


async def test_a_crash_in_setup_during_a_restart_is_tried_again(autojump_clock: MockClock) -> None:
    async with open_test_system() as system:
        ref = Stillborn.reserve("a")
        await supervised(system, ChildSpec("a", partial(Stillborn.start), ref))
        Stillborn.left = 3
        ref.tell(BUG)
        assert await ref.ask(Total()).within(30) == 0
        assert ref.incarnation == 5


class Dawdler(Counter):
    async def setup(self) -> None:
        if self.incarnation == 1:
            await trio.sleep_forever()


async def test_a_setup_that_hangs_is_a_crash(autojump_clock: MockClock) -> None:
    async with open_test_system() as system:
        ref = Dawdler.reserve("a")
        await supervised(system, ChildSpec("a", partial(Dawdler.start), ref), spec("b"))
        assert await ref.ask(Total()).within(30) == 0


class Inquirer(Counter):
    """Breaks the rule: its `setup` asks a sibling."""

    def __init__(self, sibling: Any) -> None:
        super().__init__()
        self._sibling = sibling

    async def setup(self) -> None:
        self.total = await self._sibling.ask(Total()).within(2)


async def test_a_setup_that_asks_a_crashed_sibling_ends_in_time(autojump_clock: MockClock) -> None:
    async with open_test_system() as system:
        a, b = Counter.reserve("a"), Inquirer.reserve("b")
        children = [spec("a", None, a), ChildSpec("b", partial(Inquirer.start, a), b)]
        root = await supervised(system, *children, strategy=Strategy.ONE_FOR_ALL)
        a.tell(BUG)
        await trio.sleep(1)
        assert await b.ask(Total()).within(30) == 0
        assert all(state.alive for state in await root.ask(WhichChildren()).within(1))


class Stubborn(Counter):
    """Will not end before its time."""

    mercy = 0.0

    async def teardown(self, error: Exception | None) -> None:
        with trio.CancelScope(shield=True):
            await trio.sleep(Stubborn.mercy)


async def test_a_child_that_ends_slowly_leaves_its_supervisor_awake(autojump_clock: MockClock) -> None:
    Stubborn.mercy = 4.0
    async with open_test_system() as system:
        root = await supervised(system, ChildSpec("slow", partial(Stubborn.start)), spec("quick"))
        stopped = root.ask(StopChild("slow"))
        await trio.sleep(0.1)
        states = await root.ask(WhichChildren()).within(0.5)
        assert [state.name for state in states] == ["slow", "quick"]
        assert await stopped.within(10) is True


class Deaf(Counter):
    """Ignores that it was cancelled."""

    async def on_receive(self, message: Any) -> Any:
        with trio.CancelScope(shield=True):
            await trio.sleep(100)


async def test_a_child_that_will_not_end_is_abandoned_and_shown(autojump_clock: MockClock) -> None:
    async with open_test_system() as system:
        deaf = Deaf.reserve("deaf")
        root = await supervised(system, ChildSpec("deaf", partial(Deaf.start), deaf, shutdown=3))
        deaf.tell(Add(1))
        await trio.sleep(0.1)
        assert await root.ask(RestartChild("deaf")).within(10) is True
        (state,) = await root.ask(WhichChildren()).within(1)
        assert (state.alive, state.incarnation, state.abandoned) == (True, 2, 1)
        await trio.sleep(120)
        (state,) = await root.ask(WhichChildren()).within(1)
        assert state.abandoned == 0


async def test_a_vital_child_that_stays_abandoned_makes_the_process_hopeless(
    autojump_clock: MockClock,
) -> None:
    reasons: list[str] = []
    async with open_system(on_hopeless=reasons.append) as system:
        deaf = Deaf.reserve("deaf")
        root = await supervised(system, ChildSpec("deaf", partial(Deaf.start), deaf, shutdown=3, vital=True))
        deaf.tell(Add(1))
        await trio.sleep(0.1)
        await root.ask(RestartChild("deaf")).within(10)
        await trio.sleep(61)
        assert len(reasons) == 1
        assert "deaf" in reasons[0]


async def test_a_teardown_that_overruns_is_cut_off(autojump_clock: MockClock) -> None:
    class Endless(Counter):
        stop_grace = 2.0

        async def teardown(self, error: Exception | None) -> None:
            await trio.sleep_forever()

    async with open_test_system() as system:
        root = await supervised(system, ChildSpec("a", partial(Endless.start)))
        started = trio.current_time()
        assert await root.ask(StopChild("a")).within(10) is True
        assert trio.current_time() - started < 4


async def test_what_was_sent_before_the_end_is_still_read(autojump_clock: MockClock) -> None:
    async with open_test_system() as system:
        root = await supervised(system, spec("a"))
        a = await root.ask(FindChild("a")).within(1)
        assert a is not None
        actor = living(a)
        for _ in range(100):
            a.tell(Add(1))
        await root.ask(StopChild("a")).within(5)
        assert actor.total == 100


async def test_an_actor_too_busy_to_read_the_end_is_cancelled(autojump_clock: MockClock) -> None:
    async with open_test_system() as system:
        root = await supervised(system, spec("a"))
        a = await root.ask(FindChild("a")).within(1)
        assert a is not None
        a.tell(Sleep(1000))
        started = trio.current_time()
        await root.ask(StopChild("a")).within(30)
        assert trio.current_time() - started < 3


async def test_children_come_go_and_change_behind_the_same_ref(autojump_clock: MockClock) -> None:
    async with open_test_system() as system:
        root = await supervised(system)
        a = await root.ask(StartChild(spec("a"))).within(1)
        assert await root.ask(FindChild("a")).within(1) is a
        assert await root.ask(
            RestartChild("a", ChildSpec("a", partial(Counter.start, "a", None, 41)))
        ).within(5)
        a.tell(Add(1))
        assert await a.ask(Total()).within(1) == 42
        assert await root.ask(StopChild("a")).within(5) is True
        assert await root.ask(StopChild("a")).within(5) is False
        assert await root.ask(FindChild("a")).within(1) is None
        with pytest.raises(ActorDeadError):
            a.tell(Add(1))


@pytest.mark.parametrize(
    ("policy", "after_stop", "after_crash"),
    [(Restart.PERMANENT, True, True), (Restart.TRANSIENT, False, True), (Restart.TEMPORARY, False, False)],
)
async def test_who_comes_back(
    autojump_clock: MockClock, policy: Restart, after_stop: bool, after_crash: bool
) -> None:
    async with open_test_system() as system:
        a, b = Counter.reserve("a"), Counter.reserve("b")
        await supervised(system, spec("a", None, a, restart=policy), spec("b", None, b, restart=policy))
        a.stop()
        b.tell(BUG)
        await trio.sleep(5)
        assert (a.is_alive(), b.is_alive()) == (after_stop, after_crash)
        assert (a.incarnation, b.incarnation) == (1 + after_stop, 1 + after_crash)


async def test_who_monitors_is_told_of_each_end(autojump_clock: MockClock) -> None:
    told: list[Any] = []

    class Watcher(Probe):
        def __init__(self, watched: Any) -> None:
            super().__init__(told)
            self._watched = watched

        async def setup(self) -> None:
            self.monitor(self._watched)

    async with open_test_system() as system:
        a, never = Counter.reserve("a"), Counter.reserve("never")
        await supervised(system, spec("a", None, a))
        for watched in (a, never):
            await system.start(ChildSpec(f"watch {watched}", partial(Watcher.start, watched)))
        await wait_until(lambda: told)
        assert told == [Down(never, 0)]
        a.tell(BUG)
        await wait_until(lambda: len(told) == 2)
        assert told[1] == Down(a, 1)


async def test_an_interrupt_in_a_handler_passes_through(autojump_clock: MockClock) -> None:
    with pytest.raises(BaseExceptionGroup) as ended:  # noqa: PT012  # it ends with the block
        async with open_system() as system:
            a = Counter.reserve("a")
            await supervised(system, spec("a", None, a))
            a.tell(Fail(KeyboardInterrupt()))
            await trio.sleep(1)
    assert ended.group_contains(KeyboardInterrupt)


async def test_the_tree_shows_everything(autojump_clock: MockClock) -> None:
    async with open_test_system() as system:
        inner = partial(Supervisor.start, [spec("leaf")])
        await supervised(system, spec("a"), ChildSpec("inner", inner))
        (root,) = system.tree()
        assert [child.name for child in root.children] == ["a", "inner"]
        assert [child.name for child in root.children[1].children] == ["leaf"]
        assert root.children[0].mailbox is not None


async def test_an_actor_is_only_asked_while_it_can_answer(autojump_clock: MockClock) -> None:
    async with open_test_system() as system:
        a = Counter.reserve("a")
        root = await supervised(system, spec("a", None, a))
        a.tell(Sleep(30))
        with pytest.raises(AskTimeout):
            await a.ask(Total()).within(1)
        assert (await root.ask(WhichChildren()).within(1))[0].alive


def test_the_wait_before_a_restart_doubles_up_to_a_bound() -> None:
    intensity = Intensity(restarts=8, seconds=60, first_delay=0.5, longest_delay=10)
    assert [delay(n, intensity) for n in range(1, 10)] == [0.5, 1, 2, 4, 8, 10, 10, 10, None]
    assert recent([0, 30, 61], 90, intensity) == [61]


def test_an_actor_of_its_own_needs_a_system() -> None:
    with pytest.raises(LookupError):
        Actor.start()
