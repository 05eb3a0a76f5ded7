"""Groups: children that follow records somebody else owns."""

from collections.abc import Mapping
from functools import partial
from typing import Any

import trio
from trio.testing import MockClock

from actors import ActorRef, AskTimeout, ChildSpec, FindChild, Group, Reconcile, Supervisor, WhichChildren
from actors.testing import open_test_system, wait_until
from tests.actors.cast import Counter, Fail, supervised


class Fleet(Group[int]):
    """One counter for each entry of a table; `down` counts how often the table cannot be read."""

    def __init__(self, table: dict[str, int], changes: list[tuple[str, int]], down: list[int]) -> None:
        super().__init__()
        self._table, self._changes, self._down = table, changes, down

    async def wanted(self) -> Mapping[str, int]:
        if self._down[0]:
            self._down[0] -= 1
            raise AskTimeout("the owner is being restarted")
        await trio.sleep(0.01)
        return dict(self._table)

    def spec(self, name: str, record: int) -> ChildSpec:
        return ChildSpec(name, partial(Counter.start, name, None, record))

    def changed(self, ref: ActorRef[Any], name: str, record: int) -> None:
        self._changes.append((name, record))


async def names(group: ActorRef[Any]) -> set[str]:
    return {state.name for state in await group.ask(WhichChildren()).within(1)}


async def test_its_children_follow_the_records(autojump_clock: MockClock) -> None:
    table, changes = {"a": 1, "b": 2}, list[tuple[str, int]]()
    async with open_test_system() as system:
        group = await system.start(ChildSpec("fleet", partial(Fleet.start, table, changes, [0])))
        await trio.sleep(1)
        assert await names(group) == {"a", "b"}
        del table["a"]
        table["c"], table["b"] = 3, 20
        group.tell(Reconcile())
        await trio.sleep(3)
        assert await names(group) == {"b", "c"}
        assert changes == [("b", 20)]
        assert await group.ask(FindChild("a")).within(1) is None


async def test_it_waits_for_an_owner_that_is_down(autojump_clock: MockClock) -> None:
    async with open_test_system() as system:
        group = await system.start(ChildSpec("fleet", partial(Fleet.start, {"a": 1}, [], [5])))
        await trio.sleep(60)
        assert await names(group) == {"a"}


async def test_it_finds_its_children_again_after_a_restart_of_its_own(autojump_clock: MockClock) -> None:
    async with open_test_system() as system:
        ref = Fleet.reserve("fleet")
        await supervised(system, ChildSpec("fleet", partial(Fleet.start, {"a": 1, "b": 2}, [], [0]), ref))
        await trio.sleep(1)
        actor = ref._actor_weakref()
        assert isinstance(actor, Supervisor)
        actor._fail(RuntimeError("bug"))
        await wait_until(lambda: ref.incarnation == 2)
        await trio.sleep(3)
        assert await names(ref) == {"a", "b"}


async def test_a_crashed_child_is_restarted_alone(autojump_clock: MockClock) -> None:
    async with open_test_system() as system:
        group = await system.start(ChildSpec("fleet", partial(Fleet.start, {"a": 1, "b": 2}, [], [0])))
        await trio.sleep(1)
        a = await group.ask(FindChild("a")).within(1)
        assert a is not None
        a.tell(Fail(RuntimeError("bug")))
        await wait_until(lambda: a.incarnation == 2)
        assert {s.name: s.incarnation for s in await group.ask(WhichChildren()).within(1)} == {"a": 2, "b": 1}


async def test_many_changes_at_a_time_are_one(autojump_clock: MockClock) -> None:
    table = {"a": 1}
    async with open_test_system() as system:
        group = await system.start(ChildSpec("fleet", partial(Fleet.start, table, [], [0])))
        for i in range(50):
            table[f"n{i}"] = i
            group.tell(Reconcile())
        await trio.sleep(5)
        assert len(await names(group)) == 51


class Slow(Counter):
    """Takes two seconds to let go."""

    async def teardown(self, error: Exception | None) -> None:
        await trio.sleep(2)


class SlowFleet(Fleet):
    def spec(self, name: str, record: int) -> ChildSpec:
        return ChildSpec(name, partial(Slow.start, name, None, record))


async def test_its_children_end_all_at_once(autojump_clock: MockClock) -> None:
    table = {f"n{number}": number for number in range(8)}
    async with open_test_system() as system:
        group = await system.start(ChildSpec("fleet", partial(SlowFleet.start, table, [], [0])))
        await trio.sleep(1)
        assert len(await names(group)) == 8
        began = trio.current_time()
    assert trio.current_time() - began < 3
