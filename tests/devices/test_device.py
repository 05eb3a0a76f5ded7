import logging
from dataclasses import replace
from typing import Any

import pytest
import trio
from trio.testing import MockClock

from actors import AskTimeout, RestartChild
from hawk.ble.radio import Limits
from hawk.cli.running import PATIENCE
from hawk.devices.device import _PollDue, _PollEnded
from hawk.devices.messages import POLL_WITHIN, PollNow
from hawk.devices.policy import InsidePoll
from hawk.devices.poll import Polled, Poller
from hawk.devices.visit import SLOT_WITHIN_URGENT, Visitor
from hawk.drivers.api import Heard
from hawk.errors import (
    BluetoothOff,
    BluetoothStuck,
    Busy,
    ConnectFailed,
    ConnectTimedOut,
    LinkLost,
    NoAdapter,
    NoPermission,
    NotHeard,
    SilentDevice,
    Undecodable,
)
from hawk.events import DeviceSeen, DeviceUpdated, ReadingTaken
from hawk.model.device import LinkState, Retry
from hawk.model.live import Measured
from hawk.model.reading import Moment, Sample, Source
from tests.devices.stage import open_stage
from tests.doubles import NOON, TOY, Put, Session, address, advert, device

NEVER = 10_000_000.0  # [s] a polling interval after the first poll

# -- hearing -----------------------------------------------------------------------------------


async def test_a_voltage_that_returns_to_an_earlier_value_is_recorded_each_time(
    autojump_clock: MockClock,
) -> None:
    async with open_stage(device(polling_interval=NEVER)) as stage:
        for said in ("12.60", "12.80", "12.60", "12.80"):
            for _ in range(6):
                stage.radio.hear(advert(1, said))
                await trio.sleep(1)
        assert [volts for _, volts in stage.said(Source.ADVERTISEMENT)] == [12.60, 12.80, 12.60, 12.80]


async def test_an_unchanged_voltage_is_recorded_once_a_minute(autojump_clock: MockClock) -> None:
    async with open_stage(device(polling_interval=NEVER)) as stage:
        for _ in range(300):
            stage.radio.hear(advert(1, "12.60"))
            await trio.sleep(1)
        times = [at for at, _ in stage.said(Source.ADVERTISEMENT)]
        assert times == [0.1, 60.1, 120.1, 180.1, 240.1]


async def test_a_change_of_status_is_recorded_at_once(autojump_clock: MockClock) -> None:
    async with open_stage(device(polling_interval=NEVER)) as stage:
        stage.radio.hear(advert(1, "12.60 normal"))
        await trio.sleep(6)
        stage.radio.hear(advert(1, "12.60 low"))
        await trio.sleep(0.1)
        heard = [r for r in stage.stored if r.source is Source.ADVERTISEMENT]
        assert [r.sample.status for r in heard] == ["normal", "low"]


async def test_a_beacon_refreshes_the_view_but_is_no_reading(autojump_clock: MockClock) -> None:
    async with open_stage(device(polling_interval=NEVER)) as stage:
        stage.radio.script(1, Session(refuse=ConnectFailed("no")))
        for charge in (80.0, 81.0):
            stage.radio.hear(advert(1, beacon=charge, rssi=-71))
            await trio.sleep(70)
        view = await stage.view()
        assert view.live.values["state_of_charge"].value == 81.0
        assert view.rssi == -71
        assert view.available
        assert stage.stored == []
        stage.radio.hear(advert(1, "12.60"))  # and it began no minute
        await trio.sleep(0.1)
        assert len(stage.stored) == 1


