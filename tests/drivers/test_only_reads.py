"""Nothing that this program writes to a device changes it."""

import ast
import contextlib
import random
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import pytest

from hawk.devices.exchange import LiveExchange
from hawk.drivers import catalogue
from hawk.drivers.api import Driver
from hawk.drivers.bm2 import FAMILY as BM2_FAMILY
from hawk.drivers.bm6 import BM6_FAMILY, BM7_FAMILY
from hawk.drivers.bm_family import Family
from hawk.errors import BluetoothError
from hawk.wire import aes
from hawk.wire.modbus import Request
from tests.drivers import fuzz, vectors
from tests.fake_bluez import modbus
from tests.test_architecture import MODULES

LOAD_SWITCH, SHUT_DOWN = 0x010A, 5222
DEVICE_ID, CONTROLS = 5223, (5224, 5225, 61440, 61441, 61442)
WRITE_ONE, WRITE_SEVERAL, FACTORY_RESET, CLEAR_HISTORY = 6, 16, 0x78, 0x79

RENOGY = [
    driver for driver in catalogue.load().drivers if driver.gatt and driver.gatt.write.startswith("0000ffd1")
]


@pytest.mark.parametrize("function", [WRITE_ONE, WRITE_SEVERAL, FACTORY_RESET, CLEAR_HISTORY])
@pytest.mark.parametrize("register", [LOAD_SWITCH, SHUT_DOWN, DEVICE_ID, *CONTROLS])
def test_a_command_that_changes_a_device_is_not_even_made(function: int, register: int) -> None:
    for value in (0, 1):
        with pytest.raises(ValueError, match="only reads"):
            Request(255, function, register, value).frame()


def test_of_all_functions_two_are_made() -> None:
    made = []
    for function in range(256):
        try:
            made.append(Request(1, function, 1, 1).frame()[1])
        except ValueError:
            continue
    assert made == [3, 4]


# 02 lock, 04 charging test, 06 without use, 08 writes the battery profile; the others are unknown.
@pytest.mark.parametrize("number", [0x00, 0x02, 0x04, 0x06, 0x08, 0x0A, 0x0F, 0x64])
@pytest.mark.parametrize("family", [BM6_FAMILY, BM7_FAMILY])
def test_commands_that_change_a_monitor_are_not_even_made(family: Family, number: int) -> None:
    for start in (b"\xd1\x55", b""):
        with pytest.raises(ValueError, match="only reads"):
            family.sealed(start + bytes([number]))


@pytest.mark.parametrize("command", ["e702", "e400", "e30001", "d15507", "d15508", "f5"])
def test_of_a_bm2_two_commands_are_made(command: str) -> None:
    with pytest.raises(ValueError, match="only reads"):
        BM2_FAMILY.sealed(bytes.fromhex(command))


READING = {
    "BM6": ("d15501", "d15503", "d15505", "d15507"),
    "BM7": ("d15501", "d15503", "d15505", "d15507"),
    "BM2": ("e701", "e30000"),
}


def conversations() -> Iterator[tuple[str, str, Callable[[], Any]]]:
    for driver in catalogue.load().drivers:
        if driver.device_type in READING and driver.history is not None and driver.probe is not None:
            yield driver.device_type, "poll", partial(_poll, driver)
            yield driver.device_type, "history", partial(driver.history.download, 51_200)
            yield driver.device_type, "probe", driver.probe
        if driver.cranking is not None:
            yield driver.device_type, "cranking", driver.cranking


def _poll(driver: Driver) -> LiveExchange:
    return LiveExchange(driver.codec())


@pytest.mark.parametrize(("device", "name", "begin"), [*conversations()])
@pytest.mark.parametrize("seed", range(20))
def test_whatever_a_monitor_answers_it_is_only_asked(
    device: str, name: str, begin: Callable[[], Any], seed: int
) -> None:
    chance, conversation = random.Random(seed), begin()
    heads = READING["BM6"] + READING["BM2"] if name == "probe" else READING[device]
    written = list(conversation.begin())
    captured = [bytes.fromhex(each.hex) for each in vectors.of("notify_live", "history_records")]
    with contextlib.suppress(BluetoothError):
        for _ in range(200):
            if chance.random() < 0.2:
                written += conversation.silent()
            frame = chance.choice(captured)
            written += conversation.receive(fuzz.damaged(frame, (frame,), chance) if seed % 2 else frame)
    for each in written:
        assert any(aes.decrypt(key, each).hex().startswith(heads) for key in fuzz.KEYS.values())


def test_what_is_sent_to_a_monitor_is_sealed_in_one_place() -> None:
    for name, path in MODULES.items():
        if name.startswith("hawk.drivers") and name != "hawk.drivers.bm_family":
            assert "aes.encrypt" not in path.read_text(), name


def test_frames_are_made_in_one_place() -> None:
    """Nobody else has the CRC."""
    for name, path in MODULES.items():
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.ImportFrom) and node.module == "hawk.wire.modbus":
                assert not {"sealed", "crc"} & {alias.name for alias in node.names}, name


@pytest.mark.parametrize("driver", RENOGY, ids=lambda driver: driver.device_type)
@pytest.mark.parametrize("seed", range(20))
def test_whatever_a_device_answers_it_is_only_asked(driver: Driver, seed: int) -> None:
    chance = random.Random(seed)
    module = modbus.Module(mute=[], refuses=chance.random() < 0.5)
    known = chance.sample(range(0x10000), 20_000) if seed % 2 else range(0x10000)
    table = {register: chance.randrange(0x10000) for register in known}
    exchange = LiveExchange(driver.codec())
    waiting = list(exchange.begin())
    try:
        for _ in range(60):
            asked, waiting = waiting, []
            for question in asked:
                frame = modbus.answer(module, table, question[0], question)
                if frame is not None and chance.random() < 0.8:
                    waiting += exchange.receive(frame)
            waiting = waiting or ([] if exchange.done else list(exchange.silent()))
    except BluetoothError:
        pass
    assert module.asked
    assert {bytes.fromhex(each)[1] for each in module.asked} <= {3, 4}
