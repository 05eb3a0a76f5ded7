"""Random and damaged frames of each driver and kind, by the million: `python -m tests.drivers.fuzz --frames 1000000`.

Damage of two kinds: of what is on the air, which decrypts to noise where it was sealed, and of the plain text
before it is sealed with the right key, which only the rules of plausibility can refuse. Nothing but ProtocolError
may be raised, and what is read must be what the bytes hold, read once more by the protocol pages. Of what was
damaged on the air a reading may come only as often as chance gets past all that the protocol has against it:
`chance`, which the pages in docs/devices say, too.
"""

import argparse
import math
import random
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from functools import cached_property, partial
from typing import Any

from hawk.drivers import bm2, bm6, catalogue
from hawk.drivers.api import Driver
from hawk.drivers.decode import answer
from hawk.drivers.sane import fault
from hawk.errors import ProtocolError
from hawk.model.address import Address, parse_address
from hawk.model.advertisement import Advertisement
from hawk.model.reading import Sample
from hawk.wire import aes
from tests.drivers import vectors, victron_vectors
from tests.drivers.test_modbus import BY_ID, DECODED, EXAMPLES
from tests.fake_bluez import modbus
from tests.fake_bluez.shunt import Shunt, live

KEYS = {"BM6": bm6.BM6_FAMILY.key, "BM7": bm6.BM7_FAMILY.key, "BM2": bm2.FAMILY.key}
ADDRESS = Address("50:54:7B:00:11:22")
BM2_STATES = (0, 1, 2, 4, 8)
STEP = 10_000  # frames between two words of progress

ONE_IN_CRC = 1 / 65_536  # of 16 bits
NEVER = 2.0**-36  # a live frame of a BM6; an advertisement holds the sender's address, which is 2**-48
TWICE = 2.0**-26  # two blocks of noise in a row that pass for frames of a BM2 (1 in 2,077 each), within 1 V
UNCHECKED = 1.0  # nothing in it tells damage: Bluetooth's own checksum, of 24 bits, is all there is

Reading = Any


@dataclass(frozen=True)
class Target:
    """One kind of bytes of one driver."""

    device: str
    kind: str
    valid: tuple[bytes, ...]
    read: Callable[[bytes], Reading]  # None: no reading. Raises ProtocolError
    wrong: Callable[[bytes, Reading], str]  # why these bytes cannot give it; "" if they can
    chance: float = NEVER  # of a damaged frame to pass
    key: bytes | None = None  # it is sealed with

    example: str = ""  # which of several that are fuzzed one by one

    @property
    def name(self) -> str:
        return f"{self.device} {self.kind} {self.example}".strip()


# -- damage ------------------------------------------------------------------------------------


def damaged(frame: bytes, others: tuple[bytes, ...], chance: random.Random) -> bytes:
    """What a link, a stack or a stranger may make of it; never the frame itself."""
    while (found := _damaged(frame, others, chance)) == frame:
        pass
    return found


def _damaged(frame: bytes, others: tuple[bytes, ...], chance: random.Random) -> bytes:
    match chance.randrange(9):
        case 0 | 1:
            return flipped(frame, chance)
        case 2 | 3:
            return overwritten(frame, chance)
        case 4:
            return frame[: chance.randrange(len(frame))]
        case 5:
            return frame + chance.randbytes(chance.randint(1, 20))
        case 6:
            other = chance.choice(others)
            return frame[: chance.randrange(len(frame))] + other[chance.randrange(len(other)) :]
        case 7:
            return chance.randbytes(len(frame))
        case _:
            return chance.randbytes(chance.randrange(40))


def flipped(frame: bytes, chance: random.Random) -> bytes:
    place = chance.randrange(len(frame))
    return frame[:place] + bytes([frame[place] ^ 1 << chance.randrange(8)]) + frame[place + 1 :]


def overwritten(plain: bytes, chance: random.Random) -> bytes:
    """One to three bytes, side by side or apart."""
    found = bytearray(plain)
    place = chance.randrange(len(found))
    for _ in range(chance.randint(1, 3)):
        found[place] = chance.randrange(256)
        place = chance.choice((place + 1, chance.randrange(len(found)))) % len(found)
    return bytes(found)


# -- a run -------------------------------------------------------------------------------------


