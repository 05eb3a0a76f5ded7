"""Millions of random and damaged frames: `python -m tests.drivers.fuzz --frames 10000000`.

Damage of two kinds: of what is on the air, which decrypts to noise, and of the plain text before it is
sealed with the right key, which only the rules of plausibility can refuse.
"""

import argparse
import random
import sys
import time
from collections import Counter
from dataclasses import dataclass, field

from hawk.drivers import bm2, bm6, catalogue
from hawk.drivers.api import Driver
from hawk.errors import ProtocolError
from hawk.model.address import Address
from hawk.model.advertisement import Advertisement
from hawk.model.reading import Sample
from hawk.wire import aes
from tests.drivers import vectors

KEYS = {"BM6": bm6.BM6_FAMILY.key, "BM7": bm6.BM7_FAMILY.key, "BM2": bm2.FAMILY.key}
ADDRESS = Address("50:54:7B:00:11:22")
BM2_STATES = (0, 1, 2, 4, 8)
STEP = 10_000  # frames between two words of progress


@dataclass
class Run:
    counts: Counter[tuple[str, str, str]] = field(default_factory=Counter)  # (device, damage, outcome)
    wrong: list[str] = field(default_factory=list)

    def count(self, outcome: str, damage: str | None = None) -> int:
        return sum(
            n for (_, kind, end), n in self.counts.items() if end == outcome and damage in (None, kind)
        )


def plausible(sample: Sample) -> bool:
    """By the rules of a live frame of this family of devices."""
    return (
        sample.voltage is not None
        and 0 < sample.voltage < 41
        and sample.state_of_charge is not None
        and 0 <= sample.state_of_charge <= 100
        and sample.current is None
        and sample.power is None
        and (sample.temperature is None or -255 <= sample.temperature <= 255)
    )


def says_what_it_holds(device: str, plain: bytes, sample: Sample) -> bool:
    """Read once more, by the nibbles of the protocol page."""
    digits, volts = plain.hex(), round((sample.voltage or 0) * 100)
    if device == "BM2":
        read = (int(digits[2:5], 16), int(digits[5], 16))
        return digits[:2] == "f5" and read == (volts, sample.status_code) and read[1] in BM2_STATES
    read = (int(digits[15:18], 16), int(digits[8:10], 16) * {"00": 1, "01": -1}[digits[6:8]])
    return digits[:6] == "d15507" and digits[14] == "0" and read == (volts, sample.temperature)


def damaged(frame: bytes, chance: random.Random) -> bytes:
    """A bit flipped, cut off, appended to, or all noise; never the frame itself."""
    match chance.randrange(4):
        case 0:
            return flipped(frame, chance)
        case 1:
            return frame[: chance.randrange(len(frame))]
        case 2:
            return frame + chance.randbytes(chance.randint(1, 20))
        case _:
            return chance.randbytes(aes.BLOCK)


def flipped(frame: bytes, chance: random.Random) -> bytes:
    place = chance.randrange(len(frame))
    return frame[:place] + bytes([frame[place] ^ 1 << chance.randrange(8)]) + frame[place + 1 :]


def overwritten(plain: bytes, chance: random.Random) -> bytes:
    place = chance.randrange(len(plain))
    noise = chance.randbytes(chance.randint(1, 3))
    return (plain[:place] + noise + plain[place + len(noise) :])[: aes.BLOCK]


class Fuzzer:
    def __init__(self, seed: int) -> None:
        self._chance = random.Random(seed)
        self._drivers = [each for each in catalogue.load().drivers if each.device_type in KEYS]
        live = [(v.device, bytes.fromhex(v.hex)) for v in vectors.of("notify_live")]
        self._air = [frame for _, frame in live]
        self._plain = {
            device: [aes.decrypt(KEYS[device], frame) for whose, frame in live if whose == device]
            for device in KEYS
        }
        self.run = Run()

    def frames(self, count: int) -> None:
        for number in range(count):
            driver = self._drivers[number % len(self._drivers)]
            device, plain = driver.device_type, b""
            damage = ("air", "plain", "advert")[number // len(self._drivers) % 3]
            if damage == "advert":
                self._advert(driver)
                continue
            if damage == "plain":
                plain = overwritten(self._chance.choice(self._plain[device]), self._chance)
                frame = aes.encrypt(KEYS[device], plain)
            else:
                frame = damaged(self._chance.choice(self._air), self._chance)
            try:
                sample = driver.codec().receive_data(frame)
            except ProtocolError:
                self._end(device, damage, "refused")
            else:
                self._judge(device, damage, frame, plain, sample)

    def _judge(self, device: str, damage: str, frame: bytes, plain: bytes, sample: Sample | None) -> None:
        if sample is None:
            self._end(device, damage, "nothing")
            return
        self._end(device, damage, "sample")
        noise_passed = damage == "air"
        plain = plain or aes.decrypt(KEYS[device], frame[: aes.BLOCK])
        if noise_passed or not plausible(sample) or not says_what_it_holds(device, plain, sample):
            self.run.wrong.append(f"{device} {damage} {frame.hex()} {plain.hex()}: {sample}")

    def _advert(self, driver: Driver) -> None:
        data = self._chance.randbytes(aes.BLOCK)
        advertisement = Advertisement(
            ADDRESS, None, -60, "hci0", {int.from_bytes(data[:2], "little"): data[2:]}
        )
        try:
            heard = driver.hear(advertisement)
        except ProtocolError:
            self._end(driver.device_type, "advert", "refused")
            return
        self._end(driver.device_type, "advert", "sample" if heard else "nothing")
        if heard:
            self.run.wrong.append(f"{driver.device_type} advert {data.hex()}: {heard}")

    def _end(self, device: str, damage: str, outcome: str) -> None:
        self.run.counts[device, damage, outcome] += 1


def run(frames: int, seed: int) -> Run:
    fuzzer = Fuzzer(seed)
    fuzzer.frames(frames)
    return fuzzer.run


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--frames", type=int, default=1_000_000)
    parser.add_argument("--seed", type=int, default=6)
    options = parser.parse_args()
    started, fuzzer = time.perf_counter(), Fuzzer(options.seed)
    for done in range(0, options.frames, STEP):
        fuzzer.frames(min(STEP, options.frames - done))
        print(f"\r{done:,} of {options.frames:,}", end="", file=sys.stderr, flush=True)
    print(f"\r{options.frames:,} frames in {time.perf_counter() - started:.0f} s", file=sys.stderr)
    for (device, damage, outcome), count in sorted(fuzzer.run.counts.items()):
        print(f"{device} {damage:6} {outcome:8} {count:12,}")
    print(f"{len(fuzzer.run.wrong)} wrong", *fuzzer.run.wrong[:3], sep="\n")
    sys.exit(bool(fuzzer.run.wrong))


if __name__ == "__main__":
    main()
