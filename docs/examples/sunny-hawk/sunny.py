"""Sunny: a 12 V battery monitor that does not exist.

Manufacturer data of company ffff in its advertisements, 4 bytes:
  0      53
  1-2    voltage       0.01 V, big endian
  3      checksum      all bytes together, by xor, give 0
Answer to the request 3f over a link, 5 bytes:
  0      56
  1-2    voltage       0.01 V, big endian
  3      temperature   1 degC, signed
  4      checksum      as above
"""

from functools import reduce
from operator import xor

from hawk.drivers.api import Driver, Gatt, Heard, Write
from hawk.errors import ProtocolError
from hawk.model.advertisement import Advertisement
from hawk.model.reading import Sample

COMPANY = 0xFFFF


def checked(data: bytes, head: int, length: int) -> bytes:
    if len(data) != length:
        raise ProtocolError("wrong_length", f"expected {length} bytes, got {len(data)}")
    if data[0] != head:
        raise ProtocolError("wrong_header", f"expected {head:02x} in front, got {data[0]:02x}")
    if reduce(xor, data) != 0:
        raise ProtocolError("checksum", "the checksum is wrong")
    return data


def voltage(data: bytes) -> float:
    raw = int.from_bytes(data[1:3], "big")
    if not 300 <= raw <= 2000:
        raise ProtocolError("implausible", f"a voltage of {raw / 100:.2f} V")
    return raw / 100


def hear(advertisement: Advertisement) -> Heard | None:
    data = advertisement.manufacturer_data.get(COMPANY)
    if data is None or not data.startswith(b"\x53"):
        return None  # somebody else's
    said = checked(data, 0x53, 4)
    return Heard(Sample(voltage=voltage(said)), proven=False, recordable=True)


def read(data: bytes) -> Sample:
    said = checked(data, 0x56, 5)
    return Sample(voltage=voltage(said), temperature=int.from_bytes(said[3:4], "big", signed=True))


class Codec:
    def begin(self) -> tuple[Write, ...]:
        return (Write(b"\x3f"),)

    def receive_data(self, data: bytes) -> Sample | None:
        return read(data)

    def wants(self) -> tuple[Write, ...]:
        return ()


DRIVER = Driver(
    device_type="SUNNY",
    description="12 V battery monitor that does not exist",
    names=frozenset({"sunny"}),
    gatt=Gatt(
        service="0000e7a0-0000-1000-8000-00805f9b34fb",
        write="0000e7a1-0000-1000-8000-00805f9b34fb",
        notify="0000e7a2-0000-1000-8000-00805f9b34fb",
    ),
    codec=Codec,
    measures=("voltage", "temperature"),
    hear=hear,
    decode={"live": lambda data, _: read(data)},
)
