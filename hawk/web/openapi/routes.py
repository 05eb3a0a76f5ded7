"""/api/openapi.json: the description of the API; /api/docs: the same for people."""

import json
import re
from collections.abc import Iterator
from functools import lru_cache
from typing import TYPE_CHECKING

import trio
from quart import Blueprint, Quart, Response, current_app, request

from hawk.web.http import services
from hawk.web.operation import Answer, Operation, described, operation_of
from hawk.web.query import NO_PARAMETERS

if TYPE_CHECKING:
    from hawk.web.openapi.document import Route

routes = Blueprint("openapi", __name__, url_prefix="/api")

_OF_ALL = {"HEAD", "OPTIONS"}


@routes.get("/openapi.json")
@described(
    Operation("the whole API as OpenAPI 3.1", (Answer(media=("application/json",)),), speaks_jsonapi=False)
)
async def get_openapi() -> Response:
    NO_PARAMETERS.parse(request.args.items(multi=True))
    written = await trio.to_thread.run_sync(_document, services().settings.api.base_path)
    return Response(written, 200, content_type="application/json")


@routes.get("/docs")
@described(
    Operation(
        "the same for people, in a browser; it holds no data and needs no token",
        (Answer(media=("text/html",)),),
        needs_token=False,
        speaks_jsonapi=False,
        refuses=frozenset({400}),
    )
)
async def get_page() -> Response:
    NO_PARAMETERS.parse(request.args.items(multi=True))
    written, style = await trio.to_thread.run_sync(_page, services().settings.api.base_path)
    headers = {"Content-Security-Policy": f"default-src 'none'; style-src '{style}'; frame-ancestors 'none'"}
    return Response(written, 200, headers, content_type="text/html; charset=utf-8")


# Both are made in a thread: the first time that takes longer than the loop may stand still.


@lru_cache(maxsize=1)
def _document(base_path: str) -> bytes:
    from hawk.web.openapi.document import openapi  # 400 KiB: for those who read it

    return json.dumps(openapi(routes_of(current_app), base_path), ensure_ascii=False).encode()


@lru_cache(maxsize=1)
def _page(base_path: str) -> tuple[bytes, str]:
    """And how the browser is told that its style is ours."""
    from hawk.web.openapi.page import page, style_hash  # a template engine, only where somebody reads

    written = page(json.loads(_document(base_path)))
    return written.encode(), style_hash(written)


def routes_of(app: Quart) -> "Iterator[Route]":
    """All that say something of themselves."""
    from hawk.web.openapi.document import Route

    for rule in app.url_map.iter_rules():
        function = app.view_functions[rule.endpoint]
        if (operation := operation_of(function)) is not None:
            for method in sorted((rule.methods or set()) - _OF_ALL):
                path = re.sub(r"<(?:\w+:)?(\w+)>", r"{\1}", rule.rule)
                yield Route(path, method, rule.endpoint, function, operation)
