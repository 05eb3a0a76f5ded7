import logging
from collections.abc import AsyncIterator, Collection
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import Any, TypeVar

import pytest
import trio
from trio.testing import MockClock

from actors import Actor, ActorRef, ActorSystem, AskTimeout, ChildSpec, Supervisor
from actors.testing import open_test_system
from hawk.ble.leftovers import Leftovers
from hawk.ble.messages import Doubted, GetScannerStatus, LookAround, ScannerStatus, Seek, Tried
from hawk.ble.recovery import Recovery
from hawk.ble.scanner import ASK_AGAIN, BUFFER, FRESH, LINGER, Discovery, ScannerActor
from hawk.ble.sightings import Sightings
from hawk.errors import BluetoothOff, BluetoothStuck, CannotWrite, HawkError, NoAdapter, NoPermission
from hawk.events import BluetoothChanged, DeviceSeen, RungTaken
from hawk.model.address import Address
from hawk.model.device import Device, Lifecycle
from hawk.model.reading import Moment
from hawk.model.rung import Rung
from tests.doubles import (
    Put,
    Records,
    Remove,
    ScriptedRadio,
    Shelf,
    VirtualClock,
    address,
    advert,
    device,
    shelf,
    toys,
)

E = TypeVar("E")
ALWAYS = Discovery()  # as listening makes it mean

# -- sightings ---------------------------------------------------------------------------------


def at(seconds: float) -> Moment:
    return Moment(None, seconds)


def identified(sightings: Sightings, seconds: float, *, proven: bool = False, kind: str = "BM6") -> bool:
    sightings.heard(address(1), at(seconds))
    return sightings.identified(address(1), kind, proven=proven)


def test_a_family_proven_by_decryption_is_registered_at_once() -> None:
    assert identified(Sightings(), 0, proven=True)


def test_a_match_by_name_is_registered_when_it_is_heard_again_after_five_seconds() -> None:
    sightings = Sightings()
    assert [identified(sightings, seconds) for seconds in (0, 1, 4.9, 5)] == [False, False, False, True]


def test_two_drivers_in_turn_prove_nothing() -> None:
    sightings = Sightings()
    assert not identified(sightings, 0, kind="BM6")
    assert not identified(sightings, 6, kind="BM2")
    assert not identified(sightings, 10, kind="BM2")
    assert identified(sightings, 11, kind="BM2")


def test_the_registry_is_asked_once_and_not_twice_at_a_time() -> None:
    sightings = Sightings()
    assert identified(sightings, 0, proven=True)
    assert not identified(sightings, 1, proven=True)
    sightings.settle(address(1))
    assert not identified(sightings, 1000, proven=True)


def test_a_registry_that_could_not_answer_is_asked_again_later() -> None:
    sightings = Sightings()
    assert identified(sightings, 0, proven=True)
    sightings.put_off(address(1), until=60)
    assert not identified(sightings, 59, proven=True)
    assert identified(sightings, 60, proven=True)


def test_a_removed_device_can_be_found_again() -> None:
    sightings = Sightings()
    assert identified(sightings, 0, proven=True)
    sightings.settle(address(1))
    sightings.forget(address(1))
    assert identified(sightings, 1, proven=True)


def test_the_address_heard_longest_ago_is_forgotten_first() -> None:
    sightings = Sightings(most=2)
    for number, seconds in ((1, 0), (2, 1), (1, 2), (3, 3)):
        sightings.heard(address(number), at(seconds))
    assert sightings.last(address(1)) == at(2)
    assert sightings.last(address(2)) is None
    assert sightings.lately(3) == 2
    assert sightings.lately(62.5) == 1


# -- the actor ---------------------------------------------------------------------------------


class Ears(Actor):
    """Keeps all events of these kinds."""

    def __init__(self, events: list[Any]) -> None:
        super().__init__()
        self._events = events

    async def setup(self) -> None:
        self.subscribe(DeviceSeen, BluetoothChanged, RungTaken)

    def on_receive(self, message: Any) -> None:
        self._events.append(message)


@dataclass(slots=True)
class Stage:
    system: ActorSystem
    radio: ScriptedRadio
    scanner: ActorRef[Any]
    records: ActorRef[Any]
    shelf: Shelf
    events: list[Any] = field(default_factory=list)
    gave_up: list[str] = field(default_factory=list)

    def of(self, kind: type[E]) -> list[E]:
        return [event for event in self.events if isinstance(event, kind)]

    async def status(self) -> ScannerStatus:
        return await self.scanner.ask(GetScannerStatus()).within(1)


