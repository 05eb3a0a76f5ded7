"""A device that a document describes, in conversation: read rightly or not at all."""

import heapq
import itertools
import json
import random
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hawk.devices.exchange import LiveExchange
from hawk.drivers import catalogue
from hawk.drivers.api import Driver
from hawk.drivers.generic_modbus import GENERIC_MODBUS
from hawk.errors import HawkError, Invalid, ProtocolError, SilentDevice, Undecodable
from hawk.model.reading import Sample
from tests.drivers.test_modbus import BY_ID, EXAMPLES
from tests.drivers.test_modbus_document import MINIMAL
from tests.fake_bluez import modbus
from tests.fake_bluez.modbus import Module

SESSION = 300.0  # [s] of virtual time
Coming = list[tuple[float, bytes]]  # seconds after the question, a notification


def driver(**changes: Any) -> Driver:
    return GENERIC_MODBUS.configured(MINIMAL | changes)


def module(registers: dict[int, int], device_id: int = 1, **habits: Any) -> Callable[[bytes], Coming]:
    kept = Module(**habits)

    def answer(written: bytes) -> Coming:
        frame = modbus.answer(kept, registers, device_id, written)
        return [(0.2, piece) for piece in modbus.pieces(frame)] if frame else []

    return answer


def talk(driver: Driver, answer: Callable[[bytes], Coming]) -> tuple[Sample | None, list[tuple[float, str]]]:
    """What the radio does, in virtual time: the sample, and when what was written."""
    exchange, now, number = (
        LiveExchange(driver.codec(), pace=driver.pace),
        driver.gatt.settle,
        itertools.count(),
    )
    coming: list[tuple[float, int, bytes]] = []
    written: list[tuple[float, str]] = []

    def write(frames: tuple[bytes, ...]) -> None:
        nonlocal now
        for frame in frames:
            now += driver.gatt.pause
            written.append((round(now, 3), frame.hex()))
            for delay, piece in answer(frame):
                heapq.heappush(coming, (now + delay, next(number), piece))

    write(exchange.begin())
    while not exchange.done:
        if coming and coming[0][0] <= now + exchange.quiet:
            at, _, piece = heapq.heappop(coming)
            now = max(now, at)
            write(exchange.receive(piece))
        else:
            now += exchange.quiet
            write(exchange.silent())
        if now > SESSION:
            raise SilentDevice("the session is over")
    return exchange.sample, written


def request(register: int, words: int, function: int = 3, device_id: int = 1) -> str:
    return modbus.sealed(
        bytes([device_id, function]) + register.to_bytes(2, "big") + words.to_bytes(2, "big")
    ).hex()


A = {"id": "a", "register": 0, "words": 2}
B = {"id": "b", "register": 10, "words": 2}
TWO = [{"key": "a", "register": 0, "type": "u16"}, {"key": "b", "register": 10, "type": "u16"}]
TABLE = {0: 1, 1: 1, 10: 2, 11: 2}


# -- as the service knows it -------------------------------------------------------------------


@pytest.mark.parametrize("name", ["generic_modbus", "generic_modbus_device", "Generic_Modbus"])
def test_it_is_known_by_its_name_and_the_one_of_other_gateways(name: str) -> None:
    assert catalogue.load().driver(name) is GENERIC_MODBUS


def test_without_a_document_it_says_what_it_needs() -> None:
    with pytest.raises(Invalid, match="needs its document") as caught:
        GENERIC_MODBUS.configured({})
    assert caught.value.pointer == ""


def test_the_document_makes_the_driver() -> None:
    made = GENERIC_MODBUS.configured(EXAMPLES["renogy-rover"])
    assert made.device_type == "generic_modbus"
    assert made.description == "Renogy Rover via BT-1 (generic)"
    assert made.measures == ("voltage", "current", "temperature", "state_of_charge")
    assert made.polling_interval == 60
    assert {shown.key for shown in made.shows} >= {"model", "battery_voltage", "charging_state"}


# -- one poll ----------------------------------------------------------------------------------


def test_one_block_is_asked_after_the_other_with_the_pause_of_the_document() -> None:
    made = driver(fields=TWO, blocks=[A, B], ble=MINIMAL["ble"] | {"connect_delay_s": 1.5})
    sample, written = talk(made, module(TABLE))
    assert sample is not None
    assert (sample.extra, sample.raw) == ({"a": 1, "b": 2}, {"a": 1, "b": 2})
    assert written == [(1.8, request(0, 2)), (2.3, request(10, 2))]


