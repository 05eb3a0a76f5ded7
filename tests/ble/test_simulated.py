"""The simulated radio: real adverts and frames of batteries that live, without Bluetooth."""

from collections import defaultdict
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import pytest
import trio
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from trio.testing import MockClock

from hawk.ble.battery_model import DAY
from hawk.ble.radio import Conversation, Limits
from hawk.ble.simulated import SimulatedDevice, SimulatedRadio
from hawk.ble.simulated_monitor import NOTIFY, SERVICE, WRITE
from hawk.devices.exchange import LiveExchange
from hawk.drivers.api import Driver, Gatt
from hawk.drivers.bm_drivers import BM2, BM6, BM7
from hawk.drivers.bm_family import GATT
from hawk.drivers.catalogue import Catalogue
from hawk.errors import (
    BluetoothError,
    Busy,
    ConnectFailed,
    Invalid,
    LinkLost,
    NotHeard,
    SilentDevice,
    Undecodable,
)
from hawk.model.address import Address
from hawk.model.advertisement import Advertisement
from hawk.model.device import LinkState

FFF0 = Gatt(SERVICE, WRITE, NOTIFY)
LIMITS = Limits()
NOON = 20_000 * DAY + DAY / 2
KEYS = {
    "BM6": bytes.fromhex("6c656167656e64fffe30313030303039"),
    "BM7": bytes.fromhex("6c656167656e64fffe30313030303040"),
    "BM2": bytes.fromhex("6c656167656e64fffe31383832343636"),
}


@dataclass(frozen=True)
class Settings:
    devices: int = 6
    models: tuple[str, ...] = ("BM6", "BM2", "BM7")
    seed: int = 1
    speed: float = 1.0
    history_days: float = 0.0
    faults: tuple[str, ...] = ()


def radio(**settings: Any) -> SimulatedRadio:
    return SimulatedRadio(Settings(**settings), start=NOON)


def decrypt(device_type: str, data: bytes) -> bytes:
    return Cipher(algorithms.AES(KEYS[device_type]), modes.CBC(bytes(16))).decryptor().update(data)


def encrypt(device_type: str, data: bytes) -> bytes:
    return Cipher(algorithms.AES(KEYS[device_type]), modes.CBC(bytes(16))).encryptor().update(data)


async def hear(radio: SimulatedRadio, seconds: float) -> dict[Address, list[tuple[float, Advertisement]]]:
    """Address -> [(when, advertisement)]."""
    heard: dict[Address, list[tuple[float, Advertisement]]] = defaultdict(list)
    start = trio.current_time()
    with trio.move_on_after(seconds):
        await radio.scan(lambda advert: heard[advert.address].append((trio.current_time() - start, advert)))
    return heard


class Ask:
    """What a reader of one family says; takes `wanted` frames."""

    quiet = 4.0  # [s]

    def __init__(self, device_type: str, wanted: int = 3, patience: int = 3) -> None:
        self.device_type, self.wanted, self.patience = device_type, wanted, patience
        self.frames: list[bytes] = []

    @property
    def done(self) -> bool:
        return len(self.frames) >= self.wanted

    def begin(self) -> tuple[bytes, ...]:
        command = bytes.fromhex("d15507").ljust(16, b"\0")
        return () if self.device_type == "BM2" else (encrypt(self.device_type, command),)

    def receive(self, frame: bytes) -> tuple[bytes, ...]:
        self.frames.append(decrypt(self.device_type, frame))
        return ()

    def silent(self) -> tuple[bytes, ...]:
        self.patience -= 1
        if not self.patience:
            raise SilentDevice("nothing came")
        return self.begin()


async def converse(
    radio: SimulatedRadio,
    device: SimulatedDevice,
    ask: Conversation | None = None,
    limits: Limits = LIMITS,
    gatt: Gatt = FFF0,
) -> list[LinkState]:
    states: list[LinkState] = []
    await radio.converse(device.address, gatt, ask or Ask(device.device_type), limits, states.append)
    return states


def test_the_fleet_has_the_addresses_families_and_names_of_the_demo() -> None:
    fleet = radio().fleet
    assert [(d.address, d.device_type, d.name) for d in fleet[:4]] == [
        ("02:00:00:00:00:01", "BM6", "Car"),
        ("02:00:00:00:00:02", "BM2", "Boat"),
        ("02:00:00:00:00:03", "BM7", "Camper"),
        ("02:00:00:00:00:04", "BM6", "Car 2"),
    ]
    assert radio(devices=300).fleet[299].address == "02:00:00:00:01:2C"


@pytest.mark.parametrize("wrong", [{"models": ("BM6", "BM9")}, {"faults": ("lazy",)}])
def test_a_model_or_fault_that_does_not_exist_is_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(Invalid, match="choose from"):
        radio(**wrong)


