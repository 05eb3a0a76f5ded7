"""The bridge to asyncio: nothing that happens in the loop takes Trio down, and the other way round."""

import asyncio
import contextlib
import gc
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
import trio

from actors.bridge import CLEAN_UP, Bridge, LoopGone


@asynccontextmanager
async def running() -> AsyncIterator[tuple[Bridge, trio.CancelScope]]:
    """The bridge, and what ends its owner."""
    bridge = Bridge("test")
    async with trio.open_nursery() as nursery:
        nursery.start_soon(bridge.run)
        await bridge.wait_open()
        yield bridge, nursery.cancel_scope
        nursery.cancel_scope.cancel()


async def double(n: int) -> int:
    await asyncio.sleep(0)
    return 2 * n


async def fail() -> None:
    raise ValueError("from asyncio")


class Session:
    """Takes its time to clean up."""

    def __init__(self) -> None:
        self.cleaned = False

    async def run(self) -> None:
        try:
            await asyncio.sleep(60)
        finally:
            await asyncio.sleep(0.05)
            self.cleaned = True


async def test_a_call_returns_or_raises_what_its_coroutine_does() -> None:
    async with running() as (bridge, _):
        assert await bridge.call(double, 21) == 42
        with pytest.raises(ValueError, match="from asyncio"):
            await bridge.call(fail)


async def test_a_closed_one_refuses_at_once() -> None:
    bridge = Bridge("test")
    with pytest.raises(LoopGone):
        await bridge.call(double, 1)


async def test_a_cancelled_call_waits_for_the_clean_up() -> None:
    session = Session()
    async with running() as (bridge, _):
        with trio.move_on_after(0.05) as scope:
            await bridge.call(session.run)
        assert scope.cancelled_caught
        assert session.cleaned


async def test_so_does_a_call_past_its_deadline() -> None:
    session = Session()
    async with running() as (bridge, _):
        with pytest.raises(trio.TooSlowError):
            await bridge.call(session.run, deadline=0.05)
        assert session.cleaned


async def test_an_ordinary_error_reaches_callers_when_the_owner_ends() -> None:
    session, told = Session(), list[str]()
    bridge = Bridge("test")

    async def call() -> None:
        try:
            await bridge.call(session.run)
        except LoopGone as gone:
            told.append(str(gone))

    async with trio.open_nursery() as callers, trio.open_nursery() as owner:
        owner.start_soon(bridge.run)
        await bridge.wait_open()
        callers.start_soon(call)
        await trio.sleep(0.05)
        owner.cancel_scope.cancel()
    assert len(told) == 1
    assert session.cleaned


async def stop_the_loop() -> None:
    asyncio.get_running_loop().stop()
    await asyncio.sleep(60)


async def cancel_the_loop() -> None:
    loop: Any = asyncio.get_running_loop()
    loop._nursery.cancel_scope.cancel()
    await asyncio.sleep(60)


@pytest.mark.parametrize("die", [stop_the_loop, cancel_the_loop])
async def test_a_loop_that_dies_under_its_callers_is_told_and_can_be_run_again(die: Any) -> None:
    bridge, told = Bridge("test"), list[str]()

    async def own() -> None:
        with pytest.raises(LoopGone):
            await bridge.run()
        told.append("owner")

    async def call() -> None:
        with pytest.raises(LoopGone):
            await bridge.call(asyncio.sleep, 60)
        told.append("caller")

    session = Session()

    async def tidy() -> None:
        with pytest.raises(LoopGone):
            await bridge.call(session.run)

    for _ in range(2):
        with trio.fail_after(5):
            async with trio.open_nursery() as nursery:
                nursery.start_soon(own)
                await bridge.wait_open()
                nursery.start_soon(call)
                nursery.start_soon(tidy)
                await trio.sleep(0.02)
                with pytest.raises(LoopGone):
                    await bridge.call(die)
        assert session.cleaned
        assert sorted(told) == ["caller", "owner"]
        assert not bridge.is_open
        told.clear()


@pytest.mark.parametrize("die", [stop_the_loop, cancel_the_loop])
async def test_what_a_library_has_in_a_loop_that_dies_is_ended_too(
    die: Any, caplog: pytest.LogCaptureFixture
) -> None:
    """bleak has a task there that watches D-Bus. One that waits for ever is complained about when it is forgotten."""
    library, tasks = Session(), list[asyncio.Task[None]]()

    async def watch_in_the_background() -> None:
        tasks.append(asyncio.get_running_loop().create_task(library.run()))
        await asyncio.sleep(0.01)

    bridge = Bridge("test")
    with trio.fail_after(5):
        async with trio.open_nursery() as nursery:

            async def own() -> None:
                with pytest.raises(LoopGone):
                    await bridge.run()

            nursery.start_soon(own)
            await bridge.wait_open()
            await bridge.call(watch_in_the_background)
            with pytest.raises(LoopGone):
                await bridge.call(die)
    assert library.cleaned
    assert tasks.pop().cancelled()
    gc.collect()
    assert caplog.text == ""


async def test_a_task_that_nobody_looks_after_does_not_end_the_loop(caplog: pytest.LogCaptureFixture) -> None:
    async def forget() -> None:
        asyncio.get_running_loop().call_soon(lambda: 1 / 0)
        await asyncio.sleep(0.02)

    async with running() as (bridge, _):
        await bridge.call(forget)
        assert await bridge.call(double, 1) == 2
    assert "ZeroDivisionError" in caplog.text


async def test_a_library_that_loses_a_cancellation_is_told_again() -> None:
    """As `asyncio.wait_for` of Python 3.11 does now and then."""

    async def deaf_once() -> None:
        with contextlib.suppress(asyncio.CancelledError):
            await asyncio.sleep(3600)
        await asyncio.sleep(3600)

    async def begin() -> "asyncio.Task[None]":
        return asyncio.create_task(deaf_once())

    with trio.fail_after(CLEAN_UP):
        async with running() as (bridge, _):
            task = await bridge.call(begin)
    assert task.cancelled()
