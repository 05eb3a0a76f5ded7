"""/api/discovery: which devices are there that are none of ours yet."""

from quart import Blueprint, Response, request

from hawk.directory.messages import ListDevices
from hawk.model.device import DeviceView, Lifecycle
from hawk.web import bodies
from hawk.web.attributes import discovery
from hawk.web.http import answer, endpoint, services
from hawk.web.kinds import DISCOVERIES, JOBS
from hawk.web.operation import one, page
from hawk.web.paging import cut, page_links
from hawk.web.query import Asked, Parameters
from hawk.web.resources import discovered_resource, job_resource
from hawk.web.services import ask

routes = Blueprint("discovery", __name__, url_prefix="/api/discovery")


@routes.get("")
@endpoint(
    "what was found and is none of ours",
    page(DISCOVERIES),
    parameters=Parameters(kinds=("discoveries",), paged=True),
)
async def list_discovered(asked: Asked) -> Response:
    """By address; those that are configured or ignored are not among them."""
    views = await ask(services().directory, ListDevices())
    waiting = [view for view in views if view.device.lifecycle is Lifecycle.DISCOVERED]
    page = cut(asked, waiting, _address, str)
    return answer(
        {
            "data": [asked.sparse(discovered_resource(view)) for view in page.items],
            "links": page_links(asked, request.path, page, _address),
            "meta": {"total": len(waiting)},
        }
    )


@routes.post("")
@endpoint("look around for a while", one(JOBS, 202, headers=("Location",)), body=bodies.DISCOVERY)
async def look_around(asked: Asked) -> Response:
    """Listens for a while, as a job."""
    job = await ask(services().jobs, discovery(asked.body))
    return answer({"data": job_resource(job)}, 202, {"Location": f"/api/jobs/{job.id}"})


def _address(view: DeviceView) -> str:
    return view.device.address
