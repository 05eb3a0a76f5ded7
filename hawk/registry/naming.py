"""Names that people see, and ids that are never used twice."""

import re
from collections.abc import Iterable

from hawk.errors import Invalid
from hawk.model.address import Address

LONGEST_NAME = 64


def clean_name(text: str, pointer: str) -> str:
    """Fit for a tag in InfluxDB and a topic's payload: 1 to 64 characters, no control characters,
    no backslash at the end. Raises Invalid."""
    name = text.strip()
    if not name or len(name) > LONGEST_NAME:
        raise Invalid(f"a name has 1 to {LONGEST_NAME} characters, this one {len(name)}", pointer)
    if not name.isprintable():
        raise Invalid("a name has no control characters", pointer)
    if name.endswith("\\"):
        raise Invalid("a name does not end with a backslash", pointer)
    return name


def device_name(device_type: str, address: Address) -> str:
    """What a device is called until somebody names it: "BM6 3010"."""
    return f"{device_type} {address[-5:].replace(':', '')}"


def vehicle_name(number: int, taken: Iterable[str]) -> str:
    """The specification's sequential "Vehicle N"; N is the number of the id where that is free."""
    names = set(taken)
    while f"Vehicle {number}" in names:
        number += 1
    return f"Vehicle {number}"


def vehicle_number(vehicle_id: str) -> int:
    """The number in an id of ours, "vehicle_7"; 0 for one that somebody made up."""
    return int(found[1]) if (found := re.fullmatch(r"vehicle_([0-9]{1,15})", vehicle_id)) else 0