@dataclass
class Run:
    """`passed`: a reading of bytes that were damaged, as those bytes hold it."""

    target: Target
    seed: int = 6
    frames: int = 0
    outcomes: Counter[tuple[str, str]] = field(default_factory=Counter)  # (damage, outcome)
    passed: set[bytes] = field(default_factory=set)  # of what is on the air and has a checksum
    wrong: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._chance = random.Random(f"{self.target.name} {self.seed}")

    @cached_property
    def _truths(self) -> list[Reading]:
        return [self.target.read(each) for each in self.target.valid]

    def more(self, frames: int) -> None:
        target, chance = self.target, self._chance
        for number in range(frames):
            frame = chance.choice(target.valid)
            if target.key is not None and number % 2:
                plain = overwritten(aes.decrypt(target.key, frame), chance)
                self._try("plain", aes.encrypt(target.key, plain))
            else:
                self._try("air", damaged(frame, target.valid, chance))
        self.frames += frames

    def _try(self, damage: str, frame: bytes) -> None:
        outcome = self._outcome(frame)
        self.outcomes[damage, outcome] += 1
        if (damage, outcome) == ("air", "passed") and self.target.chance < UNCHECKED:
            self.passed.add(frame)

    def _outcome(self, frame: bytes) -> str:
        try:
            reading = self.target.read(frame)
        except ProtocolError:
            return "refused"
        except Exception as error:  # noqa: BLE001  # that is what is looked for
            self.wrong.append(f"{self.target.name} {frame.hex()}: {type(error).__name__}: {error}")
            return "crashed"
        if reading is None:
            return "nothing"
        if reading in self._truths:
            return "true"  # what was damaged is no part of it
        if why := self.target.wrong(frame, reading):
            self.wrong.append(f"{self.target.name} {frame.hex()}: {why}: {reading}")
        return "passed"

    @property
    def on_air(self) -> int:
        return sum(count for (damage, _), count in self.outcomes.items() if damage == "air")

    @property
    def most(self) -> int:
        """Different frames that may have passed: five standard deviations above what is expected."""
        expected = self.target.chance * self.on_air
        return round(expected + 5 * math.sqrt(expected))

    def problems(self) -> list[str]:
        too_many = len(self.passed) > self.most
        return (
            [*self.wrong, f"{self.target.name}: {len(self.passed)} frames passed"] if too_many else self.wrong
        )

    def __str__(self) -> str:
        said = ", ".join(
            f"{damage} {end} {count:,}" for (damage, end), count in sorted(self.outcomes.items())
        )
        return f"{self.target.name:34} {self.frames:>10,}  {said}"


# -- what the bytes hold, by the pages ---------------------------------------------------------


def plausible(sample: Sample) -> bool:
    """By the rules of a live frame of the BM family."""
    return (
        sample.voltage is not None
        and 0 < sample.voltage < 41
        and sample.state_of_charge is not None
        and 0 <= sample.state_of_charge <= 100
        and sample.current is None
        and sample.power is None
        and (sample.temperature is None or -255 <= sample.temperature <= 255)
    )


def _live_is_wrong(device: str, frame: bytes, sample: Sample) -> str:
    digits, volts = aes.decrypt(KEYS[device], frame).hex(), round((sample.voltage or 0) * 100)
    if not plausible(sample):
        return "implausible"
    if device == "BM2":
        said = (digits[:2], int(digits[2:5], 16), int(digits[5], 16), int(digits[6:8], 16))
        fits = said == ("f5", volts, sample.status_code, sample.state_of_charge)
        return "" if fits and sample.status_code in BM2_STATES else f"not what {digits} says"
    sign = {"00": 1, "01": -1}.get(digits[6:8], 1000)
    held = (
        digits[:6],
        digits[14],
        int(digits[15:18], 16),
        sign * int(digits[8:10], 16),
        int(digits[12:14], 16),
    )
    fits = held == ("d15507", "0", volts, sample.temperature, sample.state_of_charge)
    return "" if fits else f"not what {digits} says"


def _advert_is_wrong(device: str, address: Address, frame: bytes, sample: Sample) -> str:
    plain = aes.decrypt(KEYS[device], frame)
    own = bytes.fromhex(address.replace(":", ""))
    if plain[:6] != (own[::-1] if device == "BM2" else own):
        return "somebody else's"
    fits = (plain[6] << 8 | plain[7], plain[8], plain[9]) == (
        round((sample.voltage or 0) * 100), sample.state_of_charge, sample.status_code,
    )  # fmt: skip
    return "" if fits and 5 <= (sample.voltage or 0) <= 41 else f"not what {plain.hex()} says"


def _beacon_is_wrong(device: str, frame: bytes, sample: Sample) -> str:
    uuid = {"BM6": "3ba29cd9a42c894856badaf2606ef777", "BM2": "655f83caae16a10a702e31f30d58dd82"}[device]
    charge = frame[-1] if device == "BM2" else frame[21]
    fits = frame.hex().startswith("4c000215" + uuid) and len(frame) == 25 and charge <= 100
    return "" if fits and sample == Sample(state_of_charge=charge) else "not what it says"