@asynccontextmanager
async def open_stage(
    *devices: Device,
    listen: bool = True,
    discovery: Discovery = ALWAYS,
    radio: ScriptedRadio | None = None,
    recovery: Recovery | None = None,
    killed: bool = False,
    released: Collection[Address] = (),
) -> AsyncIterator[Stage]:
    radio, kept, events = radio or ScriptedRadio(), shelf(devices), []  # type: ignore[var-annotated]  # as Stage.events
    records, scanner = Records.reserve("registry"), ScannerActor.reserve("scanner")
    gave_up: list[str] = []
    start = partial(
        ScannerActor.start, radio, toys(), records, VirtualClock(), discovery=discovery, listen=listen,
        recovery=recovery or Recovery(),
        leftovers=Leftovers(killed=killed, released=lambda each: each in released), give_up=gave_up.append,
    )  # fmt: skip
    children = [
        ChildSpec("registry", partial(Records.start, kept), records),
        ChildSpec("ears", partial(Ears.start, events)),
        ChildSpec("scanner", start, scanner),
    ]
    async with open_test_system(expected=(HawkError,)) as system:
        await system.start(ChildSpec("root", lambda: Supervisor.start(children)))
        await trio.sleep(0.1)
        yield Stage(system, radio, scanner, records, kept, events, gave_up)


async def test_everybody_is_told_what_was_heard(autojump_clock: MockClock) -> None:
    async with open_stage() as stage:
        stage.radio.hear(advert(1, "12.60"))
        stage.radio.hear(advert(2, name="somebody's phone"))
        await trio.sleep(0.1)
        known, unknown = stage.of(DeviceSeen)
        assert (known.device_type, known.moment.boot_time) == ("TOY", 0.1)
        assert known.heard is not None
        assert known.heard.sample.voltage == 12.60
        assert (unknown.device_type, unknown.heard) == (None, None)
        assert (await stage.status()).adverts == 2
        assert (await stage.status()).devices == 2


async def test_a_device_proven_by_decryption_is_registered_once(autojump_clock: MockClock) -> None:
    async with open_stage() as stage:
        for _ in range(5):
            stage.radio.hear(advert(1, "12.60"))
            await trio.sleep(1)
        assert [found.address for found in stage.shelf.asked] == [address(1)]
        assert stage.shelf.asked[0].proven
        assert stage.shelf.snapshot.devices[address(1)].lifecycle is Lifecycle.DISCOVERED


async def test_a_passer_by_known_by_name_only_is_not_registered(autojump_clock: MockClock) -> None:
    async with open_stage() as stage:
        stage.radio.hear(advert(1, name="mute"))
        stage.radio.hear(advert(2, name="MUTE"))
        await trio.sleep(2)
        stage.radio.hear(advert(1, name="mute"))
        await trio.sleep(4)
        stage.radio.hear(advert(1, name="mute"))
        await trio.sleep(0.1)
        assert [found.address for found in stage.shelf.asked] == [address(1)]
        assert not stage.shelf.asked[0].proven


async def test_a_registry_that_cannot_write_is_not_stormed(
    autojump_clock: MockClock, caplog: pytest.LogCaptureFixture
) -> None:
    async with open_stage() as stage:
        stage.shelf.refuse = CannotWrite("disk full")
        for _ in range(round(ASK_AGAIN) - 1):
            stage.radio.hear(advert(1, "12.60"))
            await trio.sleep(1)
        assert len(stage.shelf.asked) == 1
        stage.shelf.refuse = None
        for _ in range(10):
            stage.radio.hear(advert(1, "12.60"))
            await trio.sleep(1)
        assert len(stage.shelf.asked) == 2
        assert address(1) in stage.shelf.snapshot.devices


async def test_the_registry_knows_the_type_better_than_a_guess(autojump_clock: MockClock) -> None:
    async with open_stage(device(1, device_type="MUTE")) as stage:
        stage.radio.hear(advert(1, "12.60"))
        await trio.sleep(0.1)
        stage.records.tell(Put(device(1, device_type="TOY")))
        await trio.sleep(0.1)
        stage.radio.hear(advert(1, "12.60"))
        await trio.sleep(0.1)
        before, after = stage.of(DeviceSeen)
        assert (before.device_type, before.heard) == ("MUTE", None)
        assert after.device_type == "TOY"
        assert after.heard is not None


