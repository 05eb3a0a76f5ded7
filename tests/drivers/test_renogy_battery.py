"""Renogy's batteries: whose word the unit of the current is, ids, and several packs behind one module."""

import random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hawk.devices.exchange import LiveExchange
from hawk.drivers.catalogue import load
from hawk.drivers.renogy_battery import BATTERY, pack
from hawk.drivers.renogy_models import judge
from hawk.errors import Invalid, SilentDevice
from hawk.model.address import parse_address
from hawk.model.advertisement import Advertisement
from hawk.model.reading import Sample
from tests.drivers.test_modbus import BY_ID
from tests.fake_bluez import modbus
from tests.fake_bluez.monitors import parse_advert

Table = dict[int, int]


def table(*names: str, text: str = "") -> Table:
    """Of captured frames, with a model text if none was captured."""
    found = modbus.table(*((BY_ID[name]["request"], BY_ID[name]["response"]) for name in names))
    data = text.encode().ljust(16, b"\0") if text else b""
    return found | {5122 + i // 2: int.from_bytes(data[i : i + 2], "big") for i in range(0, len(data), 2)}


def read(
    config: dict[str, Any],
    packs: dict[int, Table],
    name: str = "BT-TH-66EDFC11",
    module: modbus.Module | None = None,
) -> Sample:
    """Over a link that loses nothing. Raises SilentDevice."""
    exchange = LiveExchange(BATTERY.configured(config).named(name).codec())
    module = module or modbus.Module()
    module.packs = {str(number): {str(r): w for r, w in words.items()} for number, words in packs.items()}
    waiting = list(exchange.begin())
    while not exchange.done:
        answers = [modbus.answer(module, {}, 0, question) for question in waiting]
        waiting = [more for each in answers if each for more in exchange.receive(each)]
        if not waiting and not exchange.done:
            waiting = list(exchange.silent())
    assert exchange.sample is not None
    return exchange.sample


LEGACY = table("V25", "V26")
PRO = table("V28", "V29")
RNGPRO = table("V13", "V15", "V17", "V19")
HUB = {48: table("V23", "V24", "V20"), 49: table("V22", text="RBT50LFP48S")}


def test_a_legacy_pack_behind_its_own_module_is_read_without_a_word_of_config() -> None:
    said = read({}, {0x30: LEGACY})
    assert (said.voltage, said.current, said.state_of_charge, said.power) == (13.6, -0.86, 97.2, -11.7)
    assert (said.extra["model"], said.extra["cycle_count"]) == ("RBT100LFP12-BT", 15)
    assert (said.extra["remaining_ah"], said.extra["capacity_ah"]) == (97.2, 100.0)


@pytest.mark.parametrize(
    ("name", "packs", "current"),
    [("RNGRBP12200-1   ", PRO, -1.2), ("RNGC12BAT280019", PRO, -1.2), ("RNGPRO12BATT100", RNGPRO, 0.0)],
)
def test_the_name_says_the_unit_and_that_any_id_will_do(name: str, packs: Table, current: float) -> None:
    assert read({}, {255: packs}, name).current == current


def test_cells_and_temperatures_are_numbers_of_their_own() -> None:
    said = read({}, {255: RNGPRO}, "RNGPRO12BATT100")
    cells = [said.extra[f"cell_voltage_{n}"] for n in range(1, 5)]
    assert (cells, said.extra["temperature_1"], said.temperature) == ([3.6] * 4, 16.0, 16.1)
    assert "cell_voltage_5" not in said.extra


def test_alarm_words_of_a_healthy_pack_raise_nothing() -> None:
    said = read({}, {255: RNGPRO}, "RNGPRO12BATT100")
    assert (said.extra["cell_voltage_alarm"], said.status, said.extra.get("note")) == (170, None, None)


# -- whose word the unit is --------------------------------------------------------------------


@pytest.mark.parametrize(
    ("configured", "name", "text", "model"),
    [
        ("legacy", "BT-TH-1", "", "legacy"),
        ("rngc", "BT-TH-1", "RBTX", "rngc"),
        (None, "RNGRBP1", "RBT12200LFP-BT", "pro"),
        (None, "BT-TH-1", "RBT50LFP48S", "legacy"),
        (None, "BT-TH-1", "RBT200LFP12-BT", "legacy"),  # like those that were captured
        ("legacy", "RNGPRO1", "", "legacy"),  # the same unit
        (None, "BT-TH-1", "RBT12999LFP-X", None),
        (None, "BT-TH-1", "", None),
        (None, "rngrbp1", "", None),  # case counts
        ("legacy", "RNGRBP1", "", None),
        ("legacy", "BT-TH-1", "RBT12200LFP-B", None),
        ("pro", "BT-TH-1", "RBT100LFP12-BT", None),
        ("rngpro", "RNGC1", "RBT12100LFP-BT", None),
    ],
)
def test_what_is_believed(configured: str | None, name: str, text: str, model: str | None) -> None:
    judgement = judge(configured, name, text)
    assert judgement.model == model
    assert (judgement.note is None) is (model is not None)


def test_a_battery_that_contradicts_its_config_has_no_current_and_says_why() -> None:
    said = read({"model": "legacy"}, {255: PRO}, "RNGRBP12200-1")
    assert (said.voltage, said.current, said.power, said.state_of_charge) == (13.3, None, None, 98.6)
    assert "current" not in said.extra
    note = str(said.extra["note"])
    assert "its config says legacy (0.01 A a step)" in note
    assert "'RNGRBP12200-1' says pro (0.1 A a step)" in note


def test_so_has_one_whose_unit_nobody_tells() -> None:
    said = read({}, {0x30: table("V26", text="RBT12999LFP-X")})
    assert (said.voltage, said.current) == (13.6, None)
    assert "'RBT12999LFP-X' is not known" in str(said.extra["note"])


def test_every_model_has_one_of_two_units() -> None:
    for model, current in (("legacy", -0.12), ("rngpro", -0.12), ("pro", -1.2), ("rngc", -1.2)):
        assert read({"model": model}, {0x30: PRO}).current == current


# -- config ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("config", "pointer"),
    [
        ({"model": "lead"}, "/model"), ({"model": None}, "/model"), ({"model": ["pro"]}, "/model"),
        ({"device_id": 0}, "/device_id"), ({"device_id": 256}, "/device_id"), ({"device_id": True}, "/device_id"),
        ({"device_id": "48"}, "/device_id"), ({"colour": 1}, "/colour"), ({"hub": []}, "/hub"), ({"hub": 48}, "/hub"),
        ({"hub": [48, 48]}, "/hub/1"), ({"hub": [48, 255]}, "/hub/1"), ({"hub": [None]}, "/hub/0"),
        ({"hub": [48], "device_id": 48}, "/device_id"), ({"hub": list(range(1, 10))}, "/hub"),
    ],
)  # fmt: skip
def test_a_mistake_in_the_config_is_pointed_at(config: dict[str, Any], pointer: str) -> None:
    with pytest.raises(Invalid) as caught:
        BATTERY.configured(config)
    assert caught.value.pointer == pointer


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-1, 300) | st.text(max_size=5) | st.sampled_from(["pro", "rngc"]),
    lambda inner: st.lists(inner, max_size=4),
    max_leaves=6,
)


