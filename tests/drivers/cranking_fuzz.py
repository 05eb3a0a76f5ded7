"""Random and damaged answers to the question for the last start: no event that the device did not tell.

By hand: python -m tests.drivers.cranking_fuzz --frames 1000000
"""

import argparse
import random
import sys
import time
from collections import Counter
from dataclasses import dataclass, field

from hawk.drivers.bm6 import BM6_FAMILY
from hawk.drivers.bm6_cranking import Bm6Recollection
from hawk.errors import BluetoothError
from hawk.wire import aes
from tests.drivers import vectors

KEY = BM6_FAMILY.key
LIVE = bytes.fromhex("d1550700190264055600000000020000")
STREAMS = [bytes.fromhex(each.hex) for each in vectors.of("cranking_stream")]


@dataclass
class Run:
    frames: int = 0
    ends: Counter[str] = field(default_factory=Counter)
    wrong: list[str] = field(default_factory=list)


def blocks(stream: bytes) -> list[bytes]:
    return [stream[i : i + aes.BLOCK] for i in range(0, len(stream), aes.BLOCK)]


def damaged(stream: bytes, chance: random.Random) -> list[bytes]:
    """Blocks lost, doubled, flipped, swapped, noise between them, or all as it was."""
    sent = blocks(stream)
    for _ in range(chance.choice((0, 0, 1, 1, 2, 5))):
        at = chance.randrange(len(sent))
        match chance.randrange(7):
            case 0:
                del sent[at]
            case 1:
                sent.insert(at, sent[at])
            case 2:
                place = chance.randrange(len(sent[at]))
                sent[at] = (
                    sent[at][:place]
                    + bytes([sent[at][place] ^ 1 << chance.randrange(8)])
                    + sent[at][place + 1 :]
                )
            case 3:
                other = chance.randrange(len(sent))
                sent[at], sent[other] = sent[other], sent[at]
            case 4:
                sent.insert(at, chance.randbytes(chance.choice((0, 1, 15, 16, 16, 17, 32))))
            case 5:
                sent.insert(at, aes.encrypt(KEY, LIVE))
            case _:
                sent = sent[:at] or sent
        if not sent or any(not each for each in sent):
            sent = [each or b"\0" for each in sent] or [b"\0"]
    return sent


def session(chance: random.Random, run: Run) -> None:
    talk = Bm6Recollection(BM6_FAMILY)
    talk.begin()
    told: list[bytes] = []
    try:
        for _ in range(12):
            stream = chance.choice(STREAMS)
            sent = damaged(stream, chance)
            if sent == blocks(stream):
                told.append(stream)
            for frame in sent:
                run.frames += 1
                talk.receive(frame)
                if talk.done:
                    break
            if talk.done:
                break
            if chance.random() < 0.3:
                talk.silent()
    except BluetoothError as error:
        run.ends[type(error).__name__] += 1
        return
    run.ends["event" if talk.event else "none" if talk.done else "open"] += 1
    if talk.event is not None and not any(_is(talk.event.samples, stream) for stream in STREAMS):
        run.wrong.append(repr(talk.event))


def _is(samples: tuple[float, ...], stream: bytes) -> bool:
    digits = aes.decrypt(KEY, stream).hex()[26:]
    told = [int(digits[3 * i : 3 * i + 3], 16) for i in range(len(samples))]
    return told == [round(100 * each) for each in samples] and digits[3 * len(samples) :].startswith("fffefe")


def noise(chance: random.Random, run: Run) -> None:
    """Blocks that decrypt to anything, with heads and marks in it."""
    talk = Bm6Recollection(BM6_FAMILY)
    talk.begin()
    heads = (
        b"\xd1\x55\x03",
        b"\xd1\x55\x03\x01\x04\x75\x02\xe4\0\0\xff\xff\xfe",
        b"\xff\xfe\xfe",
        LIVE[:3],
        b"",
    )
    try:
        for _ in range(60):
            plain = (chance.choice(heads) + chance.randbytes(aes.BLOCK))[: aes.BLOCK]
            run.frames += 1
            talk.receive(aes.encrypt(KEY, plain))
            if talk.done:
                break
    except BluetoothError as error:
        run.ends[f"noise {type(error).__name__}"] += 1
        return
    run.ends["noise event" if talk.event else "noise"] += 1
    if talk.event is not None:
        run.wrong.append(repr(talk.event))


def fuzz(frames: int, seed: int, progress: bool = False) -> Run:
    chance, run, said = random.Random(seed), Run(), 0
    while run.frames < frames:
        (noise if chance.random() < 0.3 else session)(chance, run)
        if progress and run.frames - said >= 10_000:
            said = run.frames
            print(f"\r{said:,} of {frames:,}", end="", file=sys.stderr, flush=True)
    return run


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--frames", type=int, default=1_000_000)
    parser.add_argument("--seed", type=int, default=6)
    options = parser.parse_args()
    began = time.perf_counter()
    run = fuzz(options.frames, options.seed, progress=True)
    print(
        f"\r{run.frames:,} frames in {time.perf_counter() - began:.0f} s: {dict(run.ends)}", file=sys.stderr
    )
    print(f"{len(run.wrong)} wrong", *run.wrong[:3], sep="\n")
    sys.exit(bool(run.wrong))


if __name__ == "__main__":
    main()
