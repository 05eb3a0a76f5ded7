"""JSON:API 1.1 (https://jsonapi.org): documents, errors, and what a client may send and accept. Pure."""

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from hawk.errors import (
    BadAddress,
    BluetoothError,
    Busy,
    CannotWrite,
    Conflict,
    HawkError,
    Invalid,
    NotFound,
    Outdated,
    Paused,
    StoreUnavailable,
)

MEDIA_TYPE = "application/vnd.api+json"

Json = Mapping[str, Any]


class ApiError(Exception):
    """What a request is refused with."""

    def __init__(
        self,
        status: int,
        code: str,
        detail: str,
        *,
        pointer: str = "",
        parameter: str = "",
        finer: str | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(detail)
        self.more: tuple[ApiError, ...] = ()  # what else is wrong, of the same status
        self.status, self.code, self.detail = status, code, detail
        self.pointer, self.parameter, self.headers = pointer, parameter, headers or {}
        self.finer = finer

    def document(self) -> Json:
        return {"errors": [each.as_json() for each in (self, *self.more)]}

    def as_json(self) -> Json:
        places = {"pointer": self.pointer, "parameter": self.parameter}
        source = {name: place for name, place in places.items() if place}
        error = {
            "status": str(self.status),
            "code": self.code,
            "title": self.code.replace("_", " ").capitalize(),
            "detail": self.detail,
        }
        more = {"source": source, "meta": {"outcome": self.finer} if self.finer else {}}
        return {**error, **{name: said for name, said in more.items() if said}}


STATUSES: Mapping[type[HawkError], int] = {
    BadAddress: 400,
    NotFound: 404,
    Conflict: 409,
    Outdated: 412,
    Busy: 409,
    Paused: 409,
    Invalid: 422,
    BluetoothError: 503,
    StoreUnavailable: 503,
    CannotWrite: 503,
}


def status_of(kind: type[HawkError]) -> int:
    """That of an error of this class. 500 for those that no request should meet."""
    return next((STATUSES[each] for each in kind.__mro__ if each in STATUSES), 500)


def refusal(error: HawkError) -> ApiError:
    """An expected error of the program, as an answer."""
    pointer = error.pointer if isinstance(error, Invalid) else ""
    return ApiError(status_of(type(error)), error.code, str(error), pointer=pointer, finer=error.finer)


# -- documents -------------------------------------------------------------------------------


def resource(
    kind: str,
    id: str,  # noqa: A002  # the member's name
    attributes: Json,
    relationships: Json | None = None,
    path: str | None = None,
) -> dict[str, Any]:
    found: dict[str, Any] = {"type": kind, "id": id, "attributes": attributes}
    if relationships:
        found["relationships"] = relationships
    if path is not None:
        found["links"] = {"self": path}
    return found


def to_one(kind: str, id: str | None) -> Json:  # noqa: A002  # the member's name
    return {"data": None if id is None else {"type": kind, "id": id}}


def to_many(kind: str, ids: Iterable[str]) -> Json:
    return {"data": [{"type": kind, "id": each} for each in ids]}


def dumps(document: object) -> bytes:
    return json.dumps(document, separators=(",", ":"), allow_nan=False).encode()


# -- negotiation -----------------------------------------------------------------------------

_KINDS = {"*/*", "application/*", "application/json"}  # as good as our own


@dataclass(frozen=True, slots=True)
class _Media:
    kind: str
    parameters: frozenset[str]  # names, without q
    refused: bool  # q=0

    @property
    def plain(self) -> bool:
        """A profile may be ignored; of extensions we have none."""
        return self.parameters <= {"profile"}


def check_accept(header: str | None) -> None:
    """Raises ApiError 406 if nothing in it can be served. Where our media type is named, at least
    once it must be without parameters."""
    if not header or header == "*/*":
        return
    accepted = [media for media in map(_media, _split(header, ",")) if not media.refused]
    ours = [media for media in accepted if media.kind == MEDIA_TYPE]
    if any(media.plain for media in ours) or (not ours and any(m.kind in _KINDS for m in accepted)):
        return
    raise ApiError(406, "not_acceptable", f"answers are {MEDIA_TYPE}, without extensions")


def check_content_type(header: str | None) -> None:
    """Raises ApiError 415."""
    media = _media(header or "")
    if media.kind == "application/json" or (media.kind == MEDIA_TYPE and media.plain):
        return
    raise ApiError(415, "unsupported_media_type", f"send {MEDIA_TYPE} or application/json, not {header!r}")


def _media(text: str) -> _Media:
    kind, *rest = _split(text, ";") or [""]
    parameters = {}
    for parameter in rest:
        name, _, value = parameter.partition("=")
        parameters[name.strip().lower()] = value.strip()
    refused = re.fullmatch(r"0(\.0*)?", parameters.pop("q", "1")) is not None
    return _Media(kind.strip().lower(), frozenset(parameters) - {""}, refused)


def _split(text: str, separator: str) -> list[str]:
    """At separators that are not quoted."""
    return re.findall(rf'(?:"[^"]*"?|[^{separator}"])+', text)


# -- what clients send -----------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Sent:
    """The one resource object of a request, and the document's meta."""

    id: str | None
    attributes: Json
    relationships: Json
    meta: Json


def parse_json(body: bytes) -> object:
    """Raises ApiError 400."""
    try:
        return json.loads(body, parse_constant=_no_number)
    except (ValueError, RecursionError) as error:
        raise ApiError(400, "bad_json", f"the body is no JSON: {error}") from None


def parse_document(body: bytes, kind: str) -> Sent:
    """Raises ApiError 400 for what is no JSON, 409 for another kind of resource, 422 for the rest."""
    document = parse_json(body)
    data = document.get("data") if isinstance(document, dict) else None
    if not isinstance(document, dict) or not isinstance(data, dict):
        raise Invalid("a document has one resource object under 'data'", "/data")
    if not isinstance(data.get("type"), str):
        raise Invalid(f"the type of this resource is {kind!r}", "/data/type")
    if data["type"] != kind:
        raise ApiError(409, "conflict", f"the type of this resource is {kind!r}", pointer="/data/type")
    if not isinstance(data.get("id"), str | None):
        raise Invalid("an id is text", "/data/id")
    return Sent(
        id=data.get("id"),
        attributes=_member(data, "attributes", "/data"),
        relationships=_member(data, "relationships", "/data"),
        meta=_member(document, "meta", ""),
    )


def _member(parent: Json, name: str, where: str) -> Json:
    value = parent.get(name, {})
    if not isinstance(value, dict):
        raise Invalid(f"{name} is an object", f"{where}/{name}")
    return value


def _no_number(word: str) -> float:
    raise ValueError(f"{word} is no JSON")
