"""Which values are believed, and what they are once corrected."""

from collections.abc import Iterable
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hawk.devices.judgement import (
    CONFIRMED_AFTER,
    JUMP_WITHIN,
    Judged,
    Known,
    Remembered,
    correct,
    judge,
    rules_of,
)
from hawk.drivers import catalogue
from hawk.drivers.decode import answer
from hawk.model.reading import QUANTITIES, Sample
from hawk.model.rules import ANY_BATTERY, Bounds, Calibration, Correction, Plausibility, Reason, Rules
from tests.doubles import device
from tests.drivers import vectors
from tests.drivers.test_modbus import DECODED

DRIVERS = catalogue.load().drivers
NARROW = Rules(plausibility={"voltage": Bounds(9, 16, max_jump=2), "temperature": Bounds(-30, 60)})


def told(rules: Rules, *said: tuple[float, float]) -> list[float | None]:
    """What is believed of these voltages, each with its time [s]."""
    known, believed = Known(), list[float | None]()
    for at, volts in said:
        judged = judge(Sample(voltage=volts), at, known, rules)
        known = judged.known
        believed.append(judged.sample.voltage)
    return believed


# -- correcting --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("calibration", "sample", "expected"),
    [
        ({}, Sample(voltage=12.6), Sample(voltage=12.6)),
        ({"voltage": Correction()}, Sample(voltage=12.6), Sample(voltage=12.6)),
        (
            {"voltage": Correction(1.01, 0.05)},
            Sample(voltage=12.6, extra={"mac": "x"}),
            Sample(voltage=12.776, extra={"mac": "x", "raw_voltage": 12.6}),
        ),
        ({"temperature": Correction(offset=-2)}, Sample(voltage=12.6), Sample(voltage=12.6)),
        (
            {"temperature": Correction(offset=-2)},
            Sample(temperature=0),
            Sample(temperature=-2, extra={"raw_temperature": 0}),
        ),
        (
            {"current": Correction(scale=-1)},
            Sample(current=4.5),
            Sample(current=-4.5, extra={"raw_current": 4.5}),
        ),
        (  # computed: it follows
            {"voltage": Correction(offset=0.2), "current": Correction(scale=2)},
            Sample(voltage=12.8, current=3, power=38.4),
            Sample(voltage=13, current=6, power=78, extra={"raw_voltage": 12.8, "raw_current": 3, "raw_power": 38.4}),
        ),
        (  # measured by the device: it does not
            {"voltage": Correction(offset=0.2)},
            Sample(voltage=12.8, current=3, power=35),
            Sample(voltage=13, current=3, power=35, extra={"raw_voltage": 12.8}),
        ),
        (  # corrected itself: it does not either
            {"voltage": Correction(offset=0.2), "power": Correction(scale=2)},
            Sample(voltage=12.8, current=3, power=38.4),
            Sample(voltage=13, current=3, power=76.8, extra={"raw_voltage": 12.8, "raw_power": 38.4}),
        ),
        (
            {"state_of_charge": Correction(offset=5)},
            Sample(state_of_charge=98),
            Sample(state_of_charge=100, extra={"raw_state_of_charge": 98}),
        ),
        (
            {"state_of_charge": Correction(offset=-5)},
            Sample(state_of_charge=2),
            Sample(state_of_charge=0, extra={"raw_state_of_charge": 2}),
        ),
        (  # no correction makes a percentage of this
            {"state_of_charge": Correction(offset=-5)},
            Sample(state_of_charge=130),
            Sample(state_of_charge=125, extra={"raw_state_of_charge": 130}),
        ),
    ],
)  # fmt: skip
def test_a_value_is_corrected_and_the_raw_one_stays(
    calibration: Calibration, sample: Sample, expected: Sample
) -> None:
    assert correct(sample, calibration) == expected


def test_the_limits_are_for_the_corrected_value() -> None:
    rules = Rules({"voltage": Correction(scale=2)}, {"voltage": Bounds(max=20)})
    assert judge(Sample(voltage=9.9), 0, Known(), rules).sample.voltage == 19.8
    judged = judge(Sample(voltage=10.5), 0, Known(), rules)
    assert (judged.sample, judged.nothing_left) == (Sample(), True)
    assert [(each.value, each.limit) for each in judged.rejected] == [(21, 20)]