async def test_a_damaged_advert_counts_as_heard_but_gives_no_data(autojump_clock: MockClock) -> None:
    async with open_stage(device(1)) as stage:
        stage.radio.hear(advert(1, "soup"))
        await trio.sleep(0.1)
        (seen,) = stage.of(DeviceSeen)
        assert (seen.device_type, seen.heard) == ("TOY", None)
        assert (await stage.status()).damaged == 1


async def test_a_device_whose_driver_is_gone_is_still_heard(autojump_clock: MockClock) -> None:
    async with open_stage(device(1, device_type="EXOTIC")) as stage:
        stage.radio.hear(advert(1, "12.60"))
        await trio.sleep(0.1)
        (seen,) = stage.of(DeviceSeen)
        assert (seen.device_type, seen.heard) == ("EXOTIC", None)


async def test_the_type_is_spelled_as_the_driver_does(autojump_clock: MockClock) -> None:
    async with open_stage(device(1, device_type="toy")) as stage:
        stage.radio.hear(advert(1, "12.60"))
        await trio.sleep(0.1)
        assert [seen.device_type for seen in stage.of(DeviceSeen)] == ["TOY"]


async def test_a_removed_device_is_found_again(autojump_clock: MockClock) -> None:
    async with open_stage(device(1)) as stage:
        stage.radio.hear(advert(1, "12.60"))
        await trio.sleep(0.1)
        stage.records.tell(Remove(address(1)))
        await trio.sleep(0.1)
        stage.radio.hear(advert(1, "12.60"))
        await trio.sleep(0.1)
        assert stage.shelf.snapshot.devices[address(1)].lifecycle is Lifecycle.DISCOVERED


async def test_a_flood_is_bounded_and_counted(autojump_clock: MockClock) -> None:
    async with open_stage() as stage:
        for number in range(BUFFER + 500):
            stage.radio.hear(advert(1, f"{number}"))
        await trio.sleep(1)
        status = await stage.status()
        assert (status.adverts, status.dropped) == (BUFFER, 500)
        newest = stage.of(DeviceSeen)[-1]
        assert newest.heard is not None
        assert newest.heard.sample.voltage == BUFFER + 499


# -- outages -----------------------------------------------------------------------------------


async def test_without_an_adapter_it_tries_for_ever_and_says_so_once(
    autojump_clock: MockClock, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, logger="hawk")
    radio = ScriptedRadio(outage=NoAdapter("no adapter here"))
    async with open_stage(radio=radio) as stage:
        await trio.sleep(3600)
        assert stage.of(BluetoothChanged) == [BluetoothChanged(False, "no adapter here")]
        assert 115 <= radio.scans <= 130  # every 30 s at last
        status = await stage.status()
        assert (status.listening, status.reason) == (False, "no adapter here")
        assert [record.message for record in caplog.records] == ["no device can be heard: no adapter here"]

        radio.recover()
        await trio.sleep(35)
        radio.hear(advert(1, "12.60"))
        await trio.sleep(0.1)
        assert stage.of(BluetoothChanged)[1:] == [BluetoothChanged(True)]
        assert (await stage.status()).listening


async def test_an_adapter_pulled_and_plugged_again_is_noticed_both_times(autojump_clock: MockClock) -> None:
    async with open_stage() as stage:
        await trio.sleep(5)
        stage.radio.fail(NoAdapter("pulled"))
        await trio.sleep(1.5)
        stage.radio.recover()
        await trio.sleep(30)
        assert stage.of(BluetoothChanged) == [
            BluetoothChanged(True), BluetoothChanged(False, "pulled"), BluetoothChanged(True),
        ]  # fmt: skip


async def test_a_scan_that_fell_silent_is_started_anew(autojump_clock: MockClock) -> None:
    async with open_stage() as stage:
        stage.radio.hear(advert(1, "12.60"))
        await trio.sleep(89)
        assert (await stage.status()).restarts == 0
        await trio.sleep(2)
        assert (await stage.status()).restarts == 1
        assert stage.radio.scans == 2
        await trio.sleep(175)  # nobody is there any more: less and less often
        assert (await stage.status()).restarts == 1
        await trio.sleep(86400)
        assert (await stage.status()).restarts < 32