def _history_is_wrong(device: str, frame: bytes, records: list[Any]) -> str:
    plain = aes.decrypt(KEYS[device], frame)
    for number, record in enumerate(records):
        digits = plain[4 * number : 4 * number + 4].hex()
        if record is None:
            if digits != "00000000":
                return f"{digits} is left out"
            continue
        if (round(record["voltage"] * 100), record["raw"]) != (int(digits[:3], 16), digits):
            return f"not what {digits} says"
        if device != "BM2" and not record["state_of_charge"] == int(digits[3:5], 16) <= 100:
            return f"not the charge of {digits}"
        if device != "BM2" and record["temperature"] not in {int(digits[5:7], 16), None}:
            return f"not the temperature of {digits}"
    rest = plain[4 * len(records) :]
    return "there is more" if any(rest) else ""


def _version_is_wrong(device: str, frame: bytes, said: Any) -> str:
    digits = aes.decrypt(KEYS[device], frame).hex()
    fits = len(digits) == 32 and digits[:6] == "d15501" and said == {"version": digits[6:14]}
    return "" if fits else f"not what {digits} says"


def _event_is_wrong(device: str, frame: bytes, event: Any) -> str:
    digits = aes.decrypt(KEYS[device], frame).hex()
    samples = [round(volts * 100) for volts in event["samples"]]
    packed = "".join(f"{each:03x}" for each in samples)
    head = f"d15503{event['status_code']:02x}{round(event['voltage'] * 100):04x}"
    head += f"{round(event['duration'] * 1000):04x}{event['age'] // 120:04x}fffffe"
    fits = digits.startswith(head + packed + "fffefe") and round(event["minimum_voltage"] * 100) == min(
        samples
    )
    return "" if fits else "not what it says"


def _reply_is_wrong(read: Callable[[bytes], Reading], request: bytes, frame: bytes, reading: Reading) -> str:
    """It must come of one whole frame, whose checksum fits, and of nothing else."""
    asked = 2 * int.from_bytes(request[4:6], "big")
    head, length = bytes([*request[:2], asked]), asked + 5
    for start in range(len(frame)):
        whole = frame[start : start + length]
        if whole[:3] == head and len(whole) == length and modbus.crc(whole[:-2]) == whole[-2:]:
            return "" if read(whole) == reading else "not what its frame says"
    return "no frame of it has a checksum that fits"


def _shunt_is_wrong(frame: bytes, sample: Sample) -> str:
    start = frame.find(bytes.fromhex("42570119"))
    said = frame[start : start + 110]
    current = int.from_bytes(said[21:24], "big") - (said[21] >> 7 << 24)
    fits = (len(said), current, int.from_bytes(said[25:28], "big"), int.from_bytes(said[34:36], "big")) == (
        110, round((sample.current or 0) * 1000), round((sample.voltage or 0) * 1000),
        round((sample.state_of_charge or 0) * 10),
    )  # fmt: skip
    return "" if fits and 6 <= (sample.voltage or 0) <= 80 else "not what it says"


def _sample_is_wrong(_: bytes, sample: Sample) -> str:
    """What it holds only a library knows."""
    return fault(sample) or ""


# -- what is tried -----------------------------------------------------------------------------


def _said(document: dict[str, Any]) -> Reading:
    """Of `hawk decode`."""
    found = answer(catalogue.load(), document)
    if (error := found.get("error")) is not None:
        raise ProtocolError(error["code"], error["detail"])
    return found.get("sample") or found.get("samples") or found.get("event")


def _live(driver: Driver, data: bytes) -> Sample | None:
    return driver.codec().receive_data(data)


def _heard(driver: Driver, address: Address, data: bytes) -> Sample | None:
    """As bleak has it: the first two bytes are the company."""
    said = {int.from_bytes(data[:2], "little"): data[2:]}
    heard = driver.hear(Advertisement(address, None, -60, "hci0", said))
    return None if heard is None else heard.sample


def _captured(device: str, *kinds: str) -> Iterator[vectors.Vector]:
    """A BM7's are those of a BM6, too: sealed anew they are as good for the other."""
    siblings = {"BM2"} if device == "BM2" else {"BM6", "BM7"}
    for each in vectors.of(*kinds):
        if each.device in siblings:
            data = bytes.fromhex(each.hex)
            if each.device != device:
                data = aes.encrypt(KEYS[device], aes.decrypt(KEYS[each.device], data))
            yield replace(each, device=device, hex=data.hex())


