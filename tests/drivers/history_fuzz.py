"""Histories over a link that damages: `python -m tests.drivers.history_fuzz --frames 1000000`.

Now and then a notification is flipped, cut, lost, sent twice or all noise. The download is right, asks again, or
ends with an error. No checksum protects a record: noise that could be records gets in, once for 41 blocks.
"""

import argparse
import contextlib
import random
import sys
import time
from collections import Counter
from dataclasses import dataclass, field

from hawk.drivers.api import Download
from hawk.drivers.bm2 import FAMILY as BM2_FAMILY
from hawk.drivers.bm6 import BM6_FAMILY
from hawk.drivers.bm6_history import Bm6Download
from hawk.drivers.bm_drivers import BM2
from hawk.errors import BluetoothError, SilentDevice
from hawk.wire import aes
from tests.drivers.fuzz import damaged
from tests.fake_bluez.history import bm2_reply, bm2_size, bm6_reply

RECORDS = 2000
LIVE = {
    "BM6": bytes.fromhex("d1550700190264055600000000020000"),
    "BM2": bytes.fromhex("f54f414c000000000000000000000000"),
}
KEY = {"BM6": BM6_FAMILY.key, "BM2": BM2_FAMILY.key}
LINKS = 6  # for one download


@dataclass
class Run:
    device: str
    seed: int = 6
    rate: float = 0.002  # of notifications are damaged
    frames: int = 0
    damaged: int = 0
    false: int = 0  # records that were never sent
    outcomes: Counter[str] = field(default_factory=Counter)

    def __post_init__(self) -> None:
        self._chance = random.Random(f"{self.device} {self.seed}")

    def more(self, frames: int) -> None:
        end = self.frames + frames
        while self.frames < end:
            self._once()

    def _once(self) -> None:
        truth = [self._record(number) for number in range(self._chance.randrange(RECORDS))]
        download = self._download()
        try:
            for _ in range(LINKS):
                with contextlib.suppress(SilentDevice):  # the next link goes on
                    self._link(download, truth)
                if download.done:
                    break
        except BluetoothError:
            self.outcomes["given up"] += 1
            return
        came = download.records
        self.outcomes["whole" if came == truth else "false" if download.done else "unfinished"] += 1
        if download.done:
            self.false += sum(one != other for one, other in zip(came, truth, strict=False)) + abs(
                len(came) - len(truth)
            )

    def _record(self, number: int) -> bytes:
        if self.device == "BM2":
            return ((1268 - number % 90) << 20).to_bytes(4, "big")
        return ((1200 + number % 90) << 20 | (40 + number // 90 % 60) << 12 | 21 << 4).to_bytes(4, "big")

    def _download(self) -> Download:
        if self.device == "BM6":
            return Bm6Download(BM6_FAMILY, 51_200)
        assert BM2.history is not None
        return BM2.history.download(51_200)

    def _link(self, download: Download, truth: list[bytes]) -> None:
        asked = list(download.begin())
        while asked:
            reply = [each for question in asked for each in self._answer(question, truth)]
            asked = []
            for notification in reply:
                for frame in self._sent(aes.encrypt(KEY[self.device], notification)):
                    self.frames += 1
                    asked += download.receive(frame)
            if not asked and not download.done:
                asked += download.silent()

    def _answer(self, question: bytes, truth: list[bytes]) -> list[bytes]:
        plain = aes.decrypt(KEY[self.device], question)
        live = LIVE[self.device]
        if self.device == "BM6":
            start, end = int.from_bytes(plain[3:6], "big"), int.from_bytes(plain[6:9], "big")
            return [*bm6_reply(truth, start, end), live]
        return [bm2_size(truth), live, live] if plain[0] == 0xE7 else [*bm2_reply(truth), live]

    def _sent(self, frame: bytes) -> tuple[bytes, ...]:
        if self._chance.random() >= self.rate:
            return (frame,)
        self.damaged += 1
        match self._chance.randrange(6):
            case 0:
                return ()
            case 1:
                return (frame, frame)
            case _:
                return (damaged(frame, (frame,), self._chance),)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--frames", type=int, default=1_000_000)
    parser.add_argument("--seed", type=int, default=6)
    options = parser.parse_args()
    for device in KEY:
        run, started = Run(device, options.seed), time.perf_counter()
        run.more(options.frames)
        print(
            f"{device} {run.frames:,} notifications, {run.damaged:,} of them damaged, {dict(run.outcomes)},"
            f" {run.false:,} false records  [{time.perf_counter() - started:.0f} s]"
        )
    sys.exit()


if __name__ == "__main__":
    main()