async def test_silence_from_the_beginning_is_no_fault(autojump_clock: MockClock) -> None:
    async with open_stage() as stage:
        await trio.sleep(3600)
        status = await stage.status()
        assert (status.restarts, status.listening) == (0, True)


# -- recovering --------------------------------------------------------------------------------


async def test_a_silence_that_a_new_scan_does_not_end_goes_up_the_ladder(autojump_clock: MockClock) -> None:
    async with open_stage() as stage:
        stage.radio.hear(advert(1, "12.60"))
        await trio.sleep(91)
        assert ((await stage.status()).recovery, stage.radio.steps) == ({Rung.RESTART_SCAN: 1}, [])
        await trio.sleep(181)
        assert stage.radio.steps == ["renew"]
        await trio.sleep(361)
        assert stage.radio.steps == ["renew", "power_cycle"]
        await trio.sleep(3600)
        assert stage.radio.steps == ["renew", "power_cycle"]
        stage.radio.hear(advert(1, "12.60"))
        await trio.sleep(91)
        assert (await stage.status()).recovery[Rung.RESTART_SCAN] >= 2
        assert stage.radio.steps == ["renew", "power_cycle"]


async def test_each_rung_is_published(autojump_clock: MockClock) -> None:
    async with open_stage() as stage:
        stage.radio.hear(advert(1, "12.60"))
        await trio.sleep(300)
        assert stage.of(RungTaken) == [RungTaken(Rung.RESTART_SCAN, 1), RungTaken(Rung.NEW_CONNECTION, 1)]


async def test_a_stack_that_refuses_scans_gets_a_new_connection_then_a_power_cycle(
    autojump_clock: MockClock,
) -> None:
    async with open_stage() as stage:
        stage.radio.fail(BluetoothStuck("already in progress"))
        await trio.sleep(10)
        assert stage.radio.steps == ["renew"]
        await trio.sleep(60)
        assert stage.radio.steps == ["renew", "power_cycle"]
        stage.radio.recover()
        await trio.sleep(60)
        assert (await stage.status()).listening


async def test_what_a_person_must_mend_is_only_tried_again(autojump_clock: MockClock) -> None:
    async with open_stage() as stage:
        stage.radio.fail(NoAdapter("pulled"))
        await trio.sleep(3600)
        status = await stage.status()
        assert stage.radio.steps == []
        assert status.recovery.keys() == {Rung.ADAPTER_DOWN}
        assert status.down_for == pytest.approx(3600)
        stage.radio.recover()
        await trio.sleep(31)
        status = await stage.status()
        assert (status.listening, status.down_for) == (True, None)


async def test_devices_that_are_heard_but_never_linked_call_for_a_new_connection(
    autojump_clock: MockClock,
) -> None:
    async with open_stage() as stage:
        for _ in range(3):
            for number in (1, 2):
                stage.radio.hear(advert(number, "12.60"))
                stage.scanner.tell(Tried(address(number), linked=False))
                await trio.sleep(1)
        assert stage.radio.steps == ["renew"]
        stage.radio.hear(advert(1, "12.60"))
        assert (await stage.status()).listening


async def test_the_process_shall_end_after_exactly_the_time_that_was_set(autojump_clock: MockClock) -> None:
    async with open_stage(recovery=Recovery(exit_after=610)) as stage:
        stage.radio.fail(NoAdapter("pulled"))
        await trio.sleep(609)
        assert stage.gave_up == []
        await trio.sleep(2)
        assert stage.gave_up == ["pulled"]


async def test_an_outage_that_ends_in_time_does_not_end_the_process(autojump_clock: MockClock) -> None:
    async with open_stage(recovery=Recovery(exit_after=600)) as stage:
        stage.radio.fail(NoAdapter("pulled"))
        await trio.sleep(500)
        stage.radio.recover()
        await trio.sleep(3600)
        assert stage.gave_up == []


async def test_silence_that_no_rung_ends_is_no_bluetooth_either(autojump_clock: MockClock) -> None:
    async with open_stage(recovery=Recovery(exit_after=600)) as stage:
        await trio.sleep(7200)  # where nobody advertises nothing is wrong
        assert stage.gave_up == []
        stage.radio.hear(advert(1, "12.60"))
        await trio.sleep(90 + 180 + 360 + 590)
        assert stage.radio.steps == ["renew", "power_cycle"]
        assert stage.gave_up == []
        await trio.sleep(20)
        assert stage.gave_up == ["nothing is heard any more"]


