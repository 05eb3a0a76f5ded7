"""The conversation with a Modbus device: one question after the other, whatever comes between."""

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hawk.devices.exchange import LiveExchange
from hawk.drivers.modbus_codec import Block, ModbusCodec
from hawk.drivers.renogy_drivers import CONTROLLER, DCDC, INVERTER
from hawk.errors import SilentDevice, Undecodable
from hawk.model.reading import Sample
from hawk.wire.modbus import Registers, sealed
from tests.drivers.test_modbus import BY_ID
from tests.fake_bluez import modbus

TABLE = modbus.table(*((BY_ID[name]["request"], BY_ID[name]["response"]) for name in ("V01", "V02", "V03")))


def sum_of(registers: Registers) -> Sample:
    return Sample(voltage=float(sum(registers.values())))


def two_blocks(*, optional: bool = False) -> LiveExchange:
    return LiveExchange(ModbusCodec(1, (Block(10, 1, optional=optional), Block(20, 2)), sum_of))


def reply(*words: int) -> bytes:
    data = b"".join(word.to_bytes(2, "big") for word in words)
    return sealed(bytes([1, 3, len(data)]) + data)


ASK_10, ASK_20 = (sealed(bytes([1, 3, 0, register, 0, words])) for register, words in ((10, 1), (20, 2)))
REFUSED = sealed(bytes([1, 0x83, 2]))


def test_one_question_follows_the_answer_to_the_other_and_the_last_brings_the_sample() -> None:
    exchange = two_blocks()
    assert exchange.begin() == (ASK_10,)
    assert exchange.receive(reply(5)) == (ASK_20,)
    assert not exchange.done
    assert exchange.receive(reply(1, 2)) == ()
    assert exchange.sample == Sample(voltage=8.0)


def test_an_answer_comes_in_pieces_of_any_size() -> None:
    exchange = two_blocks()
    exchange.begin()
    said = [exchange.receive(reply(5)[i : i + 1]) for i in range(7)]
    assert said == [()] * 6 + [(ASK_20,)]
    exchange.receive(reply(1, 2)[:4])
    assert exchange.silent() == (ASK_20,)  # the rest was lost: asked again, from the beginning
    exchange.receive(reply(1, 2))
    assert exchange.sample == Sample(voltage=8.0)


def test_a_late_answer_to_the_question_before_is_passed_over() -> None:
    exchange = two_blocks()
    exchange.begin()
    assert exchange.silent() == (ASK_10,)
    assert exchange.receive(reply(5)) == (ASK_20,)
    assert exchange.receive(reply(5)) == ()  # the answer to the first asking
    exchange.receive(reply(1, 2))
    assert exchange.sample == Sample(voltage=8.0)


def test_a_late_answer_is_not_taken_for_that_to_a_question_of_the_same_length() -> None:
    """All this while the link stays: a reply has no address."""
    blocks = (Block(10, 1, optional=True), Block(20, 1))
    exchange = LiveExchange(ModbusCodec(1, blocks, sum_of))
    ask_20 = sealed(bytes([1, 3, 0, 20, 0, 1]))
    assert exchange.begin() == (ASK_10,)
    assert exchange.silent() == (ASK_10,)
    assert exchange.silent() == ()  # two replies are owed: nothing is asked while they may come
    assert exchange.receive(reply(5)) == ()
    assert exchange.receive(reply(5)) == (ask_20,)  # both came
    exchange.receive(reply(7))
    assert exchange.sample == Sample(voltage=7.0)


def test_what_is_owed_is_waited_for_during_one_silence_alone() -> None:
    blocks = (Block(10, 1, optional=True), Block(20, 1))
    exchange = LiveExchange(ModbusCodec(1, blocks, sum_of))
    exchange.begin()
    assert [exchange.silent() for _ in range(3)] == [(ASK_10,), (), (sealed(bytes([1, 3, 0, 20, 0, 1])),)]


def test_after_that_a_question_that_need_not_be_asked_is_not() -> None:
    blocks = (Block(10, 1, optional=True), Block(30, 1, optional=True), Block(20, 2))
    exchange = LiveExchange(ModbusCodec(1, blocks, sum_of))
    exchange.begin()
    assert [exchange.silent() for _ in range(3)] == [(ASK_10,), (), (ASK_20,)]


def test_a_refusal_that_was_late_ends_no_later_question() -> None:
    exchange = two_blocks(optional=True)
    exchange.begin()
    assert [exchange.silent() for _ in range(2)] == [(ASK_10,), (ASK_20,)]
    exchange.receive(REFUSED)  # of the first: it is counted, and the second goes on
    exchange.receive(reply(1, 2))
    assert exchange.sample == Sample(voltage=3.0)


def test_a_refusal_pays_for_no_reply_while_several_are_owed() -> None:
    """It may be the late one to the first question: then that to the second is still to come."""
    blocks = (Block(20, 2), Block(10, 1, optional=True), Block(30, 1, optional=True), Block(40, 4))
    exchange = LiveExchange(ModbusCodec(1, blocks, sum_of))
    exchange.begin()
    exchange.silent()
    assert exchange.receive(reply(1, 2)) == (ASK_10,)
    assert exchange.receive(REFUSED) == ()
    assert exchange.receive(reply(5)) == (sealed(bytes([1, 3, 0, 30, 0, 1])),)  # that to the question at 10
    exchange.receive(reply(7))
    exchange.receive(reply(1, 1, 1, 1))
    assert exchange.sample == Sample(voltage=14.0)


