"""A device that nobody connects to: all that is known of it is in its advertisements."""

import logging
from dataclasses import replace
from typing import Any

import pytest
import trio
from trio.testing import MockClock

from hawk.devices.messages import PollNow, Release
from hawk.errors import HeardOnly
from hawk.model.advertisement import Advertisement
from hawk.model.reading import Source
from tests.devices.stage import open_stage
from tests.doubles import WHISPERED, Put, advert, device

WHISPERER = device(device_type="WHISPER", config={"key": "abc"})


def whisper(text: str, key: str = "abc", **fields: Any) -> Advertisement:
    return advert(manufacturer_data={WHISPERED: f"{key} {text}".encode()}, **fields)


async def test_it_is_followed_and_recorded_and_never_connected_to(autojump_clock: MockClock) -> None:
    async with open_stage(WHISPERER) as stage:
        stage.radio.hear(whisper("12.60"))
        await trio.sleep(10)
        stage.radio.hear(whisper("12.61"))
        await trio.sleep(100)
        stage.radio.hear(whisper("12.62"))
        await trio.sleep(7200)
        assert stage.said() == [(0.1, 12.6), (110.1, 12.62)]
        assert stage.said(Source.GATT) == []
        assert stage.radio.calls == []


async def test_to_read_it_now_is_refused_with_a_sentence(autojump_clock: MockClock) -> None:
    async with open_stage(WHISPERER) as stage:
        with pytest.raises(HeardOnly, match="A WHISPER is only listened to"):
            await (await stage.device()).ask(PollNow()).within(5)


async def test_it_is_available_for_as_long_as_its_advertisements_are_young(autojump_clock: MockClock) -> None:
    async with open_stage(WHISPERER) as stage:
        assert not (await stage.view()).available
        stage.radio.hear(whisper("12.60"))
        await trio.sleep(290)
        view = await stage.view()
        assert (view.available, view.heard_only, view.interval) == (True, True, None)
        await trio.sleep(20)
        assert not (await stage.view()).available
        assert (await stage.connection()).next_poll is None


async def test_a_wrong_key_is_said_in_its_outcome_and_once_in_the_log(
    autojump_clock: MockClock, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "hawk")
    async with open_stage(WHISPERER) as stage:
        for _ in range(3):
            stage.radio.hear(whisper("12.60", key="other"))
            await trio.sleep(1)
        outcome = (await stage.view()).outcome
        assert outcome is not None
        assert (outcome.code, outcome.detail) == ("undecodable", "its key is not this one")
        assert stage.stored == []
        stage.radio.hear(whisper("12.60"))
        await trio.sleep(1)
        outcome = (await stage.view()).outcome
        assert outcome is not None
        assert outcome.code == "ok"
    said = [record.message for record in caplog.records if "Toy 1" in record.message]
    assert said == [
        "Toy 1 (02:00:00:00:00:01) is heard, but not understood: its key is not this one",
        "Toy 1 (02:00:00:00:00:01) is heard",
    ]


async def test_a_key_that_is_mended_works_at_once(autojump_clock: MockClock) -> None:
    async with open_stage(replace(WHISPERER, config={"key": "old"})) as stage:
        stage.radio.hear(whisper("12.60"))
        await trio.sleep(1)
        stage.records.tell(Put(WHISPERER))
        await trio.sleep(1)
        stage.radio.hear(whisper("12.70"))
        await trio.sleep(1)
        assert [voltage for _, voltage in stage.said()] == [12.7]


async def test_without_its_key_it_is_left_alone_and_that_is_said(
    autojump_clock: MockClock, caplog: pytest.LogCaptureFixture
) -> None:
    async with open_stage(replace(WHISPERER, config={}), device(2)) as stage:
        stage.radio.hear(whisper("12.60"))
        await trio.sleep(1)
        assert stage.stored == []
        assert (await stage.view(2)).device.device_type == "TOY"
    assert (
        "Toy 1 (02:00:00:00:00:01) is left alone: its config is wrong at /key: its key is needed"
        in caplog.text
    )


async def test_one_that_nobody_knows_is_found_though_it_is_sealed(autojump_clock: MockClock) -> None:
    async with open_stage() as stage:
        for _ in range(3):
            stage.radio.hear(whisper("12.60"))
            await trio.sleep(6)
        assert [(found.device_type, found.reason) for found in stage.shelf.asked] == [("WHISPER", "sealed")]


async def test_a_release_of_all_does_not_disturb_it(autojump_clock: MockClock) -> None:
    async with open_stage(WHISPERER) as stage:
        await stage.devices.ask(Release(600.0)).within(5)
        stage.radio.hear(whisper("12.60"))
        await trio.sleep(700)
        assert stage.said() == [(0.1, 12.6)]
        assert stage.radio.calls == []
