"""What every request goes through: who asks, in what form, and what is said when it goes wrong."""

import json
import logging
from pathlib import Path
from typing import Any

import pytest
import trio
from trio.testing import MockClock

from actors import FindChild
from hawk.config.schema import Api, Settings
from hawk.directory.messages import ListDevices
from hawk.errors import NoAdapter
from hawk.registry.messages import GetRegistry
from hawk.web.app import create_app
from hawk.web.jsonapi import MEDIA_TYPE
from tests.doubles import address
from tests.web.stage import SILENCE, TOKEN, Stage, open_stage

NO_DEVICES: dict[str, dict[type, Any]] = {"directory": {ListDevices: ()}}
OPEN = Settings(api=Api(auth="none", trusted_hosts=("hawk.example",)))


OPEN_ROUTES = {("GET", "/healthz"), ("GET", "/api/docs"), ("POST", "/api/session")}


def routes() -> list[tuple[str, str]]:
    """Each method and path that is served, but what needs no token."""
    rules = create_app(None).url_map.iter_rules()  # type: ignore[arg-type]  # nothing is asked of it
    found = [
        (method, rule.rule.replace("<mac>", address(1)).replace("<vehicle_id>", "vehicle_1"))
        for rule in rules
        for method in sorted((rule.methods or set()) - {"HEAD", "OPTIONS"})
    ]
    return [each for each in found if each not in OPEN_ROUTES]


# -- who asks ----------------------------------------------------------------------------------


def speaks_jsonapi(path: str) -> bool:
    return not is_stream(path) and path not in {"/metrics", "/api/openapi.json", "/api/docs"}


def is_stream(path: str) -> bool:
    return path == "/api/events" or path.endswith("/recording")


async def test_health_needs_no_token() -> None:
    async with open_stage() as stage:
        said = await stage.ask("GET", "/healthz", headers={"Authorization": None})
        assert (said.status_code, await said.get_data()) == (200, b"ok\n")


async def test_a_slash_at_the_end_of_a_path_changes_nothing() -> None:
    async with open_stage() as stage:
        said = await stage.ask("GET", "/healthz/", headers={"Authorization": None})
        assert (said.status_code, await said.get_data()) == (200, b"ok\n")
        said = await stage.ask(
            "POST", "/api/session/", json={"token": TOKEN}, headers={"Authorization": None}
        )
        assert said.status_code == 204


async def test_health_can_be_switched_off() -> None:
    async with open_stage(settings=Settings(api=Api(health_endpoint=False))) as stage:
        await stage.error(await stage.ask("GET", "/healthz"), 404)


async def test_ten_wrong_tokens_in_a_minute_shut_the_door_for_a_while(autojump_clock: MockClock) -> None:
    async with open_stage(scripts=NO_DEVICES) as stage:
        for _ in range(10):
            await stage.error(
                await stage.ask("GET", "/api/devices", headers={"Authorization": "Bearer x"}), 401
            )
        said = await stage.ask("GET", "/api/devices")
        assert (await stage.error(said, 429))["code"] == "too_many_attempts"
        assert 0 < int(said.headers["Retry-After"]) <= 61
        await trio.sleep(int(said.headers["Retry-After"]))
        assert (await stage.ask("GET", "/api/devices")).status_code == 200


# -- pages with a cookie -----------------------------------------------------------------------


async def cookie_of(stage: Stage) -> str:
    said = await stage.ask("POST", "/api/session", json={"token": TOKEN}, headers={"Authorization": None})
    assert said.status_code == 204
    cookie = said.headers["Set-Cookie"]
    assert "HttpOnly" in cookie
    assert "SameSite=Strict" in cookie
    assert "Secure" not in cookie
    assert TOKEN not in cookie
    return str(cookie.split(";")[0])


async def test_a_page_gets_a_cookie_for_the_token_and_gives_it_back() -> None:
    async with open_stage(scripts=NO_DEVICES) as stage:
        page = {"Authorization": None, "Cookie": await cookie_of(stage), "Origin": "http://localhost"}
        assert (await stage.ask("GET", "/api/devices", headers=page)).status_code == 200
        assert (await stage.ask("DELETE", "/api/session", headers=page)).status_code == 204
        await stage.error(await stage.ask("GET", "/api/devices", headers=page), 401)


@pytest.mark.parametrize("origin", [None, "null", "http://evil.example", "http://localhost:81"])
async def test_with_a_cookie_only_our_own_page_may_write(origin: str | None) -> None:
    async with open_stage(scripts=NO_DEVICES) as stage:
        page = {"Authorization": None, "Cookie": await cookie_of(stage), "Origin": origin}
        said = await stage.ask("DELETE", "/api/session", headers=page)
        assert (await stage.error(said, 403))["code"] == "foreign_origin"
        assert (await stage.ask("GET", "/api/devices", headers=page)).status_code == 200