def test_a_question_is_repeated_as_often_as_the_document_says() -> None:
    for retries in (0, 2):
        made = driver(ble=MINIMAL["ble"] | {"retries": retries, "response_timeout_s": 2})
        exchange = LiveExchange(made.codec(), pace=made.pace)
        asked = [exchange.begin(), *(exchange.silent() for _ in range(retries))]
        assert asked == [(bytes.fromhex(request(1, 1)),)] * (retries + 1)
        with pytest.raises(SilentDevice, match=f"{retries + 1} request"):
            exchange.silent()


def test_a_long_request_is_written_in_pieces() -> None:
    _, written = talk(driver(ble=MINIMAL["ble"] | {"max_chunk": 5}), module({1: 7}))
    assert [frame for _, frame in written] == [request(1, 1)[:10], request(1, 1)[10:]]


@pytest.mark.parametrize("mute", [[], [10]], ids=["refused", "silent"])
def test_an_optional_block_that_fails_is_left_out(mute: list[int]) -> None:
    made = driver(fields=TWO, blocks=[A, B | {"optional": True}])
    sample, written = talk(made, module({0: 1, 1: 1}, mute=mute))
    assert sample is not None
    assert sample.extra == {"a": 1}
    assert [frame for _, frame in written] == [request(10, 2)] * (2 if mute else 1) + [request(0, 2)]


def test_several_optional_blocks_may_be_silent() -> None:
    more = [{"id": f"c{n}", "register": 20 + n, "words": 1, "optional": True} for n in range(5)]
    sample, _ = talk(driver(fields=TWO[:1], blocks=[A, *more]), module(TABLE, mute=[20, 21, 22, 23, 24]))
    assert sample is not None
    assert sample.extra == {"a": 1}


def test_a_block_that_is_needed_and_refused_is_named() -> None:
    with pytest.raises(Undecodable, match=r"block a: .*illegal_address"):
        talk(driver(fields=TWO, blocks=[A, B]), module({99: 0}))


def test_input_registers_are_asked_by_function_4() -> None:
    fields = [TWO[0], TWO[0] | {"key": "in", "function": 4}]
    sample, written = talk(driver(fields=fields), module({0: 1}, inputs={"0": 9}))
    assert sample is not None
    assert sample.extra == {"a": 1, "in": 9}
    assert [frame for _, frame in written] == [request(0, 1), request(0, 1, function=4)]


def test_an_answer_with_more_words_than_asked_is_taken_only_if_the_document_allows_it() -> None:
    answer = module({1: 7}, more_words=1)
    with pytest.raises(SilentDevice):
        talk(driver(), answer)
    sample, _ = talk(driver(modbus={"strict_length": False}), answer)
    assert sample is not None
    assert sample.extra == {"volts": 7}


def test_an_answer_of_another_id_is_taken_only_if_the_document_allows_it() -> None:
    answer = module({1: 7}, answers_as=9)
    with pytest.raises(SilentDevice):
        talk(driver(), answer)
    sample, _ = talk(driver(modbus={"check_id": False}), answer)
    assert sample is not None
    assert sample.extra == {"volts": 7}


# -- poll after poll ---------------------------------------------------------------------------


def test_a_block_is_asked_once_or_at_every_so_many_polls() -> None:
    blocks = [
        A,
        B | {"when": "once"},
        {"id": "c", "register": 20, "words": 1, "every": 3},
    ]
    fields = [*TWO, {"key": "c", "register": 20, "type": "u16"}]
    made, registers = driver(fields=fields, blocks=blocks), {**TABLE, 20: 5}
    seen = []
    for n in range(7):
        registers[10] = registers[20] = n
        sample, written = talk(made, module(registers))
        assert sample is not None
        seen.append((sample.extra, [frame for _, frame in written]))
    a, b, c = request(0, 2), request(10, 2), request(20, 1)
    assert seen[0] == ({"a": 1, "b": 0, "c": 0}, [a, b, c])
    assert seen[1] == seen[2] == ({"a": 1, "b": 0}, [a])  # what does not change is said each time
    assert seen[3] == ({"a": 1, "b": 0, "c": 3}, [a, c])  # what may have changed only when it was asked
    assert seen[6] == ({"a": 1, "b": 0, "c": 6}, [a, c])


def test_a_poll_that_fails_does_not_count() -> None:
    made = driver(fields=TWO, blocks=[A, B | {"when": "once"}])
    with pytest.raises(Undecodable):
        talk(made, module({0: 1, 1: 1}))
    sample, _ = talk(made, module(TABLE))
    assert sample is not None
    assert sample.extra == {"a": 1, "b": 2}


