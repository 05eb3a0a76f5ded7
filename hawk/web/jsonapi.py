"""JSON:API 1.1 (https://jsonapi.org): documents, errors, negotiation and query parameters. Pure."""

import json
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote

from hawk.errors import (
    BadAddress,
    BluetoothError,
    Busy,
    CannotWrite,
    Conflict,
    HawkError,
    Invalid,
    NotFound,
    StoreUnavailable,
)

MEDIA_TYPE = "application/vnd.api+json"
DEFAULT_PAGE, LARGEST_PAGE = 100, 1000

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
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(detail)
        self.status, self.code, self.detail = status, code, detail
        self.pointer, self.parameter, self.headers = pointer, parameter, headers or {}

    def document(self) -> Json:
        source: dict[str, str] = {}
        if self.pointer:
            source["pointer"] = self.pointer
        if self.parameter:
            source["parameter"] = self.parameter
        error = {
            "status": str(self.status),
            "code": self.code,
            "title": title(self.code),
            "detail": self.detail,
        }
        return {"errors": [{**error, **({"source": source} if source else {})}]}


def title(code: str) -> str:
    return code.replace("_", " ").capitalize()


def refusal(error: HawkError) -> ApiError:
    """An expected error of the program, as an answer."""
    match error:
        case Invalid(pointer=pointer):
            return ApiError(422, error.code, str(error), pointer=pointer)
        case NotFound():
            status = 404
        case BadAddress():
            status = 400
        case Conflict() | Busy():
            status = 409
        case BluetoothError() | StoreUnavailable() | CannotWrite():
            status = 503
        case _:
            status = 500
    return ApiError(status, error.code, str(error))


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


def to_one(kind: str, id: str | None) -> Json:  # noqa: A002
    return {"data": None if id is None else {"type": kind, "id": id}}


def to_many(kind: str, ids: Iterable[str]) -> Json:
    return {"data": [{"type": kind, "id": each} for each in ids]}


def dumps(document: object) -> bytes:
    return json.dumps(document, separators=(",", ":"), allow_nan=False).encode()


# -- negotiation -----------------------------------------------------------------------------


def check_accept(header: str | None) -> None:
    """406 if no part of it can be served; our media type with a parameter cannot."""
    if not header:
        return
    for part in header.split(","):
        kind, _, parameters = part.strip().partition(";")
        wanted = [p.strip() for p in parameters.split(";") if p.strip() and not p.strip().startswith("q=")]
        kind = kind.strip().lower()
        if kind in {"*/*", "application/*", "application/json"} or (kind == MEDIA_TYPE and not wanted):
            return
    raise ApiError(406, "not_acceptable", f"answers are {MEDIA_TYPE}, without parameters")


def check_content_type(header: str | None) -> None:
    kind, _, parameters = (header or "").partition(";")
    kind = kind.strip().lower()
    if kind == "application/json" or (kind == MEDIA_TYPE and not parameters.strip()):
        return
    raise ApiError(415, "unsupported_media_type", f"send {MEDIA_TYPE} or application/json, not {header!r}")


def parse_body(body: bytes, kind: str) -> tuple[str | None, Json, Json]:
    """Id, attributes and relationships of the one resource in it."""
    try:
        document = json.loads(body, parse_constant=_no_number)
    except (ValueError, RecursionError) as error:
        raise ApiError(400, "bad_json", f"the body is no JSON: {error}") from None
    data = document.get("data") if isinstance(document, dict) else None
    if not isinstance(data, dict):
        raise ApiError(422, "invalid", "a document has one resource object under 'data'", pointer="/data")
    if data.get("type") != kind:
        raise ApiError(409, "conflict", f"the type of this resource is {kind!r}", pointer="/data/type")
    id_, attributes, relationships = data.get("id"), data.get("attributes", {}), data.get("relationships", {})
    if id_ is not None and not isinstance(id_, str):
        raise ApiError(422, "invalid", "an id is text", pointer="/data/id")
    for name, value in (("attributes", attributes), ("relationships", relationships)):
        if not isinstance(value, dict):
            raise ApiError(422, "invalid", f"{name} is an object", pointer=f"/data/{name}")
    return id_, attributes, relationships


def _no_number(word: str) -> float:
    raise ValueError(f"{word} is no JSON")


# -- query parameters ------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Asked:
    """The query of a request, checked against what its endpoint knows."""

    values: Mapping[str, str] = field(default_factory=dict)
    size: int = DEFAULT_PAGE
    after: str | None = None
    include: frozenset[str] = frozenset()
    fields: Mapping[str, frozenset[str]] = field(default_factory=dict)

    def sparse(self, found: dict[str, Any]) -> dict[str, Any]:
        """Only the fields that were asked for."""
        wanted = self.fields.get(found["type"])
        if wanted is None:
            return found
        kept = dict(found, attributes={k: v for k, v in found["attributes"].items() if k in wanted})
        if "relationships" in found:
            kept["relationships"] = {k: v for k, v in found["relationships"].items() if k in wanted}
        return kept


def parse_query(
    arguments: Sequence[tuple[str, str]],
    *,
    known: Collection[str] = (),
    paged: bool = False,
    includes: Collection[str] = (),
) -> Asked:
    """`known`: whole names such as `filter[from]`. Raises ApiError 400 for everything else."""
    values: dict[str, str] = {}
    fields: dict[str, frozenset[str]] = {}
    size, after, include = DEFAULT_PAGE, None, frozenset[str]()
    for name, value in arguments:
        if name in values:
            raise _bad(name, "stands there twice")
        values[name] = value
        if name.startswith("fields[") and name.endswith("]"):
            fields[name[7:-1]] = frozenset(filter(None, value.split(",")))
        elif name == "include" and includes:
            include = _included(value, includes)
        elif name == "page[size]" and paged:
            size = _page_size(value)
        elif name == "page[after]" and paged:
            after = value
        elif name not in known:
            raise _bad(name, "is not known here")
    return Asked(values, size, after, include, fields)


def _included(value: str, includes: Collection[str]) -> frozenset[str]:
    wanted = frozenset(filter(None, value.split(",")))
    if wanted - set(includes):
        raise _bad("include", f"can name {', '.join(includes)}")
    return wanted


def _page_size(value: str) -> int:
    if not value.isascii() or not value.isdecimal() or not 1 <= int(value[:9]) <= LARGEST_PAGE:
        raise _bad("page[size]", f"is a number from 1 to {LARGEST_PAGE}")
    return int(value)


def _bad(name: str, why: str) -> ApiError:
    return ApiError(400, "bad_parameter", f"the query parameter {name!r} {why}", parameter=name)


def bad_parameter(name: str, why: str) -> ApiError:
    return _bad(name, why)


def next_link(path: str, asked: Asked, after: str | None) -> str | None:
    if after is None:
        return None
    query = {**asked.values, "page[after]": after}
    return path + "?" + "&".join(f"{quote(name, safe='[]')}={quote(value)}" for name, value in query.items())
