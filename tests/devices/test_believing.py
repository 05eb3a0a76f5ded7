"""A device actor corrects what it hears and reads, and keeps what cannot be out of the readings."""

import logging

import pytest
import trio
from trio.testing import MockClock

from hawk.devices.messages import PollNow
from hawk.errors import Implausible
from hawk.model.rules import Bounds, Correction, Reason
from tests.devices.stage import Stage, open_stage
from tests.doubles import Put, Session, advert, device

NEVER = 10_000_000.0  # [s] a polling interval after the first poll
LIMITS = {"voltage": Bounds(max=16, max_jump=2)}


async def rejected(stage: Stage) -> list[tuple[str, Reason, int, float]]:
    found = (await stage.connection()).view.rejections
    return [(each.last.quantity, each.last.reason, each.count, each.last.value) for each in found]


async def test_what_is_heard_and_what_is_read_are_corrected_alike(autojump_clock: MockClock) -> None:
    record = device(polling_interval=NEVER, calibration={"voltage": Correction(scale=1.01, offset=0.1)})
    async with open_stage(record) as stage:
        stage.radio.hear(advert(1, "12.60"))
        await trio.sleep(60)
        assert [volts for _, volts in stage.said()] == [12.826, 12.826]
        assert [reading.sample.extra for reading in stage.stored] == [{"raw_voltage": 12.6}] * 2
        assert (await stage.view()).live.values["voltage"].value == 12.826


async def test_a_new_calibration_holds_from_then_on(autojump_clock: MockClock) -> None:
    record = device(polling_interval=NEVER, plausibility=LIMITS)
    async with open_stage(record) as stage:
        stage.radio.hear(advert(1, "12.60"))
        await trio.sleep(30)
        stage.records.tell(Put(device(plausibility=LIMITS, calibration={"voltage": Correction(offset=3)})))
        await trio.sleep(1)
        stage.radio.hear(advert(1, "12.60"))
        await trio.sleep(1)
        assert stage.said()[-1][1] == 15.6  # no jump: it was measured otherwise before
        assert await rejected(stage) == []


async def test_a_value_that_cannot_be_is_no_reading_and_is_counted(autojump_clock: MockClock) -> None:
    async with open_stage(device(polling_interval=NEVER, plausibility=LIMITS)) as stage:
        stage.radio.hear(advert(1, "12.60"))
        await trio.sleep(30)
        for said in ("58.88 low", "58.88 low", "12.61"):
            stage.radio.hear(advert(1, said))
            await trio.sleep(61)
        assert {volts for _, volts in stage.said()} == {12.6, 12.61}
        assert await rejected(stage) == [("voltage", Reason.MAX, 2, 58.88)]
        assert (await stage.connection()).limits["voltage"] == Bounds(-1, 16, 2)
        assert (await stage.view()).live.status == "normal"


async def test_a_jump_is_a_reading_once_the_next_one_confirms_it(autojump_clock: MockClock) -> None:
    async with open_stage(device(polling_interval=NEVER, plausibility=LIMITS)) as stage:
        for said in ("12.60", "9.00", "9.10", "9.10"):
            stage.radio.hear(advert(1, said))
            await trio.sleep(6)
        assert [volts for _, volts in stage.said()][-1] == 9.1
        assert 9.0 not in {volts for _, volts in stage.said()}
        assert await rejected(stage) == [("voltage", Reason.MAX_JUMP, 1, 9.0)]


async def test_a_poll_of_which_nothing_is_believed_has_failed(autojump_clock: MockClock) -> None:
    async with open_stage(device(polling_interval=NEVER, plausibility=LIMITS)) as stage:
        stage.radio.script(1, Session(frames=(b"58.88",)), Session(frames=(b"12.60",)))
        ref = await stage.device()
        stage.radio.hear(advert(1))
        with pytest.raises(Implausible, match=r"voltage 58\.88 V is more than 16 V"):
            await ref.ask(PollNow()).within(60)
        view = await stage.view()
        assert view.outcome is not None and view.outcome.code == "implausible"
        assert stage.stored == []
        stage.radio.hear(advert(1))
        assert (await ref.ask(PollNow()).within(60)).sample.voltage == 12.6


async def test_the_log_says_when_it_begins_and_when_it_ends(
    autojump_clock: MockClock, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "hawk.devices.doubts")
    async with open_stage(device(polling_interval=NEVER, plausibility=LIMITS)) as stage:
        for said in ("12.60", "58.88", "58.90", "12.60", "58.88"):
            stage.radio.hear(advert(1, said))
            await trio.sleep(6)
    lines = [record.getMessage() for record in caplog.records if record.name == "hawk.devices.doubts"]
    assert lines == [
        "Toy 1 (02:00:00:00:00:01): voltage 58.88 V is more than 16 V: not believed",
        "Toy 1 (02:00:00:00:00:01): voltage 12.6 is believed again",
        "Toy 1 (02:00:00:00:00:01): voltage 58.88 V is more than 16 V: not believed",
    ]