async def test_a_reading_says_who_when_and_how(autojump_clock: MockClock) -> None:
    async with open_stage(device(polling_interval=NEVER)) as stage:
        stage.radio.hear(advert(1, "12.60 low", rssi=-77, adapter="hci1", simulated=True))
        await trio.sleep(0.1)
        (reading,) = stage.stored
        assert (reading.device_id, reading.device_name, reading.device_type) == (address(1), "Toy 1", "TOY")
        assert (reading.vehicle_id, reading.vehicle_name) == ("vehicle_1", None)
        assert (reading.moment.utc, reading.source) == (NOON + 100, Source.ADVERTISEMENT)
        assert (reading.rssi, reading.adapter, reading.simulated) == (-77, "hci1", True)
        assert (reading.gateway_id, reading.seq) == ("00000000abcd", None)
        assert stage.of(ReadingTaken) == [ReadingTaken(reading)]


async def test_without_a_trusted_clock_a_reading_has_no_utc(autojump_clock: MockClock) -> None:
    async with open_stage(device(polling_interval=NEVER)) as stage:
        stage.clock.trusted = False
        stage.radio.hear(advert(1, "12.60"))
        await trio.sleep(0.1)
        (reading,) = stage.stored
        assert reading.moment == Moment(None, 0.1)


async def test_what_another_driver_understood_is_never_a_reading(autojump_clock: MockClock) -> None:
    """Until the scanner has the registry's word it guesses: here a toy, where the record says mute."""
    async with open_stage(device(1, device_type="MUTE", polling_interval=NEVER)) as stage:
        heard = Heard(Sample(voltage=12.6), proven=True, recordable=True)
        stage.system.bus.publish(DeviceSeen(advert(1, "12.60"), stage.clock.moment(), "TOY", heard))
        await trio.sleep(0.1)
        assert stage.stored == []
        assert (await stage.view()).last_seen is not None


async def test_after_a_restart_the_last_reading_is_shown_with_its_age(autojump_clock: MockClock) -> None:
    async with open_stage(device(polling_interval=NEVER)) as stage:
        stage.radio.script(1, *[Session(refuse=ConnectFailed("no")) for _ in range(9)])
        stage.radio.hear(advert(1, "12.60"))
        await trio.sleep(100)
        stage.devices.tell(RestartChild(address(1)))
        await trio.sleep(0.1)
        live = (await stage.view()).live
        assert live.values == {"voltage": Measured(12.6, Moment(NOON + 100, 0.1))}
        stage.radio.hear(advert(1, beacon=80))  # something newer, of another quantity
        await trio.sleep(0.1)
        live = (await stage.view()).live
        assert {quantity: measured.value for quantity, measured in live.values.items()} == {
            "voltage": 12.6,
            "state_of_charge": 80,
        }


async def test_after_a_restart_what_only_a_poll_tells_is_shown_with_the_time_of_the_poll(
    autojump_clock: MockClock,
) -> None:
    async with open_stage(device(polling_interval=NEVER)) as stage:
        stage.radio.script(1, *[Session(refuse=ConnectFailed("no")) for _ in range(9)])
        stage.radio.hear(advert(1, "12.60"))
        await trio.sleep(100)
        (newest,) = stage.stored
        polled = Sample(voltage=12.4, temperature=21)
        stage.stored.insert(0, replace(newest, sample=polled, source=Source.GATT, moment=Moment(NOON, 0.0)))
        stage.devices.tell(RestartChild(address(1)))
        await trio.sleep(0.1)
        assert (await stage.view()).live.values == {
            "voltage": Measured(12.6, Moment(NOON + 100, 0.1)),
            "temperature": Measured(21, Moment(NOON, 0.0)),
        }


async def test_the_first_advert_after_a_failed_poll_does_not_end_the_wait(autojump_clock: MockClock) -> None:
    """The device was there all the time."""
    async with open_stage(device(retry=Retry(attempts=3, interval=60.0))) as stage:
        stage.radio.script(1, *[Session(refuse=Undecodable("no")) for _ in range(9)])
        stage.radio.hear(advert(1, "12.60"))
        await trio.sleep(20)
        stage.radio.hear(advert(1, "12.60"))
        await trio.sleep(20)
        assert len(stage.polls()) == 1


