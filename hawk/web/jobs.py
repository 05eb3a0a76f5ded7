"""/api/jobs: work that takes longer than a request."""

from quart import Blueprint, Response

from hawk.jobs.messages import CancelJob, GetJob
from hawk.web.http import answer, endpoint, no_content, services
from hawk.web.kinds import JOBS
from hawk.web.operation import NOTHING, one
from hawk.web.query import Asked, Parameters
from hawk.web.resources import job_resource
from hawk.web.services import ask

routes = Blueprint("jobs", __name__, url_prefix="/api/jobs")


@routes.get("/<job_id>")
@endpoint("how far that is", one(JOBS), parameters=Parameters(kinds=("jobs",)))
async def get_job(asked: Asked, job_id: str) -> Response:
    return answer({"data": asked.sparse(job_resource(await ask(services().jobs, GetJob(job_id))))})


@routes.delete("/<job_id>")
@endpoint("end it", NOTHING)
async def cancel_job(_: Asked, job_id: str) -> Response:
    await ask(services().jobs, CancelJob(job_id))
    return no_content()
