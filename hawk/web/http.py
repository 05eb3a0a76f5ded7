"""What the endpoints share: the request at hand, checked, and answers in JSON:API."""

import logging
from collections.abc import Awaitable, Callable
from dataclasses import replace
from functools import wraps
from typing import Concatenate, ParamSpec, cast

import trio
from quart import Response, current_app, g, request
from werkzeug.exceptions import RequestEntityTooLarge, RequestTimeout

from hawk.registry.messages import Meant
from hawk.web import auth
from hawk.web.auth import Grant
from hawk.web.bodies import Body
from hawk.web.etag import meant_by
from hawk.web.jsonapi import MEDIA_TYPE, ApiError, check_accept, check_content_type, dumps
from hawk.web.operation import Answer, Operation, described
from hawk.web.proxy import with_base
from hawk.web.query import NO_PARAMETERS, Asked, Parameters
from hawk.web.services import Services

LARGEST_BODY = 64 * 1024
LONGEST_BODY = 30.0  # [s] for a body to arrive
COOKIE = "hawk_session"

P = ParamSpec("P")

log = logging.getLogger(__name__)


def services() -> Services:
    return cast("Services", current_app.config["SERVICES"])


def answer(document: object, status: int = 200, headers: dict[str, str] | None = None) -> Response:
    document = with_base(document, services().settings.api.base_path)
    return Response(dumps(document), status, headers, content_type=MEDIA_TYPE)


def meant() -> Meant:
    """What `If-Match` lets be changed."""
    return meant_by(request.headers.get("If-Match"))


def no_content() -> Response:
    return Response(b"", 204)


def endpoint(
    summary: str,
    *answers: Answer,
    parameters: Parameters = NO_PARAMETERS,
    headers: tuple[str, ...] = (),
    body: Body | None = None,
    refuses: frozenset[int] = frozenset(),
    needs_token: bool = True,
) -> Callable[[Callable[Concatenate[Asked, P], Awaitable[Response]]], Callable[P, Awaitable[Response]]]:
    """For endpoints that speak JSON:API: they get what was asked, checked, before the parts of the path."""
    takes_body = body is not None
    operation = Operation(summary, answers, parameters, headers, body, refuses, needs_token)

    def checking(
        function: Callable[Concatenate[Asked, P], Awaitable[Response]],
    ) -> Callable[P, Awaitable[Response]]:
        @described(operation)
        @wraps(function)
        async def checked(*args: P.args, **kwargs: P.kwargs) -> Response:
            check_accept(request.headers.get("Accept"))
            asked = parameters.parse(request.args.items(multi=True))
            if (takes_body or request.method in {"POST", "PATCH"}) and (sent := await _body()):
                check_content_type(request.headers.get("Content-Type"))
                asked = replace(asked, body=sent)
            return await function(asked, *args, **kwargs)

        return checked

    return checking


async def _body() -> bytes:
    """Raises for one that is too large or too slow. Chunk by chunk: Quart would gather them without end."""
    body = bytearray()
    with trio.move_on_after(LONGEST_BODY):
        async for chunk in request.body:
            body += chunk
            if len(body) > LARGEST_BODY:
                raise RequestEntityTooLarge
        return bytes(body)
    raise RequestTimeout


def check_token(ours: Services, token: str) -> Grant:
    """Raises ApiError 401 or 429."""
    client, now = auth.neighbourhood(request.remote_addr or ""), trio.current_time()
    grant = ours.tokens.grant_of(token)
    if grant is not None and ours.throttle.knows(client, grant):
        return grant
    if (wait := ours.throttle.wait(client, now)) > 0:
        headers = {"Retry-After": str(int(wait) + 1)}
        raise ApiError(429, "too_many_attempts", "too many wrong tokens: wait a minute", headers=headers)
    if grant is None:
        raise _wrong(ours, token, client, now)
    ours.throttle.right(client, grant)
    return grant


def _wrong(ours: Services, token: str, client: str, now: float) -> ApiError:
    """A program that still has the old token must not shut out who has the new one."""
    if ours.tokens.was_one(token):
        return unauthorized("that token was changed or removed: show one that holds")
    if ours.throttle.wrong(client, now):
        log.warning("%d wrong tokens from %s within a minute: it has to wait now", auth.WRONG_TOKENS, client)
    return unauthorized("that token is wrong")


def unauthorized(detail: str) -> ApiError:
    return ApiError(401, "unauthorized", detail, headers={"WWW-Authenticate": "Bearer"})


def admission() -> Callable[[], bool]:
    """Whether who asks now would still be let in; for answers that go on for long."""
    ours, grant = services(), cast("Grant | None", g.get("grant"))
    return lambda: ours.admits(grant)
