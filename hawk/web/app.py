"""The web application: what every request goes through before and after its endpoint."""

import logging
from typing import Any

import quart.wrappers.base
from quart import Response, g, request
from quart_trio import QuartTrio
from werkzeug.exceptions import HTTPException, RequestEntityTooLarge

from hawk.errors import HawkError
from hawk.web import (
    auth,
    config,
    cranking,
    devices,
    discovery,
    events,
    jobs,
    readings,
    recording,
    relationships,
    scrape,
    system,
    vehicles,
)
from hawk.web.auth import Grant
from hawk.web.http import COOKIE, LARGEST_BODY, answer, check_token, no_content, services, unauthorized
from hawk.web.jsonapi import ApiError, refusal
from hawk.web.openapi import routes as openapi
from hawk.web.proxy import as_asked
from hawk.web.services import Services

_OPEN = frozenset({"/healthz", "/api/docs"})
_SESSION = "/api/session"  # opened by showing a token, and closed by whoever has it

# No word on https alone (Strict-Transport-Security): it would hold for all ports of this host, also those of others.
_HARDENING = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
}

# What Quart 0.23 raises where the versions before it only cancel.
ClientGone: type[Exception] = getattr(quart.wrappers.base, "ClientDisconnectedError", ConnectionError)

log = logging.getLogger(__name__)


def create_app(ours: Services) -> QuartTrio:
    app = Application("hawk.web", static_folder=None)
    app.config["MAX_CONTENT_LENGTH"] = LARGEST_BODY
    app.config["SERVICES"] = ours
    app.url_map.strict_slashes = False
    app.before_request(_admit)
    app.after_request(_harden)
    app.register_error_handler(ApiError, _say)
    app.register_error_handler(HawkError, _say_refused)
    app.register_error_handler(HTTPException, _say_http)
    app.register_error_handler(ClientGone, _say_nothing)
    app.register_error_handler(Exception, _say_bug)
    for routes in (
        devices.routes,
        devices.everything,
        vehicles.routes,
        relationships.routes,
        readings.routes,
        jobs.routes,
        discovery.routes,
        system.routes,
        config.routes,
        events.routes,
        recording.routes,
        cranking.routes,
        scrape.routes,
        openapi.routes,
    ):
        app.register_blueprint(routes)
    return app


class Application(QuartTrio):
    async def asgi_app(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "http":
            scope = as_asked(scope, self.config["SERVICES"].settings.api)
        await super().asgi_app(scope, receive, send)


# -- before and after ------------------------------------------------------------------------


async def _admit() -> None:
    """Raises ApiError 401, 403 or 429."""
    ours = services()
    if ours.settings.api.auth == "none":
        _check_host(ours)
        _check_origin(ours, needed=False)
        return
    path = request.path.rstrip("/")
    if path in _OPEN:
        return
    if (path, request.method) == (_SESSION, "POST"):
        _check_origin(ours, needed=False)
        return
    g.grant = _grant(ours)
    if g.grant.read_only and request.method not in auth.READING and path != _SESSION:
        raise ApiError(
            403, "read_only", "this token only reads: show the token of the service to change something"
        )


def _grant(ours: Services) -> Grant:
    """Raises ApiError 401, 403 or 429."""
    token = auth.bearer(request.headers.get("Authorization"))
    if token is not None:
        return check_token(ours, token)
    grant = ours.sessions.grant_of(request.cookies.get(COOKIE, ""))
    if grant is None or not ours.admits(grant):
        raise unauthorized("send the token: Authorization: Bearer TOKEN")
    _check_origin(ours, needed=True)
    return grant


def _check_host(ours: Services) -> None:
    if not auth.host_fits(request.host, ours.host_name, ours.settings.api.trusted_hosts):
        raise ApiError(
            403, "foreign_host", f"{request.host} is no name of this machine: see api.trusted_hosts"
        )


def _check_origin(ours: Services, *, needed: bool) -> None:
    """Browsers say where a page that writes is from; what is no browser may leave it out."""
    origin = request.headers.get("Origin")
    if request.method in auth.READING or (origin is None and not needed):
        return
    if not auth.origin_fits(origin, request.host, ours.settings.api.trusted_hosts):
        raise ApiError(403, "foreign_origin", "a page of another site may not write here")


async def _harden(response: Response) -> Response:
    if response.status_code == 204 or (request.method == "OPTIONS" and response.status_code == 200):
        response.headers.pop("Content-Type", None)  # of nothing
    if response.status_code == 204:
        response.headers.pop("Content-Length", None)  # RFC 9110, 8.6
    if (place := response.headers.get("Location", "")).startswith("/"):
        response.headers["Location"] = f"{services().settings.api.base_path}{place}"
    for name, value in _HARDENING.items():
        response.headers.setdefault(name, value)
    return response


# -- errors ----------------------------------------------------------------------------------


async def _say(error: ApiError) -> Response:
    return answer(error.document(), error.status, dict(error.headers))


async def _say_refused(error: HawkError) -> Response:
    return await _say(refusal(error))


async def _say_http(error: HTTPException) -> Response:
    """What Quart itself refuses."""
    code, detail = (error.name or "error").lower().replace(" ", "_"), error.description or ""
    if isinstance(error, RequestEntityTooLarge):
        code, detail = "too_large", f"a body has at most {LARGEST_BODY} bytes"
    headers = {name: value for name, value in error.get_headers() if name == "Allow"}
    return await _say(ApiError(error.code or 500, code, detail, headers=headers))


async def _say_nothing(_: Exception) -> Response:
    return no_content()


async def _say_bug(error: Exception) -> Response:
    log.error("%s %s failed", request.method, request.path, exc_info=error)
    return await _say(ApiError(500, "internal", "something went wrong here; the log says what"))
