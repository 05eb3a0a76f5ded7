"""A reading that others wrote down, with the names of hawk/model/attributes.py: checked, and made one again."""

import json
import math
from collections.abc import Mapping
from datetime import tzinfo
from typing import Any

from hawk.errors import BadAddress, Invalid
from hawk.model.address import Address, parse_address
from hawk.model.instant import instant_in, parse_rfc3339
from hawk.model.reading import QUANTITIES, Moment, Reading, Sample, Scalar, Source
from hawk.model.rules import ANY_BATTERY, UNITS

NAMES = (
    "device_id", "timestamp", *QUANTITIES, "status", "status_code", "source", "device_type", "device_name",
    "vehicle_id", "vehicle_name", "rssi", "simulated", "gateway_id", "seq", "extra",
)  # fmt: skip

FIRST = parse_rfc3339("2000-01-01T00:00:00Z")  # what is older comes from a clock that was not set
AHEAD = 60_000  # [ms] two clocks may differ by

_SOURCES = {source.word: source for source in Source}
_LONGEST_TEXT = 256
_LONGEST_EXTRA = 16 * 1024
_HEX = frozenset("0123456789abcdef")


def reading_of(said: Mapping[str, Any], now: Moment, zone: tzinfo | None = None) -> Reading:
    """Without `seq`: the log gives it. `zone` is that of times without an offset from UTC. Names and the
    gateway are empty where nobody says them.

    Raises Invalid, with the place, for what no log can have: other types, numbers that no battery has,
    times to come.
    """
    for name in said:
        if name not in NAMES:
            raise Invalid(f"{_short(name)} is nothing that a reading has", f"/{name}")
    _whole(said, "seq", 0, 2**63 - 1)
    utc = _utc(said, now, zone)
    return Reading(
        device_id=_address(said),
        moment=Moment(utc, now.boot_time if now.utc is None else now.boot_time - (now.utc - utc) / 1000),
        sample=_sample(said),
        source=_source(said),
        device_type=_device_type(said),
        device_name=_text(said, "device_name") or "",
        vehicle_id=_text(said, "vehicle_id"),
        vehicle_name=_text(said, "vehicle_name"),
        gateway_id=_gateway_id(said),
        rssi=_whole(said, "rssi", -128, 127),
        simulated=_yes(said, "simulated"),
    )


def _sample(said: Mapping[str, Any]) -> Sample:
    sample = Sample(
        voltage=_number(said, "voltage"),
        current=_number(said, "current"),
        temperature=_number(said, "temperature"),
        state_of_charge=_number(said, "state_of_charge"),
        power=_number(said, "power"),
        status=_text(said, "status"),
        status_code=_whole(said, "status_code", -(2**31), 2**31 - 1),
        extra=_extra(said),
    )
    if sample == Sample():
        raise Invalid("nothing was measured")
    return sample


def _utc(said: Mapping[str, Any], now: Moment, zone: tzinfo | None) -> int:
    text = said.get("timestamp")
    if not isinstance(text, str):
        raise Invalid("timestamp is a time such as 2026-11-23T10:30:00.000Z", "/timestamp")
    try:
        utc = instant_in(text, zone)
    except ValueError as error:
        raise Invalid(f"timestamp: {error}", "/timestamp") from None
    if utc < FIRST:
        raise Invalid(f"timestamp: {_short(text)} is before there were such devices", "/timestamp")
    if now.utc is not None and utc > now.utc + AHEAD:
        raise Invalid(f"timestamp: {_short(text)} is yet to come", "/timestamp")
    return utc


def _address(said: Mapping[str, Any]) -> Address:
    text = said.get("device_id")
    if not isinstance(text, str):
        raise Invalid("device_id is the address of the device", "/device_id")
    try:
        return parse_address(text)
    except BadAddress:
        raise Invalid(f"device_id: {_short(text)} is no Bluetooth address", "/device_id") from None


def _source(said: Mapping[str, Any]) -> Source:
    word = said.get("source")
    if not isinstance(word, str) or word not in _SOURCES:
        raise Invalid(f"source is one of {', '.join(_SOURCES)}, not {_short(word)}", "/source")
    return _SOURCES[word]


def _device_type(said: Mapping[str, Any]) -> str:
    if not (text := _text(said, "device_type")):
        raise Invalid("device_type is missing", "/device_type")
    return text


def _gateway_id(said: Mapping[str, Any]) -> str:
    text = _text(said, "gateway_id") or ""
    if text and not (len(text) == 12 and _HEX.issuperset(text)):
        raise Invalid(f"gateway_id has 12 hex digits, it is not {_short(text)}", "/gateway_id")
    return text


def _number(said: Mapping[str, Any], quantity: str) -> float | None:
    """Comparing refuses NaN, too."""
    value = said.get(quantity)
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise Invalid(f"{quantity} is a number, not {_short(value)}", f"/{quantity}")
    bounds = ANY_BATTERY[quantity]
    low, high = bounds.min or 0, bounds.max or 0
    if not low <= value <= high:
        limits = f"{low:g} to {high:g} {UNITS[quantity]}"
        raise Invalid(f"{quantity} is {_short(value)}, which no battery has ({limits})", f"/{quantity}")
    return float(value)


def _whole(said: Mapping[str, Any], name: str, low: int, high: int) -> int | None:
    value = said.get(name)
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
        raise Invalid(f"{name} is a whole number from {low} to {high}, not {_short(value)}", f"/{name}")
    return value


def _yes(said: Mapping[str, Any], name: str) -> bool:
    value = said.get(name, False)
    if not isinstance(value, bool):
        raise Invalid(f"{name} is true or false, not {_short(value)}", f"/{name}")
    return value


def _text(said: Mapping[str, Any], name: str) -> str | None:
    value = said.get(name)
    if value is None:
        return None
    if not isinstance(value, str) or not _is_unicode(value):
        raise Invalid(f"{name} is text, not {_short(value)}", f"/{name}")
    if len(value) > _LONGEST_TEXT:
        raise Invalid(f"{name} has {len(value)} characters, {_LONGEST_TEXT} are allowed", f"/{name}")
    return value


def _extra(said: Mapping[str, Any]) -> Mapping[str, Scalar]:
    extra = said.get("extra")
    if extra is None:
        return {}
    if not isinstance(extra, dict) or not all(map(_is_scalar, extra.values())):
        raise Invalid("extra is an object of numbers, texts, true, false and null", "/extra")
    if not all(map(_is_unicode, extra)) or len(json.dumps(extra)) > _LONGEST_EXTRA:
        raise Invalid(f"extra is text of at most {_LONGEST_EXTRA} bytes", "/extra")
    return extra


def _is_scalar(value: object) -> bool:
    match value:
        case float():
            return math.isfinite(value)
        case str():
            return _is_unicode(value)
        case _:
            return value is None or isinstance(value, bool | int)


def _is_unicode(text: str) -> bool:
    """JSON lets lone surrogates pass."""
    return text.isascii() or not any("\ud800" <= each <= "\udfff" for each in text)


def _short(value: object) -> str:
    said = repr(value)
    return said if len(said) <= 40 else f"{said[:40]}..."
