"""Battery monitors as they are on the air and over a link: BM6, BM7 and BM2, from the captures."""

import os
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from typing import Any
from uuid import UUID

from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

from tests.fake_bluez import cranking, history, modbus
from tests.fake_bluez.cranking import Start
from tests.fake_bluez.faults import Faults
from tests.fake_bluez.scripted import Script
from tests.fake_bluez.shunt import Shunt, notifications

SERVICE, WRITE, NOTIFY = (f"0000{short}-0000-1000-8000-00805f9b34fb" for short in ("fff0", "fff3", "fff4"))
KEYS = {
    "BM6": bytes.fromhex("6c656167656e64fffe30313030303039"),
    "BM7": bytes.fromhex("6c656167656e64fffe30313030303040"),
    "BM2": bytes.fromhex("6c656167656e64fffe31383832343636"),
}
NAMES = {"BM6": "BM6", "BM7": "BM300 Pro", "BM2": "Battery Monitor"}
BEACONS = {"BM6": "3ba29cd9a42c894856badaf2606ef777", "BM2": "655f83caae16a10a702e31f30d58dd82"}
RENOGY, SHUNT = "RENOGY", "SHUNT"  # RENOGY: or what speaks Modbus elsewhere, by its module
ASK = bytes.fromhex("d15507")
APPLE = 0x004C


def crypt(key: bytes, data: bytes, *, seal: bool) -> bytes:
    cipher = Cipher(algorithms.AES(key), modes.CBC(bytes(16)))
    context = cipher.encryptor() if seal else cipher.decryptor()
    return context.update(data) + context.finalize()