# -- limits ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("sample", "left", "reason", "words"),
    [
        (
            Sample(voltage=8.9, temperature=20, status="low", status_code=1),
            Sample(temperature=20),
            Reason.MIN,
            "voltage 8.9 V is less than 9 V",
        ),
        (
            Sample(voltage=588.8, state_of_charge=80),
            Sample(state_of_charge=80),
            Reason.MAX,
            "voltage 588.8 V is more than 16 V",
        ),
        (
            Sample(voltage=12.6, temperature=61, status="normal", status_code=0),
            Sample(voltage=12.6, status="normal", status_code=0),
            Reason.MAX,
            "temperature 61 °C is more than 60 °C",
        ),
        (  # a product of what is not believed
            Sample(voltage=20, current=2, power=40),
            Sample(current=2),
            Reason.MAX,
            "voltage 20 V is more than 16 V",
        ),
    ],
)
def test_a_value_beyond_its_limit_is_left_out_and_the_rest_stays(
    sample: Sample, left: Sample, reason: Reason, words: str
) -> None:
    judged = judge(sample, 0, Known(), NARROW)
    assert judged.sample == left
    assert [(each.reason, str(each)) for each in judged.rejected] == [(reason, words)]
    assert not judged.nothing_left


def test_values_at_the_limit_are_believed() -> None:
    assert told(NARROW, (0, 9), (700, 16)) == [9, 16]


def test_the_raw_value_of_what_is_not_believed_goes_too() -> None:
    rules = Rules(
        {"voltage": Correction(offset=10), "temperature": Correction(offset=1)}, NARROW.plausibility
    )
    judged = judge(Sample(voltage=12.6, temperature=20), 0, Known(), rules)
    assert judged.sample == Sample(temperature=21, extra={"raw_temperature": 20})


# -- jumps -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("said", "believed"),
    [
        ([(0, 12.6), (2, 14.6)], [12.6, 14.6]),  # just no jump
        ([(0, 12.6), (2, 14.7), (4, 12.6)], [12.6, None, 12.6]),  # a spike
        ([(0, 12.6), (2, 15), (4, 15.1), (6, 15)], [12.6, None, 15.1, 15]),  # a real change: confirmed
        ([(0, 12.6), (2, 15), (4, 10), (6, 15)], [12.6, None, None, None]),  # they do not agree
        ([(0, 12.6), (2, 15), (4, 12.6), (6, 15)], [12.6, None, 12.6, None]),  # nor in a row
        ([(0, 12.6), (2, 10), (4, 10.1), (6, 12.6)], [12.6, None, 10.1, None]),  # and back is a change, too
        ([(0, 12.6), (JUMP_WITHIN + 1, 15)], [12.6, 15]),  # meanwhile anything may have happened
        ([(0, 12.6), (JUMP_WITHIN, 15)], [12.6, None]),
        ([(0, 15)], [15]),  # the first
        ([(0, 12.6), (2, 15), (2.5, 15), (2.9, 15), (3, 15)], [12.6, None, None, None, 15]),  # heard twice
        ([(0, 12.6), (2, 15), (2.5, 15.1), (3, 15.2)], [12.6, None, None, 15.2]),
        ([(0, 12.6), (2, 588), (4, 12.6)], [12.6, None, 12.6]),
        ([(600, 12.6), (480, 15), (360, 12.6)], [12.6, None, 12.6]),  # the newest first, as in a download
    ],
)
def test_a_jump_is_believed_when_the_next_value_confirms_it(
    said: list[tuple[float, float]], believed: list[float | None]
) -> None:
    assert told(NARROW, *said) == believed


def test_a_jump_says_where_it_came_from() -> None:
    known = judge(Sample(voltage=12.6), 0, Known(), NARROW).known
    (rejected,) = judge(Sample(voltage=15.5), 5, known, NARROW).rejected
    assert str(rejected) == "voltage 15.5 V after 12.6 V is a jump of more than 2 V"


@given(
    st.lists(st.floats(9, 16), min_size=1, max_size=20),
    st.floats(9, 16),
    st.floats(CONFIRMED_AFTER, JUMP_WITHIN),
    st.floats(0.1, 5),
)
def test_whatever_came_before_a_steady_value_is_believed_the_second_time(
    before: list[float], steady: float, step: float, max_jump: float
) -> None:
    rules = Rules(plausibility={"voltage": Bounds(max_jump=max_jump)})
    said = [(i * step, volts) for i, volts in enumerate([*before, steady, steady])]
    assert told(rules, *said)[-1] == steady


