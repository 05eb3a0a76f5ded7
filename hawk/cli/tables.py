"""Devices and vehicles for people, from the documents of the API. `now` is in seconds since the epoch."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

Json = Mapping[str, Any]
Table = tuple[tuple[str, ...], ...]  # headings, then the cells of each row

_DEVICE = ("Address", "Name", "Type", "Vehicle", "Status", "Voltage", "Age", "Link")
_VEHICLE = ("Id", "Name", "Devices", "Voltage", "Health")
_MAY_BE_LONG = frozenset({"Name", "Type", "Vehicle"})
_QUANTITIES = {
    "voltage": ("Voltage", ".2f", "V"),
    "current": ("Current", ".2f", "A"),
    "power": ("Power", ".1f", "W"),
    "state_of_charge": ("Charge", ".0f", "%"),
    "temperature": ("Temperature", ".0f", "°C"),
}


def device_table(devices: Sequence[Json], now: float) -> Table:
    return _without_empty_columns(
        (_DEVICE, *(_device_cells(each["id"], each["attributes"], now) for each in devices))
    )


def _device_cells(address: str, attributes: Json, now: float) -> tuple[str, ...]:
    quality = attributes["link_quality"]
    return (
        address,
        attributes["friendly_name"],
        attributes["device_type"],
        attributes["vehicle_name"] or "",
        attributes["status"],
        _value(attributes, "voltage"),
        _age_of(attributes, "voltage", now).removesuffix(" ago"),
        verdict_in_short(quality["verdict"]) if quality else "",
    )


def verdict_in_short(verdict: str) -> str:
    """Its first word; nothing while it is not known."""
    word = verdict.partition(":")[0].partition(",")[0]
    return "" if word == "unknown" else word


def vehicle_table(vehicles: Sequence[Json]) -> Table:
    return _without_empty_columns((_VEHICLE, *(_vehicle_cells(each) for each in vehicles)))


def _vehicle_cells(vehicle: Json) -> tuple[str, ...]:
    attributes, summary = vehicle["attributes"], vehicle["attributes"]["summary"]
    voltage = summary and summary["average_voltage"]
    return (
        vehicle["id"],
        attributes["name"],
        str(attributes["device_count"]),
        "" if voltage is None else f"{voltage:.2f} V",
        summary["overall_health"] if summary else "",
    )


def device_lines(attributes: Json, now: float) -> Iterator[str]:
    yield f"{attributes['friendly_name']} ({attributes['mac_address']})"
    for title, words in _device_facts(attributes, now):
        if words:
            yield f"  {title:<12} {words}"


def _device_facts(attributes: Json, now: float) -> Iterator[tuple[str, str]]:
    yield "Type", _type_in_words(attributes)
    yield "Vehicle", _vehicle_in_words(attributes)
    yield "Status", attributes["status"] + (", simulated" if attributes["simulated"] else "")
    for quantity, (title, _, _) in _QUANTITIES.items():
        age = _age_of(attributes, quantity, now)
        yield title, f"{_value(attributes, quantity)}, {age}" if age else _value(attributes, quantity)
    yield "Battery", attributes["battery_status"] or ""
    yield "Signal", _signal(attributes, now)
    yield "Link", _link(attributes["link_quality"])
    yield "Last poll", _outcome(attributes["last_outcome"], now)
    yield "Polled", "" if (every := attributes["polling_interval"]) is None else f"every {duration(every)}"
    yield "Released", "" if (until := attributes["released_until"]) is None else f"until {_clock(until)}"


def _type_in_words(attributes: Json) -> str:
    device_type, proven = attributes["device_type"], attributes["proven_type"]
    return f"{device_type}, but it says that it is a {proven}" if proven else f"{device_type}"


def _vehicle_in_words(attributes: Json) -> str:
    vehicle_id = attributes["vehicle_id"]
    return "none" if vehicle_id is None else f"{attributes['vehicle_name'] or '?'} ({vehicle_id})"


def _value(attributes: Json, quantity: str) -> str:
    _, form, unit = _QUANTITIES[quantity]
    value = attributes[quantity]
    return "" if value is None else f"{value:{form}} {unit}"


def _age_of(attributes: Json, quantity: str, now: float) -> str:
    """How long ago it was measured; of what is too old to be taken for the present, with that word."""
    latest = attributes["latest_reading"]
    if latest is None or attributes[quantity] is None:
        return ""
    words = ago(latest["measured_at"][quantity], now)
    return f"stale, {words}" if quantity in latest["stale"] else words


def _signal(attributes: Json, now: float) -> str:
    rssi, seen = attributes["rssi"], attributes["last_seen"]
    said = "" if rssi is None else f"{rssi} dBm, "
    return f"{said}heard {ago(seen, now)}" if seen else said.rstrip(", ")


def _link(quality: Json | None) -> str:
    if quality is None or not quality["attempts"]:
        return ""
    return f"{quality['verdict']} ({quality['ok']} of {quality['attempts']} attempts)"


def _outcome(outcome: Json | None, now: float) -> str:
    if outcome is None:
        return ""
    said = "ok" if outcome["code"] == "ok" else f"{outcome['code']}: {outcome['detail']}"
    return f"{said}, {ago(outcome['timestamp'], now)}"


def ago(instant: str | None, now: float) -> str:
    """None is an instant while the clock was not trusted."""
    if instant is None:
        return "at an unknown time"
    seconds = max(0.0, now - datetime.fromisoformat(instant).timestamp())
    return f"{duration(seconds)} ago"


def duration(seconds: float) -> str:
    """In the greatest unit of which there are two at least."""
    for size, unit in ((86400, "d"), (3600, "h"), (60, "min")):
        if seconds >= 2 * size:
            return f"{seconds / size:.0f} {unit}"
    return f"{seconds:.0f} s"


def _clock(instant: str) -> str:
    return f"{datetime.fromisoformat(instant).astimezone():%H:%M}"


def _without_empty_columns(rows: Table) -> Table:
    columns = zip(*rows, strict=True)
    return tuple(zip(*(column for column in columns if any(column[1:])), strict=True))


def print_table(rows: Table) -> None:
    from rich.console import Console
    from rich.table import Table as Printed
    from rich.text import Text

    headings, *cells = rows
    printed = Printed(box=None, pad_edge=False, padding=(0, 1, 0, 0))
    for heading in headings:
        wraps = heading in _MAY_BE_LONG
        printed.add_column(heading, no_wrap=not wraps, overflow="fold", min_width=len(heading))
    for row in cells:
        printed.add_row(*map(Text, row))
    Console(highlight=False).print(printed)