def test_what_is_asked_once_and_was_not_answered_is_asked_again() -> None:
    made = driver(fields=TWO, blocks=[A, B | {"when": "once", "optional": True}])
    assert [talk(made, module(registers))[0].extra for registers in ({0: 1, 1: 1}, TABLE, TABLE)] == [
        {"a": 1}, {"a": 1, "b": 2}, {"a": 1, "b": 2},
    ]  # fmt: skip


# -- whatever comes ----------------------------------------------------------------------------


@given(st.integers(0, 100_000))
def test_late_and_lost_answers_never_give_a_value_of_another_block(seed: int) -> None:
    """All blocks are of one length, and an answer does not say what it answers."""
    chance = random.Random(seed)
    blocks = [
        {"id": f"b{n}", "register": 10 * n, "words": 2, "optional": bool(n) and chance.random() < 0.5}
        for n in range(4)
    ]
    fields = [{"key": f"f{n}", "register": 10 * n, "type": "u32"} for n in range(4)]
    made = driver(
        fields=fields,
        blocks=blocks,
        ble=MINIMAL["ble"] | {"response_timeout_s": 2, "retries": chance.randrange(4)},
    )
    table = {10 * n + i: n + 1 for n in range(4) for i in (0, 1)}

    def answer(written: bytes) -> Coming:
        if chance.random() < 0.2:
            return []
        frame = modbus.reply(table, 1, written)
        assert frame is not None
        return [(chance.choice([0.1, 0.3, 1.9, 2.5, 3.9]), frame)]

    try:
        sample, _ = talk(made, answer)
    except HawkError:
        return
    assert sample is not None
    assert {key: value for key, value in sample.extra.items() if value != (int(key[1]) + 1) * 0x10001} == {}


@pytest.mark.parametrize("name", EXAMPLES)
@given(seed=st.integers(0, 100_000))
def test_the_documents_of_the_guide_read_rightly_or_not_at_all(name: str, seed: int) -> None:
    """From a module that loses and damages pieces now and then."""
    chance = random.Random(seed)
    vectors, device_id = {"renogy-rover": (("V01", "V02", "V03"), 255), "vatrer-bms": (("V35", "V36"), 2)}[
        name
    ]
    table = modbus.table(*((BY_ID[each]["request"], BY_ID[each]["response"]) for each in vectors))
    table = {**{21 + i: 0 for i in range(31)}, **table} if device_id == 2 else table
    whole = module(table, device_id)
    right, _ = talk(GENERIC_MODBUS.configured(EXAMPLES[name]), whole)

    def answer(written: bytes) -> Coming:
        return list(worn(whole(written), chance))

    try:
        sample, _ = talk(GENERIC_MODBUS.configured(EXAMPLES[name]), answer)
    except HawkError:
        return
    assert sample == right


def worn(coming: Coming, chance: random.Random) -> Iterator[tuple[float, bytes]]:
    for at, piece in coming:
        fate = chance.random()
        if fate < 0.05:
            continue
        place = chance.randrange(len(piece))
        flipped = piece[:place] + bytes([piece[place] ^ 1 << chance.randrange(8)]) + piece[place + 1 :]
        yield at, flipped if fate < 0.1 else piece


FIXED = {"ble": MINIMAL["ble"], "schema": 1, "name": "x"}
ORDER = st.sampled_from(["big", "little"])
NUMBER: dict[str, Any] = {
    "scale": st.floats(-1e12, 1e12), "offset": st.floats(-1e12, 1e12), "precision": st.integers(0, 6),
    "valid": st.just({"max": 1e6}), "role": st.sampled_from(["voltage", "current", "capacity", "cycles"]),
}  # fmt: skip
BITS: dict[str, Any] = {
    "mask": st.integers(0, 2**64 - 1), "shift": st.integers(0, 63), "invalid": st.just([65535]),
}  # fmt: skip
MAYBE: dict[str, dict[str, Any]] = {
    **dict.fromkeys(("u16", "s16"), NUMBER | BITS),
    **dict.fromkeys(("u32", "s64", "u64"), NUMBER | BITS | {"word_order": ORDER}),
    **dict.fromkeys(("u8", "s8", "sm8"), NUMBER | BITS | {"byte": st.sampled_from(["high", "low"])}),
    "f32": NUMBER | {"word_order": ORDER},
    "flags": BITS,
    "bool": {},
    "ascii": {},
    "raw": {},
}
NEEDED: dict[str, dict[str, Any]] = {
    "bool": {"bit": st.integers(0, 15)},
    "flags": {"flags": st.just({"0": "a", "15": "b"})},
    "ascii": {"words": st.integers(1, 4)},
    "raw": {"words": st.integers(1, 4)},
}
LIST = st.fixed_dictionaries(
    {"count": st.integers(1, 5)},
    optional={"count_from": st.integers(0, 3), "stride": st.integers(1, 5)},
)