async def test_a_device_that_is_heard_again_ends_the_silence(autojump_clock: MockClock) -> None:
    async with open_stage(recovery=Recovery(exit_after=600)) as stage:
        stage.radio.hear(advert(1, "12.60"))
        await trio.sleep(90 + 180 + 360 + 300)
        stage.radio.hear(advert(1, "12.60"))
        await trio.sleep(500)
        assert stage.gave_up == []


async def test_a_scan_that_a_session_casts_doubt_on_is_started_anew_once(autojump_clock: MockClock) -> None:
    async with open_stage() as stage:
        await trio.sleep(100)
        for _ in range(5):
            stage.scanner.tell(Doubted())
            await trio.sleep(2)
        assert stage.radio.scans == 2
        stage.radio.fail(BluetoothStuck("does not answer"))
        await trio.sleep(1)
        assert not (await stage.status()).listening


async def test_links_that_a_killed_process_left_are_ended_when_bluetooth_works(
    autojump_clock: MockClock, caplog: pytest.LogCaptureFixture
) -> None:
    ignored = device(3, lifecycle=Lifecycle.IGNORED)
    radio = ScriptedRadio(left={address(number) for number in (1, 3, 4, 9)}, outage=NoAdapter("not yet"))
    fleet = (device(1), device(2), ignored, device(4))
    async with open_stage(*fleet, radio=radio, killed=True, released=[address(4)]):
        await trio.sleep(60)
        radio.recover()
        await trio.sleep(60)
        assert radio.left == {address(3), address(4), address(9)}  # which others may well hold
        assert f"{address(1)} was connected when this service began" in caplog.text


@pytest.mark.parametrize("killed", [True, False])
async def test_links_that_others_made_since_are_left_to_them(killed: bool, autojump_clock: MockClock) -> None:
    async with open_stage(device(1), killed=killed) as stage:
        await trio.sleep(5)
        for _ in range(3):
            stage.radio.left = {address(1)}
            stage.radio.fail(NoAdapter("pulled"))
            await trio.sleep(60)
            stage.radio.recover()
            await trio.sleep(60)
            assert stage.radio.left == {address(1)}


async def test_after_an_end_in_order_there_is_nothing_to_clear(autojump_clock: MockClock) -> None:
    radio = ScriptedRadio(left={address(1)})
    async with open_stage(device(1), radio=radio):
        await trio.sleep(60)
        assert radio.left == {address(1)}


# -- several adapters --------------------------------------------------------------------------


async def hear_both(stage: Stage) -> None:
    """Device 1 by hci0 only, device 2 by hci1 only."""
    for number, adapter in ((1, "hci0"), (2, "hci1")):
        stage.radio.tell(adapter, None)
        stage.radio.hear(advert(number, "12.60", adapter=adapter))
    await trio.sleep(0.1)


async def test_an_adapter_that_falls_silent_alone_gets_a_scan_then_a_power_cycle_of_its_own(
    autojump_clock: MockClock, caplog: pytest.LogCaptureFixture
) -> None:
    async with open_stage() as stage, trio.open_nursery() as nursery:
        await hear_both(stage)
        nursery.start_soon(stage.radio.chatter, advert(1, "12.60"))
        await trio.sleep(85)
        assert stage.radio.steps == []
        await trio.sleep(15)
        assert stage.radio.steps == ["rescan hci1"]
        assert "hci1 hears nothing while another adapter does: the scan is started anew" in caplog.text
        await trio.sleep(190)
        assert stage.radio.steps == ["rescan hci1", "power_cycle hci1"]
        status = await stage.status()
        assert (stage.radio.scans, status.listening) == (1, True)  # the other one was left alone
        assert status.recovery == {Rung.RESTART_SCAN: 1, Rung.POWER_CYCLE: 1}
        stage.radio.hear(advert(2, "12.60", adapter="hci1"))
        await trio.sleep(100)
        assert stage.radio.steps[2:] == ["rescan hci1"]
        nursery.cancel_scope.cancel()


