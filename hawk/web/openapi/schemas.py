"""JSON schemas of what goes over the wire, made of its types. Pure."""

from collections.abc import Iterable, Iterator
from typing import Any

from pydantic import TypeAdapter

from hawk.config.load import sections
from hawk.config.schema import Settings
from hawk.model.reading import QUANTITIES
from hawk.web import shapes
from hawk.web.bodies import Body
from hawk.web.kinds import CONFIG, Kind
from hawk.web.operation import Answer
from hawk.web.resources import PARTS

Schema = dict[str, Any]

_PLACE = "#/components/schemas/"
_TEXT: Schema = {"type": "string"}


def ref(name: str) -> Schema:
    return {"$ref": _PLACE + name}


# -- types -------------------------------------------------------------------------------------


def named(types: Iterable[Any]) -> dict[str, Schema]:
    """Each type, and each type inside of them, by its name."""
    adapters = [(each.__name__, "validation", TypeAdapter(each)) for each in dict.fromkeys(types)]
    tops, document = TypeAdapter.json_schemas(adapters, ref_template=_PLACE + "{model}")  # type: ignore[arg-type]  # one of its literals
    found = dict(document.get("$defs", {}))
    for (name, _), schema in tops.items():
        if "$ref" not in schema:
            found[name] = schema
    return {name: _tidy(schema) for name, schema in found.items()}


def _tidy(schema: Any) -> Any:
    """Titles are the names again, a section's default is that of its keys, and what is secret is masked, not
    left out.
    """
    match schema:
        case dict():
            return {key: _tidy(value) for key, value in schema.items() if not _is_noise(key, value)}
        case list():
            return [_tidy(each) for each in schema]
    return schema


def _is_noise(key: str, value: Any) -> bool:
    match key:
        case "title":
            return isinstance(value, str)
        case "default":
            return isinstance(value, dict)
    return key == "writeOnly"


def settings(suffix: str, *, changes: bool) -> dict[str, Schema]:
    """All sections, under the name `Settings` and the suffix; as `changes` each may be left out, and each key null."""
    mode = "validation" if changes else "serialization"
    whole = Settings.model_json_schema(mode=mode, ref_template=f"{_PLACE}{{model}}{suffix}")  # type: ignore[arg-type]  # one of its literals
    found = {name + suffix: _tidy(schema) for name, schema in whole.pop("$defs").items()}
    found["Settings" + suffix] = _tidy(whole)
    del found["Settings" + suffix]["properties"]["version"]
    found["Settings" + suffix].pop("required", None)
    return _changing(found, suffix) if changes else found


def _changing(found: dict[str, Schema], suffix: str) -> dict[str, Schema]:
    for info in sections().values():
        section = found[f"{info.annotation.__name__}{suffix}"]  # type: ignore[union-attr]  # a class
        section.pop("required", None)
        section["properties"] = {key: _nullable(schema) for key, schema in section["properties"].items()}
    return found


def _nullable(schema: Schema) -> Schema:
    """null takes it out of the file."""
    said = {key: value for key, value in schema.items() if key in {"description", "default"}}
    bare = {key: value for key, value in schema.items() if key not in said}
    return {"anyOf": [bare, {"type": "null"}], **said}


# -- resources ---------------------------------------------------------------------------------


def resource(kind: Kind) -> Schema:
    """`fields[TYPE]` can narrow attributes and relationships, so none of them is sure."""
    attributes = "SettingsNow" if kind is CONFIG else kind.attributes.__name__
    members: dict[str, Schema] = {
        "type": {"const": kind.name},
        "id": {**_TEXT, "description": kind.id} if kind.id else _TEXT,
        "attributes": ref(attributes),
    }
    if kind.links is not None:
        members["relationships"] = ref(kind.links.__name__)
    if kind.placed:
        members["links"] = {"type": "object", "required": ["self"], "properties": {"self": _TEXT}}
    sure = [name for name in members if name != "relationships"]
    return {"type": "object", "required": sure, "properties": members}


def loosen(schemas: dict[str, Schema], kinds: Iterable[Kind]) -> None:
    """Attributes and relationships that clients can leave out."""
    for kind in kinds:
        for each in filter(None, (kind.attributes, kind.links)):
            schemas.get(each.__name__, {}).pop("required", None)


def with_parts(schema: Schema) -> Schema:
    """Of an hour or a day: what is said of each quantity."""
    number = {"anyOf": [{"type": "number"}, {"type": "null"}]}
    count = {"anyOf": [{"type": "integer"}, {"type": "null"}]}
    parts = {
        f"{quantity}_{part}": count if part == "count" else number
        for quantity in QUANTITIES
        for part in PARTS
    }
    return {**schema, "properties": {**schema["properties"], **parts}}


# -- documents ---------------------------------------------------------------------------------


def document(answer: Answer, included: Iterable[str]) -> Schema:
    if answer.document is not None:
        return ref(answer.document.__name__)
    members = dict(_members(answer, sorted(included)))
    sure = list(members) if answer.sure is None else list(answer.sure)
    return {
        "type": "object",
        "required": [name for name in sure if name != "included"],
        "properties": members,
    }


def _members(answer: Answer, included: list[str]) -> Iterator[tuple[str, Schema]]:
    if answer.kinds:
        data = _any_of(each.name for each in answer.kinds)
        single = {"anyOf": [data, {"type": "null"}]} if answer.nullable else data
        yield "data", {"type": "array", "items": data} if answer.many else single
    if answer.placed:
        yield "links", {"type": "object", "required": ["self"], "properties": {"self": _TEXT}}
    elif answer.many:
        yield "links", ref(shapes.PageLinks.__name__)
    if answer.counted:
        total = {"type": "integer", "description": "On all pages."}
        yield "meta", {"type": "object", "required": ["total"], "properties": {"total": total}}
    if answer.meta is not None:
        yield "meta", ref(answer.meta.__name__)
    if included:
        yield "included", {"type": "array", "items": _any_of(included)}


def _any_of(names: Iterable[str]) -> Schema:
    refs = [ref(name) for name in names]
    return refs[0] if len(refs) == 1 else {"anyOf": refs}


def sent(body: Body) -> Schema:
    if not body.kind:
        return ref(body.attributes.__name__)
    attributes = "SettingsChange" if body.attributes is Settings else body.attributes.__name__
    id_ = _tidy(TypeAdapter(body.id).json_schema())
    data: dict[str, Schema] = {"type": {"const": body.kind}, "id": id_, "attributes": ref(attributes)}
    if body.links is not None:
        data["relationships"] = ref(body.links.__name__)
    needed = ["type", "attributes"] if getattr(body.attributes, "__required_keys__", ()) else ["type"]
    members: dict[str, Schema] = {"data": {"type": "object", "required": needed, "properties": data}}
    if body.meta is not None:
        members["meta"] = ref(body.meta.__name__)
    return {"type": "object", "required": ["data"], "properties": members}


# -- errors ------------------------------------------------------------------------------------


def errors(status: int, codes: Iterable[str]) -> Schema:
    narrowed = {"properties": {"status": {"const": str(status)}, "code": {"enum": sorted(codes)}}}
    items = {"allOf": [ref(shapes.ErrorShape.__name__), narrowed]}
    return {
        "type": "object",
        "required": ["errors"],
        "properties": {"errors": {"type": "array", "minItems": 1, "items": items}},
    }