@given(st.dictionaries(st.sampled_from(["model", "device_id", "hub", "x"]), JSON))
def test_any_config_is_taken_or_refused(config: dict[str, Any]) -> None:
    try:
        BATTERY.configured(config).named("RNGC1").codec().begin()
    except Invalid as error:
        assert error.pointer.startswith("/")


@pytest.mark.parametrize("device_type", ["renogy_controller", "renogy_dcdc", "renogy_inverter"])
def test_the_others_have_a_device_id_too(device_type: str) -> None:
    driver = load().driver(device_type)
    assert driver.configured({"device_id": 17}).codec().begin()[0].data[0] == 17
    for config, pointer in (({"device_id": 300}, "/device_id"), ({"model": "pro"}, "/model")):
        with pytest.raises(Invalid) as caught:
            driver.configured(config)
        assert caught.value.pointer == pointer


def test_a_configured_id_is_asked_whatever_the_name() -> None:
    assert read({"device_id": 33}, {33: PRO}, "RNGRBP1").current == -1.2
    with pytest.raises(SilentDevice):
        read({"device_id": 34}, {33: PRO}, "RNGRBP1")


# -- names -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "device_type"),
    [
        ("RNGRBP12200LFP", "renogy_battery"), ("RNGC12BAT280019  ", "renogy_battery"), ("RNGPRO12BATT", "renogy_battery"),
        ("RTMShunt300A", "renogy_shunt"), ("BTRIC22", "renogy_inverter"), ("RNGRIU12", "renogy_inverter"),
        ("rngc12bat", None), ("BT-TH-16178A45    ", None), ("RNG-CTRL", None), ("4C-E1-74-68-36-92", None),
    ],
)  # fmt: skip
def test_a_name_of_one_family_alone_is_recognised(name: str, device_type: str | None) -> None:
    heard = Advertisement(
        parse_address("4C:E1:74:68:36:92"), name, -60, "hci0", {0xE14C: b"\x74\x68\x36\x92"}
    )
    found = load().hear(heard)
    assert (found and found.driver.device_type) == device_type
    assert found is None or not found.heard.proven