def fields_of(kind: str) -> st.SearchStrategy[dict[str, Any]]:
    one = st.fixed_dictionaries(
        {"register": st.integers(0, 40) | st.just("0x10"), "type": st.just(kind), **NEEDED.get(kind, {})},
        optional={**MAYBE[kind], "byte_order": ORDER, "function": st.sampled_from([3, 4])},
    )
    many = st.builds(lambda field, more: {k: v for k, v in field.items() if k != "role"} | more, one, LIST)
    return one | many


FIELDS = st.lists(st.sampled_from(sorted(MAYBE)).flatmap(fields_of), min_size=1, max_size=3)
COMPUTED = st.lists(
    st.fixed_dictionaries(
        {"expr": st.sampled_from(["f0*f0", "f0/f1*100", "f0-f1", "-f0", "mean(f0)", "max(f1)", "-c0"])},
        optional={"role": st.just("power"), "precision": st.integers(0, 6)},
    ),
    max_size=2,
)
NO_BLOCKS: list[dict[str, Any]] = []
BLOCKS = st.just(NO_BLOCKS) | st.lists(
    st.fixed_dictionaries(
        {"register": st.integers(0, 2), "words": st.integers(40, 70)},
        optional={
            "function": st.sampled_from([3, 4]), "optional": st.booleans(), "every": st.integers(1, 3),
            "when": st.sampled_from(["once", "every"]),
        },
    ),
    max_size=2,
)  # fmt: skip


def document(fields: Any, computed: Any, blocks: Any, modbus_part: Any) -> dict[str, Any]:
    return FIXED | {
        "fields": [{"key": f"f{i}", **each} for i, each in enumerate(fields)],
        "computed": [{"key": f"c{i}", **each} for i, each in enumerate(computed)],
        "blocks": [{"id": f"b{i}", **each} for i, each in enumerate(blocks)],
        "modbus": modbus_part,
    }


DOCUMENTS = st.builds(
    document, FIELDS, COMPUTED, BLOCKS,
    st.fixed_dictionaries(
        {},
        optional={
            "max_words": st.integers(1, 125), "max_gap": st.integers(0, 64), "function": st.sampled_from([3, 4]),
            "strict_length": st.booleans(), "check_id": st.booleans(),
        },
    ),
)  # fmt: skip


@given(DOCUMENTS, st.lists(st.integers(0, 0xFFFF), min_size=200, max_size=200))
def test_any_document_reads_any_registers_or_is_refused(document: dict[str, Any], words: list[int]) -> None:
    """What is read can be kept and sent: strict JSON, quantities as floats."""
    try:
        made = GENERIC_MODBUS.configured(document)
    except Invalid as error:
        assert error.pointer.startswith("/")
        return
    again = GENERIC_MODBUS.configured(json.loads(json.dumps(document)))
    assert (again.shows, again.gatt, again.pace) == (made.shows, made.gatt, made.pace)
    table = dict(enumerate(words))
    answer = module(table, inputs={str(address): word for address, word in table.items()})
    for _ in range(3):
        sample, _ = talk(made, answer)
        assert sample is not None
        json.dumps([dict(sample.extra), dict(sample.raw)], allow_nan=False)
        assert {key for key in sample.extra if key not in {"capacity", "cycles"}} <= {
            s.key for s in made.shows
        }
        assert all(
            type(value) in {float, type(None)} for value in (sample.voltage, sample.current, sample.power)
        )


@given(DOCUMENTS, st.lists(st.binary(max_size=40), max_size=8))
def test_noise_is_no_reading_of_any_document(document: dict[str, Any], frames: list[bytes]) -> None:
    try:
        codec = GENERIC_MODBUS.configured(document).codec()
    except Invalid:
        return
    codec.begin()
    for frame in frames:
        try:
            assert codec.receive_data(frame) is None
        except ProtocolError:
            continue


def test_the_examples_of_the_guide_are_those_that_are_tested() -> None:
    folder = Path(__file__).parents[2] / "docs" / "examples"
    assert sorted(EXAMPLES) == sorted(path.stem for path in folder.glob("*.json"))
