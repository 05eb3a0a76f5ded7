"""What JSON:API 1.1 (https://jsonapi.org/format/1.1/) says of any document, read from there."""

import re
from collections.abc import Iterator, Mapping
from typing import Any

Json = Mapping[str, Any]

NAME = re.compile(r"[a-zA-Z0-9\u0080-\uffff]([-_ a-zA-Z0-9\u0080-\uffff]*[a-zA-Z0-9\u0080-\uffff])?")


def check_document(document: Json) -> None:
    """AssertionError for what must not be."""
    assert document.keys() <= {"data", "errors", "meta", "jsonapi", "links", "included"}
    assert document.keys() & {"data", "errors", "meta"}
    assert not {"data", "errors"} <= document.keys()
    assert "included" not in document or "data" in document
    check_links(document.get("links", {}))
    primary, included = list(primary_data(document)), document.get("included", [])
    for resource in [*primary, *included]:
        check_resource(resource)
    identities = [(each["type"], each["id"]) for each in [*primary, *included]]
    assert len(set(identities)) == len(identities), "a resource stands there once"
    linked = {pair for each in [*primary, *included] for pair in linkage(each)}
    assert {(each["type"], each["id"]) for each in included} <= linked, "full linkage"


def primary_data(document: Json) -> Iterator[Json]:
    data = document.get("data")
    if isinstance(data, list):
        yield from data
    elif data is not None:
        yield data


def check_resource(resource: Json) -> None:
    assert resource.keys() <= {"type", "id", "attributes", "relationships", "links", "meta"}
    assert isinstance(resource["id"], str)
    assert NAME.fullmatch(resource["type"])
    attributes, relationships = resource.get("attributes", {}), resource.get("relationships", {})
    fields = [*attributes, *relationships]
    assert len(set(fields)) == len(fields), "fields share one name space"
    assert not {"type", "id"} & set(fields)
    for name in fields:
        assert NAME.fullmatch(name), name
    for relationship in relationships.values():
        check_relationship(relationship)
    check_links(resource.get("links", {}))


def check_relationship(relationship: Json) -> None:
    assert relationship.keys() <= {"links", "data", "meta"}
    assert relationship
    links = relationship.get("links", {})
    check_links(links)
    assert "links" not in relationship or links.keys() & {"self", "related"}
    data = relationship.get("data")
    for identifier in data if isinstance(data, list) else [data] if data else []:
        assert identifier.keys() <= {"type", "id", "meta"}
        assert isinstance(identifier["type"], str)
        assert isinstance(identifier["id"], str)


def check_links(links: Json) -> None:
    for name, link in links.items():
        assert NAME.fullmatch(name)
        assert link is None or re.fullmatch(r"(/|https?://)[!#$&-;=?@_~a-zA-Z0-9%]*", link), link


def linkage(resource: Json) -> Iterator[tuple[str, str]]:
    for relationship in resource.get("relationships", {}).values():
        data = relationship.get("data")
        for each in data if isinstance(data, list) else [data] if data else []:
            yield each["type"], each["id"]


def check_errors(document: Json, status: int) -> None:
    check_document(document)
    assert document["errors"]
    for error in document["errors"]:
        assert error.keys() <= {"id", "links", "status", "code", "title", "detail", "source", "meta"}
        assert error["status"] == str(status)
        assert error.get("source", {}).keys() <= {"pointer", "parameter", "header"}
        pointer = error.get("source", {}).get("pointer", "")
        assert re.fullmatch(r"(/([^~/]|~[01])*)*", pointer), pointer
