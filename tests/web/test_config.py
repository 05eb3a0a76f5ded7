"""/api/system/config, where the owner of the settings is scripted."""

from typing import Any

import pytest

from hawk.config.changes import Overridden
from hawk.config.load import SettingsError
from hawk.config.messages import Changed, ChangeSettings, GetSettings, Standing
from hawk.config.schema import Settings
from hawk.directory.messages import ListDevices
from hawk.errors import CannotWrite, ChangedMeanwhile, Problem
from tests.web.stage import SILENCE, open_stage

PATH = "/api/system/config"
SETTINGS = Settings.model_validate({"mqtt": {"password": "a secret", "port": 7}, "polling": {"interval": 9}})
STANDING = Standing(
    SETTINGS,
    "run-3",
    overridden=frozenset({"mqtt.port"}),
    restart_required=frozenset({"api.port", "api.host"}),
)


def scripts(change: Any) -> dict[str, dict[type, Any]]:
    return {"configuration": {GetSettings: STANDING, ChangeSettings: change}}


async def test_sections_are_attributes_and_secrets_are_masked() -> None:
    async with open_stage(scripts=scripts(SILENCE)) as stage:
        said = await stage.ask("GET", PATH)
        document = await said.get_json()
    attributes = document["data"]["attributes"]
    assert (document["data"]["type"], document["data"]["id"]) == ("system-config", "system")
    assert (attributes["mqtt"]["password"], attributes["influxdb"]["password"]) == ("***", "")
    assert attributes["polling"] == {"interval": 9}
    assert document["meta"] == {
        "restart_required": ["api.host", "api.port"],
        "overridden_by_environment": ["mqtt.port"],
    }
    assert said.headers["ETag"] == '"run-3"'


async def test_some_sections_can_be_asked_for_alone() -> None:
    async with open_stage(scripts=scripts(SILENCE)) as stage:
        document = await stage.get(f"{PATH}?fields[system-config]=polling,history")
    assert document["data"]["attributes"].keys() == {"polling", "history"}


@pytest.mark.parametrize(
    ("headers", "tag"), [({}, None), ({"If-Match": '"run-3"'}, "run-3"), ({"If-Match": "*"}, None)]
)
async def test_a_change_is_handed_on_with_the_tag_it_was_made_from(
    headers: dict[str, str], tag: str | None
) -> None:
    asked: list[ChangeSettings] = []

    def change(query: ChangeSettings) -> Changed:
        asked.append(query)
        return Changed(STANDING, frozenset({"polling.interval"}))

    async with open_stage(scripts=scripts(change)) as stage:
        said = await stage.ask(
            "PATCH",
            PATH,
            json={"data": {"type": "system-config", "attributes": {"polling": {"interval": 9}}}},
            headers=headers,
        )
        document = await said.get_json()
    assert said.status_code == 200
    assert document["meta"]["applied"] == ["polling.interval"]
    assert asked == [ChangeSettings({"polling": {"interval": 9}}, tag)]


async def test_each_mistake_is_an_error_with_its_place() -> None:
    wrong = SettingsError(
        [
            Problem("system.json", "/mqtt/port", -1, "more"),
            Problem("system.json", "/api/token", "***", "longer"),
        ]
    )
    async with open_stage(scripts=scripts(wrong)) as stage:
        said = await stage.send("PATCH", PATH, {"mqtt": {}}, "system-config")
        errors = (await said.get_json())["errors"]
    assert said.status_code == 422
    assert [each["source"]["pointer"] for each in errors] == [
        "/data/attributes/mqtt/port",
        "/data/attributes/api/token",
    ]


@pytest.mark.parametrize(
    ("refused", "status", "code"),
    [
        (Overridden({"mqtt.port": "BATTERYHAWK_MQTT_PORT"}), 409, "overridden"),
        (ChangedMeanwhile("somebody was faster"), 409, "changed_meanwhile"),
        (CannotWrite("the disk is full"), 503, "cannot_write"),
        (SILENCE, 504, "timeout"),
    ],
)
async def test_a_refusal_says_why(refused: Any, status: int, code: str, autojump_clock: Any) -> None:
    async with open_stage(scripts=scripts(refused)) as stage:
        error = await stage.error(await stage.send("PATCH", PATH, {"mqtt": {}}, "system-config"), status)
    assert error["code"] == code


async def test_it_needs_the_token_and_the_right_kind_of_resource() -> None:
    async with open_stage(scripts=scripts(SILENCE)) as stage:
        for method in ("GET", "PATCH"):
            said = await stage.ask(method, PATH, headers={"Authorization": None})
            await stage.error(said, 401)
        await stage.error(await stage.send("PATCH", PATH, {}, "devices"), 409)
        await stage.error(await stage.send("PATCH", PATH, {}, "system-config", id="other"), 409)
        await stage.error(await stage.ask("GET", f"{PATH}?page[size]=3"), 400)
        assert (await stage.ask("DELETE", PATH)).headers["Allow"]


async def test_the_status_tells_what_is_wrong_with_the_file() -> None:
    standing = Standing(Settings(), "a", problems=("system.json: /api/port: ...",))
    said: dict[str, dict[type, Any]] = {
        "configuration": {GetSettings: standing},
        "directory": {ListDevices: ()},
    }
    async with open_stage(scripts=said) as stage:
        status = await stage.get("/api/system/status")
    assert status["data"]["attributes"]["settings"] == {
        "problems": ["system.json: /api/port: ..."],
        "restart_required": [],
    }
