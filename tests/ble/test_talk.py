"""How a conversation goes, and that cleaning up outlasts a cancellation. asyncio, without bleak."""

import asyncio
from collections.abc import Coroutine
from typing import Any

import pytest

from hawk.ble.talk import Deadlines, News, bounded, finished, talk
from hawk.errors import BluetoothError, LinkLost, SilentDevice


class Script:
    """Says hello, asks again for each unusable frame and after silence, done at b"good"."""

    quiet = 0.02

    def __init__(self, patience: int = 2) -> None:
        self.patience, self._done = patience, False

    @property
    def done(self) -> bool:
        return self._done

    def begin(self) -> tuple[bytes, ...]:
        return (b"hello",)

    def receive(self, frame: bytes) -> tuple[bytes, ...]:
        self._done = frame == b"good"
        return () if self._done else (b"again",)

    def silent(self) -> tuple[bytes, ...]:
        self.patience -= 1
        if not self.patience:
            raise SilentDevice("nothing came")
        return (b"hello?",)


def converse(
    *news: bytes | BluetoothError, patience: int = 2
) -> tuple[list[bytes], type[BluetoothError] | None]:
    written: list[bytes] = []

    async def write(data: bytes) -> None:
        written.append(data)

    async def run() -> None:
        queue = News()
        for each in news:
            queue.put_nowait(each)
        await talk(Script(patience), queue, write)

    try:
        asyncio.run(run())
    except (LinkLost, SilentDevice) as error:
        return written, type(error)
    return written, None


def test_it_goes_on_until_the_conversation_is_done() -> None:
    assert converse(b"bad", b"good", b"never looked at") == ([b"hello", b"again"], None)


def test_silence_is_told_to_the_conversation_which_may_ask_again_and_give_up() -> None:
    assert converse(patience=3) == ([b"hello", b"hello?", b"hello?"], SilentDevice)


def test_frames_before_the_loss_of_the_link_still_count() -> None:
    assert converse(b"good", LinkLost("gone")) == ([b"hello"], None)
    assert converse(b"bad", LinkLost("gone")) == ([b"hello", b"again"], LinkLost)


# -- deadlines -------------------------------------------------------------------------------


async def late(whole: float, *steps: float, step: float = 0.05) -> tuple[str | None, float]:
    """What was waited for when time was up, and when that was."""
    began, watch = asyncio.get_running_loop().time(), Deadlines(whole, step)
    try:
        async with watch:
            for number, seconds in enumerate(steps):
                with watch.step(f"step {number}"):
                    await asyncio.sleep(seconds)
            await asyncio.sleep(1)
    except TimeoutError:
        return watch.what, asyncio.get_running_loop().time() - began
    return None, 0.0


@pytest.mark.parametrize(
    ("whole", "steps", "what", "at"),
    [
        (0.5, (1.0,), "step 0", 0.05),
        (0.5, (0.04, 0.04, 1.0), "step 2", 0.13),
        (0.2, (0.01,), "end the conversation", 0.2),
        (0.06, (0.04, 1.0), "step 1", 0.06),
    ],
)
def test_a_step_or_the_whole_ends_in_time(
    whole: float, steps: tuple[float, ...], what: str, at: float
) -> None:
    waited_for, ended = asyncio.run(late(whole, *steps))
    assert waited_for == what
    assert at - 0.001 <= ended < at + 0.5


def test_what_ends_in_time_is_left_alone() -> None:
    async def quick() -> str:
        watch = Deadlines(0.05, 0.02)
        async with watch:
            with watch.step("answer"):
                pass
        await asyncio.sleep(0.1)  # nothing fires afterwards
        return "done"

    assert asyncio.run(quick()) == "done"


# -- waiting ---------------------------------------------------------------------------------


async def log_end(log: list[str], seconds: float) -> None:
    try:
        await asyncio.sleep(seconds)
    finally:
        log.append("ended")


def cancelled_after(seconds: float, coroutine: Coroutine[Any, Any, None]) -> None:
    async def run() -> None:
        task = asyncio.create_task(coroutine)
        await asyncio.sleep(seconds)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(run())


def test_what_must_finish_does_so_though_its_caller_is_cancelled() -> None:
    log: list[str] = []

    async def work() -> None:
        await asyncio.sleep(0.05)
        log.append("worked")

    cancelled_after(0.01, finished(work(), 5.0))
    assert log == ["worked"]


def test_what_never_finishes_is_given_up() -> None:
    async def run() -> None:
        with pytest.raises(TimeoutError):
            await finished(asyncio.sleep(60), 0.01)

    asyncio.run(run())


def test_a_failure_is_the_callers() -> None:
    async def fail() -> None:
        raise LinkLost("gone")

    for wait in (finished(fail(), 5), bounded(fail(), 5, 1)):
        with pytest.raises(LinkLost):
            asyncio.run(wait)


def test_cancelling_a_bounded_wait_waits_for_the_cleaning_up() -> None:
    log: list[str] = []

    async def connect() -> None:
        try:
            await asyncio.sleep(60)
        finally:
            await log_end(log, 0.02)

    cancelled_after(0.01, bounded(connect(), 60, undo=5))
    assert log == ["ended"]


def test_a_cleaning_up_that_hangs_is_left_behind() -> None:
    async def connect() -> None:
        try:
            await asyncio.sleep(60)
        finally:
            await asyncio.sleep(60)

    cancelled_after(0.01, bounded(connect(), 60, undo=0.02))
