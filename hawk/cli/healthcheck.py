"""`hawk healthcheck`: whether the service answers, for containers. Imports next to nothing: it runs all the time."""

import http.client
import json
import os
from pathlib import Path
from urllib.parse import SplitResult, urlsplit

import click

from hawk.cli.options import DATA, JSON
from hawk.cli.output import refusals_said
from hawk.errors import HawkError


class Unhealthy(HawkError):
    code = "unhealthy"


@click.command()
@click.option(
    "--timeout",
    type=click.FloatRange(0.1, 60),
    default=5.0,
    show_default=True,
    metavar="S",
    help="How long the answer may take.",
)
@DATA
@JSON
def healthcheck(timeout: float, data: Path | None, *, as_json: bool) -> None:
    """Ask the service on this data folder whether it is alive: exit code 0, or 1.

    \b
    HEALTHCHECK CMD ["hawk", "healthcheck"]
    """  # click's mark for a paragraph that is not wrapped
    from hawk import datafolder

    with refusals_said(as_json=as_json):
        url = _url(datafolder.choose(data, os.environ))
        _ask(url, timeout)
    click.echo(json.dumps({"ok": True, "url": url}) if as_json else f"alive at {url}")


def _url(data: Path) -> str:
    """Raises Unhealthy."""
    try:
        url = str(json.loads((data / "run.json").read_text())["url"])
        urlsplit(url).port  # noqa: B018  # raises ValueError for what is none
    except (OSError, ValueError, LookupError, TypeError) as error:
        raise Unhealthy(f"No service says in {data / 'run.json'} that it runs: {error}") from None
    return url


def _ask(url: str, timeout: float) -> None:
    """Raises Unhealthy."""
    where = urlsplit(url)
    connection = _connection(where, timeout)
    try:
        connection.request("GET", "/healthz")
        status = connection.getresponse().status
    except (OSError, http.client.HTTPException) as error:
        raise Unhealthy(f"The service does not answer at {url} within {timeout:g} s: {error}") from None
    finally:
        connection.close()
    if status == http.client.NOT_FOUND:
        raise Unhealthy(f"{url}/healthz is switched off: set api.health_endpoint to true.")
    if status != http.client.OK:
        raise Unhealthy(f"{url}/healthz answers {status}.")


def _connection(where: SplitResult, timeout: float) -> http.client.HTTPConnection:
    """Whose certificate it is does not matter: nothing is told that others may not know."""
    if where.scheme != "https":
        return http.client.HTTPConnection(where.hostname or "", where.port, timeout=timeout)
    import ssl

    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    return http.client.HTTPSConnection(where.hostname or "", where.port, timeout=timeout, context=context)
