"""The simulated daemon says what the real bluetoothd 5.66 said, in the same order."""

import asyncio
from pathlib import Path

from tests.drivers import vectors
from tests.fake_bluez import tracing
from tests.fake_bluez.monitors import Monitor, fleet, parse_advert
from tests.fake_bluez.rig import FakeBluez

RECORDINGS = Path(__file__).parent.parent / "fixtures" / "bluez"


def recording(name: str) -> list[str]:
    return (RECORDINGS / name).read_text().splitlines()


def test_sessions_are_as_recorded() -> None:
    with FakeBluez(fleet(4, adverts="plain"), disconnect_delay=0.2) as bluez:
        for i, faults in enumerate(tracing.SESSION_FAULTS):
            bluez.do("faults", address=bluez.address(i), **faults)
        assert asyncio.run(tracing.sessions()) == recording("golden-bluez-5.66.txt")


def test_adverts_are_as_recorded() -> None:
    with FakeBluez(adv_interval=0.1, silent=True) as bluez:
        assert asyncio.run(tracing.adverts(bluez)) == recording("golden-adverts-5.66.txt")


def test_the_monitors_seal_as_captured_devices_do() -> None:
    made = Monitor("50:54:7B:00:11:22", family="BM2", volts=12.87, charge=97, state=1).sealed()
    captured = {each["id"]: each for each in vectors.ALL}
    assert made.hex() == captured["BM2-SA-1"]["ciphertext_hex"]
    assert Monitor("").acknowledgement().hex() == captured["BM6-P-ACK"]["ciphertext_hex"]
    frame = Monitor("", volts=12.62, temperature=-7, charge=88)
    assert frame.frames()[0].hex() == captured["BM6-S-1"]["ciphertext_hex"]


def test_an_advert_is_parsed_as_bluez_does() -> None:
    heard = parse_advert(*Monitor("50:54:7B:00:11:22", adverts="sealed").advert())
    assert (heard.name, heard.uuids, heard.tx_power) == ("BM6", ["0000fff0-0000-1000-8000-00805f9b34fb"], 0)
    assert [len(value) for value in heard.manufacturer.values()] == [14]


def test_a_second_connect_to_one_device_makes_both_fail() -> None:
    from bleak import BleakClient, BleakScanner
    from bleak.exc import BleakError

    async def both(bluez: FakeBluez) -> list[object]:
        device = await BleakScanner.find_device_by_address(bluez.address(0), timeout=5)
        assert device is not None
        return await asyncio.gather(
            *(BleakClient(device).connect() for _ in range(2)), return_exceptions=True
        )

    with FakeBluez(connect_delay=0.3) as bluez:
        assert [isinstance(each, BleakError) for each in asyncio.run(both(bluez))] == [True, True]
        assert bluez.state()["linked"] == []