@given(st.lists(st.tuples(st.floats(0, 2000), st.floats(-100, 100)), max_size=30))
def test_nothing_beyond_a_limit_and_no_unconfirmed_jump_is_ever_believed(
    said: list[tuple[float, float]],
) -> None:
    said = sorted(said)
    for (at, volts), found in zip(said, told(NARROW, *said), strict=True):
        assert found in {None, volts}, at
        assert found is None or 9 <= found <= 16
    values = [(at, volts) for (at, volts), found in zip(said, told(NARROW, *said), strict=True) if found]
    for (at, volts), (later, other) in pairwise(values):
        if abs(volts - other) > 2 + 1e-6 and later - at <= JUMP_WITHIN:
            assert any(at < doubted < later and abs(v - other) <= 2 + 1e-6 for doubted, v in said)


# -- what a device remembers ---------------------------------------------------------------------


def remembered(raw: bytes) -> Sample | None:
    return Sample(voltage=raw[0]) if raw else None


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        (b"\x0c", Sample(voltage=12.5, extra={"raw_voltage": 12})),
        (b"\x0f", Sample(voltage=15.5, extra={"raw_voltage": 15})),  # a jump, perhaps: nobody knows from what
        (b"\x10", None),
        (b"", None),
    ],
)
def test_a_record_of_the_history_is_corrected_and_held_against_the_limits(
    raw: bytes, expected: Sample | None
) -> None:
    rules = Rules({"voltage": Correction(offset=0.5)}, NARROW.plausibility)
    records = Remembered(rules, remembered)
    assert records.sample(raw) == expected
    assert [each.value for each in records.rejected] == ([16.5] if raw == b"\x10" else [])


# -- what families say ---------------------------------------------------------------------------

TRUTHS = {  # [V]
    "a 6 V battery": (5.5, 6.3, 7.3),
    "a 12 V battery, empty, cranking and equalised": (0, 2, 6, 12.6, 14.8, 16),
    "a 24 V battery, charged": (21, 25.6, 29.6),
}
BANKS = {"a 48 V bank, charged and equalised": (40, 51.2, 58, 58.4, 64)}


def rejections(limits: Plausibility, samples: Iterable[Sample]) -> list[str]:
    """Of samples that come a second apart."""
    known, found = Known(), list[str]()
    for number, sample in enumerate(samples):
        judged: Judged = judge(sample, number, known, Rules(plausibility=limits))
        known = judged.known
        found += map(str, judged.rejected)
    return found


@pytest.mark.parametrize("driver", DRIVERS, ids=lambda driver: driver.device_type)
@pytest.mark.parametrize("what", TRUTHS)
def test_no_family_rejects_a_truth(driver: Any, what: str) -> None:
    limits = rules_of(device(), driver).plausibility
    assert rejections(limits, (Sample(voltage=volts) for volts in TRUTHS[what])) == []
    assert rejections(limits, (Sample(temperature=degrees) for degrees in (-40, -20, 0, 40, 80))) == []
    assert rejections(limits, (Sample(state_of_charge=percent) for percent in (0, 100, 0))) == []


@pytest.mark.parametrize(
    "limits",
    [ANY_BATTERY, *(each.plausible for each in DRIVERS if each.device_type.startswith("renogy"))],
)
def test_what_may_sit_on_a_48_v_bank_rejects_none_of_it(limits: Plausibility) -> None:
    for volts in BANKS.values():
        assert rejections(limits, (Sample(voltage=each) for each in volts)) == []
    heavy = [Sample(current=amperes) for amperes in (-300, 0, 300, -300)]
    assert rejections(limits, [*heavy, Sample(power=-16_000), Sample(power=16_000)]) == []


def test_the_monster_of_an_earlier_program_is_rejected_by_the_family() -> None:
    """0 degC, decoded to 588.8 V."""
    (bm6,) = (each for each in DRIVERS if each.device_type == "BM6")
    assert rejections(bm6.plausible, [Sample(voltage=588.8)]) == ["voltage 588.8 V is more than 36 V"]


CAPTURED: list[tuple[str, dict[str, Any]]] = [
    *((v.device, v.request) for v in vectors.of("notify_live", "advert_encrypted", "advert_ibeacon")),
    *(
        (v["device"], {"device": v["device"], "kind": "modbus", "request": v["request"], "hex": v["response"],
                       "model": v.get("model")})
        for v in DECODED
    ),
]  # fmt: skip


@pytest.mark.parametrize(("device_type", "request_"), CAPTURED)
def test_no_captured_frame_is_rejected(device_type: str, request_: dict[str, Any]) -> None:
    said = answer(catalogue.load(), request_)["sample"]
    limits = {each.device_type: each.plausible for each in DRIVERS}.get(device_type, ANY_BATTERY)
    sample = Sample(**{quantity: said[quantity] for quantity in QUANTITIES if quantity in said})
    assert rejections(limits, [sample]) == []
