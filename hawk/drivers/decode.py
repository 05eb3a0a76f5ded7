"""`hawk decode`: one captured frame to one answer, as JSON objects. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from hawk.drivers import generic_modbus, modbus_document, renogy
from hawk.drivers.api import Driver, Note
from hawk.drivers.catalogue import Catalogue
from hawk.drivers.memory import Bm2Record, Bm6Record, Version
from hawk.drivers.renogy_shunt import shunt
from hawk.errors import BadAddress, Invalid, NotFound, ProtocolError
from hawk.model.address import Address, parse_address
from hawk.model.cranking import CrankingEvent
from hawk.model.reading import QUANTITIES, Sample
from hawk.wire.modbus import parse_reply, parse_request

Answer = Mapping[str, Any]
MODBUS = "modbus"
_SHUNT = "renogy_shunt"  # no Modbus, but asked for like that
_MODBUS = (*renogy.DECODERS, _SHUNT, *generic_modbus.NAMES)
_ADVERTISED = frozenset({"advertisement", "ibeacon"})  # kinds that may have a company id


@dataclass(frozen=True, slots=True)
class Request:
    driver: Driver
    kind: str
    data: bytes
    address: Address | None


def answer(catalogue: Catalogue, document: object) -> Answer:
    """For one parsed line; never raises. An `id` in it comes back."""
    echoed = {"id": document["id"]} if isinstance(document, Mapping) and "id" in document else {}
    try:
        if isinstance(document, Mapping) and document.get("kind") == MODBUS:
            return {**echoed, "sample": sample_to_json(_modbus(catalogue, document))}
        return {**echoed, **decoded(read_request(catalogue, document))}
    except ProtocolError as error:
        return {**echoed, **failure(error.reason, str(error))}
    except Invalid as error:
        return {**echoed, **failure("bad_request", f"{error} (at /config{error.pointer})")}


def failure(code: str, detail: str) -> Answer:
    return {"error": {"code": code, "detail": detail}}


def read_request(catalogue: Catalogue, document: object) -> Request:
    if not isinstance(document, Mapping):
        raise ProtocolError("bad_request", "a request is a JSON object")
    device, kind = _text(document, "device"), _text(document, "kind")
    try:
        driver = _configured(catalogue.driver(device), document.get("config"))
    except NotFound as error:
        raise ProtocolError("unknown_device", str(error)) from None
    _check_kind(driver, kind)
    company = _company(document) if kind in _ADVERTISED else b""
    return Request(driver, kind, company + _hex(_text(document, "hex")), _address(document))


def _check_kind(driver: Driver, kind: str) -> None:
    if kind in driver.decode:
        return
    known = ", ".join((*driver.decode, *([MODBUS] if driver.device_type in _MODBUS else [])))
    has = f"it has {known}" if known else "nothing of it can be decoded alone"
    raise ProtocolError("unknown_kind", f"a {driver.device_type} has no {kind!r}; {has}")


def _configured(driver: Driver, config: object) -> Driver:
    """Some need to know something of the device. Raises Invalid, and NotFound if a library is missing."""
    if config is None:
        return driver
    if not isinstance(config, Mapping):
        raise Invalid("config is an object")
    return driver.configured(config)


def decoded(request: Request) -> Answer:
    if not request.data:
        return {"sample": None, "note": Note.EMPTY.value}
    match request.driver.decode[request.kind](request.data, request.address):
        case Sample() as sample:
            mac = {"mac": request.address} if request.kind == "advertisement" and request.address else {}
            return {"sample": {**sample_to_json(sample), **mac}}
        case Note() as note:
            return {"sample": None, "note": note.value}
        case Version(text):
            return {"sample": {"version": text}}
        case CrankingEvent() as event:
            return {"event": event_to_json(event)}
        case tuple() as records:
            return {"samples": [record and record_to_json(record) for record in records]}
        case other:
            raise TypeError(f"a decoder answered with {other!r}")  # a bug in a driver


def _modbus(catalogue: Catalogue, document: Mapping[str, Any]) -> Sample:
    """Raises ProtocolError, and Invalid for a wrong config."""
    device, data = _modbus_device(catalogue, _text(document, "device")), _hex(_text(document, "hex"))
    if device == _SHUNT:
        return shunt(data)
    registers = parse_reply(parse_request(_hex(_text(document, "request"))), data)
    if device in generic_modbus.NAMES:
        return modbus_document.parse(document.get("config")).sample(registers)
    model = document.get("model") or ""
    if not isinstance(model, str):
        raise ProtocolError("bad_request", "'model' is text")
    return renogy.DECODERS[device](registers, model.lower())


def _modbus_device(catalogue: Catalogue, word: str) -> str:
    """Its type, by any of its words."""
    try:
        driver = catalogue.driver(word)
    except NotFound:
        known = ", ".join(_MODBUS)
        raise ProtocolError("unknown_device", f"there is no Modbus device {word!r}; known: {known}") from None
    if driver.device_type not in _MODBUS:
        _check_kind(driver, MODBUS)
    return driver.device_type


def sample_to_json(sample: Sample) -> dict[str, Any]:
    """Only what is in the frame."""
    found = {name: getattr(sample, name) for name in (*QUANTITIES, "status", "status_code")}
    return {name: value for name, value in found.items() if value is not None} | dict(sample.extra)


def record_to_json(record: Bm6Record | Bm2Record) -> dict[str, Any]:
    return {name: getattr(record, name) for name in record.__slots__} | {"raw": record.raw.hex()}


def event_to_json(event: CrankingEvent) -> dict[str, Any]:
    return {
        "status_code": event.status_code,
        "voltage": event.voltage,
        "minimum_voltage": event.minimum_voltage,
        "duration": event.duration,
        "age": event.age,
        "samples": list(event.samples),
    }


# -- parts of a request ----------------------------------------------------------------------


def _text(document: Mapping[str, Any], key: str) -> str:
    value = document.get(key)
    if not isinstance(value, str):
        raise ProtocolError("bad_request", f"{key!r} is missing or no text")
    return value


def _hex(text: str) -> bytes:
    try:
        return bytes.fromhex("".join(text.split()))
    except ValueError:
        raise ProtocolError("bad_hex", "an even number of hex digits, with blanks at most") from None


def _company(document: Mapping[str, Any]) -> bytes:
    """bleak gives the first two bytes of a sealed advertisement as company id."""
    company = document.get("company_id")
    if company is None:
        return b""
    if isinstance(company, bool) or not isinstance(company, int) or not 0 <= company <= 0xFFFF:
        raise ProtocolError("bad_request", "'company_id' is a number from 0 to 65535")
    return company.to_bytes(2, "little")


def _address(document: Mapping[str, Any]) -> Address | None:
    if document.get("address") is None:
        return None
    try:
        return parse_address(_text(document, "address"))
    except BadAddress as error:
        raise ProtocolError("bad_request", str(error)) from None