def test_a_captured_advertisement_matches_the_batteries_and_nothing_else() -> None:
    raw = bytes.fromhex("02010607ff4ce1746836921309524e47433132324241543238303030313934")
    said = parse_advert(raw)
    heard = Advertisement(parse_address("4C:E1:74:68:36:92"), said.name, -60, "hci0", said.manufacturer)
    found = load().hear(heard)
    assert found is not None
    assert (found.driver.device_type, found.reason) == ("renogy_battery", "name 'RNGC122BAT28000194'")
    assert [driver.device_type for driver in load().drivers if driver.hear(heard)] == []


# -- several behind one module -----------------------------------------------------------------


def test_packs_behind_a_hub_are_one_reading_of_the_whole() -> None:
    said = read({"hub": [48, 49]}, HUB)
    assert (said.voltage, said.current, said.power) == (51.4, 3.26, 167.6)
    assert (said.extra["remaining_ah"], said.extra["capacity_ah"], said.state_of_charge) == (
        99.633,
        99.992,
        99.6,
    )
    assert (said.extra["battery_48_voltage"], said.extra["battery_49_voltage"]) == (50.4, 52.4)
    assert (said.extra["battery_48_current"], said.extra["battery_49_current"]) == (3.26, 0.0)
    assert (said.extra["battery_48_soc"], said.extra["battery_48_cell_voltage_10"]) == (99.6, 3.5)
    assert (said.extra["batteries"], said.extra["batteries_answering"]) == (2, 2)
    assert "batteries_missing" not in said.extra


def hub(packs: dict[int, Table]) -> Sample:
    return read({"hub": [48, 49, 50, 51], "model": "legacy"}, packs)


@pytest.mark.parametrize("there", [[48], [49], [51], [48, 51], [49, 50], [48, 49, 50]])
def test_without_all_packs_nothing_is_summed_and_the_missing_ones_are_named(there: list[int]) -> None:
    said = hub(dict.fromkeys(there, HUB[49]))
    missing = ", ".join(str(n) for n in (48, 49, 50, 51) if n not in there)
    assert (said.voltage, said.extra[f"battery_{there[0]}_remaining_ah"]) == (52.4, 49.837)
    assert (said.current, said.power, said.state_of_charge) == (None, None, None)
    assert not {"remaining_ah", "capacity_ah", "current"} & said.extra.keys()
    assert (said.extra["batteries_missing"], said.extra["batteries_answering"]) == (missing, len(there))
    assert f"battery {missing} did not answer" in str(said.extra["note"])


def test_a_hub_of_which_nobody_answers_is_silent() -> None:
    with pytest.raises(SilentDevice):
        hub({20: HUB[49]})


def test_a_pack_whose_unit_is_not_known_leaves_the_sum_out() -> None:
    said = read({"hub": [48, 49]}, {48: HUB[48], 49: table("V22", text="RBT12999LFP-X")})
    assert (said.current, said.extra["battery_48_current"], said.state_of_charge) == (None, 3.26, 99.6)
    assert "RBT12999LFP-X" in str(said.extra["battery_49_note"])


@given(st.integers(0, 10_000))
def test_a_hub_over_a_bad_link_gives_right_values_or_none(seed: int) -> None:
    """Pieces are lost, and answers come late: after the next question."""
    chance = random.Random(seed)
    exchange = LiveExchange(BATTERY.configured({"hub": [48, 49], "model": "legacy"}).codec())
    module = modbus.Module(packs={str(n): {str(r): w for r, w in HUB[n].items()} for n in HUB})
    late: list[bytes] = []
    waiting = list(exchange.begin())
    try:
        for _ in range(300):
            if exchange.done:
                break
            answers, late = late, []
            for question in waiting:
                frame = modbus.answer(module, {}, 0, question)
                if frame is not None:
                    (late if chance.random() < 0.2 else answers).append(frame)
            waiting = []
            for piece in (piece for frame in answers for piece in modbus.pieces(frame)):
                if chance.random() >= 0.05:
                    waiting += exchange.receive(piece)
            if not waiting and not exchange.done:
                waiting += exchange.silent()
    except SilentDevice:
        return
    said = exchange.sample
    assert said is not None
    answering = [n for n in HUB if f"battery_{n}_voltage" in said.extra]
    assert said.extra["batteries_answering"] == len(answering) > 0
    assert [said.extra[f"battery_{n}_voltage"] for n in answering] == [
        {48: 50.4, 49: 52.4}[n] for n in answering
    ]
    assert (said.current, said.state_of_charge) == ((3.26, 99.6) if len(answering) == 2 else (None, None))


def test_a_pack_that_holds_more_than_it_should_is_full() -> None:
    """4.2 Ah of 4 Ah."""
    registers = dict(enumerate((0, 133, 0, 4200, 0, 4000), 5042))
    assert pack(registers, "legacy", "").state_of_charge == 100
