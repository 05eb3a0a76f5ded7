"""A session that a library makes by itself, with a bleak client of its own, against the simulated daemon."""

import asyncio
import gc
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from functools import partial
from typing import Any

import pytest
import trio
from bleak import BleakClient

from hawk.ble.bleak_radio.radio import BleakRadio
from hawk.ble.radio import Limits
from hawk.errors import (
    Busy,
    ConnectFailed,
    ConnectTimedOut,
    DriverFailed,
    HawkError,
    LinkLost,
    NotHeard,
    SilentDevice,
    Undecodable,
)
from hawk.model.address import Address
from hawk.model.device import LinkState
from hawk.model.reading import Sample
from tests.fake_bluez.monitors import Monitor
from tests.fake_bluez.rig import FakeBluez
from tests.fake_bluez.scripted import Script

A = Address("C0:FF:EE:00:00:01")
SERVICE, WRITE, NOTIFY = (f"0000{short}-0000-1000-8000-00805f9b34fb" for short in ("e7a0", "e7a1", "e7a2"))
DEVICE = Script("Cell", {SERVICE: {WRITE: ["write"], NOTIFY: ["notify"]}}, NOTIFY, {"3f": ["31322e3630"]})
SHORT = Limits(connect=0.6, step=0.5, session=1.0, release=1.0)
UP_AND_DOWN = [LinkState.CONNECTING, LinkState.CONNECTED, LinkState.DISCONNECTING, LinkState.DISCONNECTED]
DOWN = [LinkState.CONNECTING, LinkState.DISCONNECTED]


class Honest:
    """Asks `?` and is told the volts as text."""

    def __init__(self, device: Any, advertisement: Any) -> None:
        self.client = BleakClient(device, timeout=5)
        self.advertised = advertisement.local_name
        self.came: asyncio.Queue[bytes] = asyncio.Queue()

    async def connect(self) -> None:
        await self.client.connect()
        await self.client.start_notify(NOTIFY, lambda _, data: self.came.put_nowait(bytes(data)))

    async def read(self) -> Sample:
        await self.client.write_gatt_char(WRITE, b"?", response=True)
        return Sample(voltage=float(await self.came.get()), extra={"advertised": self.advertised})

    async def disconnect(self) -> None:
        await self.client.disconnect()


class Forgetful(Honest):
    async def disconnect(self) -> None:
        """Does not."""


class Stuck(Honest):
    async def disconnect(self) -> None:
        raise RuntimeError("what link?")


class HalfWay(Honest):
    async def connect(self) -> None:
        await super().connect()
        await asyncio.sleep(60)


class Failing(Honest):
    async def read(self) -> Sample:
        raise LookupError("cell_count")


class Insane(Honest):
    async def read(self) -> Sample:
        return Sample(voltage=float("nan"))


class Refusing(Honest):
    async def connect(self) -> None:
        raise Undecodable("It is none of mine.")


@asynccontextmanager
async def listening() -> AsyncIterator[BleakRadio]:
    radio, heard = BleakRadio(), trio.Event()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(radio.run)
        nursery.start_soon(radio.scan, lambda _: heard.set())
        with trio.fail_after(5):
            await heard.wait()
        yield radio
        nursery.cancel_scope.cancel()


class Reader:
    def __init__(self, radio: BleakRadio) -> None:
        self._radio = radio
        self.states: list[LinkState] = []
        self.samples: list[Sample] = []

    async def read(self, library: Callable[[Any, Any], Any], limits: Limits = SHORT) -> None:
        await self._radio.read_by_library(A, library, limits, self.states.append, self.samples.append)


def daemon(**faults: Any) -> FakeBluez:
    return FakeBluez([Monitor(A, script=DEVICE)], adv_interval=0.1, **faults)


async def gone(bluez: FakeBluez) -> None:
    with trio.fail_after(5):
        while bluez.state()["linked"] or bluez.state()["connecting"]:
            await trio.sleep(0.02)