@pytest.mark.parametrize(
    "wrong",
    [
        {"moment": Moment(None, 0.0)},
        {"moment": Moment(NOON + 3_600_000, 3600.0)},
        {"device_type": "OTHER"},
        {"simulated": True},
    ],
    ids=["undated", "from the future", "of another driver", "simulated"],
)
async def test_a_reading_whose_age_or_origin_is_uncertain_is_not_shown_again(
    wrong: dict[str, Any], autojump_clock: MockClock
) -> None:
    async with open_stage(device(polling_interval=NEVER)) as stage:
        stage.radio.script(1, *[Session(refuse=ConnectFailed("no")) for _ in range(9)])
        stage.radio.hear(advert(1, "12.60"))
        await trio.sleep(1)
        stage.stored[-1] = replace(stage.stored[-1], **wrong)
        stage.devices.tell(RestartChild(address(1)))
        await trio.sleep(0.1)
        assert (await stage.view()).live.values == {}


async def test_a_device_of_another_type_than_its_record_says_is_told_once(
    autojump_clock: MockClock, caplog: pytest.LogCaptureFixture
) -> None:
    async with open_stage(device(1, device_type="MUTE", polling_interval=NEVER)) as stage:
        stage.radio.script(1, Session(refuse=ConnectFailed("no")))
        for _ in range(3):
            stage.radio.hear(advert(1, "12.60"))
            await trio.sleep(1)
        view = await stage.view()
        assert (view.proven_type, view.live.values) == ("TOY", {})
        assert stage.stored == []
        assert caplog.text.count("is a TOY by what it says, not a MUTE") == 1
        stage.records.tell(Put(device(1, polling_interval=NEVER)))
        await trio.sleep(0.1)
        stage.radio.hear(advert(1, "12.60"))
        await trio.sleep(0.1)
        view = await stage.view()
        assert (view.proven_type, view.live.values["voltage"].value) == (None, 12.6)


async def test_a_value_that_no_frame_renewed_is_stale_beside_a_fresh_one(autojump_clock: MockClock) -> None:
    async with open_stage(device(polling_interval=100.0)) as stage:
        stage.radio.hear(advert(1, beacon=80))  # the charge comes from beacons alone
        await trio.sleep(310)
        stage.radio.script(1, *[Session(refuse=ConnectFailed("no")) for _ in range(99)])
        for _ in range(10):
            stage.radio.hear(advert(1, "12.60"))
            await trio.sleep(1)
        view = await stage.view()
        assert view.available
        assert view.stale == {"state_of_charge"}


async def test_the_link_is_held_by_another_program_of_this_machine(autojump_clock: MockClock) -> None:
    async with open_stage(device(polling_interval=NEVER)) as stage:
        await trio.sleep(10)  # what a killed process left has been looked for
        stage.radio.left = {address(1)}
        await trio.sleep(70)
        view = await stage.view()
        assert view.outcome is not None
        assert (view.outcome.code, view.link) == ("held_by_another", LinkState.DISCONNECTED)


async def test_it_is_read_through_the_adapter_that_hears_it_best(autojump_clock: MockClock) -> None:
    async with open_stage(device(1, polling_interval=NEVER), device(2, polling_interval=NEVER)) as stage:
        for number, near, far in ((1, "hci0", "hci1"), (2, "hci1", "hci0")):
            stage.radio.hear(advert(number, beacon=80, rssi=-50, adapter=near))
            stage.radio.hear(advert(number, beacon=80, rssi=-90, adapter=far))
        await trio.sleep(30)
        assert sorted(stage.radio.adapters) == ["hci0", "hci1"]
        assert {whom: by for (_, whom), by in zip(stage.radio.calls, stage.radio.adapters, strict=True)} == {
            address(1): "hci0",
            address(2): "hci1",
        }
        assert stage.radio.most_establishing == 2  # each adapter has links of its own


