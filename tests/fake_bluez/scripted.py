"""A device as a table: what it shows, and what it answers to what. For devices that tests describe themselves."""

from dataclasses import dataclass, field


@dataclass
class Script:
    name: str
    services: dict[str, dict[str, list[str]]]  # UUID -> the UUIDs of its characteristics -> flags
    notify: str  # UUID of the characteristic that the answers come from
    answers: dict[str, list[str]] = field(default_factory=dict)  # hex written -> hex of each notification
    manufacturer: str = ""  # hex as on the air: the company id in front, its low byte first
    advertised: list[str] = field(default_factory=list)  # services, as their 16 bits in hex

    def reply(self, written: bytes) -> list[bytes]:
        return [bytes.fromhex(frame) for frame in self.answers.get(written.hex(), [])]
