"""The BlueZ radio, through unmodified bleak, against the simulated daemon on a real D-Bus."""

import gc
import os
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import pytest
import trio
from trio.testing import MockClock

from hawk.ble.bleak_radio.radio import BleakRadio
from hawk.ble.radio import Conversation, Limits
from hawk.drivers.bm_drivers import BM2, BM6, BM7
from hawk.drivers.bm_family import GATT
from hawk.drivers.catalogue import Catalogue
from hawk.errors import (
    BluetoothError,
    BluetoothOff,
    BluetoothStuck,
    Busy,
    ConnectFailed,
    ConnectTimedOut,
    HawkError,
    HeldByAnother,
    LinkLost,
    NoAdapter,
    NoPermission,
    NotHeard,
    SilentDevice,
    Undecodable,
)
from hawk.model.address import Address
from hawk.model.advertisement import Advertisement
from hawk.model.device import LinkState
from hawk.model.reading import Sample
from tests.fake_bluez.monitors import Monitor
from tests.fake_bluez.rig import FakeBluez

A, B, C = (Address(f"50:54:7B:00:00:0{number}") for number in range(3))
STRANGER = Address("50:54:7B:99:99:99")
SHORT = Limits(connect=0.6, step=0.5, session=1.0)
UP_AND_DOWN = [
    LinkState.CONNECTING,
    LinkState.CONNECTED,
    LinkState.DISCONNECTING,
    LinkState.DISCONNECTED,
]


def daemon(devices: int = 1, **faults: Any) -> FakeBluez:
    return FakeBluez([Monitor(address=address) for address in (A, B, C)[:devices]], **faults)


class Once:
    """Asks a BM6 for one measurement."""

    quiet = 0.2

    def __init__(self, patience: int = 2) -> None:
        self.patience, self._codec = patience, BM6.codec()
        self.sample: Sample | None = None

    @property
    def done(self) -> bool:
        return self.sample is not None

    def begin(self) -> tuple[bytes, ...]:
        return tuple(write.data for write in self._codec.begin())

    def receive(self, frame: bytes) -> tuple[bytes, ...]:
        self.sample = self._codec.receive_data(frame)
        return ()

    def silent(self) -> tuple[bytes, ...]:
        self.patience -= 1
        if not self.patience:
            raise SilentDevice("nothing came")
        return self.begin()


class Ears:
    """Hears, and lets tests wait for what it heard."""

    def __init__(self) -> None:
        self.adverts: list[Advertisement] = []

    def __call__(self, advert: Advertisement) -> None:
        self.adverts.append(advert)

    async def wait_for(self, address: Address, count: int = 1) -> None:
        start = len(self.adverts)
        with trio.fail_after(5):
            while sum(a.address == address for a in self.adverts[start:]) < count:
                await trio.sleep(0.02)


@asynccontextmanager
async def running(*adapters: str) -> AsyncIterator[BleakRadio]:
    radio = BleakRadio(adapters)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(radio.run)
        yield radio
        nursery.cancel_scope.cancel()


@asynccontextmanager
async def listening() -> AsyncIterator[tuple[BleakRadio, Ears]]:
    ears = Ears()
    async with running() as radio, trio.open_nursery() as nursery:
        nursery.start_soon(radio.scan, ears)
        yield radio, ears
        nursery.cancel_scope.cancel()


async def converse(
    radio: BleakRadio,
    address: Address,
    conversation: Conversation | None = None,
    limits: Limits = SHORT,
) -> list[LinkState]:
    states: list[LinkState] = []
    with trio.fail_after(limits.longest):
        await radio.converse(address, GATT, conversation or Once(), limits, states.append)
    return states


async def is_clean(bluez: FakeBluez) -> bool:
    """No link now; and soon no notify session, which ends when the daemon hears that its client went."""
    clean: bool = bluez.state()["linked"] == []
    with trio.fail_after(2):
        while bluez.state()["notifying"]:
            await trio.sleep(0.01)
    return clean