async def test_when_all_fall_silent_only_those_that_listen_are_switched_off_and_on(
    autojump_clock: MockClock,
) -> None:
    async with open_stage() as stage:
        await hear_both(stage)
        stage.radio.tell("hci1", BluetoothOff("hci1 is switched off"))
        await trio.sleep(700)
        assert stage.radio.steps == ["renew", "power_cycle hci0"]


async def test_what_ails_one_adapter_is_in_the_status_and_once_in_the_log(
    autojump_clock: MockClock, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, logger="hawk")
    async with open_stage() as stage:
        await hear_both(stage)
        for _ in range(3):
            stage.radio.tell("hci1", NoAdapter("hci1 is pulled"))
        good, bad = (await stage.status()).adapters
        assert (good.name, good.listening, good.reason, good.adverts_per_minute) == ("hci0", True, None, 1)
        assert (bad.name, bad.listening, bad.reason) == ("hci1", False, "hci1 is pulled")
        for _ in range(2):
            stage.radio.tell("hci1", None)
        assert (await stage.status()).adapters[1].listening
        said = [record.message for record in caplog.records if "hci1" in record.message]
        assert said == ["hci1 cannot be listened with: hci1 is pulled", "hci1 is listened with again"]


async def test_a_device_that_only_an_adapter_in_trouble_hears_is_not_called_out_of_range(
    autojump_clock: MockClock,
) -> None:
    async with open_stage() as stage:
        await hear_both(stage)
        stage.radio.tell("hci1", BluetoothOff("hci1 is switched off"))
        with pytest.raises(BluetoothOff, match="hci1"):
            await stage.scanner.ask(Seek(address(2))).within(1)
        assert (await stage.scanner.ask(Seek(address(1))).within(1)).adapter == "hci0"
        stage.radio.hear(advert(2, "12.60"))
        await stage.scanner.ask(Seek(address(2))).within(1)  # the other one hears it, too


async def test_what_ailed_an_adapter_is_forgotten_when_nobody_listens(autojump_clock: MockClock) -> None:
    async with open_stage(listen=False) as stage:
        await hear_both(stage)
        stage.radio.tell("hci1", BluetoothOff("hci1 is switched off"))
        await trio.sleep(60)
        assert not stage.radio.listens()
        asked = stage.scanner.ask(Seek(address(2)))
        await trio.sleep(1)
        stage.radio.hear(advert(2, "12.60", adapter="hci1"))
        assert (await asked.within(1)).adapter == "hci1"


async def test_sessions_that_get_no_link_through_one_adapter_cost_only_that_one(
    autojump_clock: MockClock,
) -> None:
    async with open_stage() as stage:
        for number in range(12):
            await hear_both(stage)
            stage.radio.hear(advert(3, "12.60", adapter="hci1"))
            await trio.sleep(0.1)
            stage.scanner.tell(Tried(address(1), linked=True))
            stage.scanner.tell(Tried(address(2 + number % 2), linked=False))
            await trio.sleep(1)
        assert stage.radio.steps == ["renew", "power_cycle hci1"]


# -- seeking -----------------------------------------------------------------------------------


async def test_a_device_heard_a_moment_ago_is_found_at_once(autojump_clock: MockClock) -> None:
    async with open_stage() as stage:
        stage.radio.hear(advert(1, "12.60"))
        await trio.sleep(FRESH - 1)
        assert (await stage.scanner.ask(Seek(address(1))).within(0.01)).moment.boot_time == 0.1


async def test_a_device_heard_long_ago_is_awaited(autojump_clock: MockClock) -> None:
    async with open_stage() as stage:
        stage.radio.hear(advert(1, "12.60"))
        await trio.sleep(FRESH + 1)
        asked = stage.scanner.ask(Seek(address(1)))
        await trio.sleep(10)
        stage.radio.hear(advert(2, "12.60"))
        await trio.sleep(1)
        stage.radio.hear(advert(1, "soup", name=None))  # whatever it says
        assert (await asked.within(0.01)).moment.boot_time == pytest.approx(FRESH + 12.1)


async def test_seeking_without_an_adapter_says_why(autojump_clock: MockClock) -> None:
    async with open_stage() as stage:
        asked = stage.scanner.ask(Seek(address(1)))
        await trio.sleep(1)
        stage.radio.fail(NoAdapter("pulled"))
        with pytest.raises(NoAdapter, match="pulled"):
            await asked.within(0.1)
        with pytest.raises(NoAdapter, match="pulled"):
            await stage.scanner.ask(Seek(address(1))).within(0.1)