@dataclass
class Monitor:
    address: str
    family: str = "BM6"
    volts: float = 12.64
    temperature: int = 21
    charge: int = 80
    state: int = 0
    rssi: int = -60
    brand: str = ""  # its name, where it is another one than its family's
    adverts: str = "real"  # beacon and sealed in turn; beacon; sealed; plain: name and fff0 alone
    walk: list[float] = field(
        default_factory=list
    )  # volts that the sealed adverts go through, round and round
    adapters: list[str] = field(default_factory=lambda: ["hci0"])  # that hear it
    registers: dict[str, int] = field(default_factory=dict)  # of a Renogy module; keys as JSON has them
    device_id: int = 255
    module: modbus.Module = field(default_factory=modbus.Module)
    shunt: Shunt = field(default_factory=Shunt)
    memory: list[str] = field(default_factory=list)  # records in hex, the newest first
    start: Start | None = None  # the last one of the engine
    script: Script | None = None  # instead of a family
    faults: Faults = field(default_factory=Faults)
    frames_sent: int = 0
    commands: int = 0
    recollections: int = 0  # of the last start
    adverts_sent: int = 0
    sealed_sent: int = 0

    def to_json(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_json(cls, document: dict[str, Any]) -> "Monitor":
        parts = {"faults": Faults, "module": modbus.Module, "shunt": Shunt}
        made: dict[str, Any] = {name: part(**document.get(name, {})) for name, part in parts.items()}
        for name, kind in {"script": Script, "start": Start}.items():
            made[name] = document.get(name) and kind(**document[name])
        return cls(**{**document, **made})

    @property
    def name(self) -> str:
        if self.script:
            return self.script.name
        if self.brand:
            return self.brand
        if self.family == SHUNT:
            return self.module.name or "RTMShunt30023000167"
        return NAMES.get(self.family) or self.module.name or f"BT-TH-{self.address.replace(':', '')[4:]}"

    @property
    def key(self) -> bytes:
        return KEYS[self.family]

    # -- on the air --------------------------------------------------------------------------

    def advert(self) -> tuple[bytes, bytes]:
        """Advertising data and scan response of the next one."""
        flags = _ad(0x01, b"\x06")
        self.adverts_sent += 1
        if self.script:
            said = bytes.fromhex(self.script.manufacturer)
            services = b"".join(bytes.fromhex(uuid)[::-1] for uuid in self.script.advertised)
            shown = (_ad(0x03, services) if services else b"") + (_ad(0xFF, said) if said else b"")
            return flags + shown, _ad(0x09, self.name.encode())
        if self.family in {RENOGY, SHUNT}:
            offered = _ad(0x03, bytes.fromhex("d0ff")) if self.family == RENOGY else b""
            if elsewhere := self.module.talks.get("service"):
                offered = _ad(0x07, UUID(elsewhere).bytes[::-1])
            mac = bytes.fromhex(self.address.replace(":", ""))[: 2 if elsewhere else 6]
            named = _ad(0x09, self.name.encode())
            return flags + (offered if self.module.services else b"") + _ad(0xFF, mac), named
        if self.adverts == "plain":
            return flags + _ad(0x09, self.name.encode()) + _ad(0x02, bytes.fromhex("f0ff")), b""
        response = _ad(0x09, self.name.encode()) + bytes.fromhex("051206000c00020a00")
        beacon = self.adverts == "beacon" or (self.adverts == "real" and self.adverts_sent % 2 == 1)
        if beacon and self.family in BEACONS:
            return flags + _ad(0xFF, self.beacon()), response
        if self.walk:
            self.volts = self.walk[self.sealed_sent % len(self.walk)]
        self.sealed_sent += 1
        return flags + _ad(0x03, bytes.fromhex("f0ff")) + _ad(0xFF, self.sealed()), response

    def beacon(self) -> bytes:
        head = b"\x4c\x00\x02\x15" + bytes.fromhex(BEACONS[self.family])
        if self.family == "BM2":
            major = 0xF << 12 | self.charge << 4 | self.state & 15
            return head + major.to_bytes(2, "big") + bytes(2) + bytes([self.charge])
        return head + bytes([0x12 if self.state == 1 else 0x11, self.charge, 0, 0, 0xCD])

    def sealed(self) -> bytes:
        mac = bytes.fromhex(self.address.replace(":", ""))
        said = round(self.volts * 100).to_bytes(2, "big") + bytes([self.charge, self.state])
        old = self.family == "BM2"
        plain = (mac[::-1] if old else mac) + said + bytes.fromhex("010000000900" if old else "010000000108")
        return crypt(self.key, plain, seal=True)

    # -- over a link -------------------------------------------------------------------------

    def pieces(self, written: bytes) -> list[bytes]:
        """What a Renogy module answers."""
        table = {int(address): word for address, word in self.registers.items()}
        frame = modbus.answer(self.module, table, self.device_id, written)
        if frame is None or self.faults.notify == "none":
            return []
        self.commands += 1
        if self.faults.notify == "garbage":
            frame = os.urandom(len(frame))
        if self.faults.notify == "short":
            frame = frame[:-1]
        return modbus.pieces(frame, self.module.piece)

    def takes(self, uuid: str) -> bool:
        """Whether that is where a Modbus request is written to."""
        return self.family == RENOGY and uuid == self.module.talks.get("write", modbus.WRITE)

    def lateness(self, written: bytes) -> float:
        """[s] of this answer."""
        register = int.from_bytes(written[2:4], "big")
        if register not in self.module.late:
            return 0.0
        self.module.late.remove(register)
        return self.module.lateness

    @property
    def streams_unasked(self) -> bool:
        return self.family in {"BM2", SHUNT}

    def accepts(self, written: bytes) -> bool:
        """Whether it is the command that starts the stream."""
        if len(written) != 16 or self.streams_unasked:
            return False
        asked = crypt(self.key, written, seal=False)[:3] == ASK
        self.commands += asked
        return asked

    def remembered(self, written: bytes) -> list[bytes]:
        """The notifications that answer a command about its memory."""
        if len(written) != 16 or self.family not in KEYS:
            return []
        plain, records = crypt(self.key, written, seal=False), [bytes.fromhex(each) for each in self.memory]
        sent: Iterable[bytes] = ()
        if self.family == "BM2":
            if plain[:2] == b"\xe7\x01":
                sent = [history.bm2_size(records)]
            elif plain[:3] == b"\xe3\0\0":
                sent = history.bm2_reply(records)
        elif plain[:3] == bytes.fromhex("d15505"):
            first, end = plain[3:6], plain[6:9]
            if self.family == "BM6":  # which takes 16 bits of an index
                first, end = first[1:], end[1:]
            sent = history.bm6_reply(records, int.from_bytes(first, "big"), int.from_bytes(end, "big"))
        elif plain[:3] == bytes.fromhex("d15503"):
            return self.cranked()
        return [b"".join(self._sealed_blocks(each)) for each in sent]

    def cranked(self) -> list[bytes]:
        """The notifications that tell its last start: asked for, or unasked right after one."""
        self.recollections += 1
        sent = cranking.reply(self.start, self.reading())
        return [crypt(self.key, each, seal=True) for each in sent]

    def _sealed_blocks(self, plain: bytes) -> Iterable[bytes]:
        return (crypt(self.key, plain[i : i + 16], seal=True) for i in range(0, len(plain), 16))

    def acknowledgement(self) -> bytes:
        return crypt(self.key, (ASK + b"\xff").ljust(16, b"\0"), seal=True)

    def reading(self) -> bytes:
        if self.streams_unasked:
            ticks = (self.frames_sent * 25 % 3000).to_bytes(2, "big")
            said = (round(self.volts * 100) << 4 | self.state & 15).to_bytes(2, "big")
            return b"\xf5" + said + bytes([self.charge]) + ticks + bytes(10)
        volts = round(self.volts * 100).to_bytes(2, "big")
        signs = bytes([self.temperature < 0, abs(self.temperature), self.state, self.charge])
        return (ASK + signs + volts).ljust(13, b"\0") + b"\x02\0\0"

    def frames(self) -> list[bytes]:
        """The notifications of one reading."""
        if self.family == SHUNT:
            return notifications(self.shunt)
        plain = self.reading()
        good = crypt(self.key, plain, seal=True)
        match self.faults.notify:
            case "ok":
                sent = [good]
            case "none":
                sent = []
            case "garbage":
                sent = [os.urandom(16)]
            case "short":
                sent = [good[:7]]
            case "long":
                sent = [good + good[:4]]
            case "wrongkey":
                sent = [crypt(bytes(16), plain, seal=True)]
            case "wrongcmd":
                sent = [crypt(self.key, b"\xd1\x55\x09" + plain[3:], seal=True)]
            case "duplicate":
                sent = [good, good]
            case "ackonly":
                sent = [self.acknowledgement()]
            case "zero":
                sent = [crypt(self.key, ASK + bytes(13), seal=True)]
            case other:
                raise ValueError(f"no such notify: {other}")
        self.frames_sent += len(sent)
        return sent


@dataclass
class Heard:
    """What BlueZ looks at in an advert."""

    uuids: list[str] = field(default_factory=list)
    manufacturer: dict[int, bytes] = field(default_factory=dict)
    name: str | None = None
    tx_power: int | None = None


def parse_advert(*parts: bytes) -> Heard:
    heard = Heard()
    for part in parts:
        data = part
        while data and data[0]:
            kind, value, data = data[1], data[2 : 1 + data[0]], data[1 + data[0] :]
            if kind in {0x02, 0x03}:
                heard.uuids += [
                    f"0000{value[i + 1]:02x}{value[i]:02x}-0000-1000-8000-00805f9b34fb"
                    for i in range(0, len(value), 2)
                ]
            elif kind in {0x06, 0x07}:
                heard.uuids.append(str(UUID(bytes=value[::-1])))
            elif kind == 0xFF:
                heard.manufacturer[int.from_bytes(value[:2], "little")] = value[2:]
            elif kind in {0x08, 0x09}:
                heard.name = value.decode()
            elif kind == 0x0A:
                heard.tx_power = value[0]
    return heard


def fleet(count: int, families: tuple[str, ...] = ("BM6",), **every: Any) -> list[Monitor]:
    """Devices with distinct addresses and values, families in turn."""
    return [
        Monitor(
            address=f"50:54:7B:{i >> 16 & 255:02X}:{i >> 8 & 255:02X}:{i & 255:02X}",
            family=families[i % len(families)],
            volts=round(11.5 + i * 0.37 % 3, 2),
            temperature=i * 7 % 50 - 10,
            charge=5 + i * 13 % 95,
            state=int(families[i % len(families)] == "BM2"),
            rssi=-40 - i * 11 % 50,
            **every,
        )
        for i in range(count)
    ]


def _ad(kind: int, value: bytes) -> bytes:
    return bytes([len(value) + 1, kind]) + value
