"""Conversations with Modbus devices over a link that damages: `python -m tests.drivers.modbus_fuzz --frames 1000000`.

What a device answers is cut, flipped, repeated, held back until later questions, mixed with noise and
with frames of other devices. A sample may lack values then; it must never have another one.
"""

import argparse
import random
import sys
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from hawk.devices.exchange import LiveExchange
from hawk.drivers import catalogue
from hawk.drivers.api import Driver
from hawk.errors import BluetoothError
from hawk.model.reading import QUANTITIES, Sample
from tests.drivers.test_modbus import BY_ID, EXAMPLES
from tests.fake_bluez import modbus

COUNTED = {"note", "batteries_answering", "batteries_missing"}  # keys that are there because others are not
STEP = 10_000  # frames between two words of progress


@dataclass(frozen=True)
class Case:
    device_type: str
    packs: dict[int, tuple[str, ...]]  # device id -> captured frames
    config: dict[str, Any] = field(default_factory=dict)
    name: str = "BT-TH-66EDFC11"
    made: dict[int, int] = field(default_factory=dict)  # registers that are in no capture

    @property
    def driver(self) -> Driver:
        return catalogue.load().driver(self.device_type).configured(self.config).named(self.name)

    def module(self) -> modbus.Module:
        tables = {
            number: modbus.table(*((BY_ID[name]["request"], BY_ID[name]["response"]) for name in names))
            for number, names in self.packs.items()
        }
        return modbus.Module(
            packs={
                str(n): {str(r): word for r, word in (self.made | table).items()}
                for n, table in tables.items()
            }
        )


CASES = (
    Case("renogy_controller", {255: ("V01", "V02", "V03")}),
    Case("renogy_dcdc", {255: ("V08", "V12")}),
    Case("renogy_battery", {48: ("V25", "V26")}),
    Case("renogy_battery", {255: ("V28", "V29")}, name="RNGRBP12200"),
    Case("renogy_battery", {255: ("V13", "V15", "V17", "V19")}, name="RNGPRO12BATT"),
    Case("renogy_battery", {48: ("V21", "V23", "V24"), 49: ("V22",)}, {"hub": [48, 49], "model": "legacy"}),
    Case("renogy_inverter", {32: ("V30", "V31", "V32", "V34")}),
    Case("generic_modbus", {255: ("V01", "V02", "V03")}, EXAMPLES["renogy-rover"]),
    Case(
        "generic_modbus",
        {2: ("V35", "V36")},
        EXAMPLES["vatrer-bms"],
        made={n: 3300 + n for n in range(21, 52)},
    ),
)


def converse(case: Case, chance: random.Random | None) -> tuple[Sample | None, int]:
    """With the damage that chance wants; the sample, and how many frames came."""
    driver, module = case.driver, case.module()
    exchange = LiveExchange(driver.codec(), pace=driver.pace)
    late, frames = list[bytes](), 0
    waiting = list(exchange.begin())
    try:
        while not exchange.done and frames < 400:
            heard = [frame for question in waiting if (frame := modbus.answer(module, {}, 0, question))]
            waiting = []
            for piece in heard if chance is None else damaged(heard, late, chance):
                frames += 1
                waiting += exchange.receive(piece)
            if not waiting and not exchange.done:
                waiting += exchange.silent()
    except BluetoothError:
        return None, frames
    return exchange.sample, frames


def damaged(frames: list[bytes], late: list[bytes], chance: random.Random) -> Iterator[bytes]:
    if late and chance.random() < 0.4:
        yield late.pop(0)
    for frame in frames:
        match chance.randrange(12):
            case 0:
                late.append(frame)
            case 1:
                yield frame[: chance.randrange(len(frame))]
            case 2:
                place = chance.randrange(len(frame))
                yield frame[:place] + bytes([frame[place] ^ 1 << chance.randrange(8)]) + frame[place + 1 :]
            case 3:
                yield chance.randbytes(chance.randint(1, 90))
            case 4:
                yield chance.randbytes(chance.randint(1, 9)) + frame
            case 5:
                yield bytes.fromhex(chance.choice(list(BY_ID.values()))["response"])[:-1]
            case 6:
                yield from modbus.pieces(
                    modbus.sealed(bytes([frame[0], frame[1] | 0x80, chance.randint(1, 5)]))
                )
            case 7:
                yield from (piece for piece in modbus.pieces(frame) if chance.random() < 0.7)
            case _:
                yield from modbus.pieces(frame)


def differences(said: Sample, truth: Sample) -> list[str]:
    """What it says that is not so."""
    pairs = [
        (name, getattr(said, name), getattr(truth, name)) for name in (*QUANTITIES, "status", "status_code")
    ]
    pairs += [(key, value, truth.extra.get(key)) for key, value in said.extra.items() if key not in COUNTED]
    return [f"{name}: {value}, not {true}" for name, value, true in pairs if value not in (None, true)]


def _whole(case: Case) -> Sample:
    found, _ = converse(case, None)
    assert found is not None, case
    return found


@dataclass
class Run:
    seed: int
    frames: int = 0
    outcomes: Counter[str] = field(default_factory=Counter)
    wrong: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._chance = random.Random(self.seed)
        self._truth = [_whole(case) for case in CASES]

    def more(self, frames: int) -> None:
        end = self.frames + frames
        while self.frames < end:
            number = self._chance.randrange(len(CASES))
            said, came = converse(CASES[number], self._chance)
            self.frames += max(1, came)
            truth = self._truth[number]
            self.outcomes["silent" if said is None else "whole" if said == truth else "in part"] += 1
            if said is not None:
                self.wrong += [f"{CASES[number].device_type}: {each}" for each in differences(said, truth)]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--frames", type=int, default=1_000_000)
    parser.add_argument("--seed", type=int, default=6)
    options = parser.parse_args()
    started, run = time.perf_counter(), Run(options.seed)
    while run.frames < options.frames:
        run.more(STEP)
        print(f"\r{run.frames:,} of {options.frames:,}", end="", file=sys.stderr, flush=True)
    print(f"\r{run.frames:,} frames in {time.perf_counter() - started:.0f} s", file=sys.stderr)
    print(dict(run.outcomes), f"{len(run.wrong)} wrong", *run.wrong[:5], sep="\n")
    sys.exit(bool(run.wrong))


if __name__ == "__main__":
    main()
