"""The captured advertisements of tests/fixtures/victron-vectors.json.

Of some only the opened record is known: those are sealed here, by another library than the driver's.
"""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

from hawk.model.address import Address
from hawk.model.advertisement import Advertisement
from hawk.model.reading import Sample

FILE = Path(__file__).parent.parent / "fixtures" / "victron-vectors.json"
COMPANY = 0x02E1
MAC = Address("E1:02:00:00:00:01")
KEY = "00112233445566778899aabbccddeeff"


@dataclass(frozen=True)
class Vector:
    id: str
    key: str
    data: bytes  # after the company
    sample: Sample

    @property
    def config(self) -> dict[str, Any]:
        return {"key": self.key}

    @property
    def advertisement(self) -> Advertisement:
        return heard(self.data)


def heard(data: bytes) -> Advertisement:
    return Advertisement(MAC, "SmartThing", -60, "hci0", {COMPANY: data})


def sealed(record_type: int, opened: bytes, model: int = 0, key: str = KEY) -> bytes:
    iv = 0x1234
    cipher = Cipher(algorithms.AES(bytes.fromhex(key)), modes.CTR(iv.to_bytes(16, "little"))).encryptor()
    head = b"\x10\x00" + model.to_bytes(2, "little") + bytes([record_type]) + iv.to_bytes(2, "little")
    return head + bytes.fromhex(key[:2]) + cipher.update(opened)


def _vector(said: dict[str, Any]) -> Vector:
    if "opened" in said:
        data = sealed(said["record_type"], bytes.fromhex(said["opened"]), said.get("model", 0))
    else:
        data = bytes.fromhex(said["data"])
    return Vector(said["id"], said.get("key", KEY), data, Sample(**said["expected"]))


ALL = [_vector(each) for each in json.loads(FILE.read_text())]
BY_ID = {vector.id: vector for vector in ALL}