def _bm_targets(device: str) -> Iterator[Target]:
    driver, key = catalogue.load().driver(device), KEYS[device]

    def frames(*kinds: str) -> tuple[bytes, ...]:
        return tuple(bytes.fromhex(each.hex) for each in _captured(device, *kinds))

    live_frames, wrong = frames("notify_live"), partial(_live_is_wrong, device)
    yield Target(device, "live", live_frames, partial(_live, driver), wrong, key=key)
    yield Target(device, "session", live_frames, driver.codec().receive_data, wrong, chance=TWICE)
    advert = next(_captured(device, "advert_encrypted"))
    sender = parse_address(advert.address or "")
    yield Target(
        device, "advertisement", (bytes.fromhex(advert.hex),), partial(_heard, driver, sender),
        partial(_advert_is_wrong, device, sender), key=key,
    )  # fmt: skip
    if device != "BM7":
        yield Target(
            device, "ibeacon", frames("advert_ibeacon"), partial(_heard, driver, ADDRESS),
            partial(_beacon_is_wrong, device), chance=UNCHECKED,
        )  # fmt: skip
    remembered: tuple[tuple[str, str, Callable[[str, bytes, Any], str], float], ...] = (
        ("history", "history_records", _history_is_wrong, UNCHECKED),
        ("version", "version", _version_is_wrong, 2.0**-24),
        ("cranking", "cranking_stream", _event_is_wrong, UNCHECKED),
    )
    for kind, fixture, is_wrong, chance in remembered:
        if kind in driver.decode:
            read = partial(_said_of, device, kind)
            yield Target(device, kind, frames(fixture), read, partial(is_wrong, device), chance, key)


def _said_of(device: str, kind: str, data: bytes) -> Reading:
    return _said({"device": device, "kind": kind, "hex": data.hex(), "address": ADDRESS})


def _modbus_target(device: str, example: str, config: Any = None) -> Target:
    captured = BY_ID[example]
    request, frame = bytes.fromhex(captured["request"]), bytes.fromhex(captured["response"])
    document = {
        "device": device, "kind": "modbus", "request": captured["request"], "config": config,
        "model": captured.get("model"),
    }  # fmt: skip

    def read(data: bytes) -> Reading:
        return _said({**document, "hex": data.hex()})

    wrong = partial(_reply_is_wrong, read, request)
    return Target(device, "modbus", (frame,), read, wrong, ONE_IN_CRC, example=example)


def _modbus_targets() -> Iterator[Target]:
    for each in DECODED:
        if each["request"][2:4] == "03":
            yield _modbus_target(each["device"], each["id"])
    for example, name in (("V02", "renogy-rover"), ("V35", "vatrer-bms"), ("V36", "vatrer-bms")):
        yield _modbus_target("generic_modbus", example, EXAMPLES[name])


def _shunt_target() -> Target:
    driver = catalogue.load().driver("renogy_shunt")
    valid = (live(Shunt()), live(Shunt(millivolts=26_400, milliamperes=12_000, charge=412)))
    return Target("renogy_shunt", "live", valid, partial(_live, driver), _shunt_is_wrong, UNCHECKED)


def _victron_targets() -> Iterator[Target]:
    driver = catalogue.load().driver("victron")
    for each in victron_vectors.ALL:
        opened = driver.configured(each.config)
        yield Target(
            "victron", "advertisement", (b"\xe1\x02" + each.data,), partial(_heard, opened, victron_vectors.MAC),
            _sample_is_wrong, UNCHECKED, example=each.id,
        )  # fmt: skip


def targets() -> tuple[Target, ...]:
    found = [*(each for device in KEYS for each in _bm_targets(device)), *_modbus_targets()]
    return (*found, _shunt_target(), *_victron_targets())


def runs(frames: int, seed: int = 6) -> Iterator[tuple[Run, int]]:
    """So many frames of each kind of each driver, its examples together; each run with its share."""
    every = targets()
    of_a_kind = Counter((each.device, each.kind) for each in every)
    for each in every:
        yield Run(each, seed), math.ceil(frames / of_a_kind[each.device, each.kind])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--frames", type=int, default=1_000_000, help="of each kind of each driver")
    parser.add_argument("--only", default="", help="those whose name begins so, as 'BM6 live'")
    parser.add_argument("--seed", type=int, default=6)
    options = parser.parse_args()
    wrong = list[str]()
    for run, share in runs(options.frames, options.seed):
        if run.target.name.startswith(options.only):
            started = time.perf_counter()
            for done in range(0, share, STEP):
                run.more(min(STEP, share - done))
                print(f"\r{run.target.name} {run.frames:,}", end="", file=sys.stderr, flush=True)
            print(f"\r{run}  [{time.perf_counter() - started:.0f} s, {len(run.wrong)} wrong]", flush=True)
            wrong += run.problems()
    print(f"{len(wrong)} wrong", *wrong[:5], sep="\n")
    sys.exit(bool(wrong))


if __name__ == "__main__":
    main()
