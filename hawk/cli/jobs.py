"""Work that the service does while a command waits for it."""

import time
from collections.abc import Callable
from typing import Any

LOOK = 0.3  # [s] between two looks at how far it is


def finished(ask: Callable[..., Any], path: str, attributes: dict[str, Any] | None = None) -> dict[str, Any]:
    """Starts a job and shows its progress; the job as it ended. Raises Refused and NoService."""
    from hawk.cli.output import progress
    from hawk.cli.running import Refused

    document = attributes and {"data": {"type": "jobs", "attributes": attributes}}
    job: dict[str, Any] = ask("POST", path, document or None)["data"]
    with progress() as show:
        task = show.add_task("Reading", total=1.0)
        while (said := job["attributes"])["state"] == "running":
            time.sleep(LOOK)
            job = ask("GET", f"/api/jobs/{job['id']}")["data"]
            show.update(task, completed=said["progress"])
    if said["error"] is not None:
        raise Refused(said["error"]["code"], said["error"]["detail"])
    if said["result"] is None:
        raise Refused("cancelled", "somebody cancelled it")
    return job
