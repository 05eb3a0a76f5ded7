"""The description is complete: what the source knows and what it says are the same."""

import ast
import json
import re
from collections import defaultdict
from pathlib import Path

import pytest
from openapi_spec_validator import validate

from hawk.web.app import create_app
from hawk.web.openapi import refusals
from hawk.web.openapi.document import Route, openapi
from hawk.web.openapi.events import EVENTS
from hawk.web.openapi.page import Document, marked, page, style_hash
from hawk.web.openapi.routes import routes_of
from hawk.web.stream import TYPES

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "api.md").read_text()
ROW = re.compile(r"^\| `((?:GET|POST|PUT|PATCH|DELETE) /[^`?]*)` \| (.*) \|$", re.MULTILINE)
APP = create_app(None)  # type: ignore[arg-type]  # nothing is asked of it
ROUTES = sorted(routes_of(APP), key=lambda route: (route.path, route.method))
DOCUMENT = openapi(ROUTES, "")


def name(route: Route) -> str:
    return f"{route.method} {route.path}"


def parameters(route: Route, place: str) -> set[str]:
    described = DOCUMENT["paths"][route.path][route.method.lower()].get("parameters", [])
    return {each["name"] for each in described if each["in"] == place}


def test_the_description_is_openapi() -> None:
    validate(DOCUMENT)


def test_every_endpoint_is_described_and_no_other() -> None:
    served = {
        (method, re.sub(r"<(\w+)>", r"{\1}", rule.rule))
        for rule in APP.url_map.iter_rules()
        for method in (rule.methods or set()) - {"HEAD", "OPTIONS"}
    }
    described = {(method.upper(), path) for path, methods in DOCUMENT["paths"].items() for method in methods}
    assert described == served


@pytest.mark.parametrize("route", ROUTES, ids=name)
def test_every_parameter_that_is_understood_is_described(route: Route) -> None:
    assert parameters(route, "query") == route.operation.parameters.known()
    assert parameters(route, "path") == set(re.findall(r"{(\w+)}", route.path))
    assert parameters(route, "header") == set(route.operation.headers)


@pytest.mark.parametrize("route", ROUTES, ids=name)
def test_every_parameter_and_header_is_on_the_page(route: Route) -> None:
    own = [each.name for each in route.operation.parameters.own]
    assert [
        each
        for each in (*own, *route.operation.headers)
        if not re.search(rf"[`?]{re.escape(each)}(?!\w)", PAGE)
    ] == []


def test_the_page_says_of_each_endpoint_what_the_description_says() -> None:
    said = {place: re.sub(r"\[([^\]]+)\]\([^)]+\)", r"\1", text) for place, text in ROW.findall(PAGE)}
    ours = {re.sub(r"{(vehicle|job)_id}", "{id}", name(route)): route.operation.summary for route in ROUTES}
    assert said == ours


def test_what_can_be_changed_by_two_says_that_the_other_was_first() -> None:
    """A device that is ignored is put into a vehicle by its relationship: 409 was not described there."""
    for route in ROUTES:
        if "If-Match" in route.operation.headers and route.method != "GET":
            responses = DOCUMENT["paths"][route.path][route.method.lower()]["responses"]
            assert {"409", "412"} <= responses.keys(), name(route)


def test_each_operation_has_an_id_of_its_own() -> None:
    ids = [
        operation["operationId"] for methods in DOCUMENT["paths"].values() for operation in methods.values()
    ]
    assert len(ids) == len(set(ids)) == len(ROUTES)


def test_every_event_is_described() -> None:
    assert set(EVENTS) == {*TYPES, "hello", "gap", "bye"}


# -- errors ------------------------------------------------------------------------------------


def codes_in_the_source() -> dict[int, set[str]]:
    """Of each `ApiError(status, "code", ...)`; those with other arguments come from the program's own errors."""
    found = defaultdict[int, set[str]](set)
    for path in (ROOT / "hawk" / "web").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Call) and ast.unparse(node.func) in {"ApiError", "Restarting"}:
                match node.args[:2]:
                    case [ast.Constant(value=int() as status), ast.Constant(value=str() as code)]:
                        found[status].add(code)
    return found


def test_every_code_in_the_source_is_described() -> None:
    of_the_framework = {
        404: {"not_found"},
        405: {"method_not_allowed"},
        408: {"request_timeout"},
        413: {"too_large"},
    }
    for status, codes in codes_in_the_source().items():
        assert codes <= refusals.OWN[status], status
    for status, described in refusals.OWN.items():
        others = of_the_framework.get(status, set()) | {"conflict", "invalid"}
        assert described <= codes_in_the_source()[status] | others, status


def test_every_status_has_a_meaning() -> None:
    assert refusals.codes().keys() == refusals.MEANINGS.keys()


def test_every_code_is_on_the_page_with_its_status() -> None:
    rows = re.findall(r"^\| (\d{3}) \| ((?:`\w+` ?)+)\|", PAGE, re.MULTILINE)
    said = defaultdict[int, set[str]](set)
    for status, codes in rows:
        said[int(status)] |= set(re.findall(r"`(\w+)`", codes))
    assert said == refusals.codes()


# -- the page ----------------------------------------------------------------------------------


def test_the_page_shows_every_operation_type_and_error() -> None:
    written = page(DOCUMENT)
    shown = set(re.findall(r'id="([^"]+)"', written))
    links = set(re.findall(r'href="#([^"]+)"', written))
    assert links <= shown
    for methods in DOCUMENT["paths"].values():
        assert {operation["operationId"] for operation in methods.values()} <= shown
    assert {f"error-{status}" for status in refusals.MEANINGS} <= shown
    assert "<script" not in written
    assert not re.search(r'(?:src|href)="(?!#|openapi\.json|https://jsonapi\.org/)', written)


def test_the_browser_is_told_that_the_style_is_ours() -> None:
    written = page(DOCUMENT)
    assert written.count("<style>") == 1
    assert style_hash(written).startswith("sha256-")
    assert " style=" not in written, "a browser would not apply it"
    assert style_hash(written.replace("#fff", "#eee")) != style_hash(written)


def test_what_is_described_cannot_break_out_of_the_page() -> None:
    assert marked("<b>`<i>`</b>") == "&lt;b&gt;<code>&lt;i&gt;</code>&lt;/b&gt;"
    assert "<a" not in marked("[x](javascript:alert(1))")


def test_a_type_in_itself_is_shown_once() -> None:
    rows = list(Document(DOCUMENT).rows({"$ref": "#/components/schemas/ActorShape"}))
    assert [row.name for row in rows].count("children") == 1


def test_every_example_of_a_body_fits() -> None:
    document = Document(DOCUMENT)
    for methods in DOCUMENT["paths"].values():
        for operation in methods.values():
            for content in operation.get("requestBody", {}).get("content", {}).values():
                assert json.dumps(document.example(content["schema"]))


@pytest.mark.parametrize(
    ("base_path", "url"), [("", "/"), ("/", "/"), ("/hawk", "/hawk"), ("/hawk/", "/hawk")]
)
def test_behind_a_proxy_the_description_says_where(base_path: str, url: str) -> None:
    assert openapi(ROUTES, base_path)["servers"] == [{"url": url}]
