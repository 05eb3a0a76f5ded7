"""What simulated monitors remember: read by our drivers as what real ones remember is."""

import time
from itertools import pairwise
from typing import Any

import pytest
from trio.testing import MockClock

from hawk.ble.battery_model import CAR, DAY, Battery
from hawk.ble.radio import Limits
from hawk.ble.simulated import SimulatedDevice, SimulatedRadio
from hawk.ble.simulated_memory import Memory
from hawk.drivers.api import Download, Driver, Recollection
from hawk.drivers.bm_drivers import BM2, BM6, BM7
from hawk.drivers.bm_family import GATT
from hawk.model.reading import Sample
from tests.ble.test_simulated import NOON, Settings

DRIVERS = {driver.device_type: driver for driver in (BM6, BM7, BM2)}
STEP = 120.0


def radio(**settings: Any) -> SimulatedRadio:
    return SimulatedRadio(Settings(**{"history_days": 30, **settings}), start=NOON)


async def downloaded(the_radio: SimulatedRadio, device: SimulatedDevice) -> Download:
    driver = DRIVERS[device.device_type]
    assert driver.history is not None
    talk = driver.history.download(51_200)
    await the_radio.converse(device.address, GATT, talk, Limits(session=600), lambda _: None)
    assert talk.done
    return talk


async def recollected(the_radio: SimulatedRadio, device: SimulatedDevice) -> Recollection:
    driver = DRIVERS[device.device_type]
    assert driver.cranking is not None
    talk = driver.cranking()
    await the_radio.converse(device.address, GATT, talk, Limits(), lambda _: None)
    assert talk.done
    return talk


def samples(driver: Driver, records: list[bytes]) -> list[Sample]:
    assert driver.history is not None
    found = [driver.history.sample(each) for each in records]
    return [each for each in found if each is not None]


@pytest.mark.parametrize("number", [0, 1, 2])  # a BM6, a BM2, a BM7
async def test_thirty_days_are_there_from_the_first_minute(number: int, autojump_clock: MockClock) -> None:
    the_radio = radio()
    device = the_radio.fleet[number]
    talk = await downloaded(the_radio, device)
    assert len(talk.records) == 30 * 720 + 1
    said = samples(DRIVERS[device.device_type], talk.records)
    assert len(said) == len(talk.records)
    volts = [each.voltage or 0 for each in said]
    assert min(volts) > 9.5  # one fell into a start
    assert max(volts) < 14.7
    assert max(volts) - min(volts) > 1


async def test_the_past_ends_where_the_present_begins(autojump_clock: MockClock) -> None:
    the_radio = radio(devices=30)
    for device in the_radio.fleet[:6]:
        talk = await downloaded(the_radio, device)
        volts = [each.voltage or 0 for each in samples(DRIVERS[device.device_type], talk.records[:30])]
        jumps = [abs(one - other) for one, other in pairwise(volts)]
        assert max(jumps) < 0.35 or device.name.startswith(("Car", "Camper"))  # an engine started
        assert jumps[0] < 0.05


async def test_later_the_records_of_now_are_before_those_that_are_known(autojump_clock: MockClock) -> None:
    the_radio = radio(devices=1, speed=10.0)
    first = await downloaded(the_radio, the_radio.fleet[0])
    again = await downloaded(the_radio, the_radio.fleet[0])
    more = len(again.records) - len(first.records)
    assert more >= 0
    assert again.records[more:] == first.records


async def test_the_last_start_is_told_with_its_curve(autojump_clock: MockClock) -> None:
    the_radio = radio()
    for number in (0, 2):
        event = (await recollected(the_radio, the_radio.fleet[number])).event
        assert event is not None
        assert len(event.samples) == 352
        assert 8.5 < event.minimum_voltage < 11
        assert 12 < (event.voltage_before or 0) < 13.5
        assert event.samples[-1] > 13
        assert 0.5 < (event.duration or 0) < 1.3
        assert (event.age or 0) < 5 * DAY


async def test_a_boat_without_an_engine_remembers_no_start(autojump_clock: MockClock) -> None:
    the_radio = radio(models=("BM6",))
    assert the_radio.fleet[1].name == "Boat"
    assert (await recollected(the_radio, the_radio.fleet[1])).event is None


async def test_a_bm2_notes_the_lowest_voltage_of_each_start(autojump_clock: MockClock) -> None:
    the_radio = radio(models=("BM2",), devices=1)
    assert BM2.history is not None
    talk = await downloaded(the_radio, the_radio.fleet[0])
    starts = [event for raw in talk.records if (event := BM2.history.cranking(raw)) is not None]
    assert 30 < len(starts) < 61
    assert all(8.5 < each.minimum_voltage < 11 for each in starts)


async def test_one_that_is_new_remembers_nothing_but_its_first_record(autojump_clock: MockClock) -> None:
    the_radio = radio(history_days=0)
    assert len((await downloaded(the_radio, the_radio.fleet[0])).records) == 1


def test_nothing_is_made_before_somebody_asks() -> None:
    began = time.process_time()
    SimulatedRadio(Settings(devices=1000, history_days=0), start=NOON)
    without = time.process_time() - began
    began = time.process_time()
    SimulatedRadio(Settings(devices=1000, history_days=365), start=NOON)
    assert time.process_time() - began < 3 * without + 0.1


def test_the_same_battery_has_the_same_past() -> None:
    one, other = Memory(CAR, 7, NOON, 3), Memory(CAR, 7, NOON, 3)
    while not other.reach(NOON, 100):
        pass
    assert one.records(NOON + 600) == other.records(NOON + 600)
    live = Battery(CAR, 7, NOON)
    assert one.records(NOON + 600)[0] == (NOON + 600, live.at(NOON + 600))