def test_as_many_blocks_as_there_are_may_stay_silent() -> None:
    blocks = [Block(30 + n, 3 + n, optional=True) for n in range(6)]
    exchange = LiveExchange(ModbusCodec(1, [*blocks, Block(20, 2)], sum_of))
    exchange.begin()
    for _ in range(11):
        assert exchange.silent() not in {(), (ASK_20,)}
    assert exchange.silent() == (ASK_20,)
    exchange.receive(reply(1, 2))
    assert exchange.sample == Sample(voltage=3.0)


def test_a_block_is_asked_for_only_where_what_came_before_says_so() -> None:
    def third_if(wanted: bool) -> LiveExchange:
        blocks = (Block(10, 1), Block(30, 3, optional=True, only=lambda said: said[10] == 5), Block(20, 2))
        exchange = LiveExchange(ModbusCodec(1, blocks, sum_of))
        exchange.begin()
        exchange.receive(reply(5 if wanted else 6))
        return exchange

    assert third_if(wanted=False).receive(reply(1, 2)) == ()
    assert third_if(wanted=True).receive(reply(1, 2, 3)) == (ASK_20,)


def test_a_block_that_a_model_lacks_is_left_out() -> None:
    refusing, silent = two_blocks(optional=True), two_blocks(optional=True)
    for exchange in (refusing, silent):
        exchange.begin()
    assert refusing.receive(REFUSED) == (ASK_20,)
    assert silent.silent() == (ASK_10,)
    assert silent.silent() == (ASK_20,)
    for exchange in (refusing, silent):
        exchange.receive(reply(1, 2))
        assert exchange.sample == Sample(voltage=3.0)


def test_a_block_that_is_needed_and_refused_is_said() -> None:
    exchange = two_blocks()
    exchange.begin()
    exchange.receive(REFUSED)
    for _ in range(3):
        exchange.silent()
    with pytest.raises(Undecodable, match="illegal_address"):
        exchange.silent()


def test_a_device_that_answers_nothing_is_silent() -> None:
    exchange = two_blocks()
    exchange.begin()
    for _ in range(3):
        assert exchange.silent() == (ASK_10,)
    with pytest.raises(SilentDevice):
        exchange.silent()


def converse(
    exchange: LiveExchange,
    table: dict[int, int],
    chance: random.Random,
    device_id: int = 255,
    loss: float = 0.1,
) -> None:
    """With a module that answers in pieces, and loses one now and then."""
    waiting = list(exchange.begin())
    for _ in range(200):
        if exchange.done:
            return
        asked, waiting = waiting, []
        for question in asked:
            frame = modbus.reply(table, device_id, question)
            for piece in modbus.pieces(frame) if frame else []:
                if chance.random() >= loss:
                    waiting += exchange.receive(piece)
        if not waiting and not exchange.done:
            waiting += exchange.silent()


@given(st.integers(0, 10_000))
def test_a_controller_is_read_rightly_or_not_at_all(seed: int) -> None:
    exchange = LiveExchange(CONTROLLER.codec())
    try:
        converse(exchange, TABLE, random.Random(seed))
    except SilentDevice:
        return
    sample = exchange.sample
    assert sample is not None
    assert (sample.voltage, sample.current, sample.power) == (14.4, 0.04, 0.6)
    assert (sample.temperature, sample.state_of_charge, sample.status) == (25, 100, "boost")
    assert sample.extra["energy_generated_total"] == 65936
    assert sample.extra.get("model", "RNG-CTRL-RVR40") == "RNG-CTRL-RVR40"


def test_a_dcdc_charger_without_the_later_registers_is_read_all_the_same() -> None:
    exchange = LiveExchange(DCDC.codec())
    converse(
        exchange, modbus.table((BY_ID["V08"]["request"], BY_ID["V08"]["response"])), random.Random(1), loss=0
    )
    assert exchange.sample is not None
    assert (exchange.sample.voltage, exchange.sample.current) == (14.4, 1.25)
    assert exchange.sample.extra["alternator_voltage"] == 12.8


@pytest.mark.parametrize(
    ("frames", "current"), [(("V30", "V31", "V32", "V34"), 49.5), (("V30", "V31", "V32"), None)]
)
def test_the_sign_of_an_inverters_current_is_believed_of_the_model_it_was_seen_on(
    frames: tuple[str, ...], current: float | None
) -> None:
    exchange = LiveExchange(INVERTER.codec())
    table = modbus.table(*((BY_ID[name]["request"], BY_ID[name]["response"]) for name in frames))
    converse(exchange, table, random.Random(2), 0x20, loss=0)
    assert exchange.sample is not None
    assert (exchange.sample.voltage, exchange.sample.current) == (51.2, current)
    assert exchange.sample.extra["battery_current"] == -49.5
    assert exchange.sample.extra["load_active_power"] == 20
