"""Renogy Smart Shunt 300: not Modbus, notifications alone. Unproven: no raw capture is public, the
layout is from two projects with hardware. Sources: docs/devices/renogy.md.

A live frame of 110 bytes every few seconds, in pieces:
  0     42 57 01 19, of history 42 57 01 0b
  21    current          0.001 A, 3 bytes, signed, + charging
  25    voltage          0.001 V, 3 bytes
  30    starter battery  0.001 V, 2 bytes, 0: not connected
  34    state of charge  0.1 %
  66    temperature      0.1 degC
"""

from dataclasses import replace

from hawk.drivers import renogy_shows
from hawk.drivers.api import Driver, Gatt, Write
from hawk.drivers.renogy_modules import INTERVAL, MEASURES, PLAUSIBLE, finished
from hawk.errors import ProtocolError
from hawk.model.reading import Sample

_LIVE = bytes.fromhex("42570119")
_ANY = bytes.fromhex("425701")  # begins live and history frames
_LENGTH = 110
_KEPT = 512  # bytes of what has come


def shunt(data: bytes) -> Sample:
    """The first live frame in the stream. No checksum is known: the limits are all there is."""
    start = data.find(_LIVE)
    if start < 0:
        raise ProtocolError("wrong_header", "a live frame begins with 42570119")
    frame = data[start : start + _LENGTH]
    if len(frame) < _LENGTH:
        raise ProtocolError("incomplete", f"{len(frame)} bytes of {_LENGTH} came")
    if (broken := frame.find(_ANY, 1)) > 0:
        raise ProtocolError("wrong_length", f"another frame begins in it, at byte {broken}: a piece is lost")
    current = int.from_bytes(frame[21:24], "big", signed=True) / 1000
    voltage = int.from_bytes(frame[25:28], "big") / 1000
    charge = int.from_bytes(frame[34:36], "big") / 10
    temperature = int.from_bytes(frame[66:68], "big", signed=True) / 10
    limits = [
        (voltage, 6, 80, "V"),
        (current, -500, 500, "A"),
        (voltage * current, -10_000, 10_000, "W"),
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


class ShuntCodec:
    def __init__(self) -> None:
        self._stream = b""

    def begin(self) -> tuple[Write, ...]:
        return ()

    def receive_data(self, data: bytes) -> Sample | None:
        self._stream = (self._stream + data)[-_KEPT:]
        try:
            sample = shunt(self._stream)
        except ProtocolError as error:
            if error.reason in {"wrong_header", "incomplete"}:
                return None  # the rest is still to come
            self._stream = self._stream[self._stream.find(_LIVE) + len(_LIVE) :]
            raise
        self._stream = b""
        return finished(replace(sample, extra={**sample.extra, "unproven": True}))

    def wants(self) -> tuple[Write, ...]:
        return ()


SHUNT = Driver(
    device_type="renogy_shunt",
    description="shunt: Renogy Smart Shunt 300 (unproven)",
    names=frozenset(),
    gatt=Gatt(service="", write="", notify="0000c411-0000-1000-8000-00805f9b34fb"),
    codec=ShuntCodec,
    measures=MEASURES,
    shows=renogy_shows.SHUNT,
    hear=lambda _: None,
    polling_interval=INTERVAL,
    aliases=frozenset({"RenogyShunt"}),
    own_name_starts=("RTMShunt300", "RMTShunt300"),
    plausible=PLAUSIBLE,
)