async def test_data_that_grow_old_make_the_device_unavailable(autojump_clock: MockClock) -> None:
    async with open_stage(device(polling_interval=NEVER)) as stage:
        stage.records.tell(Put(device(polling_interval=40.0)))  # the age follows: 300 s
        stage.radio.script(1, Session(), Session(refuse=ConnectFailed("no")))
        stage.radio.hear(advert(1, "12.60"))
        await trio.sleep(5)
        assert (await stage.view()).available
        read_at = stage.said(Source.GATT)[0][0]
        await trio.sleep_until(read_at + 299.9)
        assert (await stage.view()).available
        await trio.sleep_until(read_at + 300.2)
        assert not (await stage.view()).available
        assert not stage.of(DeviceUpdated)[-1].view.available
        stage.radio.hear(advert(1, "12.60"))
        await trio.sleep(0.1)
        assert (await stage.view()).available


# -- polling -----------------------------------------------------------------------------------


async def test_a_device_is_read_soon_after_the_start_and_then_at_its_interval(
    autojump_clock: MockClock,
) -> None:
    async with open_stage(device(polling_interval=600.0)) as stage:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(stage.radio.chatter, advert(1))
            await trio.sleep(1900)
            nursery.cancel_scope.cancel()
        assert stage.polls() == [0, 600, 1200, 1800]
        assert [volts for _, volts in stage.said(Source.GATT)] == [12.60] * 4
        connection = await stage.connection()
        assert (connection.view.counters.polls, connection.view.counters.ok) == (4, 4)
        assert connection.view.counters.last_duration == pytest.approx(2.6)
        assert connection.view.counters.mean_duration == pytest.approx(2.6)
        assert connection.next_poll == pytest.approx(500, abs=1)
        assert (await stage.slots()).held == ()


async def test_the_reading_is_there_before_the_link_is_gone(autojump_clock: MockClock) -> None:
    async with open_stage(device()) as stage:
        stage.radio.hear(advert(1))
        await trio.sleep(0.8)
        assert stage.radio.linked == {address(1)}
        assert [volts for _, volts in stage.said(Source.GATT)] == [12.60]
        view = await stage.view()
        assert (view.link, view.live.values["voltage"].value) == (LinkState.DISCONNECTING, 12.60)


async def test_the_link_is_told_step_by_step_and_kept(autojump_clock: MockClock) -> None:
    async with open_stage(device()) as stage:
        stage.radio.hear(advert(1))
        await trio.sleep(5)
        steps = [LinkState.CONNECTING, LinkState.CONNECTED, LinkState.DISCONNECTING, LinkState.DISCONNECTED,
                 LinkState.IDLE]  # fmt: skip
        assert [each.state for each in (await stage.connection()).transitions] == steps
        told = [event.view.link for event in stage.of(DeviceUpdated)]
        assert [state for i, state in enumerate(told) if i == 0 or told[i - 1] is not state] == [
            LinkState.IDLE, *steps,
        ]  # fmt: skip
        assert (await stage.view()).outcome is not None


async def test_a_reading_counts_even_if_the_parting_goes_wrong(autojump_clock: MockClock) -> None:
    async with open_stage(device()) as stage:
        stage.radio.script(1, Session(part=LinkLost("at the end")))
        stage.radio.hear(advert(1))
        await trio.sleep(10)
        assert [volts for _, volts in stage.said(Source.GATT)] == [12.60]
        assert (await stage.connection()).view.counters.ok == 1


async def test_connecting_that_fails_by_chance_is_tried_again_in_the_same_poll(
    autojump_clock: MockClock,
) -> None:
    async with open_stage(device()) as stage:
        stage.radio.script(
            1,
            Session(refuse=ConnectFailed("by chance")),
            Session(frames=(), lose=LinkLost("by chance")),
            Session(),
        )
        stage.radio.hear(advert(1))
        await trio.sleep(15)
        assert len(stage.polls()) == 3
        connection = await stage.connection()
        assert (connection.view.counters.polls, connection.view.counters.ok) == (1, 1)


