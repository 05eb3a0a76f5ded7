"""The adapters there are, against those the settings want."""

import pytest

from hawk.ble.bluez import Adapter
from hawk.doctor.adapters import judged, working

ON, OFF, SECOND = Adapter("hci0", True), Adapter("hci0", False), Adapter("hci1", True)


@pytest.mark.parametrize(
    ("there", "wanted", "told", "used"),
    [
        ((ON,), (), {"adapter": True, "powered": True}, ("hci0",)),
        ((OFF, SECOND), (), {"adapter": True, "powered": True}, ("hci1",)),
        ((OFF, SECOND), ("all",), {"adapter": True, "powered": True}, ("hci1",)),
        ((ON, SECOND), ("hci0", "hci1"), {"adapter": True, "powered": True}, ("hci0", "hci1")),
        ((), (), {"adapter": False}, ()),
        ((ON,), ("hci1",), {"adapter": False}, ()),
        ((ON,), ("hci0", "hci1"), {"adapter": False, "powered": True}, ("hci0",)),
        ((OFF,), (), {"adapter": True, "powered": False}, ()),
        ((OFF,), ("hci0", "hci1"), {"adapter": False, "powered": False}, ()),
        ((OFF, SECOND), ("hci0", "hci1"), {"adapter": True, "powered": False}, ("hci1",)),
    ],
)
def test_each_that_is_wanted_has_to_be_there_and_on(
    there: tuple[Adapter, ...], wanted: tuple[str, ...], told: dict[str, bool], used: tuple[str, ...]
) -> None:
    assert {check.name: check.ok for check in judged(there, wanted)} == told
    assert working(there, wanted) == used


def test_the_one_that_is_missing_is_named() -> None:
    present, _ = judged((ON,), ("hci0", "hci7"))
    assert "hci7" in present.detail
    assert "bluetooth.adapters" in present.fix


def test_one_of_all_that_is_off_is_named_though_the_others_will_do() -> None:
    _, powered = judged((OFF, SECOND), ("all",))
    assert (powered.ok, powered.detail) == (True, "hci1 on, hci0 off")
