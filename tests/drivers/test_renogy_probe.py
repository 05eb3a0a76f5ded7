"""What is behind a module whose name tells nothing."""

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hawk.drivers.api import Proposal
from hawk.drivers.renogy_probe import QUESTIONS, RenogyProbe
from hawk.errors import SilentDevice
from hawk.wire.modbus import sealed
from tests.drivers.test_modbus import BY_ID
from tests.drivers.test_renogy_battery import HUB, LEGACY, PRO, Table, table
from tests.fake_bluez import modbus


def text(register: int, said: str) -> Table:
    data = said.encode().ljust(16)
    return {register + i // 2: int.from_bytes(data[i : i + 2], "big") for i in range(0, 16, 2)}


ROVER, DCDC = table("V01", "V02"), text(12, "RBC50D1S-G4") | table("V08")
INVERTER = table("V30", "V34")


def ask(device_id: int, registers: Table, *, alone: bool = True, refuses: bool = True) -> Proposal:
    """`alone`: on the bus, so that it answers to 255. Raises SilentDevice."""
    probe, module = RenogyProbe(), modbus.Module(refuses=refuses)
    if not alone:
        module.packs = {"99": {"0": 0}}
    waiting = probe.begin()
    while not probe.done:
        frame = modbus.answer(module, registers, device_id, waiting[0])
        more: tuple[bytes, ...] = ()
        for piece in modbus.pieces(frame) if frame else ():
            more += probe.receive(piece)
        if not probe.done:
            waiting = more or probe.silent()
    assert probe.found is not None
    return probe.found


@pytest.mark.parametrize("refuses", [True, False])
@pytest.mark.parametrize("alone", [True, False])
@pytest.mark.parametrize(
    ("device_id", "registers", "found"),
    [
        (48, LEGACY, Proposal("renogy_battery", {"model": "legacy"}, "RBT100LFP12-BT")),
        (32, INVERTER, Proposal("renogy_inverter", {}, "RIV4835CSH1S")),
        (32, table("V30"), Proposal("renogy_inverter", {}, "id 32 answers")),
    ],
)
def test_what_has_an_id_of_its_family_is_found_by_it(
    device_id: int, registers: Table, found: Proposal, *, alone: bool, refuses: bool
) -> None:
    assert ask(device_id, registers, alone=alone, refuses=refuses) == found


@pytest.mark.parametrize(
    ("registers", "found"),
    [
        (ROVER, Proposal("renogy_controller", {}, "RNG-CTRL-RVR40")),
        (DCDC, Proposal("renogy_dcdc", {}, "RBC50D1S-G4")),
        (text(12, "RBC2125DS-21W"), Proposal("renogy_dcdc", {}, "RBC2125DS-21W")),
        (text(12, "DCC30S"), Proposal("renogy_dcdc", {}, "DCC30S")),
    ],
)
def test_what_is_alone_on_the_bus_is_found_by_its_model(registers: Table, found: Proposal) -> None:
    assert ask(1, registers) == found


def test_a_battery_that_has_another_id_is_found_while_it_is_alone() -> None:
    pro = PRO | text(5122, "RBT12200LFP-BT")
    assert ask(247, pro) == Proposal("renogy_battery", {"model": "pro", "device_id": 255}, "RBT12200LFP-BT")
    assert ask(247, HUB[49] | text(5122, "RBTNEW")) == Proposal(
        "renogy_battery", {"device_id": 255}, "RBTNEW"
    )


def test_a_late_answer_is_told_by_what_it_says() -> None:
    """The first and the third question have the same id and the same length."""
    probe = RenogyProbe()
    probe.begin()
    probe.silent()
    probe.silent()
    assert probe.receive(bytes.fromhex(BY_ID["V01"]["response"])) == ()
    assert probe.found == Proposal("renogy_controller", {}, "RNG-CTRL-RVR40")


def test_when_nobody_answers_it_says_so_after_five_questions() -> None:
    probe = RenogyProbe()
    asked = [*probe.begin()]
    for _ in QUESTIONS[1:]:
        asked += probe.silent()
    assert [(frame[0], int.from_bytes(frame[2:4], "big")) for frame in asked] == [
        (255, 12), (48, 5122), (255, 5122), (32, 4311), (32, 4000),
    ]  # fmt: skip
    assert {frame[1] for frame in asked} == {3}
    with pytest.raises(SilentDevice, match="another device id"):
        probe.silent()


@given(st.integers(0, 10_000))
def test_noise_is_nothing(seed: int) -> None:
    chance, probe = random.Random(seed), RenogyProbe()
    probe.begin()
    for _ in range(40):
        probe.receive(chance.randbytes(chance.randint(0, 20)))
    assert probe.found is None


@given(st.binary(min_size=16, max_size=16))
def test_any_text_is_some_type(data: bytes) -> None:
    probe = RenogyProbe()
    probe.begin()
    probe.receive(sealed(b"\xff\x03\x10" + data))
    assert probe.found is not None
    assert probe.found.words.isprintable()
