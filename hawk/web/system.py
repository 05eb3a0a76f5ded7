"""/healthz, /api/system and /api/session."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import trio
from quart import Blueprint, Response, request

from actors import ChildState
from hawk import __version__
from hawk.ble.messages import AdapterStatus, ArbiterStatus, ScannerStatus
from hawk.config.messages import Standing
from hawk.errors import Invalid
from hawk.model.attributes import timestamp
from hawk.model.device import DeviceView, Lifecycle
from hawk.mqtt.messages import BrokerStatus, MqttStatus
from hawk.sinks.messages import SinkStatus, is_up
from hawk.store.messages import SalvageStatus, StoreStatus
from hawk.web import bodies
from hawk.web.entrance import Entrance
from hawk.web.http import COOKIE, answer, check_token, endpoint, no_content, services
from hawk.web.jsonapi import ApiError, check_content_type, parse_json, resource
from hawk.web.kinds import STATUS
from hawk.web.observed import observe
from hawk.web.operation import Answer, Operation, described, one
from hawk.web.query import Asked, Parameters
from hawk.web.services import Services

if TYPE_CHECKING:
    from hawk.web.shapes import (
        ActorShape,
        AdapterShape,
        BrokerShape,
        CountsShape,
        EntranceShape,
        LinksShape,
        ListeningShape,
        MqttShape,
        SalvageShape,
        SinkShape,
        StandingShape,
        StatusAttributes,
        StorageShape,
    )

routes = Blueprint("system", __name__)


@routes.get("/healthz")
@described(
    Operation(
        "`ok` while the service is alive; no token, no data",
        (Answer(media=("text/plain",)),),
        refuses=frozenset({404}),
        needs_token=False,
        speaks_jsonapi=False,
    )
)
async def healthz() -> Response:
    """Alive: the Trio thread answers. No data, no token."""
    if not services().settings.api.health_endpoint:
        raise ApiError(404, "not_found", "the health endpoint is switched off")
    return Response("ok\n", 200, content_type="text/plain")


@routes.get("/api/system/status")
@endpoint("how the service does", one(STATUS), parameters=Parameters(kinds=("system-status",)))
async def get_status(asked: Asked) -> Response:
    attributes = await status_attributes(services())
    return answer({"data": asked.sparse(resource("system-status", "system", attributes))})


@routes.post("/api/session")
@endpoint(
    "a cookie for a page",
    Answer(204, media=(), headers=("Set-Cookie",)),
    body=bodies.TOKEN,
    refuses=frozenset({401, 429}),
    needs_token=False,
)
async def open_session(asked: Asked) -> Response:
    """A page shows a token once and gets a cookie."""
    check_content_type(request.headers.get("Content-Type"))
    sent = parse_json(asked.body)
    token = sent.get("token") if isinstance(sent, dict) else None
    if not isinstance(token, str):
        raise Invalid("send an object with 'token', which is text", "/token")
    cookie = services().sessions.open(check_token(services(), token))
    response = no_content()
    response.set_cookie(COOKIE, cookie, secure=request.scheme == "https", **_cookie_terms())
    return response


@routes.delete("/api/session")
@endpoint("gives the cookie back", Answer(204, media=(), headers=("Set-Cookie",)))
async def close_session(_: Asked) -> Response:
    services().sessions.close(request.cookies.get(COOKIE, ""))
    response = no_content()
    response.delete_cookie(COOKIE, **_cookie_terms())
    return response


def _cookie_terms() -> dict[str, Any]:
    """Behind a proxy it is for our path alone: other programs there have no use for it."""
    return {"path": services().settings.api.base_path or "/", "httponly": True, "samesite": "Strict"}


# -- status ----------------------------------------------------------------------------------


async def status_attributes(ours: Services) -> "StatusAttributes":
    """What does not answer in time is null; the rest is told all the same."""
    observed = await observe(ours)
    scanner = observed.scanner
    return {
        "timestamp": timestamp(observed.moment),
        "gateway_id": ours.gateway_id,
        "core": {
            "running": True,
            "uptime_seconds": round(trio.current_time() - ours.started, 3),
            "version": __version__,
        },
        "storage": _storage(observed.store, observed.sinks or ()),
        "sinks": None if observed.sinks is None else [_sink(each) for each in observed.sinks],
        "bluetooth": {
            "backend": "simulated" if ours.simulated else "bluez",
            **_listening(scanner),
            **_links(observed.arbiter),
        },
        "components": {
            "api": "running",
            "bluetooth": None if scanner is None else "active" if scanner.listening else "down",
            "mqtt": "off" if ours.publisher is None else observed.mqtt and observed.mqtt.state,
            "broker": "off" if ours.broker is None else observed.broker and observed.broker.state,
        },
        "api": _entrance(ours.entrance),
        "mqtt": _mqtt(observed.mqtt),
        "broker": _broker(observed.broker),
        "devices": _counts(observed.devices),
        "settings": _settings(observed.settings),
        "registry": None if observed.problems is None else {"problems": list(observed.problems)},
        "clock": {"trusted": observed.moment.utc is not None},
        "event_streams": observed.event_streams,
        "events_lost": observed.events_lost,
        "actors": [_actor(state) for state in observed.actors],
        "warnings": [*ours.warnings, *(observed.notices or ())],
    }


def _listening(status: ScannerStatus | None) -> "ListeningShape":
    return {
        "listening": status and status.listening,
        "reason": status and status.reason,
        "adverts": status and status.adverts,
        "adverts_dropped": status and status.dropped,
        "adverts_damaged": status and status.damaged,
        "devices_heard": status and status.devices,
        "scan_restarts": status and status.restarts,
        "recovery": status and {str(rung): times for rung, times in status.recovery.items()},
        "down_for": status and status.down_for,
        "adapters": status and [_adapter(each) for each in status.adapters],
    }


def _adapter(status: AdapterStatus) -> "AdapterShape":
    return {
        "name": status.name,
        "listening": status.listening,
        "reason": status.reason,
        "adverts_per_minute": status.adverts_per_minute,
        "seconds_since_advert": None if status.last_advert is None else round(status.last_advert, 1),
        "recovery": {str(rung): times for rung, times in status.recovery.items()},
    }


def _links(status: ArbiterStatus | None) -> "LinksShape":
    return {
        "links_held": status and len(status.held),
        "links_waiting": status and status.waiting,
        "slots_taken_back": status and status.taken_back,
    }


def _storage(status: StoreStatus | None, sinks: Sequence[SinkStatus]) -> "StorageShape | None":
    if status is None:
        return None
    counts = status.counts
    return {
        "store": status.state,
        "reason": status.reason,
        "fix": status.fix,
        "durability": status.durability,
        "readings": counts and counts.readings,
        "cranking_events": counts and counts.cranking_events,
        "undated": counts and counts.undated,
        "bytes": counts and counts.bytes,
        "seq": status.seq,
        "waiting": status.waiting,
        "dropped": status.dropped,
        "set_aside": status.set_aside,
        "unsummed_hours": counts and counts.unsummed,
        "late": status.late,
        "purged": status.purged.rows,
        "purged_for_size": status.purged.for_size,
        "purged_unsent": dict(status.purged.dropped),
        "purging_waits": status.purged.waits,
        "too_big": status.purged.too_big,
        "salvage": status.salvage and _salvage(status.salvage),
        "influxdb_connected": is_up(sinks, "influxdb"),
    }


def _salvage(status: SalvageStatus) -> "SalvageShape":
    return {
        "file": status.file,
        "readings": status.readings,
        "expected": status.expected,
        "done": status.done,
    }


def _sink(status: SinkStatus) -> "SinkShape":
    return {
        "name": status.name,
        "state": status.state,
        "place": status.place,
        "server": status.server,
        "reason": status.reason,
        "next_try_seconds": None if status.next_try is None else round(status.next_try, 1),
        "delivered": status.delivered,
        "dropped": status.dropped,
        "refusal": status.refusal,
        "unsent_readings": status.unsent and status.unsent.readings,
        "unsent_summaries": status.unsent and status.unsent.summaries,
    }


def _mqtt(status: MqttStatus | None) -> "MqttShape | None":
    if status is None:
        return None
    return {
        "broker": status.broker,
        "state": status.state,
        "reason": status.reason,
        "next_try_in": None if status.next_try is None else round(status.next_try, 1),
        "published": status.published,
        "readings_published": status.readings,
        "readings_behind": status.behind,
    }


def _settings(standing: Standing | None) -> "StandingShape | None":
    if standing is None:
        return None
    return {"problems": list(standing.problems), "restart_required": sorted(standing.restart_required)}


def _entrance(entrance: Entrance | None) -> "EntranceShape | None":
    if entrance is None:
        return None
    return {
        "address": entrance.address,
        "tls": entrance.certificate is not None,
        "problem": entrance.problem,
    }


def _broker(status: BrokerStatus | None) -> "BrokerShape | None":
    if status is None:
        return None
    return {
        "state": status.state,
        "address": status.address,
        "reason": status.reason,
        "clients": status.clients,
        "refused": status.refused,
    }


def _counts(views: tuple[DeviceView, ...] | None) -> "CountsShape | None":
    if views is None:
        return None
    return {
        "total": len(views),
        "connected": sum(view.available for view in views),
        "discovered": sum(view.device.lifecycle is Lifecycle.DISCOVERED for view in views),
    }


def _actor(state: ChildState) -> "ActorShape":
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
