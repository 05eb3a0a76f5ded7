"""Every route of the application: closed without a token, and unchanged by one that only reads."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from itertools import product
from pathlib import Path
from typing import Any

import pytest
import trio
from trio.testing import MockClock

from actors import FindChild
from hawk.ble.messages import GetArbiterStatus, GetScannerStatus
from hawk.config.messages import GetSettings
from hawk.config.schema import Api, Settings
from hawk.devices.messages import GetConnection
from hawk.directory.messages import ListDevices, ListVehicles, LookUpDevice
from hawk.errors import NotFound
from hawk.jobs.messages import GetJob
from hawk.registry.messages import GetNotices, GetRegistry
from hawk.sinks.messages import GetSinks
from hawk.store.messages import (
    ChooseResolution,
    Flush,
    GetCranking,
    GetReadings,
    GetReadingsAfter,
    GetStoreStatus,
    GetSummaries,
)
from hawk.tokens import TokenFile
from hawk.web.app import create_app
from tests.doubles import address
from tests.web.stage import TOKEN, Stage, open_stage

_READ = ("GET", "HEAD", "OPTIONS")
OPEN = {*product(_READ, ("/healthz", "/api/docs")), ("POST", "/api/session")}
OWN = {("DELETE", "/api/session")}  # gives back what was opened by the same token, and nothing else
READING = {"GET", "HEAD", "OPTIONS"}

# What may be asked for who only reads. `Flush` makes readings that wait come to the disk a little sooner.
QUESTIONS = (
    ListDevices, ListVehicles, LookUpDevice, GetJob, GetConnection, GetRegistry, GetNotices, GetSettings, GetSinks,
    GetScannerStatus, GetArbiterStatus, GetStoreStatus, GetReadings, GetReadingsAfter, GetSummaries, ChooseResolution,
    GetCranking, Flush, FindChild,
)  # fmt: skip
NO_DEVICES: dict[str, dict[type, Any]] = {"directory": {ListDevices: ()}}
ANSWERS: dict[str, dict[type, Any]] = {"jobs": {GetJob: NotFound("no such job")}}


def routes() -> list[tuple[str, str]]:
    """Each method and path of the application, with something in the places of its variables."""
    rules = create_app(None).url_map.iter_rules()  # type: ignore[arg-type]  # nothing is asked of it
    return [
        (method, rule.rule.replace("<mac>", address(1)).replace("<vehicle_id>", "vehicle_1"))
        for rule in rules
        for method in sorted(rule.methods or ())
    ]


CLOSED = [each for each in routes() if each not in OPEN]
WRITES = [each for each in CLOSED if each[0] not in READING and each not in OWN]
READS = [each for each in CLOSED if each[0] in READING]


@asynccontextmanager
async def with_a_reader(folder: Path) -> AsyncIterator[tuple[Stage, str]]:
    """A stage with a device and a vehicle, and a read-only token."""
    file = TokenFile(folder / "api-tokens.json")
    token = file.add("reader", "2026-11-23T10:30:00.250Z")
    async with open_stage(folder, read_only=file, scripts=ANSWERS) as stage:
        await stage.configured(1)
        yield stage, token


def test_all_methods_are_among_them() -> None:
    assert {method for method, _ in CLOSED} == {"GET", "HEAD", "OPTIONS", "POST", "PATCH", "DELETE"}
    assert len(WRITES) > 15
    assert len(READS) > 30


# -- without a token -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("method", "path"), [*CLOSED, ("GET", "/api/nothing"), ("PUT", "/api/devices"), ("GET", "/")]
)
async def test_without_the_token_nothing_is_done_or_told(method: str, path: str) -> None:
    async with open_stage() as stage:
        for header in (
            None,
            "",
            "Bearer",
            "Bearer wrong",
            "Basic YTpi",
            f"Bearer {TOKEN}x",
            f"Basic {TOKEN}",
            TOKEN,
        ):
            headers = {"Authorization": header, "Cookie": "hawk_session=x"}
            said = await stage.ask(method, path, headers=headers)
            assert (said.status_code, said.headers["WWW-Authenticate"]) == (401, "Bearer")
            if method != "HEAD":
                assert (await stage.error(said, 401))["code"] == "unauthorized"
        assert stage.heard == []


async def test_a_token_in_the_address_opens_nothing() -> None:
    async with open_stage() as stage:
        for name in ("token", "access_token", "api_key"):
            await stage.error(
                await stage.ask("GET", f"/api/devices?{name}={TOKEN}", headers={"Authorization": None}), 401
            )


# -- with one that only reads --------------------------------------------------------------------


@pytest.mark.parametrize(("method", "path"), WRITES)
async def test_a_read_only_token_changes_nothing(method: str, path: str, tmp_path: Path) -> None:
    async with with_a_reader(tmp_path) as (stage, token):
        before = everything(tmp_path)
        said = await stage.ask(method, path, json={}, headers={"Authorization": f"Bearer {token}"})
        assert (await stage.error(said, 403))["code"] == "read_only"
        assert stage.heard == []
        assert everything(tmp_path) == before


@pytest.mark.parametrize(("method", "path"), READS)
async def test_what_a_read_only_token_may_ask_changes_nothing(method: str, path: str, tmp_path: Path) -> None:
    async with with_a_reader(tmp_path) as (stage, token):
        before = everything(tmp_path)
        with trio.move_on_after(0.5):  # a stream has no end
            said = await stage.ask(method, path, headers={"Authorization": f"Bearer {token}"})
            assert said.status_code not in {401, 403, 405}
        assert [each for each in stage.heard if not isinstance(each, QUESTIONS)] == []
        assert everything(tmp_path) == before


@pytest.mark.parametrize("header", ["X-HTTP-Method-Override", "X-HTTP-Method", "X-Method-Override"])
async def test_no_header_makes_a_change_of_a_question(header: str, tmp_path: Path) -> None:
    async with with_a_reader(tmp_path) as (stage, token):
        headers = {"Authorization": f"Bearer {token}", header: "DELETE"}
        assert (await stage.ask("GET", f"/api/devices/{address(1)}", headers=headers)).status_code == 200
        await stage.get(f"/api/devices/{address(1)}")


async def test_the_page_of_a_read_only_token_only_reads_and_may_close_its_session(tmp_path: Path) -> None:
    async with with_a_reader(tmp_path) as (stage, token):
        said = await stage.ask("POST", "/api/session", json={"token": token}, headers={"Authorization": None})
        cookie = said.headers["Set-Cookie"].partition(";")[0]
        page = {"Authorization": None, "Cookie": cookie, "Origin": "http://localhost"}
        assert (await stage.ask("GET", "/api/devices", headers=page)).status_code == 200
        said = await stage.ask("DELETE", f"/api/devices/{address(1)}", headers=page)
        assert (await stage.error(said, 403))["code"] == "read_only"
        assert (await stage.ask("DELETE", "/api/session", headers=page)).status_code == 204
        await stage.error(await stage.ask("GET", "/api/devices", headers=page), 401)


async def test_a_removed_token_opens_nothing_more_nor_does_its_cookie(tmp_path: Path) -> None:
    async with with_a_reader(tmp_path) as (stage, token):
        said = await stage.ask("POST", "/api/session", json={"token": token}, headers={"Authorization": None})
        cookie = said.headers["Set-Cookie"].partition(";")[0]
        TokenFile(tmp_path / "api-tokens.json").remove("reader")
        assert stage.services.tokens.look()
        for headers in ({"Authorization": f"Bearer {token}"}, {"Authorization": None, "Cookie": cookie}):
            await stage.error(await stage.ask("GET", "/api/devices", headers=headers), 401)


def everything(folder: Path) -> dict[str, bytes]:
    return {each.name: each.read_bytes() for each in folder.iterdir() if each.is_file()}


# -- guessing ------------------------------------------------------------------------------------


async def guess(stage: Stage, times: int = 10) -> None:
    for _ in range(times):
        await stage.ask("GET", "/api/devices", headers={"Authorization": "Bearer x"})


async def test_who_was_let_in_is_not_shut_out_by_somebody_who_guesses_from_the_same_address(
    tmp_path: Path, autojump_clock: MockClock
) -> None:
    file = TokenFile(tmp_path / "api-tokens.json")
    other = {"Authorization": f"Bearer {file.add('reader', '2026-11-23T10:30:00.250Z')}"}
    async with open_stage(read_only=file, scripts=NO_DEVICES) as stage:
        await stage.get("/api/devices")
        await guess(stage)
        await stage.get("/api/devices")
        said = await stage.ask("GET", "/api/devices", headers=other)
        assert (await stage.error(said, 429))["code"] == "too_many_attempts"
        await trio.sleep(int(said.headers["Retry-After"]))
        assert (await stage.ask("GET", "/api/devices", headers=other)).status_code == 200


async def test_a_program_that_still_shows_the_old_token_shuts_out_nobody(tmp_path: Path) -> None:
    file = TokenFile(tmp_path / "api-tokens.json")
    old = {"Authorization": f"Bearer {file.add('old', '2026-11-23T10:30:00.250Z')}"}
    async with open_stage(read_only=file, scripts=NO_DEVICES) as stage:
        file.remove("old")
        stage.services.tokens.look()
        for _ in range(20):
            error = await stage.error(await stage.ask("GET", "/api/devices", headers=old), 401)
            assert "changed or removed" in error["detail"]
        await stage.get("/api/devices")


async def test_that_somebody_guesses_is_logged_once_without_what_he_tried(
    caplog: pytest.LogCaptureFixture, autojump_clock: MockClock
) -> None:
    async with open_stage() as stage:
        for number in range(30):
            guessed = {"Authorization": f"Bearer my-guess-{number}"}
            await stage.ask("GET", "/api/devices", headers=guessed)
    (record,) = caplog.records
    assert "10 wrong tokens from <local>" in record.getMessage()
    assert "my-guess" not in caplog.text


async def test_while_the_door_is_shut_a_right_guess_is_answered_as_a_wrong_one(
    autojump_clock: MockClock,
) -> None:
    async with open_stage() as stage:
        await guess(stage)
        right = await stage.ask("GET", "/api/devices")
        wrong = await stage.ask("GET", "/api/devices", headers={"Authorization": "Bearer x"})
        assert await stage.error(right, 429) == await stage.error(wrong, 429)


async def test_a_page_with_a_cookie_goes_on_while_somebody_guesses(tmp_path: Path) -> None:
    async with open_stage(tmp_path) as stage:
        said = await stage.ask("POST", "/api/session", json={"token": TOKEN}, headers={"Authorization": None})
        cookie = said.headers["Set-Cookie"].partition(";")[0]
        await guess(stage)
        said = await stage.ask("GET", "/api/devices", headers={"Authorization": None, "Cookie": cookie})
        assert said.status_code == 200


# -- pages of others -----------------------------------------------------------------------------


async def test_a_page_of_another_site_cannot_open_a_session() -> None:
    async with open_stage() as stage:
        foreign = {"Authorization": None, "Origin": "http://evil.example"}
        said = await stage.ask("POST", "/api/session", json={"token": TOKEN}, headers=foreign)
        assert (await stage.error(said, 403))["code"] == "foreign_origin"
        assert "Set-Cookie" not in said.headers


@pytest.mark.parametrize(("method", "path"), WRITES)
async def test_without_tokens_a_page_of_another_site_changes_nothing(method: str, path: str) -> None:
    async with open_stage(settings=Settings(api=Api(auth="none"))) as stage:
        foreign = {"Authorization": None, "Origin": "http://evil.example"}
        said = await stage.ask(method, path, json={}, headers=foreign)
        assert (await stage.error(said, 403))["code"] == "foreign_origin"
        assert stage.heard == []


@pytest.mark.parametrize(("method", "path"), CLOSED)
async def test_without_tokens_a_name_that_was_turned_on_us_opens_nothing(method: str, path: str) -> None:
    async with open_stage(settings=Settings(api=Api(auth="none"))) as stage:
        said = await stage.ask(method, path, headers={"Authorization": None, "Host": "evil.example:5000"})
        assert said.status_code == 403
        assert stage.heard == []
