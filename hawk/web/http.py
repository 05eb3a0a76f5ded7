"""What the endpoints share: the request at hand, and answers in JSON:API."""

from collections.abc import Awaitable, Callable
from functools import wraps
from typing import ParamSpec, cast

import trio
from quart import Response, current_app, request

from hawk.web import auth
from hawk.web.jsonapi import MEDIA_TYPE, ApiError, check_accept, check_content_type, dumps
from hawk.web.services import Services

COOKIE = "hawk_session"

P = ParamSpec("P")


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
