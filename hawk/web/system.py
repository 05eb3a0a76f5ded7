"""/healthz, /api/system and /api/session."""

from typing import Any

import trio
from quart import Blueprint, Response, request

from actors import ActorCrashed, ActorDeadError, ActorRef, AskTimeout, ChildState, Query
from hawk import __version__
from hawk.ble.messages import GetArbiterStatus, GetScannerStatus
from hawk.directory.messages import ListDevices
from hawk.errors import StoreUnavailable
from hawk.model.device import Lifecycle
from hawk.store.messages import GetStoreStatus, StoreStatus
from hawk.web.http import COOKIE, answer, arguments, check_token, negotiated, no_content, services
from hawk.web.jsonapi import ApiError, check_content_type, parse_query, resource
from hawk.web.services import DEADLINE, Services

routes = Blueprint("system", __name__)


@routes.get("/healthz")
async def healthz() -> Response:
    """Alive: the Trio thread answers. No data, no token."""
    if not services().settings.api.health_endpoint:
        raise ApiError(404, "not_found", "the health endpoint is switched off")
    return Response("ok\n", 200, content_type="text/plain")


@routes.get("/api/system/status")
@negotiated
async def get_status() -> Response:
    parse_query(arguments())
    return answer({"data": resource("system-status", "system", await status_attributes(services()))})


@routes.post("/api/session")
async def open_session() -> Response:
    """A page shows the token once and gets a cookie."""
    check_content_type(request.headers.get("Content-Type"))
    body = await request.get_json(force=True, silent=True)
    token = body.get("token") if isinstance(body, dict) else None
    if not isinstance(token, str):
        raise ApiError(422, "invalid", "an object with 'token'", pointer="/token")
    check_token(services(), token)
    response = no_content()
    response.set_cookie(
        COOKIE, services().sessions.open(), httponly=True, samesite="Strict", secure=request.scheme == "https"
    )
    return response


@routes.delete("/api/session")
async def close_session() -> Response:
    services().sessions.close(request.cookies.get(COOKIE, ""))
    response = no_content()
    response.delete_cookie(COOKIE)
    return response


# --------------------------------------------------------------------------------------------


async def status_attributes(ours: Services) -> dict[str, Any]:
    """Whoever does not answer in time is null here: the status itself always comes."""
    found: dict[str, Any] = {}
    async with trio.open_nursery() as nursery:
        for name, ref, query in (
            ("scanner", ours.scanner, GetScannerStatus()),
            ("arbiter", ours.arbiter, GetArbiterStatus()),
            ("store", ours.store, GetStoreStatus()),
            ("devices", ours.directory, ListDevices()),
        ):
            nursery.start_soon(_fetch, found, name, ref, query)
    scanner, arbiter, views = found["scanner"], found["arbiter"], found["devices"] or ()
    return {
        "gateway_id": ours.gateway_id,
        "core": {
            "running": True,
            "uptime_seconds": round(trio.current_time() - ours.started, 3),
            "version": __version__,
        },
        "storage": _store(found["store"]),
        "bluetooth": {
            "backend": ours.settings.bluetooth.backend,
            "listening": scanner and scanner.listening,
            "reason": scanner and scanner.reason,
            "adverts": scanner and scanner.adverts,
            "devices_heard": scanner and scanner.devices,
            "scan_restarts": scanner and scanner.restarts,
            "links_held": arbiter and len(arbiter.held),
            "links_waiting": arbiter and arbiter.waiting,
            "slots_taken_back": arbiter and arbiter.taken_back,
        },
        "components": {
            "api": "running",
            "bluetooth": None if scanner is None else "active" if scanner.listening else "down",
            "mqtt": "off",
        },
        "devices": {
            "total": len(views),
            "connected": sum(view.available for view in views),
            "discovered": sum(view.device.lifecycle is Lifecycle.DISCOVERED for view in views),
        },
        "clock": {"trusted": ours.clock.moment().utc is not None},
        "events_lost": ours.system.bus.lost,
        "actors": [_actor(state) for state in ours.system.tree()],
        "warnings": list(ours.warnings),
    }


async def _fetch(found: dict[str, Any], name: str, ref: ActorRef[Any], query: Query[Any]) -> None:
    found[name] = None
    try:
        found[name] = await ref.ask(query).within(DEADLINE)
    except (AskTimeout, ActorCrashed, ActorDeadError, StoreUnavailable):
        return


def _store(status: StoreStatus | None) -> dict[str, Any] | None:
    if status is None:
        return None
    counts = status.counts
    return {
        "store": status.state.value,
        "reason": status.reason,
        "durability": status.durability.value,
        "readings": counts and counts.readings,
        "undated": counts and counts.undated,
        "bytes": counts and counts.bytes,
        "seq": status.seq,
        "waiting": status.waiting,
        "dropped": status.dropped,
        "set_aside": status.set_aside,
        "influxdb_connected": None,
    }


def _actor(state: ChildState) -> dict[str, Any]:
    return {
        "name": state.name,
        "alive": state.alive,
        "restarts": state.restarts,
        "abandoned": state.abandoned,
        "last_error": state.last_error,
        "waiting": state.mailbox and state.mailbox.waiting,
        "dropped": state.mailbox and state.mailbox.dropped,
        "children": [_actor(child) for child in state.children],
    }