async def test_a_device_that_is_heard_but_cannot_be_read_is_retried_by_the_numbers(
    autojump_clock: MockClock, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, logger="hawk.devices")
    async with open_stage(device()) as stage:
        stage.radio.script(1, Session(frames=(b"soup",)))
        async with trio.open_nursery() as nursery:
            nursery.start_soon(stage.radio.chatter, advert(1))
            await trio.sleep(1000)
            nursery.cancel_scope.cancel()
        # A poll lasts 18.6 s: 4 requests, 4 s each, and the parting.
        assert stage.polls() == [0, 78, 157, 475, 794]
        view = await stage.view()
        assert view.outcome is not None
        assert (view.outcome.code, view.link) == ("undecodable", LinkState.ERROR)
        assert "soup" in view.outcome.detail
        assert stage.stored == []
        assert not view.available
        assert len(caplog.records) == 1


async def test_a_device_that_is_away_is_sought_less_and_less_often(autojump_clock: MockClock) -> None:
    async with open_stage(device()) as stage:
        starts = []
        for _ in range(9):
            waiting = (await stage.connection()).next_poll
            assert waiting is None  # seeking
            starts.append(round(trio.current_time()))
            await trio.sleep(60.1)
            waiting = (await stage.connection()).next_poll
            assert waiting is not None
            starts[-1] = round(waiting)
            await trio.sleep(waiting + 0.1)
        assert starts == [60, 60, 300, 600, 1200, 2400, 3600, 3600, 3600]
        view = await stage.view()
        assert view.outcome is not None
        assert (view.outcome.code, view.link) == ("not_heard", LinkState.DISCONNECTED)
        assert stage.polls() == []


async def test_a_device_that_comes_home_is_read_at_once(autojump_clock: MockClock) -> None:
    async with open_stage(device()) as stage:
        await trio.sleep(4000)
        assert (await stage.connection()).next_poll is not None
        stage.radio.hear(advert(1))
        await trio.sleep(0.8)
        assert [volts for _, volts in stage.said(Source.GATT)] == [12.60]


async def test_an_adapter_that_comes_back_ends_the_waiting(autojump_clock: MockClock) -> None:
    async with open_stage(device()) as stage:
        await trio.sleep(5)
        stage.radio.fail(NoAdapter("pulled"))
        await trio.sleep(400)
        view = await stage.view()
        assert view.outcome is not None
        assert view.outcome.code == "no_adapter"
        stage.radio.recover()
        await trio.sleep(31)
        stage.radio.hear(advert(1))
        await trio.sleep(0.8)
        assert [volts for _, volts in stage.said(Source.GATT)] == [12.60]


@pytest.mark.parametrize("error", [NoAdapter("pulled"), BluetoothOff("off"), NoPermission("no")])
async def test_an_outage_is_told_apart_and_counted_by_outcome_but_not_held_against_the_link(
    error: NoAdapter, autojump_clock: MockClock
) -> None:
    async with open_stage(device(retry=Retry(attempts=1))) as stage:
        await trio.sleep(5)
        stage.radio.fail(error)
        await trio.sleep(400)
        view, connection = await stage.view(), await stage.connection()
        assert view.outcome is not None
        assert view.outcome.code == error.outcome
        assert connection.transitions[-1].reason == error.outcome
        counters = connection.view.counters
        assert counters.polls == counters.failed == counters.failed_by[error.outcome] == 2
        assert (counters.skipped, connection.view.quality.attempts) == (0, 0)


