"""Whether Wi-Fi disturbs."""

from pathlib import Path

import pytest

from hawk.doctor.wifi import Card, any_of, cards, judged, same_chip, use

IW = """phy#1
	Interface wlan1
		ifindex 5
		type managed
		channel 36 (5180 MHz), width: 80 MHz, center1: 5210 MHz
phy#0
	Unnamed/non-netdev interface
		wdev 0x2
		type P2P-device
	Interface wlan0
		ifindex 3
		ssid boat
		type AP
		channel 6 (2437 MHz), width: 20 MHz, center1: 2437 MHz
	Interface wlan00
		type managed
"""
PI_CARD = "/sys/devices/platform/soc/fe300000.mmcnr/mmc_host/mmc1/mmc1:0001/mmc1:0001:1/net/wlan0"
PI_RADIO = "/sys/devices/platform/soc/fe201000.serial/serial0/serial0-0/bluetooth/hci0"
USB = "/sys/devices/pci0000:00/0000:00:14.0/usb1"


@pytest.mark.parametrize(
    ("card", "ok"),
    [
        (Card("wlan0", True, 2437, True), False),
        (Card("wlan0", True, 5180, True), True),
        (Card("wlan0", True, 2437, False), True),
        (Card("wlan0", False, 2437, True), True),
        (Card("wlan0", None, None, True), None),
        (Card("wlan0", True, 2437, None), None),
        (Card("wlan0", True, None, True), None),
    ],
)
def test_only_a_hotspot_at_2_4_ghz_on_the_same_chip_is_wrong(card: Card, ok: bool | None) -> None:
    assert judged([card], inside=False).ok is ok
    assert judged([Card("wlan9", False, None, None), card], inside=True).ok is ok


def test_what_a_container_does_not_see_is_not_called_absent() -> None:
    assert judged([], inside=False).ok is True
    assert judged([], inside=True).ok is None


def test_iw_tells_what_a_card_does() -> None:
    assert use("wlan0", IW) == ("AP", 2437)
    assert use("wlan1", IW) == ("managed", 5180)
    assert use("wlan00", IW) == ("managed", None)
    assert use("wlan7", IW) == (None, None)
    assert use("wlan0", "") == (None, None)


@pytest.mark.parametrize(
    ("card", "radio", "same"),
    [
        (PI_CARD, PI_RADIO, True),
        (PI_CARD, f"{USB}/1-1/1-1.2/1-1.2:1.0/bluetooth/hci1", False),
        (f"{USB}/1-7/1-7:1.2/net/wlan0", f"{USB}/1-7/1-7:1.0/bluetooth/hci0", True),
        (f"{USB}/1-6/1-6:1.2/net/wlan0", f"{USB}/1-7/1-7:1.0/bluetooth/hci0", False),
        (f"{USB}/1-1/1-1.3/1-1.3:1.0/net/wlan0", f"{USB}/1-1/1-1.2/1-1.2:1.0/bluetooth/hci0", False),
        ("/sys/devices/pci0000:00/0000:00:1c.0/0000:02:00.0/net/wlp2s0", f"{USB}/1-7/1-7:1.0/bluetooth/hci0", None),
    ],
)  # fmt: skip
def test_where_two_devices_sit_tells_whether_they_are_one_chip(
    card: str, radio: str, same: bool | None
) -> None:
    assert same_chip(card, radio) is same


def test_one_adapter_on_the_chip_is_enough() -> None:
    assert any_of([False, True, None]) is True
    assert any_of([False, None]) is None
    assert any_of([False]) is False
    assert any_of([]) is None


def plugged(root: Path, kind: str, device: str) -> Path:
    """As /sys shows it: a link in the folder of its class."""
    place = root / device.removeprefix("/")
    place.mkdir(parents=True)
    classes = root / "sys/class" / kind
    classes.mkdir(parents=True, exist_ok=True)
    (classes / place.name).symlink_to(place)
    return place


def test_the_cards_in_use_are_found_with_the_chip_they_are_on(tmp_path: Path) -> None:
    plugged(tmp_path, "net", "/sys/devices/virtual/net/lo")
    card = plugged(tmp_path, "net", PI_CARD)
    (card / "phy80211").mkdir()
    plugged(tmp_path, "bluetooth", PI_RADIO)
    plugged(tmp_path, "bluetooth", f"{USB}/1-7/1-7:1.0/bluetooth/hci1")
    (card / "operstate").write_text("down\n")
    assert list(cards((), IW, tmp_path)) == []
    (card / "operstate").write_text("up\n")
    assert list(cards((), IW, tmp_path)) == [Card("wlan0", True, 2437, True)]
    assert list(cards({"hci1"}, "", tmp_path)) == [Card("wlan0", None, None, False)]