FAULTS = [
    (
        {"connect_error": "Failed", "connect_message": "Software caused connection abort"},
        ConnectFailed,
        "abort",
    ),
    ({"connect_error": "Failed", "connect_message": "br-connection-canceled"}, ConnectFailed, "canceled"),
    (
        {"connect_error": "Failed", "connect_message": "le-connection-abort-by-local"},
        ConnectTimedOut,
        "timed out",
    ),
    ({"connect_error": "InProgress", "connect_message": "In Progress"}, ConnectFailed, "In Progress"),
    ({"connect_error": "NotReady"}, BluetoothOff, "switched off"),
    ({"connect_error": "org.freedesktop.DBus.Error.AccessDenied"}, NoPermission, "permission"),
    ({"connect_hang": True}, ConnectTimedOut, "timed out"),
    ({"resolve_hang": True}, ConnectTimedOut, "timed out"),
    ({"resolve_hang": True, "drop_after_connect": 0.1}, ConnectFailed, "disconnected"),
    ({"no_service": True}, Undecodable, "offers no service fff0"),
    ({"write_error": "Failed"}, LinkLost, "refused"),
    ({"write_hang": True}, SilentDevice, "did not take a command"),
    ({"notify": "none"}, SilentDevice, "nothing came"),
    ({"drop_after_connect": 0.1, "notify": "none"}, LinkLost, "ended it"),
    ({"drop_on_write": True}, LinkLost, ""),
]


@pytest.mark.parametrize(("fault", "error", "words"), FAULTS, ids=lambda value: str(value)[:50])
async def test_each_fault_ends_in_its_own_error_and_leaves_no_link(
    fault: dict[str, Any], error: type[HawkError], words: str
) -> None:
    with daemon(**fault) as bluez:
        async with listening() as (radio, ears):
            await ears.wait_for(A)
            with pytest.raises(error) as caught:
                await converse(radio, A)
            assert type(caught.value) is error
            assert words in str(caught.value)
            assert await is_clean(bluez)


async def test_an_abort_by_the_local_side_is_tried_again_at_once() -> None:
    abort: dict[str, Any] = {"connect_error": "Failed", "connect_message": "le-connection-abort-by-local"}
    with daemon(connect_times=2, **abort):
        async with listening() as (radio, ears):
            await ears.wait_for(A)
            assert await converse(radio, A, limits=Limits(5, 5)) == UP_AND_DOWN


async def test_a_device_never_heard_is_not_tried() -> None:
    with daemon() as bluez:
        async with listening() as (radio, ears):
            await ears.wait_for(A)
            with pytest.raises(NotHeard, match=STRANGER):
                await converse(radio, STRANGER)
            assert "Connect" not in bluez.state()["calls"]


async def test_a_device_that_vanished_is_not_heard() -> None:
    with daemon(2) as bluez:
        async with listening() as (radio, ears):
            await ears.wait_for(A)
            bluez.do("vanish", address=A)
            await ears.wait_for(B)
            with pytest.raises(NotHeard):
                await converse(radio, A)


async def test_a_device_is_read_by_one_session_at_a_time_and_others_meanwhile() -> None:
    with daemon(2, reply_delay=0.15) as bluez:
        async with listening() as (radio, ears), trio.open_nursery() as nursery:
            await ears.wait_for(A)
            await ears.wait_for(B)
            nursery.start_soon(converse, radio, A)
            await trio.sleep(0.1)
            with pytest.raises(Busy, match=A):
                await converse(radio, A)
            assert await converse(radio, B) == UP_AND_DOWN
        assert await is_clean(bluez)


async def test_fifty_sessions_leave_no_open_file_behind() -> None:
    def open_files() -> int:
        gc.collect()
        return len(list(Path(f"/proc/{os.getpid()}/fd").iterdir()))

    with daemon(2) as bluez:
        async with listening() as (radio, ears):
            await ears.wait_for(A)
            await ears.wait_for(B)
            bluez.do("faults", address=B, connect_error="Failed", connect_message="nothing")
            await converse(radio, A)
            before = open_files()
            for _ in range(25):
                await converse(radio, A)
                with pytest.raises(ConnectFailed):
                    await converse(radio, B)
            assert open_files() <= before  # an earlier test may have left one


# -- hearing -----------------------------------------------------------------------------------


async def test_a_voltage_that_goes_back_and_forth_is_followed_by_adverts() -> None:
    families = Catalogue([BM6, BM7, BM2])
    heard: list[float | None] = []

    def follow(advert: Advertisement) -> None:
        if (identified := families.hear(advert)) and identified.heard.recordable:
            volts = identified.heard.sample.voltage
            if heard[-1:] != [volts]:
                heard.append(volts)

    with daemon(adv_interval=0.05) as bluez:
        async with running() as radio, trio.open_nursery() as nursery:
            nursery.start_soon(radio.scan, follow)
            for volts in (12.60, 12.61, 12.60, 12.61, 12.60):
                bluez.do("set", volts=volts)
                with trio.fail_after(2):
                    while heard[-1:] != [volts]:
                        await trio.sleep(0.01)
            nursery.cancel_scope.cancel()
    assert heard[-5:] == [12.60, 12.61, 12.60, 12.61, 12.60]


