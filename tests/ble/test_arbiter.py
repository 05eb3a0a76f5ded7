from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import pytest
import trio
from trio.testing import MockClock

from actors import Actor, ActorRef, ActorSystem, AskTimeout, ChildSpec, RestartChild, Supervisor
from actors.testing import open_test_system
from hawk.ble.arbiter import DROP_ATTEMPTS, DROP_PAUSE, ArbiterActor
from hawk.ble.messages import (
    ArbiterStatus,
    GetArbiterStatus,
    LinkEstablished,
    ReleaseSlot,
    RequestSlot,
    Slot,
)
from hawk.ble.slots import Slots
from hawk.errors import HawkError, NoAdapter
from tests.doubles import ScriptedRadio, address

# -- the table ---------------------------------------------------------------------------------


def addresses(slots: Slots) -> list[int]:
    """Who is granted one now, by number."""
    granted = []
    while (slot := slots.grant()) is not None:
        granted.append(int(slot.address[-2:], 16))
    return granted


def test_one_link_is_established_at_a_time() -> None:
    slots = Slots(max_links=3)
    first, *_ = [slots.request(address(n), urgent=False) for n in (1, 2, 3, 4)]
    assert addresses(slots) == [1]
    slots.established(first.number)
    assert addresses(slots) == [2]


def test_no_more_links_are_held_than_allowed() -> None:
    slots = Slots(max_links=1)
    first, *_ = [slots.request(address(n), urgent=False) for n in (1, 2)]
    assert addresses(slots) == [1]
    slots.established(first.number)
    assert addresses(slots) == []
    slots.free(first.number)
    assert addresses(slots) == [2]


def test_a_person_comes_first_and_then_the_longest_waiting() -> None:
    slots = Slots(max_links=1)
    holding = slots.request(address(1), urgent=False)
    slots.grant()
    for number, urgent in ((2, False), (3, False), (4, True), (5, True)):
        slots.request(address(number), urgent=urgent)
    order = []
    number = holding.number
    for _ in range(4):
        slots.free(number)
        granted = slots.grant()
        assert granted is not None
        order.append(int(granted.address[-2:], 16))
        number = granted.number
    assert order == [4, 5, 2, 3]


def test_two_sessions_with_one_device_never_overlap() -> None:
    slots = Slots(max_links=2)
    for number in (1, 1, 2):
        slots.request(address(number), urgent=False)
    first = slots.grant()
    assert first is not None
    slots.established(first.number)
    assert addresses(slots) == [2]


def test_freeing_twice_or_what_was_never_given_changes_nothing() -> None:
    slots = Slots(max_links=1)
    first = slots.request(address(1), urgent=False)
    slots.grant()
    second = slots.request(address(2), urgent=False)
    slots.free(first.number)
    slots.free(first.number)
    slots.free(10**9)
    assert slots.grant() == second
    assert slots.held == (second,)


# -- the actor ---------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Want:
    number: int
    urgent: bool = False
    longest: float = 100.0


class Holder(Actor):
    """Asks for slots and notes when it got which; a string makes it crash."""

    def __init__(self, arbiter: ActorRef[Any], got: list[tuple[float, Slot]]) -> None:
        super().__init__()
        self._arbiter, self._got = arbiter, got

    def on_receive(self, message: Any) -> None:
        match message:
            case Want():
                self.spawn(self._want, message)
            case str():
                raise RuntimeError(message)

    async def _want(self, want: Want) -> None:
        request = RequestSlot(address(want.number), self.ref, want.longest, want.urgent)
        slot = await self._arbiter.ask(request).within(1000)
        self._got.append((trio.current_time(), slot))


@dataclass(slots=True)
class Stage:
    system: ActorSystem
    radio: ScriptedRadio
    arbiter: ActorRef[Any]
    root: ActorRef[Any]
    holder: ActorRef[Any]
    got: list[tuple[float, Slot]] = field(default_factory=list)

    def numbers(self) -> list[int]:
        return [int(slot.address[-2:], 16) for _, slot in self.got]

    async def status(self) -> ArbiterStatus:
        return await self.arbiter.ask(GetArbiterStatus()).within(1)

    async def rest(self, seconds: float = 0.01) -> None:
        await trio.sleep(seconds)


@asynccontextmanager
async def open_stage(max_links: int = 1) -> AsyncIterator[Stage]:
    radio, got = ScriptedRadio(), []  # type: ignore[var-annotated]  # its type is that of Stage.got
    arbiter, holder = ArbiterActor.reserve("arbiter"), Holder.reserve("holder")
    children = [
        ChildSpec("arbiter", partial(ArbiterActor.start, radio, max_links), arbiter),
        ChildSpec("holder", partial(Holder.start, arbiter, got), holder),
    ]
    async with open_test_system(expected=(HawkError,)) as system:
        root = await system.start(ChildSpec("root", lambda: Supervisor.start(children)))
        yield Stage(system, radio, arbiter, root, holder, got)


async def test_slots_go_round(autojump_clock: MockClock) -> None:
    async with open_stage() as stage:
        for number in (1, 2, 3):
            stage.holder.tell(Want(number))
        await stage.rest()
        assert stage.numbers() == [1]
        assert (await stage.status()).waiting == 2
        stage.arbiter.tell(ReleaseSlot(stage.got[0][1].number))
        await stage.rest()
        stage.arbiter.tell(ReleaseSlot(stage.got[0][1].number))  # twice: nothing happens
        await stage.rest()
        assert stage.numbers() == [1, 2]


