"""A 2.4 GHz hotspot on the chip of the Bluetooth adapter costs a third of all connects.

`iw dev` tells what a card does, /sys which chip it is on; a container sees the host's cards
only when it shares its network.
"""

import os
import re
import shutil
import subprocess
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from hawk.doctor import container
from hawk.doctor.checks import Check, good, untold

_FIX = (
    "move the hotspot to 5 GHz (nmcli connection modify NAME 802-11-wireless.band a), or plug in a USB Bluetooth"
    " adapter and name it in bluetooth.adapters"
)
_USB_DEVICE = re.compile(r".*/usb\d+(?:/\d+-[\d.]+)+")


@dataclass(frozen=True, slots=True)
class Card:
    name: str
    hotspot: bool | None  # None: cannot be told here, as below
    mhz: int | None
    same_chip: bool | None  # as a Bluetooth adapter that is wanted

    @property
    def innocent(self) -> bool:
        return self.hotspot is False or self.same_chip is False or (self.mhz is not None and self.mhz > 3000)

    @property
    def guilty(self) -> bool:
        return not self.innocent and None not in {self.hotspot, self.mhz, self.same_chip}


def wifi(wanted: Collection[str], root: Path = Path("/")) -> Check:
    return judged(list(cards(set(wanted) - {"all"}, _iw(), root)), inside=container.inside(root))


def judged(there: Sequence[Card], *, inside: bool) -> Check:
    """`inside` a container."""
    if guilty := [card.name for card in there if card.guilty]:
        return Check("wifi", False, f"{guilty[0]} is a 2.4 GHz hotspot on the chip of the adapter", _FIX)
    if open_to_doubt := [card.name for card in there if not card.innocent]:
        return untold(
            "wifi",
            f"{', '.join(open_to_doubt)} is in use: a 2.4 GHz hotspot on the chip of the adapter would disturb"
            " Bluetooth",
        )
    if inside and not there:
        return untold("wifi", "the Wi-Fi of the host is not seen from this container")
    return good("wifi", "no 2.4 GHz hotspot is on the chip of the adapter" if there else "no Wi-Fi is in use")


def cards(wanted: Collection[str], iw: str, root: Path) -> Iterator[Card]:
    """Those in use. `iw`: what `iw dev` says."""
    radios = [
        str(each.resolve())
        for each in (root / "sys/class/bluetooth").glob("hci*")
        if ":" not in each.name and (not wanted or each.name in wanted)
    ]
    for net in sorted((root / "sys/class/net").glob("*")):
        if (net / "phy80211").exists() and _up(net):
            kind, mhz = use(net.name, iw)
            same = any_of(same_chip(str(net.resolve()), radio) for radio in radios)
            yield Card(net.name, None if kind is None else kind == "AP", mhz, same)


def use(name: str, iw: str) -> tuple[str | None, int | None]:
    """Type and channel [MHz] of the card, as `iw dev` says."""
    found = re.search(rf"Interface {re.escape(name)}\n(.*?)(?=\n\s*Interface |\Z)", iw, re.DOTALL)
    text = found[1] if found else ""
    kind, channel = (
        re.search(r"^\s*type (\S+)", text, re.MULTILINE),
        re.search(r"channel \d+ \((\d+) MHz\)", text),
    )
    return kind[1] if kind else None, int(channel[1]) if channel else None


def same_chip(card: str, radio: str) -> bool | None:
    """Judged by where the two are below /sys/devices; None when that does not tell."""
    card_usb, radio_usb = _USB_DEVICE.match(card), _USB_DEVICE.match(radio)
    if card_usb and radio_usb:
        return card_usb[0] == radio_usb[0]
    if "/mmc" in card:  # a Raspberry Pi and boards like it: Wi-Fi on SDIO, Bluetooth on a serial line
        return radio_usb is None
    return None  # a PCIe card often has its Bluetooth on USB


def any_of(answers: Iterable[bool | None]) -> bool | None:
    said = set(answers) or {None}
    return True if True in said else None if None in said else False


def _up(net: Path) -> bool:
    try:
        return (net / "operstate").read_text().strip() == "up"
    except OSError:
        return False


def _iw() -> str:
    tool = shutil.which("iw", path=f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin")
    if tool is None:
        return ""
    done = subprocess.run([tool, "dev"], capture_output=True, text=True, check=False, timeout=5)  # noqa: S603  # ours
    return done.stdout