async def test_a_session_makes_no_advert_out_of_what_was_heard_before() -> None:
    with daemon(adv_interval=0.05, reply_delay=0.15) as bluez:
        async with listening() as (radio, ears):
            await ears.wait_for(A, 4)
            bluez.do("faults", silent=True)
            await trio.sleep(0.1)
            before = len(ears.adverts)
            await converse(radio, A)
            await trio.sleep(0.1)
            assert len(ears.adverts) == before


async def test_several_adapters_hear_together_and_the_best_one_connects() -> None:
    ears = Ears()
    left = Monitor(address=A, rssi=-50, adapters=["hci0"])
    both = Monitor(address=B, rssi=-70, adapters=["hci0", "hci1"])
    with FakeBluez([left, both], adapters=("hci0", "hci1")) as bluez:
        async with running("hci0", "hci1") as radio, trio.open_nursery() as nursery:
            nursery.start_soon(radio.scan, ears)
            await ears.wait_for(A)
            await ears.wait_for(B, 4)
            assert {advert.adapter for advert in ears.adverts if advert.address == A} == {"hci0"}
            assert {advert.adapter for advert in ears.adverts if advert.address == B} == {"hci0", "hci1"}
            assert await converse(radio, B) == UP_AND_DOWN
            assert await is_clean(bluez)
            nursery.cancel_scope.cancel()


async def test_one_named_adapter_is_used_alone() -> None:
    ears = Ears()
    with FakeBluez([Monitor(address=A, adapters=["hci0", "hci1"])], adapters=("hci0", "hci1")):
        async with running("hci1") as radio, trio.open_nursery() as nursery:
            nursery.start_soon(radio.scan, ears)
            await ears.wait_for(A, 3)
            nursery.cancel_scope.cancel()
    assert {advert.adapter for advert in ears.adverts} == {"hci1"}


# -- beginning anew ----------------------------------------------------------------------------


async def test_a_renewed_radio_ends_scan_and_session_leaves_no_link_and_hears_again() -> None:
    with daemon(notify="none") as bluez:
        async with running() as radio, trio.open_nursery() as nursery:
            ears = Ears()
            nursery.start_soon(scan_again_and_again, radio, ears)
            await ears.wait_for(A)

            async def renew(state: LinkState) -> None:
                await radio.renew()

            def at(state: LinkState) -> None:
                if state is LinkState.CONNECTED:
                    nursery.start_soon(renew, state)

            with trio.fail_after(5), pytest.raises(LinkLost):
                await radio.converse(A, GATT, Once(patience=99), Limits(), at)
            assert await is_clean(bluez)
            bluez.do("faults", notify="ok")
            await ears.wait_for(A)
            assert await converse(radio, A) == UP_AND_DOWN
            nursery.cancel_scope.cancel()


async def scan_again_and_again(radio: BleakRadio, ears: Ears) -> None:
    while True:
        with suppress(NoAdapter):
            await radio.scan(ears)
        await trio.sleep(0.05)


async def test_a_power_cycle_ends_with_the_adapter_on() -> None:
    with daemon() as bluez:
        async with running() as radio, trio.open_nursery() as nursery:
            ears = Ears()
            nursery.start_soon(scan_again_and_again, radio, ears)
            await ears.wait_for(A)
            await radio.power_cycle()
            await ears.wait_for(A)
            assert await converse(radio, A) == UP_AND_DOWN
            nursery.cancel_scope.cancel()
        assert bluez.state()["calls"]["Set"] >= 2


async def test_links_of_a_killed_process_are_cleared_others_and_our_own_are_not() -> None:
    with daemon(3, notify="none") as bluez:
        async with listening() as (radio, ears), running() as other, trio.open_nursery() as nursery:
            await ears.wait_for(C)
            other_ears = Ears()
            nursery.start_soon(other.scan, other_ears)
            await other_ears.wait_for(C)
            for owner, address in ((other, A), (other, B), (radio, C)):
                up = trio.Event()

                def told(state: LinkState, up: trio.Event = up) -> None:
                    if state is LinkState.CONNECTED:
                        up.set()

                nursery.start_soon(ignore, owner, address, told)
                await up.wait()
            assert await radio.clear((A, C)) == (A,)
            linked = bluez.state()["linked"]
            assert [path[-17:].replace("_", ":") for path in linked] == [B, C]
            nursery.cancel_scope.cancel()


