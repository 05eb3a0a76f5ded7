"""The Bluetooth address of a device: its identity everywhere."""

import re
from typing import NewType

from hawk.errors import BadAddress

Address = NewType("Address", str)  # "AA:BB:CC:DD:EE:FF": upper case, colons

_HEX = re.compile(r"[0-9A-F]{12}")


def parse_address(text: str) -> Address:
    """From any case, with `:`, `-`, `_` or nothing between the bytes. Raises BadAddress."""
    digits = re.sub(r"[:\-_]", "", text.strip()).upper()
    if not _HEX.fullmatch(digits):
        raise BadAddress(text)
    return Address(":".join(digits[i : i + 2] for i in range(0, 12, 2)))


def address_bytes(address: Address) -> bytes:
    """In written order: AA first."""
    return bytes.fromhex(address.replace(":", ""))
