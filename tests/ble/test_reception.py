"""Which of several adapters a device is read through."""

from hypothesis import given
from hypothesis import strategies as st

from hawk.ble.reception import FRESH, HYSTERESIS, Reception


def test_before_anything_was_heard_there_is_none() -> None:
    assert Reception().best(0) == ""


def test_the_stronger_one_is_chosen_and_kept_while_the_other_is_little_better() -> None:
    reception = Reception()
    reception.heard("hci0", -70, 0)
    assert reception.best(0) == "hci0"
    for second in range(30):
        reception.heard("hci1", -70 + HYSTERESIS - 1, second)
        reception.heard("hci0", -70, second)
    assert reception.best(30) == "hci0"
    for second in range(30, 60):
        reception.heard("hci1", -50, second)
        reception.heard("hci0", -70, second)
    assert reception.best(60) == "hci1"


def test_one_loud_advert_changes_nothing() -> None:
    reception = Reception()
    for second in range(10):
        reception.heard("hci0", -70, second)
        reception.heard("hci1", -72, second)
    reception.heard("hci1", -50, 10)
    assert reception.best(10) == "hci0"


def test_an_adapter_that_hears_it_no_more_gives_way() -> None:
    reception = Reception()
    reception.heard("hci0", -50, 0)
    reception.heard("hci1", -90, 1)
    assert reception.best(FRESH) == "hci0"
    assert reception.best(FRESH + 0.5) == "hci1"
    assert reception.best(FRESH + 10) == "hci1"  # the last one known


@given(st.lists(st.tuples(st.sampled_from(["hci0", "hci1"]), st.integers(-65, -60)), min_size=1))
def test_equal_signals_never_make_it_jump(adverts: list[tuple[str, int]]) -> None:
    reception, chosen = Reception(), set()
    for second, (adapter, rssi) in enumerate(adverts):
        reception.heard(adapter, rssi, second * 0.1)
        chosen.add(reception.best(second * 0.1))
    assert len(chosen) == 1