async def test_links_that_were_left_go_in_the_time_of_one() -> None:
    with daemon(3, notify="none", disconnect_delay=2) as bluez:
        async with running() as owner, running() as successor, trio.open_nursery() as nursery:
            ears = Ears()
            nursery.start_soon(owner.scan, ears)
            for address in (A, B, C):
                await ears.wait_for(address)
                nursery.start_soon(ignore, owner, address, lambda _: None)
            with trio.fail_after(5):
                while len(bluez.state()["linked"]) < 3:
                    await trio.sleep(0.02)
            began = trio.current_time()
            assert set(await successor.clear((A, B, C))) == {A, B, C}
            assert trio.current_time() - began < 4
            nursery.cancel_scope.cancel()


async def ignore(radio: BleakRadio, address: Address, told: Callable[[LinkState], None]) -> None:
    with suppress(BluetoothError):
        await radio.converse(address, GATT, Once(patience=99), Limits(), told)


async def test_an_adapter_is_used_by_one_service_at_a_time() -> None:
    with daemon():
        first, second, other = BleakRadio(exclusive=True), BleakRadio(exclusive=True), BleakRadio()
        ears, scope = Ears(), trio.CancelScope()

        async def scan() -> None:
            with scope:
                await first.scan(ears)

        async with trio.open_nursery() as nursery:
            for each in (first, second, other):
                nursery.start_soon(each.run)
            nursery.start_soon(scan)
            await ears.wait_for(A)
            with pytest.raises(NoAdapter, match="Another Battery Hawk"):
                await second.scan(ears)
            for radio in (other, second):  # the one does not mind, the other may now
                with trio.move_on_after(0.5) as hears:
                    await radio.scan(ears)
                assert hears.cancelled_caught
                scope.cancel()
                await trio.sleep(0.1)
            nursery.cancel_scope.cancel()


async def test_of_several_adapters_one_may_go_and_come_again() -> None:
    monitors = [Monitor(address=A, adapters=["hci0"]), Monitor(address=B, adapters=["hci1"])]
    with FakeBluez(monitors, adapters=("hci0", "hci1"), adv_interval=0.1) as bluez:
        async with running("all") as radio, trio.open_nursery() as nursery:
            ears = Ears()
            nursery.start_soon(radio.scan, ears)  # never raises
            for address in (A, B):
                await ears.wait_for(address)
            bluez.do("unplug", adapter="hci1")
            await ears.wait_for(A, 5)
            assert await converse(radio, A) == UP_AND_DOWN
            bluez.do("plug", adapter="hci1")
            await ears.wait_for(B)
            assert await converse(radio, B) == UP_AND_DOWN
            bluez.do("power", adapter="hci0", on=False)
            await ears.wait_for(B, 5)
            bluez.do("power", adapter="hci0", on=True)
            await ears.wait_for(A)
            nursery.cancel_scope.cancel()


async def test_a_notify_session_of_a_device_that_was_removed_ends_with_its_client() -> None:
    with FakeBluez(1) as bluez:
        async with listening() as (radio, ears):
            await ears.wait_for(A)
            bluez.do("faults", address=A, notify="none")
            async with trio.open_nursery() as nursery:
                nursery.start_soon(_fails, radio)
                with trio.fail_after(5):
                    while not bluez.state()["notifying"]:
                        await trio.sleep(0.01)
                bluez.do("power", adapter="hci0", on=False)
        assert await is_clean(bluez)


async def _fails(radio: BleakRadio) -> None:
    with pytest.raises(BluetoothError):
        await converse(radio, A, Once(100), Limits(connect=0.6, step=0.5, session=4.0))


class Troubles:
    """What each adapter was last said to have."""

    def __init__(self) -> None:
        self.of: dict[str, BluetoothError | None] = {}

    def __call__(self, adapter: str, trouble: BluetoothError | None) -> None:
        self.of[adapter] = trouble

    async def wait_for(self, adapter: str, words: str | None) -> None:
        with trio.fail_after(5):
            while adapter not in self.of or (words or "None") not in str(self.of[adapter]):
                await trio.sleep(0.02)


@asynccontextmanager
async def two_adapters(*adapters: str) -> AsyncIterator[tuple[FakeBluez, BleakRadio, Ears, Troubles]]:
    """A is heard by the first alone, B by the second alone; the radio runs and does not listen yet."""
    monitors = [Monitor(address=A, adapters=["hci0"]), Monitor(address=B, adapters=["hci1"])]
    with FakeBluez(monitors, adapters=("hci0", "hci1"), adv_interval=0.1) as bluez:
        async with running(*(adapters or ("all",))) as radio:
            yield bluez, radio, Ears(), Troubles()


