"""The description of the API as a page for people. Pure, but for reading its own template."""

import json
import re
from base64 import b64encode
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from hashlib import sha256
from typing import Any

from jinja2 import Environment, PackageLoader, select_autoescape
from markupsafe import Markup, escape

Json = Mapping[str, Any]

_DEEPEST = 6  # what is inside of it is not shown
_BOUNDS = {
    "minimum": "≥",
    "exclusiveMinimum": ">",
    "maximum": "≤",
    "minLength": "length ≥",
    "maxLength": "length ≤",
}


@dataclass(frozen=True, slots=True)
class Row:
    """A member of an object, or what is asked in a query."""

    name: str
    type: str
    says: str
    depth: int = 0
    sure: bool = False  # it is always there; or it cannot be left out


@dataclass(frozen=True, slots=True)
class Content:
    """What a body or an answer has in it."""

    title: str
    media: tuple[str, ...]
    rows: tuple[Row, ...]
    says: str = ""
    example: str = ""


@dataclass(frozen=True, slots=True)
class Section:
    title: str
    operations: tuple["Shown", ...]


@dataclass(frozen=True)
class Shown:
    """An operation."""

    path: str
    method: str
    operation: Json
    document: "Document"

    @property
    def id(self) -> str:
        return str(self.operation["operationId"])

    @property
    def is_open(self) -> bool:
        return self.operation.get("security") == []

    @property
    def parameters(self) -> Iterator[Row]:
        for each in self.operation.get("parameters", ()):
            schema = each["schema"]
            says = " ".join(filter(None, (each.get("description", ""), _with_commas(each))))
            place = "" if each["in"] == "query" else f" ({each['in']})"
            yield Row(
                each["name"] + place, self.document.type_of(schema), says, sure=each.get("required", False)
            )

    @property
    def contents(self) -> Iterator[Content]:
        """What is sent, then what is answered."""
        if (body := self.operation.get("requestBody")) is not None:
            title = "Body" if body["required"] else "Body, which can be left out"
            yield self.document.content(title, body["content"], example=True)
        for status, answer in self.operation["responses"].items():
            if status < "400":
                title = f"{status} {answer['description']}"
                yield self.document.content(title, answer.get("content", {}), answer.get("headers", {}))

    @property
    def refusals(self) -> list[str]:
        return [status for status in self.operation["responses"] if status >= "400"]

    @property
    def curl(self) -> str:
        verb = "" if self.method == "get" else f"-X {self.method.upper()} "
        token = "" if self.is_open else '-H "Authorization: Bearer $token" '
        body = "-H 'Content-Type: application/json' -d @body.json " if "requestBody" in self.operation else ""
        return f"curl {verb}{token}{body}http://localhost:5000{self.path}"


def _with_commas(parameter: Json) -> str:
    return "Several with commas between." if parameter.get("explode") is False else ""