async def test_each_device_is_heard_within_a_second_and_then_every_few(autojump_clock: MockClock) -> None:
    heard = await hear(radio(), 300)
    assert len(heard) == 6
    for times in ([when for when, _ in each] for each in heard.values()):
        assert times[0] <= 1.0
        gaps = [b - a for a, b in pairwise(times)]
        assert min(gaps) >= 1.0
        assert max(gaps) <= 6.0
        assert len({round(gap, 3) for gap in gaps}) > 10


async def test_adverts_are_the_captured_formats(autojump_clock: MockClock) -> None:
    the_radio = radio()
    heard = await hear(the_radio, 30)
    for device in the_radio.fleet:
        sealed, beacons = [], []
        for _, advert in heard[device.address]:
            assert advert.simulated
            assert advert.connectable
            assert advert.adapter == "simulated"
            assert -90 <= advert.rssi <= -40
            ((company, data),) = advert.manufacturer_data.items()
            if company == 0x004C:
                beacons.append(data)
                continue
            assert advert.service_uuids == (SERVICE,)
            sealed.append(decrypt(device.device_type, company.to_bytes(2, "little") + data))
        owner = bytes.fromhex(device.address.replace(":", ""))
        old = device.device_type == "BM2"
        for plain in sealed:
            assert plain[:6] == (owner[::-1] if old else owner)
            assert 1100 < int.from_bytes(plain[6:8], "big") < 1480
            assert plain[8] <= 100
            assert plain[9] in ((1, 2, 4) if old else (0, 1, 2))
            assert plain[14:] == (b"\x09\x00" if old else b"\x01\x08")
        assert bool(beacons) == (device.device_type != "BM7")  # none was ever captured of a BM7
        for beacon in beacons:
            assert len(beacon) == 23
            assert beacon[:2] == b"\x02\x15"
            assert abs((beacon[22] if old else beacon[19]) - sealed[0][8]) <= 5
    names = {heard[device.address][0][1].name for device in the_radio.fleet}
    assert names == {"BM6", "Battery Monitor", "BM300 Pro"}


async def test_the_first_advert_of_a_device_tells_its_voltage(autojump_clock: MockClock) -> None:
    heard = await hear(radio(), 1.0)
    assert all(0x004C not in adverts[0][1].manufacturer_data for adverts in heard.values())


async def test_a_session_gives_the_captured_frames(autojump_clock: MockClock) -> None:
    the_radio = radio()
    car, boat, camper, *_ = the_radio.fleet
    ask = Ask("BM6")
    assert await converse(the_radio, car, ask) == [
        LinkState.CONNECTING,
        LinkState.CONNECTED,
        LinkState.DISCONNECTING,
        LinkState.DISCONNECTED,
    ]
    acknowledged, *live = ask.frames
    assert acknowledged == bytes.fromhex("d15507ff000000000000000000000000")
    for frame in live:
        assert frame[:3] == bytes.fromhex("d15507")
        assert frame[3] in (0, 1)
        assert frame[5] in (0, 1, 2)
        assert frame[6] <= 100
        assert 1100 < int.from_bytes(frame[7:9], "big") < 1480
        assert frame[13] == 2

    ask = Ask("BM2")
    await converse(the_radio, boat, ask)
    for frame in ask.frames:
        assert frame[0] == 0xF5
        assert frame[2] & 15 in (1, 2, 4)
        assert frame[3] <= 100
        assert 1100 < int.from_bytes(frame[1:3], "big") >> 4 < 1480

    ask = Ask("BM7")
    await converse(the_radio, camper, ask)
    assert all(frame[:3] == bytes.fromhex("d15507") and frame[13] == 0 for frame in ask.frames)


async def test_our_drivers_understand_all_of_it(autojump_clock: MockClock) -> None:
    the_radio, families = radio(), Catalogue([BM6, BM7, BM2])
    heard = await hear(the_radio, 30)
    for device in the_radio.fleet:
        identified = [known for _, advert in heard[device.address] if (known := families.hear(advert))]
        assert len(identified) == len(heard[device.address])
        assert {each.driver.device_type for each in identified} == {device.device_type}
        voltages = [each.heard.sample.voltage for each in identified if each.heard.recordable]
        exchange = LiveExchange(identified[0].driver.codec())
        await converse(the_radio, device, exchange, gatt=GATT)
        assert exchange.undecodable == 0
        assert exchange.sample is not None
        assert exchange.sample.voltage == pytest.approx(voltages[-1], abs=0.05)
        assert (exchange.sample.temperature is None) == (device.device_type == "BM2")


async def test_frost_has_its_sign_in_the_frame(autojump_clock: MockClock) -> None:
    night = SimulatedRadio(Settings(), start=NOON - DAY / 2 + 3 * 3600)
    ask = Ask("BM7")
    await converse(night, night.fleet[2], ask)
    assert ask.frames[-1][3] == 1
    assert ask.frames[-1][4] > 0


