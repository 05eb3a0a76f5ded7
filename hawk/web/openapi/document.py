"""The description of the API (OpenAPI 3.1), made of what the endpoints say of themselves. Pure."""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from http import HTTPStatus
from inspect import cleandoc
from typing import Any

from hawk import __version__
from hawk.web import kinds, shapes
from hawk.web.bodies import ANY_MAC, Body
from hawk.web.http import COOKIE
from hawk.web.jsonapi import MEDIA_TYPE
from hawk.web.openapi import refusals, schemas
from hawk.web.openapi.events import EVENTS
from hawk.web.operation import Answer, Operation
from hawk.web.query import DEFAULT_PAGE, LARGEST_PAGE, Parameter

Json = dict[str, Any]

_TITLES = {
    "devices": "Devices",
    "release": "Release",
    "cranking": "Starts of the engine",
    "recording": "Recording",
    "discovery": "Discovery",
    "jobs": "Jobs",
    "vehicles": "Vehicles",
    "relationships": "What is in which vehicle",
    "readings": "Readings",
    "events": "Events",
    "system": "Service",
    "config": "Settings",
    "metrics": "Prometheus",
    "openapi": "This description",
}
_SAYS = (
    "[JSON:API 1.1](https://jsonapi.org/format/1.1/) under `/api`. Instants are RFC 3339 in UTC, durations are"
    " seconds. What was not measured is null, never 0. Addresses in paths are written in any case, with `:`, `-` or"
    " nothing between the bytes. Later versions may add attributes to answers."
)
_MAC = "50:54:7B:24:30:10"
_INCLUDED = {"vehicle": kinds.VEHICLES, "connection": kinds.CONNECTIONS, "devices": kinds.DEVICES}
_HEADERS: Mapping[str, tuple[str, Json]] = {
    "Location": ("Where it is.", {"type": "string"}),
    "ETag": ("Of what can be changed: another one after each change.", {"type": "string"}),
    "Set-Cookie": ("HttpOnly, SameSite=Strict.", {"type": "string"}),
    "WWW-Authenticate": ("How to say who you are.", {"const": "Bearer"}),
    "Retry-After": ("[s]", {"type": "string", "pattern": "^[0-9]+$"}),
    "If-Match": (
        "The `ETag` of what is to be changed: 412 if it is another by now.",
        {"type": "string"},
    ),
    "Last-Event-ID": ("The last reading that is known: those after it come first.", {"type": "string"}),
}


@dataclass(frozen=True, slots=True)
class Route:
    """An endpoint and where it is served."""

    path: str  # with {parts}
    method: str
    name: str  # "devices.list_devices"
    function: Callable[..., Any]
    operation: Operation


def openapi(routes: Iterable[Route], base_path: str) -> Json:
    """`base_path` is where a proxy shows the service."""
    listed = sorted(routes, key=_place)
    paths: dict[str, Json] = {}
    for route in listed:
        paths.setdefault(route.path, {})[route.method.lower()] = _operation(route)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Battery Hawk",
            "version": __version__,
            "description": _SAYS,
            "license": {"name": "MIT", "identifier": "MIT"},
        },
        "servers": [{"url": base_path.rstrip("/") or "/"}],
        "security": [{"token": []}, {"cookie": []}],
        "tags": [{"name": title} for title in dict.fromkeys(map(_title, listed))],
        "paths": paths,
        "components": {
            "schemas": dict(sorted(_schemas([route.operation for route in listed]).items())),
            "responses": {_phrase(status): _refusal(status) for status in refusals.MEANINGS},
            "securitySchemes": {
                "token": {"type": "http", "scheme": "bearer", "description": "`hawk token` prints it."},
                "cookie": {
                    "type": "apiKey",
                    "in": "cookie",
                    "name": COOKIE,
                    "description": "Of `POST /api/session`. Whatever writes also needs `Origin`.",
                },
            },
        },
    }


def _place(route: Route) -> tuple[int, str]:
    titles = [*_TITLES.values(), _title(route)]  # one without a place of its own is the last
    return titles.index(_title(route)), route.path


def _title(route: Route) -> str:
    part = route.name.partition(".")[0]
    return _TITLES.get(part, part.capitalize())


# -- an operation ------------------------------------------------------------------------------


def _operation(route: Route) -> Json:
    operation = route.operation
    found: Json = {
        "operationId": route.name.rpartition(".")[2],
        "tags": [_title(route)],
        "summary": operation.summary,
    }
    if route.function.__doc__:
        found["description"] = cleandoc(route.function.__doc__)
    if parameters := list(_parameters(route)):
        found["parameters"] = parameters
    if operation.body is not None:
        found["requestBody"] = _request(operation.body)
    found["responses"] = dict(_responses(route))
    if not operation.needs_token:
        found["security"] = []
    return found


