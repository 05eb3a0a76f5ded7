"""Every document of the running service is one of JSON:API, every link in it leads somewhere, and HTTP is as HTTP is."""

from collections.abc import Iterator
from typing import Any

import pytest

from tests.clients.grammar import check_document, check_errors, primary_data
from tests.clients.past import remember
from tests.service import Service, wait_until

MEDIA_TYPE = "application/vnd.api+json"
MAC, PAST = "02:00:00:00:00:01", "02:00:00:00:00:AA"
DEVICE = f"/api/devices/{MAC}"
PATHS = [
    "/api/devices",
    "/api/devices?include=vehicle&fields[vehicles]=name&page[size]=2",
    "/api/devices?filter[status]=discovered",
    "/api/devices?fields[devices]=",
    DEVICE,
    f"{DEVICE}?include=vehicle,connection",
    f"{DEVICE}/vehicle",
    f"{DEVICE}/relationships/vehicle",
    f"{DEVICE}/connection",
    f"{DEVICE}/cranking",
    "/api/discovery",
    "/api/vehicles",
    "/api/vehicles?include=devices&filter[automatic]=true&page[size]=3",
    "/api/vehicles/vehicle_1",
    "/api/vehicles/vehicle_1?include=devices",
    "/api/vehicles/vehicle_1/devices",
    "/api/vehicles/vehicle_1/relationships/devices",
    f"/api/readings/{MAC}",
    f"/api/readings/{PAST}?page[size]=7&sort=timestamp",
    f"/api/readings/{PAST}?filter[resolution]=hour&page[size]=1",
    f"/api/readings/{PAST}?filter[resolution]=auto",
    "/api/system/status",
    "/api/system/config",
]


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    with Service(tmp_path_factory.mktemp("documents") / "data", ("demo",)) as running:
        remember(running, PAST, 180)
        wait_until(lambda: running.get("/api/discovery")["data"])
        yield running


def document_at(service: Service, path: str) -> Any:
    said = service.http.get(path)
    assert said.status_code == 200, said.text
    return said.json()


def links_in(document: Any) -> Iterator[str]:
    """All of them, wherever they stand."""
    if isinstance(document, list):
        for each in document:
            yield from links_in(each)
    elif isinstance(document, dict):
        for name, value in document.items():
            if name == "links":
                yield from filter(None, value.values())
            else:
                yield from links_in(value)


@pytest.mark.parametrize("path", PATHS)
def test_a_document_is_as_json_api_says(service: Service, path: str) -> None:
    said = service.http.get(path)
    assert (said.status_code, said.headers["Content-Type"]) == (200, MEDIA_TYPE)
    check_document(said.json())


@pytest.mark.parametrize("path", PATHS)
def test_every_link_leads_to_another_document(service: Service, path: str) -> None:
    for link in set(links_in(document_at(service, path))):
        said = service.http.get(link)
        if said.status_code == 409:  # nobody reads what is only discovered: it has no connection
            assert link.endswith("/connection")
        else:
            assert said.status_code == 200, (link, said.text)
            check_document(said.json())


@pytest.mark.parametrize("path", PATHS)
def test_a_head_is_an_answer_without_its_body(service: Service, path: str) -> None:
    head, whole = service.http.head(path), service.http.get(path)
    assert (head.status_code, head.content) == (200, b"")
    assert head.headers.keys() == whole.headers.keys()
    assert head.headers.get("ETag") == whole.headers.get("ETag")
    assert int(head.headers["Content-Length"]) > 0


@pytest.mark.parametrize("path", PATHS)
def test_what_can_be_done_is_told(service: Service, path: str) -> None:
    said = service.http.options(path.partition("?")[0])
    assert (said.is_success, said.content) == (True, b"")
    allowed = said.headers["Allow"].split(", ")
    assert {"GET", "HEAD", "OPTIONS"} <= set(allowed)
    other = service.http.put(path.partition("?")[0], json={})
    assert (other.status_code, sorted(other.headers["Allow"].split(", "))) == (405, sorted(allowed))
    check_errors(other.json(), 405)


UNKNOWN = {
    "include": "include=owner",
    "sort": "sort=colour",
    "filter[colour]": "filter[colour]=red",
    "page[number]": "page[number]=2",
    "fields[owners]": "fields[owners]=name",
    "colour": "colour=red",
}


@pytest.mark.parametrize("path", PATHS)
def test_what_a_query_cannot_ask_is_400_with_its_name(service: Service, path: str) -> None:
    for parameter, query in UNKNOWN.items():
        said = service.http.get(f"{path.partition('?')[0]}?{query}")
        check_errors(said.json(), 400)
        assert said.json()["errors"][0]["source"] == {"parameter": parameter}


@pytest.mark.parametrize("path", PATHS)
def test_fields_that_were_not_asked_for_are_left_out(service: Service, path: str) -> None:
    whole = document_at(service, path)
    kinds = {each["type"] for each in primary_data(whole)}
    if "relationships/" in path or "fields" in path or not kinds:
        return  # an identifier has no fields
    (kind,) = kinds
    wanted = sorted(next(primary_data(whole))["attributes"])[:2]
    joint = "&" if "?" in path else "?"
    sparse = document_at(service, f"{path}{joint}fields[{kind}]={','.join(wanted)}")
    check_document({**sparse, "included": []})  # what is left out links to nothing
    for each in primary_data(sparse):
        assert sorted(each["attributes"]) == wanted
        assert not each.get("relationships")


REFUSED: list[tuple[str, str, Any, dict[str, str], int]] = [
    ("GET", "/api/nothing", None, {}, 404),
    ("GET", "/api/devices/02:00:00:00:00:FF", None, {}, 404),
    ("GET", "/api/devices/xyz", None, {}, 400),
    ("GET", "/api/vehicles/vehicle_99", None, {}, 404),
    ("GET", "/api/devices", None, {"Accept": "text/html"}, 406),
    ("GET", "/api/devices", None, {"Accept": f'{MEDIA_TYPE}; ext="https://x.example"'}, 406),
    ("POST", "/api/vehicles", {"data": {"type": "vehicles"}}, {"Content-Type": "text/plain"}, 415),
    ("POST", "/api/vehicles", {"data": {"type": "boats"}}, {}, 409),
    ("POST", "/api/vehicles", {"data": {"type": "vehicles", "attributes": {"name": "Boat"}}}, {}, 409),
    ("POST", "/api/vehicles", {"data": {"type": "vehicles", "id": "mine", "attributes": {}}}, {}, 403),
    ("POST", "/api/vehicles", {"data": {"type": "vehicles", "attributes": {"a/~b": 1}}}, {}, 422),
    ("POST", "/api/vehicles", [], {}, 422),
    ("PATCH", DEVICE, {"data": {"type": "devices", "id": PAST}}, {}, 409),
    ("PATCH", DEVICE, {"data": {"type": "devices", "id": MAC}}, {"If-Match": '"x"'}, 412),
    ("DELETE", "/api/vehicles/vehicle_1", None, {}, 409),
    ("GET", "/api/devices", None, {"Authorization": "Bearer wrong"}, 401),
]


@pytest.mark.parametrize(("method", "path", "document", "headers", "status"), REFUSED)
def test_a_refusal_is_a_document_too(
    service: Service, method: str, path: str, document: Any, headers: dict[str, str], status: int
) -> None:
    said = service.http.request(method, path, json=document, headers=headers)
    assert said.status_code == status, said.text
    assert said.headers["Content-Type"] == MEDIA_TYPE
    check_errors(said.json(), status)
