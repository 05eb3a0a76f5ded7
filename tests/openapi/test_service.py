"""The API does what its description says: schemathesis asks the whole program."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from jsonschema import Draft202012Validator
from openapi_spec_validator import validate

from hawk.web.openapi.page import style_hash
from tests.openapi.trial import There, errors_in, informed, operations, prepared, tried, with_settings
from tests.service import Service

STREAMS = ("--exclude-path", "/api/events", "--exclude-path", "/api/devices/{mac}/recording")
NO_SESSION = ("--exclude-path", "/api/session")  # wrong tokens close the door for a minute


@pytest.fixture(scope="module")
def asked(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Service, There]]:
    with Service(with_settings(tmp_path_factory.mktemp("openapi") / "data")) as service:
        yield service, prepared(service)


@pytest.fixture
def fresh(tmp_path: Path) -> Iterator[Service]:
    with Service(with_settings(tmp_path / "data")) as service:
        yield service


def test_the_description_is_openapi(asked: tuple[Service, There]) -> None:
    validate(asked[0].get("/api/openapi.json"))


def test_schemathesis_finds_nothing(fresh: Service, tmp_path: Path) -> None:
    """Everything once: the whole coverage, without what takes the radio's time."""
    document = informed(fresh.get("/api/openapi.json"), prepared(fresh), whole=False)
    said = tried(
        fresh, document, tmp_path, *STREAMS, *NO_SESSION, "--phases", "examples,coverage,fuzzing", "-n", "3"
    )
    assert said.returncode == 0, said.stdout
    assert errors_in(fresh.log_text()) == []


def test_schemathesis_finds_nothing_in_how_a_session_is_opened(fresh: Service, tmp_path: Path) -> None:
    document = fresh.get("/api/openapi.json")
    said = tried(fresh, document, tmp_path, "--include-path", "/api/session", "--phases", "coverage")
    assert said.returncode == 0, said.stdout
    assert errors_in(fresh.log_text()) == []


@pytest.mark.soak
def test_schemathesis_finds_nothing_in_many_minutes(fresh: Service, tmp_path: Path) -> None:
    document = informed(fresh.get("/api/openapi.json"), prepared(fresh), whole=True)
    said = tried(fresh, document, tmp_path, *STREAMS, *NO_SESSION, "-n", "300")
    print(said.stdout)
    assert said.returncode == 0
    assert errors_in(fresh.log_text()) == []


# -- what it does not look at ------------------------------------------------------------------


def validator(document: dict[str, Any], schema: dict[str, Any]) -> Draft202012Validator:
    return Draft202012Validator({**schema, "components": document["components"]})


def test_an_answer_has_all_attributes_of_the_description(asked: tuple[Service, There]) -> None:
    """Clients can leave some out, so the description cannot promise them."""
    service, there = asked
    schemas = service.get("/api/openapi.json")["components"]["schemas"]
    mac = there.kept[0]
    for path in (
        "/api/devices", f"/api/devices/{mac}", f"/api/devices/{mac}/connection", "/api/vehicles",
        f"/api/readings/{mac}", "/api/discovery", "/api/system/status", "/api/system/config",
    ):  # fmt: skip
        data = service.get(path)["data"]
        for found in data if isinstance(data, list) else [data]:
            for member in ("attributes", "relationships"):
                if member in found:
                    ref = schemas[found["type"]]["properties"][member]["$ref"].rpartition("/")[2]
                    assert found[member].keys() == schemas[ref]["properties"].keys(), (path, member)


def test_the_events_are_as_described(asked: tuple[Service, There]) -> None:
    service, _ = asked
    document = service.get("/api/openapi.json")
    content = document["paths"]["/api/events"]["get"]["responses"]["200"]["content"]
    described = content["text/event-stream"]["x-events"]
    seen = set[str]()
    with service.http.stream("GET", "/api/events", headers={"Last-Event-ID": "0"}) as answer:
        assert answer.headers["Content-Type"] == "text/event-stream"
        name = ""
        for line in answer.iter_lines():
            key, _, value = line.partition(": ")
            if key == "event":
                name = value
            elif key == "data":
                validator(document, described[name]["data"]).validate(json.loads(value))
                seen.add(name)
            if {"hello", "reading", "live", "device"} <= seen:
                break


def test_a_recording_is_as_described(asked: tuple[Service, There]) -> None:
    service, there = asked
    with service.http.stream("GET", f"/api/devices/{there.kept[0]}/recording") as answer:
        assert answer.headers["Content-Type"] == "application/jsonl"
        assert "battery_hawk_recording" in json.loads(next(answer.iter_lines()))


def test_a_reading_taken_now_is_as_described(asked: tuple[Service, There]) -> None:
    service, there = asked
    document = service.get("/api/openapi.json")
    operation = document["paths"]["/api/devices/{mac}/readings"]["post"]
    answer = service.http.post(f"/api/devices/{there.kept[1]}/readings", timeout=60)
    assert answer.status_code == 200
    schema = operation["responses"]["200"]["content"]["application/vnd.api+json"]["schema"]
    validator(document, schema).validate(answer.json())


def test_every_refusal_for_want_of_a_token_is_as_described(asked: tuple[Service, There]) -> None:
    service, _ = asked
    document = service.get("/api/openapi.json")
    schema = document["components"]["responses"]["Unauthorized"]["content"]["application/vnd.api+json"][
        "schema"
    ]
    for path, method, operation in operations(document):
        if operation.get("security") != []:
            answer = httpx.request(method, service.ready["url"] + path)
            assert answer.status_code == 401, (method, path)
            assert answer.headers["WWW-Authenticate"] == "Bearer"
            validator(document, schema).validate(answer.json())


def test_the_page_is_there_without_a_token_and_runs_nothing(asked: tuple[Service, There]) -> None:
    service, _ = asked
    answer = httpx.get(service.ready["url"] + "/api/docs")
    assert (answer.status_code, answer.headers["Content-Type"]) == (200, "text/html; charset=utf-8")
    policy = answer.headers["Content-Security-Policy"]
    assert policy.startswith("default-src 'none'; style-src 'sha256-")
    assert style_hash(answer.text) in policy
    assert "02:00:00" not in answer.text, "it knows nothing of this gateway"
