"""What single checks make of what they find."""

from pathlib import Path

import pytest

from hawk.doctor.bluetooth import rfkill, version_check, wifi
from hawk.doctor.checks import Check, exit_code, good, refused, untold
from hawk.doctor.machine import disk, volume
from hawk.errors import NoAdapter


def test_a_refusal_is_cut_into_what_happened_and_what_to_do() -> None:
    error = NoAdapter("The adapter is off: switch it on with 'bluetoothctl power on'.")
    assert refused("powered", error) == Check(
        "powered", False, "The adapter is off", "switch it on with 'bluetoothctl power on'."
    )
    assert refused("dbus", NoAdapter("Nothing works")).detail == "Nothing works"


@pytest.mark.parametrize(
    ("failed", "code"), [((), 0), (("disk",), 1), (("scan",), 69), (("disk", "dbus"), 69), (("clock",), 1)]
)
def test_the_exit_code_says_whether_it_is_bluetooth(failed: tuple[str, ...], code: int) -> None:
    fine = [good("data", ""), untold("connect", "")]
    assert exit_code([*fine, *(Check(name, False, "") for name in failed)]) == code


@pytest.mark.parametrize(
    ("said", "ok", "detail"),
    [
        ("bluetoothctl: 5.66\n", True, "BlueZ 5.66 answers"),
        ("5.55", True, "BlueZ 5.55 answers"),
        ("bluetoothctl: 5.50", False, "BlueZ 5.50 is too old"),
        ("", True, "BlueZ answers; its version cannot be told"),
    ],
)
def test_a_bluez_that_is_too_old_is_said(said: str, ok: bool, detail: str) -> None:
    assert (version_check(said).ok, version_check(said).detail) == (ok, detail)


def switch(root: Path, name: str, **files: str) -> None:
    (root / name).mkdir()
    for file, text in files.items():
        (root / name / file).write_text(text + "\n")


def test_a_blocked_radio_is_told_from_other_switches(tmp_path: Path) -> None:
    assert rfkill(tmp_path / "none").ok
    switch(tmp_path, "rfkill0", type="wlan", soft="1", hard="0")
    switch(tmp_path, "rfkill1", type="bluetooth", soft="0", hard="0")
    assert rfkill(tmp_path).ok
    switch(tmp_path, "rfkill2", type="bluetooth", soft="1", hard="0")
    assert rfkill(tmp_path).fix == "sudo rfkill unblock bluetooth"
    switch(tmp_path, "rfkill3", type="bluetooth", soft="1", hard="1")
    (tmp_path / "rfkill2" / "soft").write_text("0")
    assert "switch" in rfkill(tmp_path).detail


def test_wifi_in_use_is_a_hint_and_no_failure(tmp_path: Path) -> None:
    switch(tmp_path, "eth0", operstate="up")
    assert wifi(tmp_path).ok
    switch(tmp_path, "wlan0", operstate="up", phy80211="")
    assert wifi(tmp_path).ok is None
    assert "wlan0" in wifi(tmp_path).detail


def test_a_folder_inside_a_container_is_no_place_for_readings(tmp_path: Path) -> None:
    assert volume(tmp_path, tmp_path).ok is None
    (tmp_path / ".dockerenv").touch()
    assert volume(tmp_path, tmp_path).fix == f"docker run -v hawk-data:{tmp_path}"
    assert volume(Path("/proc"), tmp_path).ok


def test_a_full_disk_is_said(tmp_path: Path) -> None:
    assert disk(tmp_path).name == "disk"
    assert "GiB free" in disk(tmp_path).detail
