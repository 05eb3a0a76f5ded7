"""What the data folder lies on."""

import os
from pathlib import Path

from hawk.store.messages import Durability


def choose_durability(setting: str, folder: Path) -> Durability:
    """`setting` is `store.durability`: auto, prompt or sd."""
    if setting != "auto":
        return Durability(setting)
    return Durability.SD if on_sd_card(folder.stat().st_dev) else Durability.PROMPT


def on_sd_card(device: int, sys: Path = Path("/sys")) -> bool:
    """Whether this device number (`st_dev`) is an SD card or eMMC, or something laid over one.

    False also where the kernel does not tell, as for file systems without a block device.
    """
    block = sys / "dev/block" / f"{os.major(device)}:{os.minor(device)}"
    return _is_card(block)


def _is_card(block: Path) -> bool:
    resolved = block.resolve()
    if any(part.startswith("mmcblk") for part in resolved.parts):
        return True
    below = resolved / "slaves"  # of LVM, LUKS and RAID: what they are made of
    return below.is_dir() and any(_is_card(slave) for slave in below.iterdir())
