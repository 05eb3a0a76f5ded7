"""The dashboards as they are delivered, and what Grafana makes of their queries before it asks.

Macros and variables are written out as Grafana documents them:
https://grafana.com/docs/grafana/latest/datasources/influxdb/query-editor/ (and .../postgres/, .../prometheus/),
https://grafana.com/docs/grafana/latest/dashboards/variables/variable-syntax/.
"""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from tests.grafana import history

FOLDER = Path(__file__).parents[2] / "deploy" / "grafana"
SOURCES = ("influxql", "flux", "postgresql", "prometheus")
BOARDS = ("fleet", "device", "service")
FRESH = 9000  # [s]


def board(source: str, name: str) -> Mapping[str, Any]:
    return json.loads((FOLDER / "dashboards" / source / f"{name}.json").read_text())


@dataclass(frozen=True, slots=True)
class Panel:
    board: str
    title: str
    targets: tuple[Mapping[str, Any], ...]


def panels(source: str, name: str) -> list[Panel]:
    """Without the rows that only divide."""
    return [
        Panel(name, each["title"], tuple(each["targets"]))
        for each in board(source, name)["panels"]
        if each["type"] != "row"
    ]


def variable(source: str, name: str) -> Mapping[str, Any]:
    found = [
        each
        for which in BOARDS
        for each in board(source, which)["templating"]["list"]
        if each["name"] == name and each["type"] == "query"
    ]
    assert all(each == found[0] for each in found)
    return found[0]


@dataclass(frozen=True, slots=True)
class Chosen:
    """What somebody has chosen in Grafana."""

    since: int = history.END - 24 * 3600  # [s since the epoch]
    until: int = history.END
    interval: int = 3600  # [s] that Grafana finds fit for the width of the panel
    device: str = history.HOUSE.address
    vehicles: tuple[str, ...] = ()  # all
    fresh: int = FRESH
    every_vehicle: tuple[str, ...] = field(default=("Boat", "unassigned"))


def influxql(query: str, chosen: Chosen) -> str:
    vehicles = "|".join(map(re.escape, chosen.vehicles))
    return _complete(
        query.replace("$timeFilter", f"time >= {chosen.since}000ms and time <= {chosen.until}000ms")
        .replace("$__interval", f"{chosen.interval}s")
        .replace("/^$vehicle$/", f"/^({vehicles})$/" if vehicles else "/^.*$/")
        .replace("'$device'", f"'{chosen.device}'")
        .replace("${fresh}", str(chosen.fresh))
    )


def postgresql(query: str, chosen: Chosen) -> str:
    vehicles = ",".join(f"'{name}'" for name in chosen.vehicles or chosen.every_vehicle)
    query = re.sub(
        r"\$__timeFilter\(([^)]+)\)",
        rf"\1 BETWEEN '{_rfc3339(chosen.since)}' AND '{_rfc3339(chosen.until)}'",
        query,
    )
    query = re.sub(
        r"\$__timeGroupAlias\(([^,]+), (?:\$__interval|'(1h)')\)", lambda found: _group(found, chosen), query
    )
    return _complete(
        query.replace("$vehicle", vehicles)
        .replace("$device", chosen.device)
        .replace("$fresh", str(chosen.fresh))
    )


def _group(found: re.Match[str], chosen: Chosen) -> str:
    step = 3600 if found[2] else chosen.interval
    return f'floor(extract(epoch from {found[1]})/{step})*{step} AS "time"'


def _rfc3339(seconds: int) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def prometheus(expression: str, chosen: Chosen) -> str:
    return _complete(
        expression.replace("$__rate_interval", "5m")
        .replace("$vehicle", "|".join(chosen.vehicles) or ".*")
        .replace("$device", chosen.device)
    )


def _complete(query: str) -> str:
    assert not re.search(r"\$[\w{]", query), f"a variable that nobody knows: {query}"
    return query
