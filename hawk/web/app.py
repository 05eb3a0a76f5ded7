"""The web application: what every request goes through before and after its endpoint."""

import logging
from collections.abc import Awaitable, Callable
from functools import wraps
from typing import ParamSpec, cast

import trio
from quart import Response, current_app, request
from quart_trio import QuartTrio
from werkzeug.exceptions import HTTPException, RequestEntityTooLarge

from hawk.errors import HawkError
from hawk.web import auth
from hawk.web.jsonapi import MEDIA_TYPE, ApiError, check_accept, check_content_type, dumps, refusal
from hawk.web.services import Services

LARGEST_BODY = 64 * 1024
COOKIE = "hawk_session"
_OPEN = frozenset({"/healthz"})
_WRITES = frozenset({"POST", "PATCH", "PUT", "DELETE"})

log = logging.getLogger(__name__)

P = ParamSpec("P")


def create_app(services: Services) -> QuartTrio:
    from hawk.web import devices, events, readings, system, vehicles

    app = QuartTrio("hawk.web", static_folder=None)
    app.config["MAX_CONTENT_LENGTH"] = LARGEST_BODY
    app.config["SERVICES"] = services
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


def services() -> Services:
    return cast("Services", current_app.config["SERVICES"])


def answer(document: object, status: int = 200, headers: dict[str, str] | None = None) -> Response:
    return Response(dumps(document), status, headers, content_type=MEDIA_TYPE)


def no_content() -> Response:
    return Response(b"", 204)


def negotiated(endpoint: Callable[P, Awaitable[Response]]) -> Callable[P, Awaitable[Response]]:
    """For endpoints that speak JSON:API."""

    @wraps(endpoint)
    async def checked(*args: P.args, **kwargs: P.kwargs) -> Response:
        check_accept(request.headers.get("Accept"))
        if request.method in {"POST", "PATCH"} and await body():
            check_content_type(request.headers.get("Content-Type"))
        return await endpoint(*args, **kwargs)

    return checked


async def body() -> bytes:
    return cast("bytes", await request.get_data(as_text=False))


def arguments() -> list[tuple[str, str]]:
    return list(request.args.items(multi=True))


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


def check_token(ours: Services, token: str) -> None:
    client, now = request.remote_addr or "", trio.current_time()
    if (wait := ours.throttle.wait(client, now)) > 0:
        raise ApiError(
            429, "too_many_attempts", "too many wrong tokens", headers={"Retry-After": str(round(wait) + 1)}
        )
    if not auth.same(token, ours.token):
        ours.throttle.wrong(client, now)
        raise unauthorized("that token is wrong")


def unauthorized(detail: str) -> ApiError:
    return ApiError(401, "unauthorized", detail, headers={"WWW-Authenticate": "Bearer"})


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