async def test_the_next_one_connects_as_soon_as_a_link_is_up(autojump_clock: MockClock) -> None:
    async with open_stage(max_links=2) as stage:
        for number in (1, 2, 3):
            stage.holder.tell(Want(number))
        await stage.rest()
        assert stage.numbers() == [1]
        stage.arbiter.tell(LinkEstablished(stage.got[0][1].number))
        await stage.rest()
        assert stage.numbers() == [1, 2]
        stage.arbiter.tell(LinkEstablished(stage.got[1][1].number))
        await stage.rest()
        assert stage.numbers() == [1, 2]


async def test_who_gave_up_is_passed_over(autojump_clock: MockClock) -> None:
    async with open_stage() as stage:
        stage.holder.tell(Want(1))
        await stage.rest()
        with pytest.raises(AskTimeout):
            await stage.arbiter.ask(RequestSlot(address(2), stage.holder, 100)).within(5)
        stage.holder.tell(Want(3))
        await stage.rest()
        assert (await stage.status()).waiting == 1
        stage.arbiter.tell(ReleaseSlot(stage.got[0][1].number))
        await stage.rest()
        assert stage.numbers() == [1, 3]


async def test_who_was_cancelled_while_asking_holds_nothing(autojump_clock: MockClock) -> None:
    async with open_stage() as stage:
        with trio.CancelScope() as scope:
            scope.cancel()
            await stage.arbiter.ask(RequestSlot(address(1), stage.holder, 1000)).within(5)
        stage.holder.tell(Want(2))
        await stage.rest()
        assert stage.numbers() == [2]


async def test_a_holder_that_dies_gives_its_slot_back_after_the_link_is_gone(
    autojump_clock: MockClock,
) -> None:
    async with open_stage() as stage:
        stage.radio.dropping = 7.0
        stage.holder.tell(Want(1))
        await stage.rest()
        stage.holder.tell("die")
        stage.holder.tell(Want(2))  # read by the next incarnation, which has nothing to do with it
        await stage.rest(5)
        assert stage.numbers() == [1]
        assert (await stage.status()).held == (stage.got[0][1],)
        await stage.rest(5)
        assert stage.radio.dropped == [address(1)]
        assert stage.numbers() == [1, 2]
        assert (await stage.status()).taken_back == 1
        await stage.rest(90)  # the deadline of the first slot is nobody's any more
        assert (await stage.status()).held == (stage.got[1][1],)


async def test_who_dies_waiting_waits_no_longer(autojump_clock: MockClock) -> None:
    async with open_stage() as stage:
        own = await stage.arbiter.ask(RequestSlot(address(9), stage.root, 100)).within(1)
        stage.holder.tell(Want(1))
        await stage.rest()
        stage.holder.tell("die")
        await stage.rest(5)
        status = await stage.status()
        assert (status.held, status.waiting, status.taken_back) == ((own,), 0, 0)
        assert stage.radio.dropped == []


async def test_a_slot_held_for_too_long_is_taken_back(autojump_clock: MockClock) -> None:
    async with open_stage() as stage:
        stage.holder.tell(Want(1, longest=30))
        stage.holder.tell(Want(2))
        await stage.rest(29.9)
        assert stage.numbers() == [1]
        await stage.rest(1)
        assert stage.numbers() == [1, 2]
        assert stage.radio.dropped == [address(1)]
        stage.arbiter.tell(ReleaseSlot(stage.got[0][1].number))  # its holder wakes up at last
        await stage.rest()
        assert (await stage.status()).held == (stage.got[1][1],)


async def test_a_link_that_nobody_can_drop_blocks_the_others_for_a_minute_only(
    autojump_clock: MockClock,
) -> None:
    async with open_stage() as stage:
        stage.radio.refuse_drop = NoAdapter("gone")
        stage.holder.tell(Want(1, longest=30))
        stage.holder.tell(Want(2))
        await stage.rest(30 + DROP_ATTEMPTS * (stage.radio.dropping + DROP_PAUSE) + 0.1)
        assert stage.numbers() == [1, 2]


async def test_a_release_while_the_link_is_being_dropped_does_not_free_it_early(
    autojump_clock: MockClock,
) -> None:
    async with open_stage() as stage:
        stage.radio.dropping = 10.0
        stage.holder.tell(Want(1, longest=30))
        stage.holder.tell(Want(2))
        await stage.rest(35)
        stage.arbiter.tell(ReleaseSlot(stage.got[0][1].number))
        await stage.rest(1)
        assert stage.numbers() == [1]
        await stage.rest(10)
        assert stage.numbers() == [1, 2]


async def test_after_a_restart_old_numbers_mean_nothing(autojump_clock: MockClock) -> None:
    async with open_stage() as stage:
        stage.holder.tell(Want(1))
        await stage.rest()
        assert await stage.root.ask(RestartChild("arbiter")).within(5)
        stage.holder.tell(Want(2))
        await stage.rest()
        stage.arbiter.tell(ReleaseSlot(stage.got[0][1].number))
        await stage.rest()
        assert stage.numbers() == [1, 2]
        assert (await stage.status()).held == (stage.got[1][1],)