async def test_a_session_that_finds_bluetooth_hanging_has_the_scan_looked_at(
    autojump_clock: MockClock,
) -> None:
    async with open_stage(device(polling_interval=NEVER)) as stage:
        await trio.sleep(30)
        stage.radio.script(1, Session(refuse=BluetoothStuck("does not answer")))
        stage.radio.hear(advert(1))
        await trio.sleep(10)
        view = await stage.view()
        assert view.outcome is not None
        assert view.outcome.code == "bluetooth_stuck"
        assert stage.radio.scans == 2


async def test_a_device_that_is_not_heard_because_bluetooth_hangs_is_not_blamed(
    autojump_clock: MockClock,
) -> None:
    async with open_stage(device(polling_interval=NEVER)) as stage:
        stage.radio.refuse_links = BluetoothStuck("does not answer")
        await trio.sleep(70)
        view = await stage.view()
        assert view.outcome is not None
        assert view.outcome.code == "bluetooth_stuck"
        assert stage.radio.scans == 2


async def test_a_device_that_falls_silent_after_a_vain_attempt_was_heard_all_the_same(
    autojump_clock: MockClock,
) -> None:
    async with open_stage(device(polling_interval=NEVER)) as stage:
        stage.radio.script(1, Session(linking=45.0, refuse=ConnectTimedOut("no link")))
        stage.radio.hear(advert(1))
        await trio.sleep(110)
        view = await stage.view()
        assert view.outcome is not None
        assert (view.outcome.code, view.link) == ("connect_timed_out", LinkState.ERROR)


async def test_a_device_heard_all_the_time_is_not_connected_to_with_every_advert(
    autojump_clock: MockClock,
) -> None:
    async with open_stage(device(retry=Retry(attempts=1))) as stage:
        stage.radio.script(1, Session(refuse=NoAdapter("no permission to connect")))
        async with trio.open_nursery() as nursery:
            nursery.start_soon(stage.radio.chatter, advert(1))
            await trio.sleep(290)
            nursery.cancel_scope.cancel()
        assert stage.polls() == [0]


async def test_another_interval_counts_at_once(autojump_clock: MockClock) -> None:
    async with open_stage(device(polling_interval=3600.0)) as stage:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(stage.radio.chatter, advert(1))
            await trio.sleep(100)
            stage.records.tell(Put(device(polling_interval=30.0)))
            await trio.sleep(62)
            nursery.cancel_scope.cancel()
        assert stage.polls() == [0, 100, 130, 160]


async def test_a_new_name_is_in_the_next_reading(autojump_clock: MockClock) -> None:
    async with open_stage(device(polling_interval=NEVER)) as stage:
        stage.radio.hear(advert(1, "12.60"))
        await trio.sleep(10)
        stage.records.tell(Put(device(polling_interval=NEVER, friendly_name="Boat")))
        await trio.sleep(0.1)
        stage.radio.hear(advert(1, "13.60"))
        await trio.sleep(0.1)
        assert [r.device_name for r in stage.stored] == ["Toy 1", "Toy 1", "Boat"]
        assert stage.polls() == [0]  # a name is no reason to poll


# -- at once -----------------------------------------------------------------------------------


async def test_a_device_is_read_when_somebody_asks(autojump_clock: MockClock) -> None:
    async with open_stage(device(polling_interval=NEVER)) as stage:
        stage.radio.hear(advert(1))
        await trio.sleep(10)
        stage.radio.script(1, Session(frames=(b"13.10",)))
        reading = await (await stage.device()).ask(PollNow()).within(60)
        assert (reading.sample.voltage, reading.source) == (13.10, Source.GATT)
        assert stage.radio.linked == set()
        assert stage.stored[-1] == reading


def test_who_asks_waits_longer_than_anything_that_may_go_wrong_takes() -> None:
    again, seek = InsidePoll().patience, InsidePoll().seek
    assert again + seek + SLOT_WITHIN_URGENT + Limits().longest < POLL_WITHIN
    assert PATIENCE > POLL_WITHIN  # of the command line


