"""Millions of random and damaged frames: `python -m tests.drivers.fuzz --frames 10000000`."""

import argparse
import random
import sys
import time
from dataclasses import dataclass, field

from hawk.drivers import catalogue
from hawk.drivers.api import Driver
from hawk.errors import ProtocolError
from hawk.model.reading import Sample
from tests.drivers import vectors


@dataclass
class Run:
    frames: int = 0
    refused: int = 0
    nothing: int = 0
    samples: list[Sample] = field(default_factory=list)  # of at most a thousand frames
    wrong: list[str] = field(default_factory=list)


def plausible(sample: Sample) -> bool:
    return (
        sample.voltage is not None
        and 0 < sample.voltage < 41
        and sample.state_of_charge is not None
        and 0 <= sample.state_of_charge <= 100
        and sample.current is None
        and sample.power is None
        and (sample.temperature is None or -255 <= sample.temperature <= 255)
    )


def damaged(frame: bytes, chance: random.Random) -> bytes:
    """Bits flipped, cut off or appended; never the frame itself."""
    kind = chance.randrange(4)
    if kind == 0:
        place = chance.randrange(len(frame))
        return frame[:place] + bytes([frame[place] ^ 1 << chance.randrange(8)]) + frame[place + 1 :]
    if kind == 1:
        return frame[: chance.randrange(len(frame))]
    if kind == 2:
        return frame + chance.randbytes(chance.randint(1, 20))
    return chance.randbytes(16)


def run(frames: int, seed: int, progress: bool = False) -> Run:
    chance, result = random.Random(seed), Run()
    drivers = catalogue.load().drivers
    captured = [bytes.fromhex(v.hex) for v in vectors.of("notify_live")]
    codecs = [(driver, driver.codec()) for driver in drivers]
    for number in range(frames):
        frame = damaged(captured[number % len(captured)], chance)
        driver, codec = codecs[number % len(codecs)]
        result.frames += 1
        try:
            sample = codec.receive_data(frame)
        except ProtocolError:
            result.refused += 1
            continue
        note(result, driver, frame, sample)
        if progress and number % 100_000 == 0:
            print(f"\r{number:,} of {frames:,}", end="", file=sys.stderr, flush=True)
    return result


def note(result: Run, driver: Driver, frame: bytes, sample: Sample | None) -> None:
    if sample is None:
        result.nothing += 1
    elif not plausible(sample) or len(frame) != 16 or driver.device_type != "BM2":
        result.wrong.append(f"{driver.device_type} {frame.hex()}: {sample}")
    elif len(result.samples) < 1000:
        result.samples.append(sample)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--frames", type=int, default=1_000_000)
    parser.add_argument("--seed", type=int, default=6)
    options = parser.parse_args()
    started = time.perf_counter()
    result = run(options.frames, options.seed, progress=True)
    seconds = time.perf_counter() - started
    print(
        f"\n{result.frames:,} frames in {seconds:.0f} s: {result.refused:,} refused, {result.nothing:,} without a sample,"
    )
    print(f"{len(result.wrong)} wrong ones, first: {result.wrong[:3]}")
    sys.exit(bool(result.wrong))


if __name__ == "__main__":
    main()
