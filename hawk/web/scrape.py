"""/metrics, for Prometheus."""

import trio
from quart import Blueprint, Response, request

from hawk.web.http import services
from hawk.web.observed import Observed, observe
from hawk.web.operation import Answer, Operation, described
from hawk.web.query import NO_PARAMETERS

routes = Blueprint("metrics", __name__)


@routes.get("/metrics")
@described(
    Operation(
        "the same and every battery, for Prometheus",
        (Answer(media=("text/plain", "application/openmetrics-text")),),
        speaks_jsonapi=False,
    )
)
async def get_metrics() -> Response:
    """Written in a thread: with hundreds of devices that takes longer than the loop may stand still."""
    NO_PARAMETERS.parse(request.args.items(multi=True))
    observed, accept = await observe(services()), request.headers.get("Accept", "")
    body, media_type = await trio.to_thread.run_sync(_written, observed, accept)
    return Response(body, 200, content_type=media_type)


def _written(observed: Observed, accept: str) -> tuple[bytes, str]:
    from hawk.web.metrics import exposition  # some MiB, only where somebody scrapes

    return exposition(observed, accept)