async def test_who_asks_while_the_radio_is_taken_is_told_that_it_is_busy(autojump_clock: MockClock) -> None:
    fleet = (device(1, polling_interval=NEVER), device(2, polling_interval=NEVER))
    async with open_stage(*fleet) as stage:
        stage.radio.script(1, Session(hang=True))
        stage.radio.hear(advert(1))
        await trio.sleep(5)
        asked = (await stage.device(2)).ask(PollNow())
        await trio.sleep(55)
        stage.radio.hear(advert(2))
        with pytest.raises(Busy):
            await asked.within(70)


async def test_who_asks_is_not_kept_waiting_by_one_attempt_after_the_other(autojump_clock: MockClock) -> None:
    async with open_stage(device(polling_interval=NEVER)) as stage:
        stage.radio.hear(advert(1))
        await trio.sleep(10)
        stage.radio.script(1, Session(linking=20.0, refuse=ConnectFailed("no")))
        asked = (await stage.device()).ask(PollNow())
        await trio.sleep(75)
        stage.radio.hear(advert(1))
        with pytest.raises(ConnectFailed):
            await asked.within(30)
        assert stage.polls()[1:] == [10, 85]


async def test_asking_during_a_poll_gives_its_reading(autojump_clock: MockClock) -> None:
    async with open_stage(device(polling_interval=NEVER)) as stage:
        stage.radio.hear(advert(1))
        await trio.sleep(0.2)
        assert stage.radio.establishing == {address(1)}
        reading = await (await stage.device()).ask(PollNow()).within(60)
        assert reading == stage.stored[-1]
        assert len(stage.polls()) == 1


@pytest.mark.parametrize(
    ("session", "error"),
    [
        (Session(frames=()), SilentDevice),
        (Session(frames=(), ends=True), SilentDevice),
        (Session(frames=(b"soup",)), Undecodable),
        (Session(refuse=NoAdapter("off")), NoAdapter),
        (Session(refuse=ConnectFailed("no")), ConnectFailed),
    ],
)
async def test_who_asked_is_told_what_went_wrong(
    session: Session, error: type[Exception], autojump_clock: MockClock
) -> None:
    async with open_stage(device(polling_interval=NEVER)) as stage:
        stage.radio.script(1, session)
        stage.radio.hear(advert(1))
        with pytest.raises(error):
            await (await stage.device()).ask(PollNow()).within(60)
        stage.radio.hear(advert(1))


async def test_who_asks_for_an_absent_device_is_told_after_a_minute(autojump_clock: MockClock) -> None:
    async with open_stage(device()) as stage:
        with pytest.raises(NotHeard, match="60 s"):
            await (await stage.device()).ask(PollNow()).within(61)


async def test_a_device_somebody_asks_for_is_read_before_those_that_wait(autojump_clock: MockClock) -> None:
    async with open_stage(*(device(number, polling_interval=NEVER) for number in range(1, 6))) as stage:
        stage.radio.hear(advert(1))
        await trio.sleep(0.2)
        async with trio.open_nursery() as nursery:
            nursery.start_soon(stage.radio.chatter, *(advert(number) for number in range(1, 6)))
            await trio.sleep(1)
            await (await stage.device(5)).ask(PollNow()).within(10)
            await trio.sleep(20)
            nursery.cancel_scope.cancel()
        order = [int(whom[-2:]) for _, whom in stage.radio.calls]
        assert (order[:2], sorted(order[2:])) == ([1, 5], [2, 3, 4])
        assert (await stage.connection(5)).view.counters.polls == 1


async def test_somebody_who_no_longer_waits_hinders_nobody(autojump_clock: MockClock) -> None:
    async with open_stage(device(polling_interval=NEVER)) as stage:
        with pytest.raises(AskTimeout):
            await (await stage.device()).ask(PollNow()).within(5)
        stage.radio.hear(advert(1))
        await trio.sleep(5)
        assert len(stage.said(Source.GATT)) == 1


# -- with others -------------------------------------------------------------------------------


