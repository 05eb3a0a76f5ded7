"""The bus: by type, by base, by key; nobody waits for a slow listener."""

from dataclasses import dataclass
from functools import partial
from typing import Any

import trio
from trio.testing import MockClock, wait_all_tasks_blocked

from actors import ChildSpec, MailboxSpec
from actors.testing import Probe, open_test_system, wait_until
from tests.actors.cast import supervised


@dataclass(frozen=True, slots=True)
class Fact:
    key: str


@dataclass(frozen=True, slots=True)
class SpecialFact(Fact):
    pass


@dataclass(frozen=True, slots=True)
class Other:
    pass


class Keyed(Probe):
    async def setup(self) -> None:
        self.subscribe(*self._events, key="mine")


async def test_events_come_by_type_base_and_key(autojump_clock: MockClock) -> None:
    all_, special, mine = list[Any](), list[Any](), list[Any]()
    async with open_test_system() as system:
        await system.start(ChildSpec("all", partial(Probe.start, all_, Fact)))
        await system.start(ChildSpec("special", partial(Probe.start, special, SpecialFact)))
        await system.start(ChildSpec("mine", partial(Keyed.start, mine, Fact)))
        for event in (Fact("mine"), SpecialFact("yours"), Other(), SpecialFact("mine")):
            system.bus.publish(event)
        await wait_all_tasks_blocked()
    assert all_ == [Fact("mine"), SpecialFact("yours"), SpecialFact("mine")]
    assert special == [SpecialFact("yours"), SpecialFact("mine")]
    assert mine == [Fact("mine"), SpecialFact("mine")]


class Slow(Probe):
    mailbox = MailboxSpec(size=1)


async def test_a_full_listener_loses_events_and_they_are_counted(autojump_clock: MockClock) -> None:
    heard: list[Any] = []
    async with open_test_system() as system:
        await system.start(ChildSpec("slow", partial(Slow.start, heard, Fact)))
        for i in range(5):
            system.bus.publish(Fact(str(i)))
        assert system.bus.lost == 4
        await wait_all_tasks_blocked()
    assert heard == [Fact("0")]


async def test_a_subscription_ends_with_its_incarnation(autojump_clock: MockClock) -> None:
    heard: list[Any] = []
    async with open_test_system() as system:
        ref = Probe.reserve("probe")
        await supervised(system, ChildSpec("probe", partial(Probe.start, heard, Fact), ref))
        actor = ref._actor_weakref()
        assert actor is not None
        actor._fail(RuntimeError("bug"))
        await wait_until(lambda: ref.incarnation == 2)
        await trio.sleep(1)
        system.bus.publish(Fact("once"))
        await wait_all_tasks_blocked()
    assert heard == [Fact("once")]


async def test_a_channel_ends_where_an_event_did_not_fit(autojump_clock: MockClock) -> None:
    async with open_test_system() as system:
        with system.bus.channel(Fact, size=2) as channel:
            for i in range(5):
                system.bus.publish(Fact(str(i)))
            assert [event.key async for event in channel.events] == ["0", "1"]
            assert channel.overflowed
        system.bus.publish(Fact("nobody"))
