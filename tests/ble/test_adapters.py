"""What is known of each adapter, and which of several needs help alone."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hawk.ble.adapters import Adapters, Deaf
from hawk.ble.recovery import Patience
from hawk.errors import BluetoothError, BluetoothOff, BluetoothStuck, ScannedByAnother
from hawk.model.rung import Rung

OFF, STUCK, SHARED = BluetoothOff("it is off"), BluetoothStuck("it refuses"), ScannedByAnother("it is shared")


def two(trouble: BluetoothError | None = None) -> Adapters:
    """hci0 listens, hci1 has that trouble or listens, too."""
    adapters = Adapters(Patience())
    adapters.told("hci0", None, 0)
    adapters.told("hci1", trouble, 0)
    return adapters


def helped(adapters: Adapters, until: int, *, hci0_hears: bool = True) -> list[tuple[int, str, int]]:
    """When which adapter is to be helped for the how many-th time, looked at every second."""
    found = []
    for now in range(1, until):
        if hci0_hears:
            adapters.heard("hci0", now)
        found += [(now, deaf.adapter, deaf.times) for deaf in adapters.deaf(now)]
    return found


def test_an_adapter_that_fell_silent_alone_is_helped_after_90_s_then_less_and_less_often() -> None:
    adapters = two()
    adapters.heard("hci1", 0)
    assert helped(adapters, 3000) == [
        (90, "hci1", 1), (270, "hci1", 2), (630, "hci1", 3), (1350, "hci1", 4), (2790, "hci1", 5),
    ]  # fmt: skip


def test_an_advert_begins_the_patience_anew() -> None:
    adapters = two()
    adapters.heard("hci1", 0)
    assert helped(adapters, 100) == [(90, "hci1", 1)]
    adapters.heard("hci1", 100)
    adapters.heard("hci0", 189)
    assert adapters.deaf(189) == ()
    assert adapters.deaf(190) == (Deaf("hci1", 1),)


def test_an_adapter_that_never_heard_anything_may_have_nobody_around() -> None:
    assert helped(two(), 5000) == []


def test_when_no_adapter_hears_that_is_no_matter_of_one() -> None:
    adapters = two()
    adapters.heard("hci0", 0)
    adapters.heard("hci1", 0)
    assert helped(adapters, 5000, hci0_hears=False) == []


@pytest.mark.parametrize(
    ("trouble", "times", "expected"),
    [(STUCK, 5, ()), (STUCK, 6, (Deaf("hci1", 2),)), (SHARED, 50, ()), (OFF, 50, ())],
)
def test_of_refusals_only_those_that_a_new_beginning_may_cure_call_for_help(
    trouble: BluetoothError, times: int, expected: tuple[Deaf, ...]
) -> None:
    adapters = two()
    adapters.heard("hci1", 0)
    for _ in range(times):
        adapters.told("hci1", trouble, 100)
    adapters.heard("hci0", 500)
    assert adapters.deaf(500) == expected
    assert adapters.deaf(501) == ()


@pytest.mark.parametrize(
    ("first", "then", "news"),
    [
        ([], None, False),
        ([], OFF, True),
        ([None], OFF, True),
        ([OFF], OFF, False),
        ([OFF], BluetoothOff("it is off"), False),
        ([OFF], STUCK, True),
        ([OFF], None, True),
        ([None], None, False),
    ],
)
def test_what_is_told_twice_is_no_news(
    first: list[BluetoothError | None], then: BluetoothError | None, news: bool
) -> None:
    adapters = Adapters(Patience())
    for each in first:
        adapters.told("hci0", each, 0)
    assert adapters.told("hci0", then, 1) is news


@pytest.mark.parametrize(
    ("names", "expected"),
    [((), None), (("hci0",), None), (("hci1",), OFF), (("hci0", "hci1"), None), (("hci9",), None)],
)
def test_a_device_that_only_an_adapter_in_trouble_heard_has_its_trouble(
    names: tuple[str, ...], expected: BluetoothError | None
) -> None:
    assert two(OFF).trouble_of(names) is expected


def test_a_power_cycle_is_for_those_that_refuse_and_for_nobody_who_shares() -> None:
    adapters = two(STUCK)
    adapters.told("hci2", SHARED, 0)
    adapters.told("hci3", OFF, 0)
    assert adapters.stuck() == ("hci1",)
    assert adapters.listening() == ("hci0",)
    adapters.ended(STUCK)
    assert adapters.stuck() == ("hci0", "hci1")


def test_the_status_says_how_much_each_hears() -> None:
    adapters = two(OFF)
    for second in range(120):
        adapters.heard("hci0", second)
    good, bad = adapters.status(121)
    assert (good.name, good.listening, good.reason, good.last_advert) == ("hci0", True, None, 2)
    assert 58 <= good.adverts_per_minute <= 61
    assert (bad.name, bad.listening, bad.reason, bad.adverts_per_minute, bad.last_advert) == (
        "hci1", False, "it is off", 0, None,
    )  # fmt: skip
    assert adapters.status(400)[0].adverts_per_minute == 0


@given(st.lists(st.floats(0, 300), max_size=200))
def test_no_pace_is_negative_or_more_than_came(pauses: list[float]) -> None:
    adapters, now = two(), 0.0
    for pause in pauses:
        now += pause
        adapters.heard("hci0", now)
        assert 0 <= adapters.status(now)[0].adverts_per_minute <= len(pauses)


def test_the_status_says_what_was_done_for_each() -> None:
    adapters = two()
    adapters.climbed(Rung.RESTART_SCAN, ("hci1",))
    adapters.climbed(Rung.POWER_CYCLE, ("hci0", "hci1", "hci9"))
    good, bad = adapters.status(1)
    assert good.recovery == {Rung.POWER_CYCLE: 1}
    assert bad.recovery == {Rung.RESTART_SCAN: 1, Rung.POWER_CYCLE: 1}