def _parameters(route: Route) -> Iterator[Json]:
    asked = route.operation.parameters
    for name in re.findall(r"{(\w+)}", route.path):
        yield _in_path(name)
    for parameter in asked.own:
        yield _own(parameter)
    if asked.includes:
        words = {"type": "string", "enum": list(asked.includes)}
        yield _list("include", "What to bring along.", words)
    for kind in asked.kinds:
        yield _list(
            f"fields[{kind}]", f"Only these attributes and relationships of {kind}.", {"type": "string"}
        )
    if asked.paged:
        size = {"type": "integer", "minimum": 1, "maximum": LARGEST_PAGE, "default": DEFAULT_PAGE}
        yield _in_query("page[size]", "How many of them.", size)
        yield _in_query("page[after]", "Of `links.next`, and from nowhere else.", {"type": "string"})
        yield _in_query("page[before]", "Of `links.prev`; without `page[after]`.", {"type": "string"})
    for header in route.operation.headers:
        says, schema = _HEADERS[header]
        yield {"name": header, "in": "header", "description": says, "schema": schema}


def _in_path(name: str) -> Json:
    schema: Json = {"type": "string"}
    if name == "mac":
        schema |= {"pattern": ANY_MAC, "examples": [_MAC]}
    return {"name": name, "in": "path", "required": True, "schema": schema}


def _own(parameter: Parameter) -> Json:
    schema: Json = {"type": "string"}
    if parameter.words:
        schema["enum"] = list(parameter.words)
    elif parameter.most is not None:
        schema = {"type": "integer", "minimum": parameter.least, "maximum": parameter.most}
    elif parameter.form:
        schema["pattern" if parameter.form.startswith("^") else "format"] = parameter.form
    if parameter.many:
        return _list(parameter.name, parameter.says, schema)
    return _in_query(parameter.name, parameter.says, schema)


def _list(name: str, says: str, items: Json) -> Json:
    """With commas between; nothing is none of them."""
    found = {**_in_query(name, says, {"type": "array", "items": items}), "style": "form", "explode": False}
    return found | ({"allowEmptyValue": True} if "enum" in items else {})


def _in_query(name: str, says: str, schema: Json) -> Json:
    return {"name": name, "in": "query", "description": says, "schema": schema}


def _request(body: Body) -> Json:
    schema = schemas.sent(body)
    content = {media: {"schema": schema} for media in ("application/json", MEDIA_TYPE)}
    return {"required": body.needed, "content": content}


# -- answers -----------------------------------------------------------------------------------


def _responses(route: Route) -> Iterator[tuple[str, Json]]:
    operation = route.operation
    for answer in operation.answers:
        yield str(answer.status), _answer(answer, operation)
    for status in sorted(refusals.refused_with(operation, route.method, placed="{" in route.path)):
        yield str(status), {"$ref": f"#/components/responses/{_phrase(status)}"}


def _answer(answer: Answer, operation: Operation) -> Json:
    found: Json = {"description": HTTPStatus(answer.status).phrase}
    if answer.headers:
        found["headers"] = _headers(answer.headers)
    if answer.media:
        found["content"] = {media: _content(media, answer, operation) for media in answer.media}
    return found


def _content(media: str, answer: Answer, operation: Operation) -> Json:
    if media == MEDIA_TYPE:
        included = {_INCLUDED[each].name for each in operation.parameters.includes}
        return {"schema": schemas.document(answer, included)}
    if media == "text/event-stream":
        return {"schema": {"type": "string"}, "x-events": {name: _event(name) for name in EVENTS}}
    return {"schema": {"type": "object"} if media == "application/json" else {"type": "string"}}


def _event(name: str) -> Json:
    event = EVENTS[name]
    names = [*(kind.name for kind in event.kinds), *(each.__name__ for each in event.others)]
    return {
        "description": event.says,
        "data": {"anyOf": [schemas.ref(each) for each in names]} if names else {},
    }


def _refusal(status: int) -> Json:
    found: Json = {
        "description": refusals.MEANINGS[status],
        "content": {MEDIA_TYPE: {"schema": schemas.errors(status, refusals.codes()[status])}},
    }
    if status == 401:
        found["headers"] = _headers(["WWW-Authenticate"])
    if status == 429:
        found["headers"] = _headers(["Retry-After"])
    return found


def _headers(names: Iterable[str]) -> Json:
    return {
        name: {"description": _HEADERS[name][0], "required": True, "schema": _HEADERS[name][1]}
        for name in names
    }


def _phrase(status: int) -> str:
    return HTTPStatus(status).phrase.replace(" ", "").replace("-", "")


# -- types -------------------------------------------------------------------------------------


def _schemas(operations: list[Operation]) -> dict[str, Json]:
    types: list[Any] = [shapes.ErrorShape, shapes.PageLinks]
    types += [kind.attributes for kind in kinds.ALL if kind is not kinds.CONFIG]
    types += [kind.links for kind in kinds.ALL if kind.links is not None]
    types += [each for event in EVENTS.values() for each in event.others]
    for operation in operations:
        types += [
            each
            for answer in operation.answers
            for each in (answer.meta, answer.document)
            if each is not None
        ]
        if (body := operation.body) is not None:
            types += [each for each in (body.attributes, body.links, body.meta) if each is not None]
    found = schemas.named(each for each in types if each is not kinds.CONFIG.attributes)
    found |= schemas.settings("Now", changes=False) | schemas.settings("Change", changes=True)
    found[shapes.ReadingSummaryAttributes.__name__] = schemas.with_parts(
        found[shapes.ReadingSummaryAttributes.__name__]
    )
    schemas.loosen(found, kinds.ALL)
    return found | {kind.name: schemas.resource(kind) for kind in kinds.ALL}
