"""Renogy Smart Shunt 300: not Modbus, notifications alone. Unproven: no raw capture is public, the
layout is from two projects with hardware. Sources: docs/devices/renogy.md.
"""

from hawk.errors import ProtocolError
from hawk.model.reading import Sample

_LIVE = bytes.fromhex("42570119")
_LENGTH = 110


def shunt(data: bytes) -> Sample:
    """The first live frame in the stream. No checksum is known: the limits are all there is."""
    start = data.find(_LIVE)
    if start < 0:
        raise ProtocolError("wrong_header", "a live frame begins with 42570119")
    frame = data[start : start + _LENGTH]
    if len(frame) < _LENGTH:
        raise ProtocolError("incomplete", f"{len(frame)} bytes of {_LENGTH} came")
    current = int.from_bytes(frame[21:24], "big", signed=True) / 1000
    voltage = int.from_bytes(frame[25:28], "big") / 1000
    charge = int.from_bytes(frame[34:36], "big") / 10
    temperature = int.from_bytes(frame[66:68], "big", signed=True) / 10
    limits = [
        (voltage, 6, 80, "V"),
        (current, -500, 500, "A"),
        (charge, 0, 100, "%"),
        (temperature, -40, 100, "°C"),
    ]
    for value, least, most, unit in limits:
        if not least <= value <= most:
            raise ProtocolError("implausible", f"{value:g} {unit}: {least} to {most} can be")
    starter = int.from_bytes(frame[30:32], "big") / 1000
    return Sample(
        voltage=voltage,
        current=current,
        temperature=temperature,
        state_of_charge=charge,
        extra={"starter_voltage": starter, "soc": charge} if starter else {"soc": charge},
    )