async def test_a_bearer_needs_no_origin(tmp_path: Path) -> None:
    async with open_stage(tmp_path) as stage:
        said = await stage.send("POST", "/api/vehicles", {"name": "Boat"}, "vehicles")
        assert said.status_code == 201


async def test_a_wrong_token_opens_no_session_and_counts() -> None:
    async with open_stage() as stage:
        for _ in range(10):
            await stage.error(await stage.ask("POST", "/api/session", json={"token": "x"}), 401)
        await stage.error(await stage.ask("POST", "/api/session", json={"token": TOKEN}), 429)


@pytest.mark.parametrize(
    ("body", "content_type", "status"),
    [(b"{", "application/json", 400), (b"[]", "application/json", 422), (b'{"token": 1}', "application/json", 422),
     (b'{"token": "\\ud800"}', "application/json", 401), (b"token=x", "application/x-www-form-urlencoded", 415),
     (b"", None, 415)],
)  # fmt: skip
async def test_a_session_is_asked_for_in_json(body: bytes, content_type: str | None, status: int) -> None:
    async with open_stage() as stage:
        headers = {"Authorization": None, "Content-Type": content_type}
        await stage.error(await stage.ask("POST", "/api/session", data=body, headers=headers), status)


# -- without tokens ----------------------------------------------------------------------------


@pytest.mark.parametrize("host", ["127.0.0.1:5000", "[::1]", "localhost", "batterypi.local", "hawk.example"])
async def test_without_tokens_everybody_who_knows_us_by_our_name_is_let_in(host: str) -> None:
    async with open_stage(settings=OPEN, scripts=NO_DEVICES) as stage:
        said = await stage.ask("GET", "/api/devices", headers={"Authorization": None, "Host": host})
        assert said.status_code == 200


@pytest.mark.parametrize("path", ["/api/devices", "/healthz"])
async def test_without_tokens_a_foreign_name_is_refused(path: str) -> None:
    async with open_stage(settings=OPEN, scripts=NO_DEVICES) as stage:
        said = await stage.ask("GET", path, headers={"Authorization": None, "Host": "evil.example"})
        assert (await stage.error(said, 403))["code"] == "foreign_host"


async def test_without_tokens_a_page_of_another_site_may_not_write(tmp_path: Path) -> None:
    async with open_stage(tmp_path, settings=OPEN) as stage:
        foreign = {"Authorization": None, "Origin": "http://evil.example"}
        await stage.error(
            await stage.ask("POST", f"/api/devices/{address(1)}/readings", headers=foreign), 403
        )
        await stage.error(
            await stage.ask("DELETE", "/api/vehicles/vehicle_1", headers={"Authorization": None}), 404
        )


# -- in what form ------------------------------------------------------------------------------


@pytest.mark.parametrize(("method", "path"), routes())
async def test_every_endpoint_refuses_a_query_it_does_not_know(
    method: str, path: str, tmp_path: Path
) -> None:
    async with open_stage(tmp_path) as stage:
        error = await stage.error(await stage.ask(method, f"{path}?page[color]=red"), 400)
        assert error["source"] == {"parameter": "page[color]"}


@pytest.mark.parametrize(("method", "path"), [each for each in routes() if speaks_jsonapi(each[1])])
async def test_every_endpoint_refuses_what_it_cannot_say(method: str, path: str, tmp_path: Path) -> None:
    async with open_stage(tmp_path) as stage:
        said = await stage.ask(method, path, headers={"Accept": "text/html"})
        assert (await stage.error(said, 406))["code"] == "not_acceptable"


@pytest.mark.parametrize(("method", "path"), [each for each in routes() if each[0] in {"POST", "PATCH"}])
async def test_every_writing_endpoint_wants_json_of_a_bounded_size(
    method: str, path: str, tmp_path: Path
) -> None:
    async with open_stage(tmp_path) as stage:
        text = {"Content-Type": "text/plain"}
        await stage.error(await stage.ask(method, path, data=b"{}", headers=text), 415)
        jsonapi = {"Content-Type": MEDIA_TYPE}
        said = await stage.ask(method, path, data=b" " * (64 * 1024 + 1), headers=jsonapi)
        assert (await stage.error(said, 413))["code"] == "too_large"