@pytest.mark.parametrize("error", [BluetoothOff("off"), NoPermission("no"), BluetoothStuck("hangs")])
async def test_who_seeks_is_told_which_outage_it_is(error: NoAdapter, autojump_clock: MockClock) -> None:
    async with open_stage() as stage:
        asked = stage.scanner.ask(Seek(address(1)))
        await trio.sleep(1)
        stage.radio.fail(error)
        with pytest.raises(type(error)):
            await asked.within(0.1)
        with pytest.raises(type(error)):
            await stage.scanner.ask(Seek(address(1))).within(0.1)


# -- without listening -------------------------------------------------------------------------


async def test_the_initial_scan_does_not_depend_on_the_periodic_one(autojump_clock: MockClock) -> None:
    async with open_stage(listen=False, discovery=Discovery(periodic_interval=0)) as stage:
        assert stage.radio.listens()
        await trio.sleep(11)
        assert not stage.radio.listens()
        await trio.sleep(100_000)
        assert stage.radio.scans == 1


async def test_the_periodic_scan_does_not_depend_on_the_initial_one(autojump_clock: MockClock) -> None:
    discovery = Discovery(initial_scan=False, periodic_interval=1000, scan_duration=20)
    async with open_stage(listen=False, discovery=discovery) as stage:
        await trio.sleep(990)
        assert stage.radio.scans == 0
        await trio.sleep(20)
        assert stage.radio.listens()
        await trio.sleep(20)
        assert not stage.radio.listens()
        await trio.sleep(1000)
        assert stage.radio.scans == 2


async def test_an_adapter_that_comes_late_is_scanned_with_all_the_same(autojump_clock: MockClock) -> None:
    radio = ScriptedRadio(outage=NoAdapter("not yet"))
    async with open_stage(listen=False, discovery=Discovery(periodic_interval=0), radio=radio):
        await trio.sleep(300)
        radio.recover()
        await trio.sleep(20)
        assert radio.hear(advert(1, "12.60"))
        await trio.sleep(20)
        assert not radio.listens()


async def test_it_scans_while_somebody_seeks(autojump_clock: MockClock) -> None:
    quiet = Discovery(initial_scan=False, periodic_interval=0)
    async with open_stage(listen=False, discovery=quiet) as stage:
        assert not stage.radio.listens()
        with pytest.raises(AskTimeout):
            await stage.scanner.ask(Seek(address(1))).within(5)
        await trio.sleep(0.1)
        assert not stage.radio.listens()
        asked = stage.scanner.ask(Seek(address(1)))
        await trio.sleep(1)
        assert stage.radio.hear(advert(1, "12.60"))
        await asked.within(0.1)
        await trio.sleep(0.1)
        assert stage.radio.listens(), "whoever sought it connects now, and the radio knows what a scan hears"
        await trio.sleep(LINGER)
        assert not stage.radio.listens()


async def test_what_was_heard_a_moment_ago_is_heard_again_when_no_scan_runs(
    autojump_clock: MockClock,
) -> None:
    quiet = Discovery(initial_scan=False, periodic_interval=0)
    async with open_stage(listen=False, discovery=quiet) as stage:
        looked = stage.scanner.ask(LookAround(5))
        await trio.sleep(4.5)
        assert stage.radio.hear(advert(1, "12.60"))
        await looked.within(1)
        await trio.sleep(0.1)
        assert not stage.radio.listens()
        asked = stage.scanner.ask(Seek(address(1)))
        await trio.sleep(1)
        assert stage.radio.hear(advert(1, "12.60"))
        await asked.within(0.1)


async def test_seeking_tries_the_adapter_again_that_failed_before(autojump_clock: MockClock) -> None:
    radio = ScriptedRadio(outage=NoAdapter("off"))
    async with open_stage(listen=False, discovery=Discovery(False, 0), radio=radio) as stage:
        with pytest.raises(NoAdapter):
            await stage.scanner.ask(Seek(address(1))).within(5)
        radio.recover()
        asked = stage.scanner.ask(Seek(address(1)))
        await trio.sleep(2)
        assert radio.hear(advert(1, "12.60"))
        await asked.within(0.1)