@pytest.mark.parametrize("error", ["Failed", "InProgress", "org.freedesktop.DBus.Error.AccessDenied"])
async def test_an_adapter_that_refuses_to_scan_leaves_the_other_one_be_and_is_tried_again(error: str) -> None:
    async with two_adapters() as (bluez, radio, ears, troubles), trio.open_nursery() as nursery:
        bluez.do("discovery_error", adapter="hci1", error=error)
        nursery.start_soon(radio.scan, ears, troubles)  # never raises
        await troubles.wait_for("hci1", "permission" if "Denied" in error else "refused")
        await troubles.wait_for("hci0", None)
        await ears.wait_for(A, 5)
        assert await converse(radio, A) == UP_AND_DOWN
        bluez.do("discovery_error", adapter="hci1", error="")
        await ears.wait_for(B)
        assert troubles.of == {"hci0": None, "hci1": None}
        nursery.cancel_scope.cancel()


async def test_when_every_adapter_refuses_the_scan_ends() -> None:
    async with two_adapters() as (bluez, radio, ears, _):
        bluez.do("discovery_error", adapter="hci0", error="org.freedesktop.DBus.Error.AccessDenied")
        bluez.do("discovery_error", adapter="hci1", error="Failed")
        with trio.fail_after(5), pytest.raises(BluetoothStuck, match="refused"):
            await radio.scan(ears)


async def test_an_adapter_that_another_service_uses_leaves_the_other_one_be() -> None:
    async with two_adapters() as (_, _, ears, troubles), trio.open_nursery() as nursery:
        first, second = BleakRadio(["hci1"], exclusive=True), BleakRadio(["all"], exclusive=True)
        theirs = Ears()
        nursery.start_soon(first.run)
        nursery.start_soon(first.scan, theirs)
        await theirs.wait_for(B)
        nursery.start_soon(second.run)
        nursery.start_soon(second.scan, ears, troubles)
        await troubles.wait_for("hci1", "Another Battery Hawk")
        await ears.wait_for(A, 5)
        nursery.cancel_scope.cancel()


async def test_an_adapter_that_fell_silent_hears_again_after_a_new_scan_of_its_own() -> None:
    async with two_adapters() as (bluez, radio, ears, troubles), trio.open_nursery() as nursery:
        nursery.start_soon(radio.scan, ears, troubles)
        for address in (A, B):
            await ears.wait_for(address)
        bluez.do("deaf", adapter="hci1")
        await trio.sleep(0.2)
        ears.adverts.clear()
        starts = bluez.state()["calls"]["StartDiscovery"]
        await ears.wait_for(A, 5)
        assert {advert.address for advert in ears.adverts} == {A}
        radio.rescan("hci1")
        await ears.wait_for(B)
        assert bluez.state()["calls"]["StartDiscovery"] == starts + 1
        nursery.cancel_scope.cancel()


async def test_what_is_wrong_with_an_adapter_is_told_of_it_alone() -> None:
    async with (
        two_adapters("hci0", "hci1", "hci7") as (bluez, radio, ears, troubles),
        trio.open_nursery() as nursery,
    ):
        nursery.start_soon(radio.scan, ears, troubles)
        await ears.wait_for(B)
        await troubles.wait_for("hci7", "no Bluetooth adapter hci7")
        bluez.do("power", adapter="hci1", on=False)
        await troubles.wait_for("hci1", "hci1 is switched off")
        bluez.do("unplug", adapter="hci1")
        await troubles.wait_for("hci1", "no Bluetooth adapter hci1")
        bluez.do("plug", adapter="hci1")
        await troubles.wait_for("hci1", None)
        assert troubles.of["hci0"] is None
        nursery.cancel_scope.cancel()


async def test_a_session_through_an_adapter_that_was_unplugged_is_not_told_to_switch_it_on() -> None:
    async with two_adapters() as (bluez, radio, ears, _), trio.open_nursery() as nursery:
        bluez.do("faults", notify="none")
        nursery.start_soon(radio.scan, ears)
        await ears.wait_for(B)

        def unplug(state: LinkState) -> None:
            if state is LinkState.CONNECTED:
                bluez.do("unplug", adapter="hci1")

        with trio.fail_after(5), pytest.raises((NoAdapter, LinkLost)) as ended:
            await radio.converse(B, GATT, Once(patience=99), Limits(), unplug)
        assert not isinstance(ended.value, BluetoothOff)
        nursery.cancel_scope.cancel()