async def test_json_is_as_good_as_jsonapi(tmp_path: Path) -> None:
    async with open_stage(tmp_path) as stage:
        document = {"data": {"type": "vehicles", "attributes": {"name": "Boat"}}}
        said = await stage.ask("POST", "/api/vehicles", json=document)
        assert said.status_code == 201
        assert said.headers["Content-Type"] == MEDIA_TYPE


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [("PUT", "/api/devices", {"GET", "POST"}), ("POST", "/api/system/status", {"GET"}),
     ("PUT", f"/api/devices/{address(1)}", {"GET", "POST", "PATCH", "DELETE"})],
)  # fmt: skip
async def test_a_wrong_method_is_told_which_are_right(method: str, path: str, allowed: set[str]) -> None:
    async with open_stage() as stage:
        said = await stage.ask(method, path)
        assert (await stage.error(said, 405))["code"] == "method_not_allowed"
        assert set(said.headers["Allow"].split(", ")) - {"HEAD", "OPTIONS"} == allowed


async def test_there_is_nothing_elsewhere() -> None:
    async with open_stage() as stage:
        assert (await stage.error(await stage.ask("GET", "/api/nothing"), 404))["code"] == "not_found"


async def test_answers_are_not_kept_by_caches() -> None:
    async with open_stage(scripts=NO_DEVICES) as stage:
        said = await stage.ask("GET", "/api/devices")
        assert said.headers["Cache-Control"] == "no-store"
        assert said.headers["X-Content-Type-Options"] == "nosniff"
        assert not [name for name in said.headers.keys() if name.startswith("Access-Control")]  # noqa: SIM118  # a header may be there twice


@pytest.mark.parametrize(
    ("method", "path", "token"),
    [("GET", "/api/devices", TOKEN), ("GET", "/api/devices", "wrong"), ("GET", "/api/nothing", TOKEN),
     ("PUT", "/api/devices", TOKEN), ("GET", "/healthz", ""), ("OPTIONS", "/api/devices", TOKEN)],
)  # fmt: skip
async def test_every_answer_forbids_browsers_to_make_something_else_of_it(
    method: str, path: str, token: str
) -> None:
    async with open_stage(scripts=NO_DEVICES) as stage:
        said = await stage.ask(method, path, headers={"Authorization": f"Bearer {token}"})
        assert said.headers["Content-Security-Policy"].startswith("default-src 'none'")
        assert "frame-ancestors 'none'" in said.headers["Content-Security-Policy"]
        assert said.headers["X-Frame-Options"] == "DENY"
        assert said.headers["Referrer-Policy"] == "no-referrer"
        assert said.headers["Cross-Origin-Resource-Policy"] == "same-origin"
        assert "Strict-Transport-Security" not in said.headers


# -- when it goes wrong ------------------------------------------------------------------------


async def test_who_does_not_answer_is_waited_for_two_seconds(autojump_clock: MockClock) -> None:
    async with open_stage(scripts={"directory": {ListDevices: SILENCE}}) as stage:
        said = await stage.ask("GET", "/api/devices")
        assert (await stage.error(said, 504))["code"] == "timeout"
        assert trio.current_time() == pytest.approx(2.0, abs=0.1)


async def test_an_actor_that_has_gone_is_503() -> None:
    async with open_stage(scripts={"directory": {}}) as stage:
        await stage.services.directory.stop()
        assert (await stage.error(await stage.ask("GET", "/api/devices"), 503))["code"] == "restarting"


async def test_an_expected_error_has_its_own_code() -> None:
    scripts: dict[str, dict[type, Any]] = {"devices": {FindChild: NoAdapter("no adapter is there")}}
    async with open_stage(scripts=scripts) as stage:
        error = await stage.error(await stage.ask("POST", f"/api/devices/{address(1)}/readings"), 503)
        assert (error["code"], error["detail"]) == ("no_adapter", "no adapter is there")


async def test_a_bug_is_logged_once_and_not_explained(caplog: pytest.LogCaptureFixture) -> None:
    async with open_stage(scripts={"directory": {ListDevices: ["no view"]}}) as stage:
        with caplog.at_level(logging.DEBUG, "hawk"):
            said = await stage.ask("GET", "/api/devices")
        error = await stage.error(said, 500)
        assert "view" not in json.dumps(error)
        assert [record.getMessage() for record in caplog.records] == ["GET /api/devices failed"]
        assert caplog.records[0].exc_info


async def test_a_mac_that_is_none_is_400() -> None:
    async with open_stage(scripts={"registry": {GetRegistry: SILENCE}}) as stage:
        assert (await stage.error(await stage.ask("GET", "/api/devices/banana"), 400))[
            "code"
        ] == "bad_address"
