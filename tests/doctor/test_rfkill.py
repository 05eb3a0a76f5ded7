"""Switches that block the radio."""

from pathlib import Path

import pytest

from hawk.doctor.rfkill import Switch, judged, rfkill

FREE, BLOCKED = Switch("hci0", soft=False, hard=False), Switch("hci0", soft=True, hard=False)
KEY, SECOND = Switch("tpacpi_bluetooth_sw", soft=False, hard=True), Switch("hci1", soft=False, hard=False)


@pytest.mark.parametrize(
    ("there", "wanted", "ok"),
    [
        ((), (), None),
        ((FREE,), (), True),
        ((BLOCKED,), (), False),
        ((BLOCKED, SECOND), (), True),
        ((BLOCKED, SECOND), {"hci1"}, True),
        ((BLOCKED, SECOND), {"hci0"}, False),
        ((BLOCKED, SECOND), {"hci0", "hci1"}, False),
        ((KEY,), (), False),
        ((KEY, SECOND), (), True),
    ],
)
def test_what_is_wanted_has_to_be_free(there: tuple[Switch, ...], wanted: set[str], ok: bool | None) -> None:
    assert judged(there, wanted).ok is ok


def test_only_a_switch_of_the_case_needs_a_hand() -> None:
    assert judged((BLOCKED,), ()).fix == "sudo rfkill unblock bluetooth"
    assert judged((KEY,), ()).fix == "turn that switch on"


def switch(root: Path, number: int, **files: str) -> None:
    folder = root / f"rfkill{number}"
    folder.mkdir()
    for file, text in files.items():
        (folder / file).write_text(text + "\n")


def test_those_of_wifi_do_not_count(tmp_path: Path) -> None:
    assert rfkill((), tmp_path / "none").ok is None
    switch(tmp_path, 0, name="phy0", type="wlan", soft="1", hard="0")
    assert rfkill((), tmp_path).ok is None
    switch(tmp_path, 1, name="hci0", type="bluetooth", soft="0", hard="0")
    assert rfkill(("all",), tmp_path).ok
    (tmp_path / "rfkill1" / "soft").write_text("1\n")
    assert rfkill((), tmp_path).detail == "hci0 is blocked"
