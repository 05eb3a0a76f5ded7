"""The captured and made frames of tests/fixtures, as requests to `hawk decode` with what must come of them."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

FILE = Path(__file__).parent.parent / "fixtures" / "bm-family-vectors.json"
ALL = json.loads(FILE.read_text())
SENDERS = {"BM6-M-12": "50:54:7B:99:88:77"}  # whose advertisement it was, where it is not the address inside


@dataclass(frozen=True)
class Vector:
    id: str
    device: str
    kind: str
    hex: str
    expected: Any
    address: str | None

    @property
    def request(self) -> dict[str, Any]:
        return {
            "id": self.id, "device": self.device, "kind": self.kind, "hex": self.hex, "address": self.address,
        }  # fmt: skip


KINDS = {
    "notify_live": "live",
    "notify_ack": "live",
    "malformed": "live",
    "advert_encrypted": "advertisement",
    "advert_ibeacon": "ibeacon",
    "history_records": "history",
    "version": "version",
    "cranking_stream": "cranking",
}


def of(*kinds: str) -> list[Vector]:
    """Those of the fixture's own kinds."""
    return [_vector(each) for each in ALL if each["kind"] in kinds]


def _vector(each: dict[str, Any]) -> Vector:
    sender = SENDERS.get(each["id"])
    return Vector(
        id=each["id"],
        device=each["device"],
        kind="advertisement" if sender else KINDS[each["kind"]],
        hex=each["plaintext_hex"] if each["kind"] == "advert_ibeacon" else each["ciphertext_hex"],
        expected=each["expected"],
        address=sender or each["expected"].get("mac"),
    )
