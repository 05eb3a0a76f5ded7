import math
import os
from pathlib import Path

import pytest

from hawk.store.backlog import Waiting
from hawk.store.durability import wait_before_commit
from hawk.store.medium import choose_durability, on_sd_card
from hawk.store.messages import Durability

PROMPT, SD = Durability.PROMPT, Durability.SD


@pytest.mark.parametrize(
    ("waiting", "durability", "wait"),
    [
        (None, PROMPT, math.inf),
        (None, SD, math.inf),
        (Waiting(1, 100.0, polled=False), PROMPT, 0.0),
        (Waiting(1, 100.0, polled=False), SD, 30.0),
        (Waiting(499, 90.0, polled=False), SD, 20.0),
        (Waiting(500, 100.0, polled=False), SD, 0.0),
        (Waiting(2, 100.0, polled=True), SD, 0.0),
        (Waiting(1, 70.0, polled=False), SD, 0.0),
        (Waiting(1, 60.0, polled=False), SD, 0.0),
    ],
)
def test_when_a_commit_is_due(waiting: Waiting | None, durability: Durability, wait: float) -> None:
    assert wait_before_commit(waiting, durability, interval=30.0, now=100.0) == wait


def block_device(sys: Path, number: int, name: str) -> Path:
    device = sys / "devices/platform" / name
    device.mkdir(parents=True)
    link = sys / "dev/block" / f"{os.major(number)}:{os.minor(number)}"
    link.parent.mkdir(parents=True, exist_ok=True)
    link.symlink_to(device)
    return device


CARD, DISK, MAPPED, NETWORK = os.makedev(179, 2), os.makedev(8, 1), os.makedev(253, 0), os.makedev(0, 45)


@pytest.fixture
def sys(tmp_path: Path) -> Path:
    card = block_device(tmp_path, CARD, "mmc_host/mmc0/mmc0:aaaa/block/mmcblk0/mmcblk0p2")
    block_device(tmp_path, DISK, "ata1/block/sda/sda1")
    mapped = block_device(tmp_path, MAPPED, "virtual/block/dm-0")
    (mapped / "slaves").mkdir()
    (mapped / "slaves/mmcblk0p2").symlink_to(card)
    return tmp_path


@pytest.mark.parametrize(("device", "card"), [(CARD, True), (DISK, False), (MAPPED, True), (NETWORK, False)])
def test_an_sd_card_is_known_by_its_block_device(sys: Path, device: int, card: bool) -> None:
    assert on_sd_card(device, sys) is card


def test_the_setting_wins_over_the_medium(tmp_path: Path) -> None:
    assert choose_durability("sd", tmp_path) is SD
    assert choose_durability("prompt", tmp_path) is PROMPT
    assert choose_durability("auto", tmp_path) in Durability
