"""A reading as a row, and back."""

import json
from dataclasses import replace
from typing import Any, NamedTuple

from hawk.model.address import Address
from hawk.model.reading import Moment, Reading, Sample, Source

VALUES = (
    "voltage", "current", "soc", "temperature", "power",
    "status", "status_code", "rssi", "adapter", "extra",
)  # fmt: skip


class Tags(NamedTuple):
    """What a reading is tagged with, for ever; the columns of `series` in their order."""

    device_name: str
    vehicle_id: str | None
    vehicle_name: str | None
    device_type: str
    gateway_id: str
    simulated: bool


def tags_of(reading: Reading) -> Tags:
    """A vehicle without a name is none: the index of `series` takes the two for the same."""
    return Tags(
        device_name=_text(reading.device_name),
        vehicle_id=_text_or_none(reading.vehicle_id) or None,
        vehicle_name=_text_or_none(reading.vehicle_name) or None,
        device_type=_text(reading.device_type),
        gateway_id=_text(reading.gateway_id),
        simulated=reading.simulated,
    )


def values_of(reading: Reading) -> tuple[Any, ...]:
    """In the order of VALUES."""
    sample = reading.sample
    return (
        sample.voltage,
        sample.current,
        sample.state_of_charge,
        sample.temperature,
        sample.power,
        _text_or_none(sample.status),
        sample.status_code,
        reading.rssi,
        _text_or_none(reading.adapter),
        json.dumps(dict(sample.extra), sort_keys=True) if sample.extra else None,
    )


TAGS = "device.mac, " + ", ".join(f"series.{name}" for name in Tags._fields)
COLUMNS = f"reading.ts, reading.seq, reading.source, {', '.join(f'reading.{n}' for n in VALUES)}, {TAGS}"
UNDATED = f"undated.boot_time, NULL, undated.source, {', '.join(f'undated.{n}' for n in VALUES)}, {TAGS}"


def reading_of(row: tuple[Any, ...], now: Moment) -> Reading:
    """From a row of COLUMNS. `now` gives it its place on the time axis of this boot."""
    return _reading(row, Moment(row[0], boot_time_of(row[0], now)))


def tagged(row: tuple[Any, ...], moment: Moment) -> Reading:
    """From a row of TAGS: a reading that says nothing but whose it is."""
    mac, device_name, vehicle_id, vehicle_name, device_type, gateway_id, simulated = row
    return Reading(
        device_id=Address(mac),
        moment=moment,
        sample=Sample(),
        source=Source.HISTORY,
        device_type=device_type,
        device_name=device_name,
        vehicle_id=vehicle_id,
        vehicle_name=vehicle_name,
        gateway_id=gateway_id,
        simulated=bool(simulated),
    )


def undated_of(row: tuple[Any, ...]) -> Reading:
    """From a row of UNDATED."""
    return _reading(row, Moment(None, row[0]))


def boot_time_of(utc: int, now: Moment) -> float:
    """[s] What CLOCK_BOOTTIME showed at `utc`; negative before this boot.

    While the wall clock is not trusted nobody can tell: then as old as the boot.
    """
    return 0.0 if now.utc is None else now.boot_time - (now.utc - utc) / 1000


def dated(reading: Reading, now: Moment) -> Reading:
    """With the UTC that its boot time has, by a clock that is trusted `now`."""
    if reading.moment.utc is not None or now.utc is None:
        return reading
    utc = now.utc - round((now.boot_time - reading.moment.boot_time) * 1000)
    return replace(reading, moment=Moment(utc, reading.moment.boot_time))


def _reading(row: tuple[Any, ...], moment: Moment) -> Reading:
    (
        _, seq, source,
        voltage, current, state_of_charge, temperature, power, status, status_code, rssi, adapter, extra,
        mac, device_name, vehicle_id, vehicle_name, device_type, gateway_id, simulated,
    ) = row  # fmt: skip
    return Reading(
        device_id=Address(mac),
        moment=moment,
        sample=Sample(
            voltage=voltage,
            current=current,
            temperature=temperature,
            state_of_charge=state_of_charge,
            power=power,
            status=status,
            status_code=status_code,
            extra=json.loads(extra) if extra else {},
        ),
        source=Source(source),
        device_type=device_type,
        device_name=device_name,
        vehicle_id=vehicle_id,
        vehicle_name=vehicle_name,
        gateway_id=gateway_id,
        rssi=rssi,
        adapter=adapter,
        simulated=bool(simulated),
        seq=seq,
    )


def _text(text: str) -> str:
    """JSON lets lone surrogates into names; UTF-8, and so SQLite, refuses them."""
    return text.encode(errors="replace").decode()


def _text_or_none(text: str | None) -> str | None:
    return None if text is None else _text(text)