async def test_a_power_cycle_of_one_adapter_leaves_the_links_of_the_other_up() -> None:
    async with two_adapters() as (bluez, radio, ears, _), trio.open_nursery() as nursery:
        bluez.do("faults", notify="none")
        nursery.start_soon(radio.scan, ears)
        for address in (A, B):
            await ears.wait_for(address)
        nursery.start_soon(ignore, radio, A, lambda _: None)
        with trio.fail_after(5):
            while not bluez.state()["linked"]:
                await trio.sleep(0.02)
        await radio.power_cycle(("hci1",))
        assert bluez.state()["calls"]["Set"] == 2
        assert [path[11:15] for path in bluez.state()["linked"]] == ["hci0"]
        await ears.wait_for(B)
        nursery.cancel_scope.cancel()


async def test_an_adapter_is_on_again_soon_when_its_power_cycle_is_cancelled() -> None:
    async with two_adapters() as (bluez, radio, _, _):
        async with trio.open_nursery() as nursery:
            nursery.start_soon(radio.power_cycle)
            with trio.fail_after(5):
                while len(bluez.state()["powered"]) == 2:
                    await trio.sleep(0.02)
            nursery.cancel_scope.cancel()
            began = trio.current_time()
        assert trio.current_time() - began < 1.9  # with the pause 2.0
        assert len(bluez.state()["powered"]) == 2


# -- cancelling --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "fault",
    [
        {"connect_hang": True},
        {"resolve_hang": True},
        {"write_hang": True},
        {"notify": "none"},
        {"reply_delay": 9},
        {"notify": "none", "disconnect_delay": 0.4},
    ],
    ids=str,
)
async def test_a_cancelled_session_leaves_no_link(fault: dict[str, Any]) -> None:
    with daemon(**fault) as bluez:
        async with listening() as (radio, ears):
            await ears.wait_for(A)
            with trio.move_on_after(0.3) as scope:
                await converse(radio, A, Once(patience=99), Limits())
            assert scope.cancelled_caught
            assert trio.current_time() - scope.deadline < 1.0
            assert await is_clean(bluez)
            bluez.do(
                "faults", connect_hang=False, resolve_hang=False, write_hang=False, notify="ok", reply_delay=0
            )
            await ears.wait_for(A)
            assert await converse(radio, A) == UP_AND_DOWN


async def test_a_connect_that_hangs_longer_than_bluez_remembers_the_device_is_given_up_for_good() -> None:
    with daemon(connect_hang=True, temporary=0.3) as bluez:
        async with listening() as (radio, ears):
            await ears.wait_for(A)
            with pytest.raises(ConnectTimedOut):
                await converse(radio, A, limits=Limits(connect=1.0, step=0.5, session=1.0))
            assert bluez.state()["connecting"] == []
            await ears.wait_for(A)


async def test_a_session_cancelled_while_it_lets_go_lets_go() -> None:
    with daemon(disconnect_delay=0.4) as bluez:
        async with listening() as (radio, ears):
            await ears.wait_for(A)
            with trio.move_on_after(0.25):
                await converse(radio, A)
            assert await is_clean(bluez)


async def test_a_cancelled_scan_can_be_started_again() -> None:
    with daemon() as bluez:
        async with running() as radio:
            for moment in (0.0, 0.003, 0.006, 0.01, 0.02, 0.2):
                with trio.move_on_after(moment):
                    await radio.scan(Ears())
                assert bluez.state()["discovering"] == 0
            ears = Ears()
            with trio.move_on_after(0.5):
                await radio.scan(ears)
            assert ears.adverts


# -- outages -----------------------------------------------------------------------------------


