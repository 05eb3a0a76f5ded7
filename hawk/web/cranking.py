"""/api/devices/{mac}/cranking: the starts of the engine that a device remembered."""

from quart import Blueprint, Response, request

from hawk.jobs.messages import StartCranking
from hawk.model.address import parse_address
from hawk.store.messages import GetCranking
from hawk.web.devices import actor_of
from hawk.web.http import answer, endpoint, services
from hawk.web.query import Asked, Parameters
from hawk.web.readings import check_known, cursor_of
from hawk.web.resources import cranking_resource, job_resource
from hawk.web.services import LONG_DEADLINE, ask

routes = Blueprint("cranking", __name__, url_prefix="/api/devices/<mac>/cranking")


@routes.get("")
@endpoint(Parameters(kinds=("cranking-events",), paged=True))
async def list_starts(asked: Asked, mac: str) -> Response:
    """Newest first. Those of a removed device stay readable."""
    address = parse_address(mac)
    wanted = GetCranking(address, cursor_of(asked.after), asked.size)
    page = await ask(services().store, wanted, LONG_DEADLINE)
    if not page.found:
        await check_known(address)
    after = None if page.next is None else str(page.next)
    return answer(
        {
            "data": [asked.sparse(cranking_resource(each)) for each in page.found],
            "links": {"next": asked.next_link(request.path, after)},
        }
    )


@routes.post("")
@endpoint()
async def read_last_start(_: Asked, mac: str) -> Response:
    """What the device remembers now, as a job."""
    address = parse_address(mac)
    await actor_of(address)
    job = await ask(services().jobs, StartCranking(address))
    return answer({"data": job_resource(job)}, 202, {"Location": f"/api/jobs/{job.id}"})
