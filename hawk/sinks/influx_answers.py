"""What a server of the InfluxDB kind means by an answer that is no success. Pure.

InfluxDB 1.6.7 and VictoriaMetrics 1.79 were asked; 2.x and 3 by their documentation.
"""

import json
import re

from hawk.errors import (
    BatchPartlyRefused,
    BatchRefused,
    BatchTooLarge,
    SinkBusy,
    SinkDenied,
    SinkError,
    SinkUnreachable,
)

LONGEST = 300  # characters of what a server says


def refusal(status: int, body: str, retry_after: str | None, place: str) -> SinkError:
    """To a batch of rows."""
    said = words(body)
    match status:
        case 400 | 422 if status == 422 or "partial write" in body:
            return BatchPartlyRefused(said, _dropped(body))
        case 400:
            return BatchRefused(said)
        case 413:
            return BatchTooLarge(said)
        case _:
            return trouble(status, body, retry_after, place)


def trouble(status: int, body: str, retry_after: str | None, place: str) -> SinkError:
    """Whatever was asked."""
    said = f"{place} answers {status} ({words(body)})" if status else f"{place}: {words(body)}"
    match status:
        case 0:
            return SinkDenied(f"{said}: look at influxdb.url, influxdb.ca_file and influxdb.verify_tls")
        case 401 | 403:
            return SinkDenied(f"{said}: it needs influxdb.username and influxdb.password, or influxdb.token")
        case 429 | 503:
            return SinkBusy(said, _seconds(retry_after))
        case _ if status >= 500 and "retention policy not found" not in body:
            return SinkUnreachable(said)
        case _:
            return SinkDenied(f"{said}: make it there, or mend the section influxdb of the settings")


def is_not_spoken(status: int, body: str) -> bool:
    """The write call of 2.x, by a server that has none."""
    return status == 404 and not body.lstrip().startswith("{")


def words(body: str) -> str:
    """The sentence in it."""
    try:
        found = json.loads(body)
    except ValueError:
        found = body
    if isinstance(found, dict):
        found = next((found[key] for key in ("message", "error") if isinstance(found.get(key), str)), body)
    text = " ".join(str(found).split())
    return text if len(text) <= LONGEST else f"{text[:LONGEST]} ..."


def _dropped(body: str) -> int:
    """At least one. 1.x counts what it dropped, but not what it could not read; 3 lists them."""
    counted = sum(int(found) for found in re.findall(r"dropped=(\d{1,9})", body))
    return max(1, counted, body.count("unable to parse"), body.count('"line_number"'))


def _seconds(retry_after: str | None) -> float | None:
    """A date, which is allowed too, says nothing without its clock."""
    return float(retry_after) if retry_after and retry_after.isdecimal() and len(retry_after) < 10 else None