async def test_advert_and_session_tell_the_same(autojump_clock: MockClock) -> None:
    the_radio = radio()
    car = the_radio.fleet[0]
    heard = await hear(the_radio, 1)
    ((company, data),) = heard[car.address][0][1].manufacturer_data.items()
    sealed = decrypt("BM6", company.to_bytes(2, "little") + data)
    ask = Ask("BM6")
    await converse(the_radio, car, ask)
    assert abs(int.from_bytes(sealed[6:8], "big") - int.from_bytes(ask.frames[-1][7:9], "big")) <= 3


async def test_a_connected_device_does_not_advertise_and_is_shown_as_a_link(
    autojump_clock: MockClock,
) -> None:
    the_radio = radio(devices=2)
    device = the_radio.fleet[0]
    async with trio.open_nursery() as nursery:
        nursery.start_soon(converse, the_radio, device, Ask("BM6", wanted=40))
        await trio.sleep(2)
        assert await the_radio.links() == (device.address,)
        with pytest.raises(Busy):
            await converse(the_radio, device)
        heard = await hear(the_radio, 20)
        assert set(heard) == {the_radio.fleet[1].address}
    assert await the_radio.links() == ()
    assert len(await hear(the_radio, 2)) == 2


async def test_a_cancelled_session_leaves_no_link(autojump_clock: MockClock) -> None:
    the_radio = radio()
    states: list[LinkState] = []
    with trio.move_on_after(5):
        await the_radio.converse(the_radio.fleet[0].address, FFF0, Ask("BM6", 99), Limits(), states.append)
    assert await the_radio.links() == ()
    assert states[-1] is LinkState.DISCONNECTED
    await converse(the_radio, the_radio.fleet[0])


@pytest.mark.parametrize(
    ("fault", "limits", "error"),
    [
        ("silent", Limits(), SilentDevice),
        ("drop", Limits(), LinkLost),
        ("slow", Limits(connect=5), ConnectFailed),
    ],
)
async def test_faults_end_in_their_errors(
    autojump_clock: MockClock, fault: str, limits: Limits, error: type[BluetoothError]
) -> None:
    the_radio = radio(faults=(fault,))
    well, ill, *_ = the_radio.fleet
    await converse(the_radio, well)
    with pytest.raises(error):
        await converse(the_radio, ill, limits=limits)
    assert await the_radio.links() == ()


async def test_garbage_is_no_frame_of_the_family(autojump_clock: MockClock) -> None:
    the_radio = radio(models=("BM6",), faults=("garbage",))
    ask = Ask("BM6")
    await converse(the_radio, the_radio.fleet[1], ask)
    assert not any(frame.startswith(bytes.fromhex("d15507")) for frame in ask.frames)


@pytest.mark.parametrize("driver", [BM6, BM2], ids=lambda driver: driver.device_type)
async def test_a_slow_device_is_read_in_the_end(driver: Driver, autojump_clock: MockClock) -> None:
    the_radio = radio(models=(driver.device_type,), faults=("slow",))
    exchange = LiveExchange(driver.codec())
    await the_radio.converse(the_radio.fleet[1].address, GATT, exchange, Limits(), lambda _: None)
    assert exchange.sample is not None


async def test_a_session_has_an_end(autojump_clock: MockClock) -> None:
    the_radio = radio()
    with pytest.raises(SilentDevice):
        await converse(the_radio, the_radio.fleet[0], Ask("BM6", 999), Limits(session=20))


async def test_a_stranger_is_not_heard_and_another_family_is_told(autojump_clock: MockClock) -> None:
    the_radio = radio()
    stranger = SimulatedDevice(Address("50:54:7B:00:00:01"), "BM6", "Stranger", -60, None)
    with pytest.raises(NotHeard):
        await converse(the_radio, stranger)
    other = Gatt(SERVICE.replace("fff0", "ffd0"), WRITE, NOTIFY)
    with pytest.raises(Undecodable, match="ffd0"):
        await converse(the_radio, the_radio.fleet[0], gatt=other)


async def test_the_same_seed_tells_the_same(autojump_clock: MockClock) -> None:
    async def everything() -> list[tuple[float, Advertisement]]:
        return [(when, advert) for each in (await hear(radio(seed=7), 60)).values() for when, advert in each]

    assert [advert for _, advert in await everything()] == [advert for _, advert in await everything()]


async def test_speed_makes_a_day_of_a_minute(autojump_clock: MockClock) -> None:
    the_radio = radio(devices=2, models=("BM6",), speed=1440.0)
    boat = the_radio.fleet[1]
    volts: list[float] = []

    def heard(advert: Advertisement) -> None:
        ((company, data),) = advert.manufacturer_data.items()
        if advert.address == boat.address and company != 0x004C:
            plain = decrypt("BM6", company.to_bytes(2, "little") + data)
            volts.append(int.from_bytes(plain[6:8], "big") / 100)

    with trio.move_on_after(120):
        await the_radio.scan(heard)
    assert max(volts) > 13.3
    assert min(volts) < 12.8
