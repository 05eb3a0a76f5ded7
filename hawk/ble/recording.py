"""What passes a radio, as JSON lines: docs/recording.md is the format. Pure.

Lines are written and read one by one; one that is damaged takes no other with it.
"""

import json
import math
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias, TypeVar

from hawk import __version__
from hawk.drivers.api import Gatt
from hawk.errors import BadAddress, Invalid
from hawk.model.address import Address, parse_address
from hawk.model.advertisement import Advertisement
from hawk.model.device import LinkState
from hawk.model.instant import parse_rfc3339, rfc3339
from hawk.model.reading import QUANTITIES, Moment, Sample

FORMAT = 1
MARK = "battery_hawk_recording"  # the first key of the first line
LONGEST = 64 * 1024  # bytes of a line

Json: TypeAlias = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a driver made of some bytes: a sample, an error (a code of `hawk decode`), or neither."""

    device_type: str | None = None  # None: no driver knows the device
    sample: Sample | None = None
    code: str | None = None
    detail: str = ""


# -- what happens ------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Heard:
    advertisement: Advertisement
    outcome: Outcome = Outcome()


@dataclass(frozen=True, slots=True)
class DriverChosen:
    """The frames that follow are decoded by a new codec of this driver."""

    device_type: str


@dataclass(frozen=True, slots=True)
class SessionBegan:
    gatt: Gatt
    adapter: str = ""


@dataclass(frozen=True, slots=True)
class LinkMoved:
    state: LinkState


@dataclass(frozen=True, slots=True)
class Written:
    """Handed to the radio to be written."""

    frame: bytes


@dataclass(frozen=True, slots=True)
class Received:
    frame: bytes


@dataclass(frozen=True, slots=True)
class Decoded:
    """What became of the frame received last."""

    outcome: Outcome


@dataclass(frozen=True, slots=True)
class SessionEnded:
    outcome: str  # "ok", "cancelled", or the `outcome` of a hawk error
    detail: str = ""


@dataclass(frozen=True, slots=True)
class LinesLost:
    """Who recorded was too slow: so many lines are missing here."""

    count: int


Event: TypeAlias = (
    Heard | DriverChosen | SessionBegan | LinkMoved | Written | Received | Decoded | SessionEnded | LinesLost
)


@dataclass(frozen=True, slots=True)
class Line:
    address: Address
    moment: Moment
    event: Event


@dataclass(frozen=True, slots=True)
class Header:
    """The first line. Of newer formats this program reads nothing."""

    version: str  # of the program that recorded
    moment: Moment
    simulated: bool = False


@dataclass(frozen=True, slots=True)
class Damaged:
    detail: str


# -- writing -----------------------------------------------------------------------------------


def header_line(moment: Moment, *, simulated: bool) -> bytes:
    return _bytes({MARK: FORMAT, "version": __version__, **_moment(moment), "simulated": simulated})


def line_bytes(line: Line) -> bytes:
    kind, said = _KINDS_OF[type(line.event)], _WRITERS[type(line.event)](line.event)
    return _bytes({**_moment(line.moment), "kind": kind, "address": line.address, **said})


def _bytes(document: Json) -> bytes:
    return json.dumps(_finite(document), default=str).encode() + b"\n"


def _finite(value: Any) -> Any:
    """What no JSON can say is null: a driver may find anything in a register."""
    if isinstance(value, float) and not math.isfinite(value):
        return None
    if isinstance(value, dict):
        return {key: _finite(each) for key, each in value.items()}
    return [_finite(each) for each in value] if isinstance(value, list | tuple) else value


def _moment(moment: Moment) -> Json:
    return {"utc": None if moment.utc is None else rfc3339(moment.utc), "t": round(moment.boot_time, 6)}


def _heard(event: Heard) -> Json:
    said = event.advertisement
    return {
        "name": said.name,
        "rssi": said.rssi,
        "adapter": said.adapter,
        "connectable": said.connectable,
        "manufacturer_data": {
            f"{company:04x}": data.hex() for company, data in said.manufacturer_data.items()
        },
        "service_data": {uuid: data.hex() for uuid, data in said.service_data.items()},
        "service_uuids": list(said.service_uuids),
        "simulated": said.simulated,
        **_outcome(event.outcome),
    }


def _outcome(outcome: Outcome) -> Json:
    said: Json = {"device_type": outcome.device_type, "sample": None}
    if outcome.sample is not None:
        said["sample"] = _sample(outcome.sample)
    if outcome.code is not None:
        said["error"] = {"code": outcome.code, "detail": outcome.detail}
    return said


def _sample(sample: Sample) -> Json:
    """Only what was said."""
    found = {name: getattr(sample, name) for name in (*QUANTITIES, "status", "status_code")}
    said = {name: value for name, value in found.items() if value is not None}
    return {**said, **({"extra": dict(sample.extra)} if sample.extra else {})}


def _began(event: SessionBegan) -> Json:
    gatt = event.gatt
    return {
        "adapter": event.adapter,
        "service": gatt.service,
        "write": gatt.write,
        "notify": gatt.notify,
        "notify_service": gatt.notify_service,
        "acknowledged": gatt.acknowledged,
    }


_WRITERS: Mapping[type[Any], Callable[[Any], Json]] = {
    Heard: _heard,
    DriverChosen: lambda event: {"device_type": event.device_type},
    SessionBegan: _began,
    LinkMoved: lambda event: {"state": event.state.value},
    Written: lambda event: {"hex": event.frame.hex()},
    Received: lambda event: {"hex": event.frame.hex()},
    Decoded: lambda event: _outcome(event.outcome),
    SessionEnded: lambda event: {"outcome": event.outcome, "detail": event.detail},
    LinesLost: lambda event: {"lines": event.count},
}
_KINDS_OF: Mapping[type[Any], str] = {
    Heard: "advertisement", DriverChosen: "driver", SessionBegan: "session", LinkMoved: "link", Written: "written",
    Received: "received", Decoded: "decoded", SessionEnded: "ended", LinesLost: "lost",
}  # fmt: skip


# -- reading -----------------------------------------------------------------------------------


def read_lines(lines: Iterable[bytes]) -> Iterator[tuple[int, Header | Line | Damaged]]:
    """Each with its number, the first is 1. Lines may be cut behind LONGEST + 1 bytes.

    Raises Invalid when they are no recording, or one of a format that is not known here.
    """
    for number, text in enumerate(lines, 1):
        if text.strip():
            yield number, _read(text, first=number == 1)


def _read(text: bytes, *, first: bool) -> Header | Line | Damaged:
    if len(text) > LONGEST:
        return Damaged(f"the line is longer than {LONGEST} bytes")
    try:
        document = json.loads(text, parse_constant=_no_number)
    except (ValueError, RecursionError):  # also what is not UTF-8
        return Damaged("the line is no JSON: it may be cut")
    if not isinstance(document, dict):
        return Damaged("a line is a JSON object")
    if first or MARK in document:
        _check_format(document)
    try:
        return _header(document) if MARK in document else _line(document)
    except Invalid as error:
        return Damaged(f"{error.pointer}: {error}" if error.pointer else str(error))


def _check_format(document: Json) -> None:
    if (found := document.get(MARK)) is None:
        raise Invalid(f'this is no recording: the first line of one begins with {{"{MARK}": {FORMAT}')
    if isinstance(found, int) and found > FORMAT:
        raise Invalid(f"this recording has format {found}, this program reads {FORMAT}: update it")


def _no_number(word: str) -> float:
    raise ValueError(f"{word} is no JSON")


def _header(document: Json) -> Header:
    simulated = _get(document, "simulated", bool, False)
    return Header(_get(document, "version", str, ""), _moment_of(document), simulated)


def _line(document: Json) -> Line:
    kind = _get(document, "kind", str)
    if (read := _READERS.get(kind)) is None:
        raise Invalid(f"there is no kind {kind!r}; known: {', '.join(_READERS)}", "/kind")
    address = _address(document)
    return Line(address, _moment_of(document), read(document, address))


def _moment_of(document: Json) -> Moment:
    text, seconds = _get(document, "utc", str, None), _get(document, "t", float)
    try:
        return Moment(None if text is None else parse_rfc3339(text), seconds)
    except (ValueError, OverflowError):
        raise Invalid(f"{text!r} is no instant such as 2026-11-23T10:30:00.250Z", "/utc") from None


def _address(document: Json) -> Address:
    try:
        return parse_address(_get(document, "address", str))
    except BadAddress as error:
        raise Invalid(str(error), "/address") from None


def _read_heard(document: Json, address: Address) -> Heard:
    return Heard(
        Advertisement(
            address=address,
            name=_get(document, "name", str, None),
            rssi=_get(document, "rssi", int),
            adapter=_get(document, "adapter", str, ""),
            manufacturer_data={
                _company(key): data for key, data in _blobs(document, "manufacturer_data").items()
            },
            service_uuids=_texts(document, "service_uuids"),
            service_data=_blobs(document, "service_data"),
            connectable=_get(document, "connectable", bool, True),
            simulated=_get(document, "simulated", bool, False),
        ),
        _read_outcome(document),
    )


def _read_outcome(document: Json) -> Outcome:
    error = _get(document, "error", dict, {})
    return Outcome(
        device_type=_get(document, "device_type", str, None),
        sample=_read_sample(_get(document, "sample", dict, None)),
        code=_get(error, "code", str, None, "/error"),
        detail=_get(error, "detail", str, "", "/error"),
    )


def _read_sample(said: Json | None) -> Sample | None:
    if said is None:
        return None
    return Sample(
        **{quantity: _get(said, quantity, float, None, "/sample") for quantity in QUANTITIES},
        status=_get(said, "status", str, None, "/sample"),
        status_code=_get(said, "status_code", int, None, "/sample"),
        extra=_get(said, "extra", dict, {}, "/sample"),
    )


def _read_began(document: Json, _: Address) -> SessionBegan:
    gatt = Gatt(
        service=_get(document, "service", str),
        write=_get(document, "write", str),
        notify=_get(document, "notify", str),
        notify_service=_get(document, "notify_service", str, ""),
        acknowledged=_get(document, "acknowledged", bool, True),
    )
    return SessionBegan(gatt, _get(document, "adapter", str, ""))


def _read_link(document: Json, _: Address) -> LinkMoved:
    word = _get(document, "state", str)
    if word not in {state.value for state in LinkState}:
        raise Invalid(f"{word!r} is no state of a link", "/state")
    return LinkMoved(LinkState(word))


_READERS: Mapping[str, Callable[[Json, Address], Event]] = {
    "advertisement": _read_heard,
    "driver": lambda document, _: DriverChosen(_get(document, "device_type", str)),
    "session": _read_began,
    "link": _read_link,
    "written": lambda document, _: Written(_hex(_get(document, "hex", str), "/hex")),
    "received": lambda document, _: Received(_hex(_get(document, "hex", str), "/hex")),
    "decoded": lambda document, _: Decoded(_read_outcome(document)),
    "ended": lambda document, _: SessionEnded(
        _get(document, "outcome", str), _get(document, "detail", str, "")
    ),
    "lost": lambda document, _: LinesLost(_get(document, "lines", int)),
}

# -- values ------------------------------------------------------------------------------------

T = TypeVar("T")
_REQUIRED: Any = object()
_GREATEST = 1e15  # of any number: 2**50 is far beyond what a radio or a battery says
_WORDS: Mapping[type[Any], str] = {
    str: "text", int: "a whole number", float: "a number", bool: "true or false", dict: "an object", list: "a list",
}  # fmt: skip


def _get(document: Json, key: str, kind: type[Any], default: Any = _REQUIRED, where: str = "") -> Any:
    """Null is as if it were not there."""
    value = document.get(key)
    if value is None:
        if default is _REQUIRED:
            raise Invalid(f"{_WORDS[kind]} is missing", f"{where}/{key}")
        return default
    if not _is(value, kind):
        raise Invalid(f"{_WORDS[kind]} is expected", f"{where}/{key}")
    return value


def _is(value: object, kind: type[Any]) -> bool:
    if kind in {int, float}:
        numbers = int | float if kind is float else int
        return isinstance(value, numbers) and not isinstance(value, bool) and abs(value) <= _GREATEST
    return isinstance(value, kind)


def _hex(text: str, where: str) -> bytes:
    try:
        return bytes.fromhex(text)
    except ValueError:
        raise Invalid("an even number of hex digits is expected", where) from None


def _blobs(document: Json, key: str) -> dict[str, bytes]:
    said: Json = _get(document, key, dict, {})
    return {name: _hex(_get(said, name, str, where=f"/{key}"), f"/{key}/{name}") for name in said}


def _company(text: str) -> int:
    if not re.fullmatch(r"[0-9a-fA-F]{4}", text):
        raise Invalid("a company id has four hex digits", f"/manufacturer_data/{text}")
    return int(text, 16)


def _texts(document: Json, key: str) -> tuple[str, ...]:
    said: list[Any] = _get(document, key, list, [])
    if not all(isinstance(each, str) for each in said):
        raise Invalid("a list of texts is expected", f"/{key}")
    return tuple(said)