async def test_absent_devices_block_nobody(autojump_clock: MockClock) -> None:
    async with open_stage(*(device(number) for number in range(1, 22))) as stage:
        stage.radio.hear(advert(21))
        await trio.sleep(5)
        assert [reading.device_id for reading in stage.stored] == [address(21)]
        assert stage.radio.calls == [(0.1, address(21))]


@pytest.mark.parametrize("max_links", [1, 3])
async def test_no_more_links_than_allowed_and_one_is_made_at_a_time(
    max_links: int, autojump_clock: MockClock
) -> None:
    async with open_stage(*(device(n) for n in range(1, 9)), max_links=max_links) as stage:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(stage.radio.chatter, *(advert(n) for n in range(1, 9)))
            await trio.sleep(60)
            nursery.cancel_scope.cancel()
        assert {reading.device_id for reading in stage.stored} == {address(n) for n in range(1, 9)}
        assert stage.radio.most_linked == max_links
        assert stage.radio.most_establishing == 1


async def test_a_session_that_hangs_is_ended_and_the_others_go_on(autojump_clock: MockClock) -> None:
    async with open_stage(device(1), device(2)) as stage:
        stage.radio.script(1, Session(hang=True), Session())
        async with trio.open_nursery() as nursery:
            nursery.start_soon(stage.radio.chatter, advert(1), advert(2))
            await trio.sleep(220)
            nursery.cancel_scope.cancel()
        assert stage.radio.dropped == [address(1)]
        assert {reading.device_id for reading in stage.stored} == {address(1), address(2)}
        assert (await stage.slots()).taken_back == 1
        assert stage.radio.linked == set()


# -- the store ---------------------------------------------------------------------------------


async def test_a_store_that_stalls_holds_up_nothing_and_loses_nothing(autojump_clock: MockClock) -> None:
    async with open_stage(device(polling_interval=NEVER)) as stage:
        stage.store.tell(3600.0)
        async with trio.open_nursery() as nursery:
            nursery.start_soon(stage.radio.chatter, advert(1, "12.60"))
            await trio.sleep(1800)
            assert stage.stored == []
            assert len(stage.of(ReadingTaken)) == 31
            await trio.sleep(1801)
            nursery.cancel_scope.cancel()
        assert len(stage.stored) == len(stage.of(ReadingTaken)) == 62


async def test_a_device_that_is_restarted_still_hands_over_what_it_has(autojump_clock: MockClock) -> None:
    async with open_stage(device(polling_interval=NEVER)) as stage:
        stage.store.tell(2.0)
        await trio.sleep(0.1)
        for _ in range(4):
            stage.store.tell(0.0)  # its mailbox is full
        stage.radio.hear(advert(1, "12.60"))
        await trio.sleep(0.1)
        assert len(stage.of(ReadingTaken)) == 1
        assert await stage.devices.ask(RestartChild(address(1))).within(10)
        await trio.sleep(5)
        assert stage.of(ReadingTaken)[0].reading in stage.stored


# -- what a former incarnation left in the mailbox ---------------------------------------------


async def test_a_poll_of_a_former_incarnation_does_not_end_the_present_one(autojump_clock: MockClock) -> None:
    async with open_stage(device(polling_interval=NEVER)) as stage:
        ref = await stage.device()
        stage.radio.hear(advert(1))
        await trio.sleep(0.3)
        visitor = Visitor(address(1), stage.station, ref, urgent=False, on_link=lambda _: None)
        former = Poller(visitor, TOY, lambda _: None)
        ref.tell(_PollEnded(former, Polled(None)))
        ref.tell(_PollDue())
        await trio.sleep(0.1)
        connection = await stage.connection()
        assert (connection.view.counters.polls, connection.next_poll) == (0, None)
        await trio.sleep(10)
        assert (await stage.connection()).view.counters.polls == 1
        assert len(stage.polls()) == 1
