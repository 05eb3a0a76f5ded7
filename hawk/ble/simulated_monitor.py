"""A battery monitor's firmware, for the simulated radio: the real adverts and frames of a battery.

Written from the captures (docs/devices), not from the drivers, so that the one can find a mistake
in the other. Pure.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from hawk.ble.battery_model import Battery, Condition, State
from hawk.drivers.api import Gatt
from hawk.model.address import Address, address_bytes
from hawk.wire import aes

APPLE = 0x004C
SERVICE, WRITE, NOTIFY = (f"0000{short}-0000-1000-8000-00805f9b34fb" for short in ("fff0", "fff3", "fff4"))
_LIVE = bytes.fromhex("d15507")
_HISTORY, _OLD_HISTORY = bytes.fromhex("d15505"), bytes.fromhex("e701")
_NO_HISTORY = _HISTORY, bytes.fromhex("fefefe"), bytes.fromhex("fffefe00000c")  # it remembers nothing
_ANSWERS = {_LIVE: (_LIVE + b"\xff",), _HISTORY: _NO_HISTORY}
_OLD_ANSWERS = {_OLD_HISTORY: (b"\xe7",)}


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

    def __init__(self, family: Family, address: Address, battery: Battery) -> None:
        self.family, self.address = family, address
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

    def answers(self, written: bytes) -> tuple[bytes, ...]:
        """The frames that answer a command at once; none if it is no command."""
        if len(written) != 16:
            return ()
        asked = aes.decrypt(self.family.key, written)
        said = _OLD_ANSWERS.get(asked[:2], ()) if self.family.old else _ANSWERS.get(asked[:3], ())
        return tuple(aes.encrypt(self.family.key, each.ljust(16, b"\x00")) for each in said)

    def starts_stream(self, written: bytes) -> bool:
        return not self.family.old and bool(self.answers(written))

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
