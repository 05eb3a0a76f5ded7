"""The web application: what every request goes through before and after its endpoint."""

import logging

from quart import Response, request
from quart_trio import QuartTrio
from werkzeug.exceptions import HTTPException, RequestEntityTooLarge

from hawk.errors import HawkError
from hawk.web import auth, devices, events, readings, system, vehicles
from hawk.web.http import COOKIE, answer, check_token, services, unauthorized
from hawk.web.jsonapi import ApiError, refusal
from hawk.web.services import Services

LARGEST_BODY = 64 * 1024
_OPEN = frozenset({"/healthz"})
_WRITES = frozenset({"POST", "PATCH", "PUT", "DELETE"})

log = logging.getLogger(__name__)


def create_app(ours: Services) -> QuartTrio:
    app = QuartTrio("hawk.web", static_folder=None)
    app.config["MAX_CONTENT_LENGTH"] = LARGEST_BODY
    app.config["SERVICES"] = ours
    app.url_map.strict_slashes = False
    app.before_request(_admit)
    app.after_request(_harden)
    app.register_error_handler(ApiError, _say)
    app.register_error_handler(HawkError, _say_refused)
    app.register_error_handler(HTTPException, _say_http)
    app.register_error_handler(Exception, _say_bug)
    for routes in (devices.routes, vehicles.routes, readings.routes, system.routes, events.routes):
        app.register_blueprint(routes)
    return app


# -- before and after ------------------------------------------------------------------------


async def _admit() -> None:
    """Raises ApiError 401, 403 or 429."""
    ours = services()
    if request.path in _OPEN:
        return
    if ours.settings.api.auth == "none":
        if not auth.host_fits(request.host, ours.host_name, ours.settings.api.trusted_hosts):
            raise ApiError(
                403, "foreign_host", f"{request.host} is no name of this machine: see api.trusted_hosts"
            )
        return
    if request.path == "/api/session" and request.method == "POST":
        return
    token = auth.bearer(request.headers.get("Authorization"))
    if token is not None:
        check_token(ours, token)
    elif ours.sessions.knows(request.cookies.get(COOKIE, "")):
        _check_origin(ours)
    else:
        raise unauthorized("send the token: Authorization: Bearer TOKEN")


def _check_origin(ours: Services) -> None:
    if request.method not in _WRITES:
        return
    if not auth.origin_fits(request.headers.get("Origin"), request.host, ours.settings.api.trusted_hosts):
        raise ApiError(403, "foreign_origin", "a page of another site may not write here")


async def _harden(response: Response) -> Response:
    response.headers.setdefault("X-Content-Type-Options", "nosniff")
    response.headers.setdefault("Cache-Control", "no-store")
    return response


# -- errors ----------------------------------------------------------------------------------


async def _say(error: ApiError) -> Response:
    return answer(error.document(), error.status, dict(error.headers))


async def _say_refused(error: HawkError) -> Response:
    return await _say(refusal(error))


async def _say_http(error: HTTPException) -> Response:
    """What Quart itself refuses."""
    status = error.code or 500
    detail = error.description or ""
    if isinstance(error, RequestEntityTooLarge):
        detail = f"a body has at most {LARGEST_BODY} bytes"
    headers = {name: value for name, value in error.get_headers() if name == "Allow"}
    return await _say(
        ApiError(status, (error.name or "error").lower().replace(" ", "_"), detail, headers=headers)
    )


async def _say_bug(error: Exception) -> Response:
    log.error("%s %s failed", request.method, request.path, exc_info=error)
    return await _say(ApiError(500, "internal", "something went wrong here; the log says what"))