@dataclass(frozen=True)
class Document:
    openapi: Json

    @cached_property
    def schemas(self) -> Json:
        found: Json = self.openapi["components"]["schemas"]
        return found

    @property
    def sections(self) -> Iterator[Section]:
        every = [
            Shown(path, method, operation, self)
            for path, methods in self.openapi["paths"].items()
            for method, operation in methods.items()
        ]
        for tag in self.openapi["tags"]:
            yield Section(tag["name"], tuple(each for each in every if tag["name"] in each.operation["tags"]))

    @property
    def kinds(self) -> Iterator[Content]:
        """The types of resources, which are shown once."""
        for name, schema in self.schemas.items():
            if _is_kind(name):
                yield Content(name, (), tuple(self.rows(schema)))

    @property
    def refusals(self) -> Iterator[tuple[str, str, list[str]]]:
        """Each status, what it means, and its codes."""
        for answer in self.openapi["components"]["responses"].values():
            (content,) = answer["content"].values()
            narrowed = content["schema"]["properties"]["errors"]["items"]["allOf"][1]["properties"]
            yield narrowed["status"]["const"], answer["description"], narrowed["code"]["enum"]

    def content(
        self, title: str, content: Json, headers: Json | None = None, *, example: bool = False
    ) -> Content:
        rows = [
            Row(f"{name} (header)", self.type_of(header["schema"]), header["description"], sure=True)
            for name, header in (headers or {}).items()
        ]
        first: Json = next(iter(content.values()), {})
        events: Json = first.get("x-events", {})
        for name, event in events.items():
            rows += [
                Row(name, self.type_of(event["data"]), event["description"]),
                *self.rows(event["data"], 1),
            ]
        schema: Json = first.get("schema", {})
        rows += self.rows(schema)
        shown = json.dumps(self.example(schema), ensure_ascii=False, indent=2) if example else ""
        return Content(
            title, tuple(content), tuple(rows), self.resolved(schema).get("description", ""), shown
        )

    # -- schemas -------------------------------------------------------------------------------

    def resolved(self, schema: Json) -> Json:
        if "$ref" not in schema:
            return schema
        return {
            **self.schemas[_name(schema)],
            **{k: v for k, v in schema.items() if k != "$ref"},
        }

    def rows(self, schema: Json, depth: int = 0, above: frozenset[str] = frozenset()) -> Iterator[Row]:
        """The members of an object, and of the objects in it. `above` are those that it is in itself."""
        for inner in self._objects(schema):
            name = inner.get("$ref", "")
            if name in above or depth > _DEEPEST:
                continue
            found = self.resolved(inner)
            for key, member in found.get("properties", {}).items():
                says = member.get("description", "") or self.resolved(member).get("description", "")
                yield Row(key, self.type_of(member), says, depth, key in found.get("required", ()))
                yield from self.rows(member, depth + 1, above | {name} - {""})

    def _objects(self, schema: Json) -> Iterator[Json]:
        """Those that can stand here, also in a list of them."""
        if "anyOf" in schema:
            for each in schema["anyOf"]:
                yield from self._objects(each)
        elif "items" in (found := self.resolved(schema)):
            yield from self._objects(found["items"])
        elif isinstance(found.get("additionalProperties"), Mapping):
            yield from self._objects(found["additionalProperties"])
        elif "properties" in found and not _is_kind(_name(schema)):
            yield schema

    def type_of(self, schema: Json) -> str:
        """In words, with links to the types of resources."""
        found = self.resolved(schema)
        if "anyOf" in found:
            words = " or ".join(dict.fromkeys(self.type_of(each) for each in found["anyOf"]))
            return " ".join([words, *_default(found)])
        if "const" in found or "enum" in found:
            words = ", ".join(f"`{each}`" for each in found.get("enum", [found.get("const")]))
            return " ".join([words, *_default(found)])
        match found.get("type"):
            case "array":
                return f"list of {self.type_of(found['items'])}"
            case "object":
                return self._object_type(schema, found)
            case list() as types:
                return " or ".join(types)
            case None:
                return "anything"
        return " ".join([found.get("format") or found["type"], *_bounds(found), *_default(found)])

    def _object_type(self, schema: Json, found: Json) -> str:
        if isinstance(found.get("additionalProperties"), Mapping):
            return f"object of {self.type_of(found['additionalProperties'])}"
        name = _name(schema)
        return f"[{name}](#type-{name})" if _is_kind(name) else "object"

    def example(self, schema: Json) -> Any:
        """What must be there, and what there are examples of."""
        found = self.resolved(schema)
        if "examples" in found:
            return found["examples"][0]
        if "const" in found or "enum" in found:
            return found["const"] if "const" in found else found["enum"][0]
        if "anyOf" in found:
            return self.example(found["anyOf"][0])
        match found.get("type"):
            case "object":
                return {key: self.example(each) for key, each in self._exemplary(found)}
            case "array":
                return [self.example(found["items"])]
            case "number" | "integer":
                return found.get("minimum", 0)
        return "..."

    def _exemplary(self, found: Json) -> Iterable[tuple[str, Json]]:
        for key, member in found.get("properties", {}).items():
            if key in found.get("required", ()) or key == "attributes" or "examples" in self.resolved(member):
                yield key, member


def _name(schema: Json) -> str:
    return str(schema.get("$ref", "")).rpartition("/")[2]


def _is_kind(name: str) -> bool:
    return name.islower()


def _bounds(schema: Json) -> Iterator[str]:
    for key, sign in _BOUNDS.items():
        if key in schema:
            yield f"{sign} {schema[key]:,.12g}"


def _default(schema: Json) -> Iterator[str]:
    match schema.get("default"):
        case None | "" | []:
            return
        case str() as word:
            yield f"(else `{word}`)"
        case other:
            yield f"(else `{json.dumps(other)}`)"


def marked(text: str) -> Markup:
    """`code` and [links](https://...)."""
    found = str(escape(text))
    found = re.sub(r"`([^`]+)`", r"<code>\1</code>", found)
    return Markup(re.sub(r"\[([^\]]+)\]\(((?:https://|#)[^)\s]+)\)", r'<a href="\2">\1</a>', found))  # noqa: S704  # escaped


def style_hash(written: str) -> str:
    """How a browser is told that the style in this page is ours (CSP)."""
    style = written.partition("<style>")[2].partition("</style>")[0]
    return f"sha256-{b64encode(sha256(style.encode()).digest()).decode()}"


def page(openapi: Json) -> str:
    environment = Environment(
        loader=PackageLoader("hawk.web.openapi", "."),
        autoescape=select_autoescape(),
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["marked"] = marked
    return environment.get_template("page.html").render(document=Document(openapi), openapi=openapi)
