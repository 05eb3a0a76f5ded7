"""What clients may send and accept, and how they are refused."""

import json
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from hawk import errors
from hawk.errors import HawkError, Invalid
from hawk.web.jsonapi import (
    MEDIA_TYPE,
    ApiError,
    check_accept,
    check_content_type,
    parse_document,
    refusal,
)


@pytest.mark.parametrize(
    "accept",
    [
        None,
        "",
        "*/*",
        "application/*",
        "application/json",
        MEDIA_TYPE,
        f"{MEDIA_TYPE}; q=0.5",
        f'{MEDIA_TYPE};profile="http://example.org/a http://example.org/b"',
        f"{MEDIA_TYPE};charset=utf-8, {MEDIA_TYPE}",
        f'{MEDIA_TYPE};ext="https://a.example/x,y;z", {MEDIA_TYPE};q=0.1',
        "text/html,application/xhtml+xml,*/*;q=0.8",
        "Application/VND.API+json",
    ],
)
def test_what_can_be_served_is_accepted(accept: str | None) -> None:
    check_accept(accept)


@pytest.mark.parametrize(
    "accept",
    [
        "text/html",
        f"{MEDIA_TYPE};charset=utf-8",
        f'{MEDIA_TYPE};ext="https://jsonapi.org/ext/atomic"',
        f"{MEDIA_TYPE};charset=utf-8, */*",
        f"{MEDIA_TYPE};q=0",
        "*/*;q=0.0",
        ",;,",
    ],
)
def test_what_cannot_be_served_is_406(accept: str) -> None:
    with pytest.raises(ApiError) as refused:
        check_accept(accept)
    assert refused.value.status == 406


@pytest.mark.parametrize(
    "content_type",
    ["application/json", "application/json; charset=utf-8", MEDIA_TYPE, f'{MEDIA_TYPE}; profile="http://a.example"'],
)  # fmt: skip
def test_json_and_jsonapi_are_understood(content_type: str) -> None:
    check_content_type(content_type)


@pytest.mark.parametrize(
    "content_type",
    [None, "", "text/plain", "application/x-www-form-urlencoded", f"{MEDIA_TYPE}; charset=utf-8",
     f'{MEDIA_TYPE}; ext="https://jsonapi.org/ext/atomic"'],
)  # fmt: skip
def test_other_kinds_of_body_are_415(content_type: str | None) -> None:
    with pytest.raises(ApiError) as refused:
        check_content_type(content_type)
    assert refused.value.status == 415


@given(st.text())
@example('"')
@example(f'{MEDIA_TYPE};a="')
def test_any_header_is_served_or_refused(header: str) -> None:
    for check, status in ((check_accept, 406), (check_content_type, 415)):
        try:
            check(header)
        except ApiError as error:
            assert error.status == status


# -- bodies ------------------------------------------------------------------------------------


def test_the_parts_of_a_document_are_found() -> None:
    body = {"data": {"type": "devices", "id": "x", "attributes": {"a": 1}}, "meta": {"test": True}}
    sent = parse_document(json.dumps(body).encode(), "devices")
    assert (sent.id, sent.attributes, sent.relationships, sent.meta) == ("x", {"a": 1}, {}, {"test": True})


@pytest.mark.parametrize("body", [b"", b"{", b"\xff", b"[" * 100_000, b'{"a": NaN}', b"1" * 5000])
def test_what_is_no_json_is_400(body: bytes) -> None:
    with pytest.raises(ApiError) as refused:
        parse_document(body, "devices")
    assert (refused.value.status, refused.value.code) == (400, "bad_json")


@pytest.mark.parametrize(
    ("document", "pointer"),
    [
        ([], "/data"),
        ({}, "/data"),
        ({"data": []}, "/data"),
        ({"data": {}}, "/data/type"),
        ({"data": {"type": 3}}, "/data/type"),
        ({"data": {"type": "devices", "id": 3}}, "/data/id"),
        ({"data": {"type": "devices", "attributes": []}}, "/data/attributes"),
        ({"data": {"type": "devices", "relationships": 1}}, "/data/relationships"),
        ({"data": {"type": "devices"}, "meta": None}, "/meta"),
    ],
)
def test_a_document_of_the_wrong_shape_names_the_place(document: Any, pointer: str) -> None:
    with pytest.raises(Invalid) as refused:
        parse_document(json.dumps(document).encode(), "devices")
    assert refused.value.pointer == pointer


def test_another_type_of_resource_is_a_conflict() -> None:
    with pytest.raises(ApiError) as refused:
        parse_document(b'{"data": {"type": "vehicles"}}', "devices")
    assert (refused.value.status, refused.value.pointer) == (409, "/data/type")


@given(st.one_of(st.binary(), st.recursive(st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.sampled_from(["data", "type", "id", "meta"]) | st.text(), inner),
    max_leaves=20).map(lambda value: json.dumps(value).encode())))  # fmt: skip
def test_any_body_is_a_document_or_refused(body: bytes) -> None:
    try:
        parse_document(body, "devices")
    except ApiError as error:
        assert error.status in {400, 409}
    except Invalid as error:
        assert error.pointer


# -- errors ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (errors.NotFound("no device"), 404),
        (errors.BadAddress("x"), 400),
        (errors.Conflict("taken"), 409),
        (errors.Busy("being read"), 409),
        (errors.Paused("released"), 409),
        (errors.NoAdapter("none"), 503),
        (errors.BluetoothOff("off"), 503),
        (errors.NoPermission("refused"), 503),
        (errors.HeldByAnother("a phone"), 503),
        (errors.NotHeard("out of range"), 503),
        (errors.StoreUnavailable("full"), 503),
        (errors.CannotWrite("read-only"), 503),
        (HawkError("?"), 500),
    ],
)
def test_an_expected_error_has_a_status_and_its_own_code(error: HawkError, status: int) -> None:
    refused = refusal(error)
    assert (refused.status, refused.code) == (status, error.code)
    assert refused.document() == {
        "errors": [
            {
                "status": str(status),
                "code": error.code,
                "title": error.code.replace("_", " ").capitalize(),
                "detail": str(error),
                **({"meta": {"outcome": error.outcome}} if error.outcome != error.code else {}),
            }
        ]
    }


def test_a_wrong_value_is_422_with_its_place() -> None:
    document = refusal(Invalid("too long", "/data/attributes/name")).document()
    assert document["errors"][0]["status"] == "422"
    assert document["errors"][0]["source"] == {"pointer": "/data/attributes/name"}
