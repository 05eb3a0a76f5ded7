"""/api/devices/{mac}/cranking: the starts of the engine that a device remembered."""

from quart import Blueprint, Response, request

from hawk.jobs.messages import StartCranking
from hawk.model.address import parse_address
from hawk.store.messages import GetCranking
from hawk.web.devices import actor_of
from hawk.web.http import answer, endpoint, services
from hawk.web.kinds import CRANKING, JOBS
from hawk.web.operation import NOT_OURS, one, page
from hawk.web.paging import page_links, read
from hawk.web.query import Asked, Parameters
from hawk.web.readings import check_known, cursor_of
from hawk.web.resources import cranking_resource, job_resource
from hawk.web.services import LONG_DEADLINE, ask

routes = Blueprint("cranking", __name__, url_prefix="/api/devices/<mac>/cranking")


@routes.get("")
@endpoint(
    "the starts of the engine",
    page(CRANKING, counted=False),
    parameters=Parameters(kinds=("cranking-events",), paged=True),
)
async def list_starts(asked: Asked, mac: str) -> Response:
    """Newest first. Those of a removed device stay readable."""
    address = parse_address(mac)
    wanted = GetCranking(address, cursor_of(asked), asked.size, newest_first=asked.before is None)
    starts = await ask(services().store, wanted, LONG_DEADLINE)
    page = read(asked, starts.found, starts.next)
    if not page.items:
        await check_known(address)
    return answer(
        {
            "data": [asked.sparse(cranking_resource(each)) for each in page.items],
            "links": page_links(asked, request.path, page, lambda each: str(each.by.moment.utc)),
        }
    )


@routes.post("")
@endpoint("ask the monitor for the last one", one(JOBS, 202, headers=("Location",)), refuses=NOT_OURS)
async def read_last_start(_: Asked, mac: str) -> Response:
    """What the device remembers now, as a job."""
    address = parse_address(mac)
    await actor_of(address)
    job = await ask(services().jobs, StartCranking(address))
    return answer({"data": job_resource(job)}, 202, {"Location": f"/api/jobs/{job.id}"})
