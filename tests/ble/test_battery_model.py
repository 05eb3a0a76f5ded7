"""The simulated batteries behave like batteries, always the same for the same seed."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hawk.ble.battery_model import (
    BOAT,
    CAMPER,
    CAR,
    DAY,
    USES,
    Battery,
    Condition,
    State,
    Use,
    judged,
    reckoned_charge,
    resting_voltage,
)

MIDNIGHT = 20_000 * DAY  # a Wednesday in October 2024
SHED = Use("Shed", 60.0, 0.0)


def days(use: Use, count: int = 10, seed: int = 1, every: float = 600.0) -> list[tuple[float, State]]:
    battery = Battery(use, seed, MIDNIGHT)
    return [(at := MIDNIGHT + n * every, battery.at(at)) for n in range(int(count * DAY / every))]


def hour(time: float) -> float:
    return time % DAY / 3600


@given(st.sampled_from(USES), st.integers(0, 10_000), st.lists(st.floats(0, 3 * DAY), max_size=20))
@settings(max_examples=50)
def test_seed_and_time_alone_decide(use: Use, seed: int, times: list[float]) -> None:
    often, once = Battery(use, seed, MIDNIGHT), Battery(use, seed, MIDNIGHT)
    for time in sorted(times):
        often.at(MIDNIGHT + time)
    assert often.at(MIDNIGHT + 3 * DAY) == once.at(MIDNIGHT + 3 * DAY)


@given(st.sampled_from(USES), st.integers(0, 10_000))
@settings(max_examples=30)
def test_every_state_is_one_a_battery_can_be_in(use: Use, seed: int) -> None:
    for _, state in days(use, 3, seed, every=1800):
        assert 9.0 < state.voltage < 14.8
        assert 0 <= state.state_of_charge <= 100
        assert 0 < state.charge <= 1
        assert -30 < state.temperature < 45


def test_the_charge_follows_from_the_voltage_by_the_table() -> None:
    for use in USES:
        for _, state in days(use):
            assert state.state_of_charge == pytest.approx(reckoned_charge(state.voltage), abs=0.01) or (
                state.voltage < 11.0  # the starter turns: the voltage dips, the charge does not
            )
    assert [reckoned_charge(v) for v in (11.0, 11.9, 12.4, 12.9, 14.4)] == pytest.approx([0, 0, 50, 100, 100])
    assert reckoned_charge(resting_voltage(0.37)) == pytest.approx(37)


def test_a_battery_that_nobody_touches_loses_a_few_percent_in_a_month() -> None:
    battery = Battery(SHED, 3, MIDNIGHT)
    first, last = battery.at(MIDNIGHT).charge, battery.at(MIDNIGHT + 30 * DAY).charge
    assert 0.02 < first - last < 0.06


def test_other_seeds_are_other_batteries() -> None:
    assert len({round(Battery(CAR, seed, MIDNIGHT).at(MIDNIGHT).voltage, 2) for seed in range(20)}) > 10


def test_the_alternator_charges_the_car_after_the_starter_pulled_it_down() -> None:
    battery = Battery(CAR, 1, MIDNIGHT)
    states = [battery.at(MIDNIGHT + second) for second in range(6 * 3600, 10 * 3600)]
    crank = next(n for n, state in enumerate(states) if state.voltage < 11.0)
    assert states[crank - 10].condition is Condition.NORMAL
    assert all(state.voltage > 13.45 for state in states[crank + 5 : crank + 600])
    assert states[crank + 300].condition is Condition.CHARGING
    assert states[-1].charge > states[crank - 10].charge


def test_the_boat_charges_by_day_and_is_drawn_down_in_the_evening() -> None:
    states = days(BOAT)
    noon = [s.voltage for time, s in states if hour(time) == 12]
    night = [s.voltage for time, s in states if hour(time) == 3]
    assert min(noon) > max(night)
    charge_at = {h: [s.charge for time, s in states if hour(time) == h] for h in (18, 23)}
    assert all(late < early for early, late in zip(charge_at[18], charge_at[23], strict=True))
    assert {Condition.CHARGING, Condition.NORMAL} <= {s.condition for _, s in states}


def test_afternoons_are_warmer_than_nights_and_the_camper_knows_frost() -> None:
    states = days(CAMPER)
    afternoon = [s.temperature for time, s in states if hour(time) == 15]
    night = [s.temperature for time, s in states if hour(time) == 3]
    assert all(a > n for a, n in zip(afternoon, night, strict=True))
    assert min(night) < 0 < max(afternoon)


@pytest.mark.parametrize(
    ("voltage", "condition"),
    [
        (11.95, Condition.LOW),
        (12.53, Condition.NORMAL),
        (13.40, Condition.NORMAL),
        (13.45, Condition.CHARGING),
        (14.59, Condition.CHARGING),
    ],
)
def test_the_monitor_judges_by_voltage_as_captured_ones_did(voltage: float, condition: Condition) -> None:
    assert judged(voltage) is condition
