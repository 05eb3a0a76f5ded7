"""/api/system/config: the settings."""

from collections.abc import Iterable
from typing import Any

from quart import Blueprint, Response, request

from hawk.config.changes import Overridden, shown
from hawk.config.load import SettingsError
from hawk.config.messages import ChangeSettings, GetSettings, Standing
from hawk.errors import pointer_to
from hawk.web import bodies
from hawk.web.http import answer, endpoint, services
from hawk.web.jsonapi import ApiError, parse_document, resource
from hawk.web.kinds import CONFIG
from hawk.web.operation import one
from hawk.web.query import Asked, Parameters
from hawk.web.services import LONG_DEADLINE, ask
from hawk.web.shapes import AppliedMeta, ConfigMeta

KIND, ID = "system-config", "system"
_WHERE = "/data/attributes"

routes = Blueprint("config", __name__, url_prefix="/api/system/config")


@routes.get("")
@endpoint(
    "the settings",
    one(CONFIG, meta=ConfigMeta, headers=("ETag",)),
    parameters=Parameters(kinds=(KIND,)),
)
async def get_config(asked: Asked) -> Response:
    standing = await ask(services().configuration, GetSettings())
    return _answer(standing, _meta(standing), asked)


@routes.patch("")
@endpoint(
    "change them",
    one(CONFIG, meta=AppliedMeta, headers=("ETag",)),
    body=bodies.CONFIG,
    headers=("If-Match",),
)
async def change_config(asked: Asked) -> Response:
    sent = parse_document(asked.body, KIND)
    if sent.id not in {None, ID}:
        raise ApiError(409, "conflict", f"the id of this resource is {ID!r}", pointer="/data/id")
    if sent.relationships:
        raise ApiError(422, "invalid", "the settings have no relationships", pointer="/data/relationships")
    query = ChangeSettings(sent.attributes, _tag(request.headers.get("If-Match")))
    try:
        changed = await ask(services().configuration, query, LONG_DEADLINE)
    except SettingsError as error:
        raise _together(_wrong(error)) from None
    except Overridden as error:
        raise _together(_taken(error)) from None
    return _answer(changed.standing, {"applied": sorted(changed.applied)} | _meta(changed.standing), asked)


def _answer(standing: Standing, meta: dict[str, Any], asked: Asked) -> Response:
    found = asked.sparse(resource(KIND, ID, shown(standing.settings)))
    return answer({"data": found, "meta": meta}, headers={"ETag": f'"{standing.tag}"'})


def _meta(standing: Standing) -> dict[str, Any]:
    return {
        "restart_required": sorted(standing.restart_required),
        "overridden_by_environment": sorted(standing.overridden),
    }


def _tag(header: str | None) -> str | None:
    return None if header is None or header.strip() == "*" else header.strip().strip('"')


def _wrong(error: SettingsError) -> Iterable[ApiError]:
    for problem in error.problems:
        value = "" if problem.value is None else f"{problem.value!r}: "
        yield ApiError(422, "invalid", f"{value}{problem.expected}", pointer=f"{_WHERE}{problem.pointer}")


def _taken(error: Overridden) -> Iterable[ApiError]:
    for name, said in error.said.items():
        yield ApiError(409, error.code, said, pointer=f"{_WHERE}{pointer_to(*name.split('.', 1))}")


def _together(errors: Iterable[ApiError]) -> ApiError:
    first, *rest = errors
    first.more = tuple(rest)
    return first
