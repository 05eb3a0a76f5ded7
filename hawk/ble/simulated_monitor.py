"""A battery monitor's firmware, for the simulated radio: the real adverts and frames of a battery.

Written from the captures (docs/devices), not from the drivers, so that the one can find a mistake
in the other. Pure.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from hawk.ble.battery_model import STEP, Battery, Condition, State
from hawk.ble.simulated_memory import Memory, Start
from hawk.drivers.api import Gatt
from hawk.model.address import Address, address_bytes
from hawk.wire import aes

APPLE = 0x004C
SERVICE, WRITE, NOTIFY = (f"0000{short}-0000-1000-8000-00805f9b34fb" for short in ("fff0", "fff3", "fff4"))
_LIVE = bytes.fromhex("d15507")
_CRANKING, _HISTORY = bytes.fromhex("d15503"), bytes.fromhex("d15505")
_OLD_SIZE, _OLD_HISTORY = bytes.fromhex("e701"), bytes.fromhex("e30000")
_BEGIN, _END, _EMPTY = bytes.fromhex("fffffe"), bytes.fromhex("fffefe"), bytes.fromhex("fefefe")
_PIECE = 160  # bytes of records in a notification
_PAGE = 16_381  # records that an end mark can count
_STARTED = 2  # flag of a record


@dataclass(frozen=True, slots=True)
class Family:
    device_type: str
    name: str  # as advertised
    key: bytes
    beacon: bytes | None  # UUID of its iBeacon; None where none was ever captured
    codes: Mapping[Condition, int]
    old: bool = False  # the BM2: its own frames, streams unasked, no temperature


_BM6_CODES = {Condition.NORMAL: 0, Condition.LOW: 1, Condition.CHARGING: 2}
_BM2_CODES = {Condition.NORMAL: 1, Condition.LOW: 2, Condition.CHARGING: 4}
FAMILIES = {
    family.device_type: family
    for family in (
        Family(
            "BM6",
            "BM6",
            b"leagend\xff\xfe0100009",
            bytes.fromhex("3ba29cd9a42c894856badaf2606ef777"),
            _BM6_CODES,
        ),
        Family("BM7", "BM300 Pro", b"leagend\xff\xfe010000@", None, _BM6_CODES),
        Family(
            "BM2",
            "Battery Monitor",
            b"leagend\xff\xfe1882466",
            bytes.fromhex("655f83caae16a10a702e31f30d58dd82"),
            _BM2_CODES,
            old=True,
        ),
    )
}


@dataclass(frozen=True, slots=True)
class Advert:
    manufacturer_data: Mapping[int, bytes]
    service_uuids: tuple[str, ...]


class Monitor:
    """One device: what it puts on the air and says over a link."""

    def __init__(self, family: Family, address: Address, battery: Battery, memory: Memory) -> None:
        self.family, self.address, self.memory = family, address, memory
        self._battery = battery
        self._sealed_next = True

    def advert(self, time: float) -> Advert:
        """Sealed and beacon in turn."""
        sealed, self._sealed_next = self._sealed_next, not self._sealed_next
        state = self._battery.at(time)
        if sealed or self.family.beacon is None:
            return Advert(self._sealed(state), (SERVICE,))
        return Advert({APPLE: b"\x02\x15" + self.family.beacon + self._beacon(state)}, ())

    def offers(self, gatt: Gatt) -> bool:
        return (gatt.service, gatt.write, gatt.notify) == (SERVICE, WRITE, NOTIFY)

    def recalls(self, written: bytes) -> bool:
        """Whether the command is about its memory."""
        asked = self._command(written)
        return asked.startswith((_OLD_SIZE, _OLD_HISTORY) if self.family.old else (_CRANKING, _HISTORY))

    def answers(self, written: bytes, time: float) -> tuple[bytes, ...]:
        """The notifications that answer a command at once; none if it is no command."""
        asked = self._command(written)
        said = self._old_answers(asked, time) if self.family.old else self._answers(asked, time)
        return tuple(aes.encrypt(self.family.key, each + bytes(-len(each) % aes.BLOCK)) for each in said)

    def starts_stream(self, written: bytes) -> bool:
        return self._command(written).startswith(_LIVE)

    def _command(self, written: bytes) -> bytes:
        """In plain; empty if it is none."""
        return aes.decrypt(self.family.key, written) if len(written) == aes.BLOCK else b""

    def _answers(self, asked: bytes, time: float) -> Sequence[bytes]:
        if asked.startswith(_LIVE):
            return (_LIVE + b"\xff",)
        if asked.startswith(_CRANKING):
            return self._last_start(time)
        if asked.startswith(_HISTORY):
            return self._page(int.from_bytes(asked[3:6], "big"), int.from_bytes(asked[6:9], "big"), time)
        return ()

    def _old_answers(self, asked: bytes, time: float) -> Sequence[bytes]:
        if asked.startswith(_OLD_SIZE):
            return (b"\xe7" + (4 * self.memory.count(time)).to_bytes(3, "big"),)
        if asked.startswith(_OLD_HISTORY):
            data = b"".join(reversed(self._records(time)))
            return (_BEGIN, *_pieces(data), _END + (len(data) + 9).to_bytes(3, "big"))
        return ()

    def _page(self, start: int, end: int, time: float) -> Sequence[bytes]:
        """Of the records; a BM6 takes 16 bits of an index."""
        if self.family.device_type == "BM6":
            start, end = start & 0xFFFF, end & 0xFFFF
        if start >= end:
            return (_END + b"\0" + (9).to_bytes(2, "big"),)
        page = self._records(time, start, min(end, start + _PAGE))
        if not page:
            return _HISTORY, _EMPTY, _END + b"\0" + (12).to_bytes(2, "big")
        head = _HISTORY + len(page).to_bytes(2, "big")
        return (head, *_pieces(b"".join(page)), _END + b"\0" + (4 * len(page) + 9).to_bytes(2, "big"))

    def _records(self, time: float, start: int = 0, end: int = 1 << 24) -> list[bytes]:
        """The newest first."""
        noted = self.memory.records(time, start, end)
        if not noted:
            return []
        oldest = noted[-1][0]
        starts = self.memory.starts(oldest - STEP, noted[0][0])
        begun = {math.ceil((each.time - oldest) / STEP): each for each in starts}
        record = self._old_record if self.family.old else self._record
        last = len(noted) - 1
        return [record(state, begun.get(last - k)) for k, (_, state) in enumerate(noted)]

    def _record(self, state: State, start: Start | None) -> bytes:
        flags = 0 if start is None else _STARTED
        degrees = max(0, round(state.temperature))  # how it notes frost is not known
        volts = int.from_bytes(_centivolts(state), "big")
        return (volts << 20 | _percent(state) << 12 | degrees << 4 | flags).to_bytes(4, "big")

    def _old_record(self, state: State, start: Start | None) -> bytes:
        lowest = 0 if start is None else round(100 * start.lowest)
        return (int.from_bytes(_centivolts(state), "big") << 20 | lowest << 4).to_bytes(4, "big")

    def _last_start(self, time: float) -> Sequence[bytes]:
        start = self.memory.last_start(time)
        if start is None:
            return (_CRANKING + b"\xff",)
        wave = [round(100 * volts) for volts in start.curve]
        age = min(0xFFFF, int((time - start.time) // STEP))
        digits = f"{_CRANKING.hex()}01{sorted(wave)[2]:04x}{round(1000 * start.duration):04x}{age:04x}"
        digits += f"{_BEGIN.hex()}{''.join(f'{each:03x}' for each in wave)}{_END.hex()}"
        data = bytes.fromhex(digits + "0" * (len(digits) % 2))
        return [data[i : i + aes.BLOCK] for i in range(0, len(data), aes.BLOCK)]

    def live(self, time: float) -> bytes:
        """The measurement of this second."""
        state = self._battery.at(time)
        frame = self._old_frame(state, time) if self.family.old else self._frame(state)
        return aes.encrypt(self.family.key, frame)

    def _code(self, state: State) -> int:
        return self.family.codes[state.condition]

    def _sealed(self, state: State) -> Mapping[int, bytes]:
        owner, tail = address_bytes(self.address), bytes.fromhex("010000000108")
        if self.family.old:
            owner, tail = owner[::-1], bytes.fromhex("010000000900")
        plain = owner + _centivolts(state) + bytes([_percent(state), self._code(state)]) + tail
        cipher = aes.encrypt(self.family.key, plain)
        return {int.from_bytes(cipher[:2], "little"): cipher[2:]}

    def _beacon(self, state: State) -> bytes:
        """Major, minor and the byte where others put their power: the charge hides there."""
        charge = _percent(state)
        if self.family.old:
            major = 0xF << 12 | charge << 4 | self._code(state)
            return major.to_bytes(2, "big") + bytes(2) + bytes([charge])
        return bytes([0x12 if state.condition is Condition.LOW else 0x11, charge, 0, 0, 0xCD])

    def _frame(self, state: State) -> bytes:
        degrees = round(state.temperature)
        sign_and_size = bytes([degrees < 0, abs(degrees)])
        head = _LIVE + sign_and_size + bytes([self._code(state), _percent(state)]) + _centivolts(state)
        return (head + bytes(4) + (b"\x02" if self.family.device_type == "BM6" else b"")).ljust(16, b"\x00")

    def _old_frame(self, state: State, time: float) -> bytes:
        voltage_and_code = round(state.voltage * 100) << 4 | self._code(state)
        ticks = int(time) * 25 % 3000
        head = b"\xf5" + voltage_and_code.to_bytes(2, "big") + bytes([_percent(state)])
        return (head + ticks.to_bytes(2, "big")).ljust(16, b"\x00")


def _centivolts(state: State) -> bytes:
    return round(state.voltage * 100).to_bytes(2, "big")


def _percent(state: State) -> int:
    return round(state.state_of_charge)


def _pieces(data: bytes) -> list[bytes]:
    return [data[i : i + _PIECE] for i in range(0, len(data), _PIECE)]
