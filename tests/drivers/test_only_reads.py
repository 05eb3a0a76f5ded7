"""Nothing that this program writes to a Modbus device changes it."""

import ast
import random

import pytest

from hawk.devices.exchange import LiveExchange
from hawk.drivers import catalogue
from hawk.drivers.api import Driver
from hawk.errors import BluetoothError
from hawk.wire.modbus import Request
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