async def test_without_a_bus_there_is_no_adapter(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("DBUS_SYSTEM_BUS_ADDRESS", f"unix:path={tmp_path}/bus")
    async with running() as radio:
        for call in (radio.scan(Ears()), radio.links(), radio.clear((A,))):
            with pytest.raises(NoAdapter, match="D-Bus cannot be reached"):
                await call


async def test_without_the_daemon_there_is_no_adapter() -> None:
    with daemon() as bluez:
        bluez.do("crash")
        async with running() as radio:
            with pytest.raises(NoAdapter, match="BlueZ is not running"):
                await radio.scan(Ears())


@pytest.mark.parametrize(
    ("action", "words"),
    [
        ({"do": "power", "on": False}, "hci0 is switched off"),
        ({"do": "unplug"}, "no Bluetooth adapter"),
        ({"do": "discovery_error", "error": "InProgress"}, "refused"),
        ({"do": "discovery_error", "error": "org.freedesktop.DBus.Error.AccessDenied"}, "no permission"),
    ],
    ids=str,
)
async def test_a_scan_that_cannot_start_says_why(action: dict[str, Any], words: str) -> None:
    with daemon() as bluez:
        bluez.do(action.pop("do"), **action)
        async with running() as radio:
            with trio.fail_after(2), pytest.raises(NoAdapter, match=words):
                await radio.scan(Ears())


OUTAGES = [
    ({"do": "power", "on": False}, {"do": "power", "on": True}, "switched off"),
    ({"do": "rfkill", "block": True}, {"do": "rfkill", "block": False}, "switched off"),
    ({"do": "unplug"}, {"do": "plug"}, "no Bluetooth adapter"),
    ({"do": "crash"}, {"do": "start"}, "BlueZ is not running"),
]


@pytest.mark.parametrize(("outage", "remedy", "words"), OUTAGES, ids=str)
async def test_an_outage_ends_the_scan_at_once_and_a_new_one_hears_again(
    outage: dict[str, Any], remedy: dict[str, Any], words: str
) -> None:
    outage, remedy = dict(outage), dict(remedy)
    with daemon() as bluez:
        async with running() as radio:
            ears = Ears()

            async def scan() -> None:
                with pytest.raises(NoAdapter, match=words):
                    await radio.scan(ears)

            with trio.fail_after(3):
                async with trio.open_nursery() as nursery:
                    nursery.start_soon(scan)
                    await ears.wait_for(A)
                    bluez.do(outage.pop("do"), **outage)
            bluez.do(remedy.pop("do"), **remedy)
            ears = Ears()
            with trio.move_on_after(1):
                await radio.scan(ears)
            assert ears.adverts


@pytest.mark.parametrize(("outage", "remedy", "words"), OUTAGES, ids=str)
async def test_an_outage_ends_a_session_in_bounded_time(
    outage: dict[str, Any], remedy: dict[str, Any], words: str
) -> None:
    outage = dict(outage)
    with daemon(notify="none") as bluez:
        async with running() as radio, trio.open_nursery() as nursery:
            ears = Ears()

            async def scan() -> None:
                with pytest.raises(NoAdapter):
                    await radio.scan(ears)

            nursery.start_soon(scan)
            await ears.wait_for(A)

            async def session() -> None:
                with trio.fail_after(3), pytest.raises(BluetoothError):
                    await converse(radio, A, Once(patience=99), Limits())

            nursery.start_soon(session)
            await trio.sleep(0.3)
            bluez.do(outage.pop("do"), **outage)


async def test_the_death_of_the_bus_ends_scan_and_session() -> None:
    with daemon(notify="none") as bluez:
        async with running() as radio, trio.open_nursery() as nursery:
            ears = Ears()

            async def scan() -> None:
                with pytest.raises(NoAdapter):
                    await radio.scan(ears)

            async def session() -> None:
                with pytest.raises((NoAdapter, LinkLost)):
                    await converse(radio, A, Once(patience=99), Limits())

            nursery.start_soon(scan)
            await ears.wait_for(A)
            nursery.start_soon(session)
            await trio.sleep(0.2)
            bluez.do("kill_bus")
            nursery.cancel_scope.deadline = trio.current_time() + 5
        assert not nursery.cancel_scope.cancelled_caught


async def test_the_death_of_the_loop_ends_scan_and_session_and_it_can_run_again() -> None:
    with daemon(notify="none") as bluez:
        radio, ears, loop = BleakRadio(), Ears(), trio.CancelScope()

        async def run_once() -> None:
            with loop:
                await radio.run()

        async def scan() -> None:
            with pytest.raises(NoAdapter):
                await radio.scan(ears)

        def kill(state: LinkState) -> None:
            if state is LinkState.CONNECTED:
                loop.cancel()

        with trio.fail_after(5):
            async with trio.open_nursery() as nursery:
                nursery.start_soon(run_once)
                nursery.start_soon(scan)
                await ears.wait_for(A)
                with pytest.raises(LinkLost):
                    await radio.converse(A, GATT, Once(patience=99), Limits(), kill)
            assert await is_clean(bluez)
            bluez.do("faults", notify="ok")
            async with trio.open_nursery() as nursery:
                nursery.start_soon(radio.run)
                assert await radio.links() == ()
                nursery.start_soon(radio.scan, ears)
                await ears.wait_for(A)
                assert await converse(radio, A) == UP_AND_DOWN
                nursery.cancel_scope.cancel()


async def test_without_its_loop_nothing_can_be_heard(autojump_clock: MockClock) -> None:
    radio = BleakRadio()
    for call in (radio.scan(Ears()), radio.links(), radio.clear((A,))):
        with pytest.raises(NoAdapter, match="ended"):
            await call


async def test_a_mistake_in_the_listener_ends_the_scan() -> None:
    def mistaken(advert: Advertisement) -> None:
        raise ZeroDivisionError

    with daemon():
        async with running() as radio:
            with trio.fail_after(2), pytest.raises(ZeroDivisionError):
                await radio.scan(mistaken)


@asynccontextmanager
async def held_by_another(bluez: FakeBluez, address: Address) -> AsyncIterator[None]:
    """A program of its own, with a connection of its own to the bus, connects and stays."""
    path = f"/org/bluez/hci0/dev_{address.replace(':', '_')}"
    program = f"busctl --address={bluez.info['bus']} call org.bluez {path} org.bluez.Device1 Connect"
    await trio.run_process(program.split())
    yield
    assert [each[-17:].replace("_", ":") for each in bluez.state()["linked"]] == [address]


async def test_a_link_that_another_program_holds_is_said_at_once_and_left_alone() -> None:
    with daemon(2) as bluez:
        async with listening() as (radio, ears):
            await ears.wait_for(A)
            await ears.wait_for(B)
            async with held_by_another(bluez, A):
                calls = bluez.state()["calls"]
                with pytest.raises(HeldByAnother, match=A):
                    await converse(radio, A)
                assert bluez.state()["calls"] == calls  # known without asking
                await radio.drop(A)
            bluez.do("drop", address=A)
            await ears.wait_for(A)
            assert await converse(radio, A) == UP_AND_DOWN


async def test_a_daemon_that_hangs_is_not_blamed_on_the_device() -> None:
    limits = Limits(connect=0.5, step=0.5, session=1.0, release=0.3, confirm=0.3)
    with daemon() as bluez:
        async with listening() as (radio, ears):
            await ears.wait_for(A)
            with bluez.hanging(), pytest.raises(BluetoothStuck, match="does not answer"):
                await converse(radio, A, limits=limits)


async def test_a_link_of_ours_that_nobody_saw_go_is_cleared_without_being_named() -> None:
    limits = Limits(connect=5.0, step=0.5, session=1.0, release=0.3, confirm=0.3)
    with daemon(2, notify="none") as bluez:
        async with listening() as (radio, ears), trio.open_nursery() as nursery:
            await ears.wait_for(A)
            await ears.wait_for(B)
            nursery.start_soon(ignore, radio, B, lambda _: None)
            up = trio.Event()

            async def session() -> None:
                with pytest.raises(BluetoothStuck):
                    await radio.converse(A, GATT, Once(patience=5), limits, told)

            def told(state: LinkState) -> None:
                if state is LinkState.CONNECTED:
                    up.set()

            async with trio.open_nursery() as hung:
                hung.start_soon(session)
                await up.wait()
                with bluez.hanging():
                    while hung.child_tasks:
                        await trio.sleep(0.01)
            assert {each[-17:].replace("_", ":") for each in bluez.state()["linked"]} <= {A, B}
            await radio.clear(())
            assert await radio.clear(()) == ()
            assert [each[-17:].replace("_", ":") for each in bluez.state()["linked"]] == [B]
            nursery.cancel_scope.cancel()


# -- links ---------------------------------------------------------------------------------------


async def test_links_of_a_killed_predecessor_are_seen_and_cleared() -> None:
    with daemon(2, notify="none"):
        async with listening() as (predecessor, ears):
            await ears.wait_for(A)
            async with trio.open_nursery() as nursery:

                async def session() -> None:
                    with pytest.raises(LinkLost):
                        await converse(predecessor, A, Once(patience=99), Limits())

                nursery.start_soon(session)
                await trio.sleep(0.2)
                async with running() as radio:
                    assert await radio.links() == (A,)
                    await radio.drop(A)  # not ours
                    assert await radio.links() == (A,)
                    assert await radio.clear((A, STRANGER)) == (A,)
                    assert await radio.links() == ()
                    assert await radio.clear((A, STRANGER)) == ()


async def test_dropping_a_device_ends_an_attempt_to_connect() -> None:
    with daemon(resolve_hang=True) as bluez:
        async with listening() as (radio, ears), trio.open_nursery() as nursery:
            await ears.wait_for(A)

            async def session() -> None:
                with pytest.raises(ConnectFailed):
                    await converse(radio, A, limits=Limits())

            nursery.start_soon(session)
            await trio.sleep(0.2)
            await radio.drop(A)
            nursery.cancel_scope.deadline = trio.current_time() + 2
        assert not nursery.cancel_scope.cancelled_caught
        assert await is_clean(bluez)
