"""What the radio hears of a device without connecting."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from hawk.model.address import Address


@dataclass(frozen=True, slots=True)
class Advertisement:
    """One advertisement, as heard just now: nothing in it that is decoded is older than that.

    `manufacturer_data` has at most one entry, the one of this very advertisement
    (company id -> bytes after it). A sealed advertisement of the BM family has its
    first two bytes of ciphertext in the place of the company id.
    """

    address: Address
    name: str | None
    rssi: int  # [dBm]
    adapter: str  # "hci0"
    manufacturer_data: Mapping[int, bytes] = field(default_factory=dict)
    service_uuids: tuple[str, ...] = ()  # lower case, in full
    service_data: Mapping[str, bytes] = field(default_factory=dict)  # by UUID; BlueZ also tells old ones
    connectable: bool = True
    simulated: bool = False