async def test_it_is_given_the_device_and_what_it_advertised_and_its_sample_comes_back() -> None:
    with daemon() as bluez:
        async with listening() as radio:
            reader = Reader(radio)
            await reader.read(Honest)
            assert reader.samples == [Sample(voltage=12.6, extra={"advertised": "Cell"})]
            assert reader.states == UP_AND_DOWN
            assert bluez.state()["linked"] == []
            assert bluez.state()["calls"]["Connect"] == 1


@pytest.mark.parametrize(
    ("library", "faults", "error", "states"),
    [
        (Failing, {}, DriverFailed, UP_AND_DOWN),
        (Insane, {}, DriverFailed, UP_AND_DOWN),
        (Refusing, {}, Undecodable, DOWN),
        (HalfWay, {}, ConnectTimedOut, DOWN),
        (Honest, {"notify": "none"}, SilentDevice, UP_AND_DOWN),
        (Honest, {"drop_on_write": True}, LinkLost, UP_AND_DOWN),
        (Honest, {"write_hang": True}, SilentDevice, UP_AND_DOWN),
        (
            Honest,
            {"connect_error": "Failed", "connect_message": "le-connection-abort-by-local"},
            ConnectFailed,
            DOWN,
        ),
        (Honest, {"connect_hang": True}, ConnectTimedOut, DOWN),
        (Honest, {"no_service": True}, Undecodable, DOWN),
        (Forgetful, {"notify": "none"}, SilentDevice, UP_AND_DOWN),
        (Stuck, {"notify": "none"}, HawkError, UP_AND_DOWN),
    ],
)
async def test_what_goes_wrong_is_an_error_of_ours_and_no_link_is_left(
    library: type[Honest], faults: dict[str, Any], error: type[HawkError], states: list[LinkState]
) -> None:
    with daemon(**faults) as bluez:
        async with listening() as radio:
            reader = Reader(radio)
            with trio.fail_after(30), pytest.raises(error):
                await reader.read(library)
            assert reader.samples == []
            assert reader.states == states
            await gone(bluez)
    gc.collect()


@pytest.mark.parametrize("library", [Forgetful, Stuck])
async def test_a_link_that_it_does_not_end_is_ended(library: type[Honest]) -> None:
    with daemon() as bluez:
        async with listening() as radio:
            reader = Reader(radio)
            try:
                await reader.read(library)
            except DriverFailed:
                assert library is Stuck
            assert [sample.voltage for sample in reader.samples] == [12.6]
            await gone(bluez)
    gc.collect()


@pytest.mark.parametrize(
    ("library", "faults"), [(Honest, {"connect_hang": True}), (HalfWay, {}), (Honest, {"notify": "none"})]
)
async def test_one_that_is_cancelled_lets_its_link_go(library: type[Honest], faults: dict[str, Any]) -> None:
    with daemon(**faults) as bluez:
        async with listening() as radio:
            reader = Reader(radio)
            with trio.move_on_after(0.5):
                await reader.read(library, Limits(connect=30, session=30))
            assert reader.states[-1] is LinkState.DISCONNECTED
            await gone(bluez)
    gc.collect()


async def test_two_sessions_with_one_device_are_one_too_many() -> None:
    with daemon(notify="none"):
        async with listening() as radio, trio.open_nursery() as nursery:
            reader = Reader(radio)
            nursery.start_soon(partial(reader.read, Honest, Limits(connect=5, session=30)))
            while LinkState.CONNECTED not in reader.states:
                await trio.sleep(0.02)
            with pytest.raises(Busy):
                await Reader(radio).read(Honest)
            nursery.cancel_scope.cancel()


async def test_a_device_that_was_not_heard_is_not_sought() -> None:
    with daemon() as bluez:
        async with listening() as radio:
            nowhere = Address("C0:FF:EE:00:00:02")
            with pytest.raises(NotHeard):
                await radio.read_by_library(nowhere, Honest, SHORT, lambda _: None, lambda _: None)
            assert bluez.state()["calls"].get("Connect", 0) == 0
