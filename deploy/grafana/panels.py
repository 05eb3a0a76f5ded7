"""Panels as Grafana's JSON has them (dashboard schema 39, Grafana 10 and later)."""

from collections.abc import Iterable, Sequence
from typing import Any

Json = dict[str, Any]

DATASOURCE = "${datasource}"  # a variable: whoever imports a dashboard chooses
WIDTH = 24  # of the grid

# Rules of thumb for 12 V lead-acid at rest: docs/prometheus.md, "Limits".
VOLTS = ((None, "dark-red"), (11.8, "red"), (12.2, "orange"), (12.6, "green"), (15.0, "dark-red"))
CHARGE = ((None, "red"), (20.0, "orange"), (50.0, "green"))
DEGREES = ((None, "blue"), (0.0, "green"), (45.0, "orange"), (55.0, "red"))
PLAIN = ((None, "green"),)
GAP = 9000  # [s] two and a half hours: a longer pause is no line


def thresholds(steps: Iterable[tuple[float | None, str]], scale: float = 1.0) -> Json:
    """`scale` of the values."""
    return {
        "mode": "absolute",
        "steps": [
            {"value": None if value is None else round(value * scale, 6), "color": color}
            for value, color in steps
        ],
    }


def panel(
    kind: str,
    title: str,
    about: str,
    targets: Sequence[Json],
    size: tuple[int, int],
    *,
    unit: str,
    steps: Json | None = None,
    **defaults: Any,
) -> Json:
    """`defaults` of all its fields."""
    width, height = size
    return {
        "type": kind,
        "title": title,
        "description": about,
        "datasource": {"type": None, "uid": DATASOURCE},
        "gridPos": {"w": width, "h": height},
        "targets": list(targets),
        "fieldConfig": {
            "defaults": {"unit": unit, "thresholds": steps or thresholds(PLAIN), **defaults},
            "overrides": [],
        },
        "options": {},
    }


def tiles(
    title: str,
    about: str,
    targets: Sequence[Json],
    size: tuple[int, int],
    *,
    calc: str = "lastNotNull",
    **rest: Any,
) -> Json:
    """A coloured number for each series."""
    made = panel("stat", title, about, targets, size, **{"color": {"mode": "thresholds"}, **rest})
    made["options"] = {
        "reduceOptions": {"calcs": [calc], "fields": "", "values": False},
        "colorMode": "background",
        "graphMode": "none",
        "textMode": "auto",
        "orientation": "auto",
    }
    return made


def bars(title: str, about: str, targets: Sequence[Json], size: tuple[int, int], **rest: Any) -> Json:
    made = panel("bargauge", title, about, targets, size, **{"color": {"mode": "thresholds"}, **rest})
    made["options"] = {
        "reduceOptions": {"calcs": ["lastNotNull"], "fields": "", "values": False},
        "displayMode": "lcd",
        "orientation": "horizontal",
    }
    return made


def lines(
    title: str,
    about: str,
    targets: Sequence[Json],
    size: tuple[int, int],
    *,
    limits: bool = False,
    **rest: Any,
) -> Json:
    """`limits` are drawn as dashed lines."""
    made = panel("timeseries", title, about, targets, size, **{"color": {"mode": "palette-classic"}, **rest})
    made["fieldConfig"]["defaults"]["custom"] = {
        "drawStyle": "line",
        "lineWidth": 1,
        "showPoints": "auto",
        "spanNulls": GAP * 1000,  # [ms]
        "insertNulls": GAP * 1000,
        "thresholdsStyle": {"mode": "dashed" if limits else "off"},
    }
    made["options"] = {
        "legend": {"displayMode": "table", "placement": "bottom", "calcs": ["min", "max", "lastNotNull"]},
        "tooltip": {"mode": "multi", "sort": "desc"},
    }
    return made


def columns(title: str, about: str, targets: Sequence[Json], size: tuple[int, int], **rest: Any) -> Json:
    """Stacked, for counts."""
    made = lines(title, about, targets, size, **rest)
    made["fieldConfig"]["defaults"]["custom"] = {
        "drawStyle": "bars",
        "fillOpacity": 70,
        "lineWidth": 0,
        "stacking": {"mode": "normal"},
    }
    return made


def band(made: Json, lowest: str, mean: str, highest: str) -> Json:
    """Of three series: the space between lowest and highest is filled."""
    edge: list[Json] = [{"id": "custom.lineWidth", "value": 0}, {"id": "color", "value": fixed("blue")}]
    fill: list[Json] = [
        {"id": "custom.fillBelowTo", "value": lowest},
        {"id": "custom.fillOpacity", "value": 25},
    ]
    made["fieldConfig"]["overrides"] += [
        for_series(lowest, *edge),
        for_series(highest, *edge, *fill),
        for_series(mean, {"id": "color", "value": fixed("blue")}, {"id": "custom.lineWidth", "value": 2}),
    ]
    return made


def table(title: str, about: str, targets: Sequence[Json], size: tuple[int, int], **rest: Any) -> Json:
    return panel("table", title, about, targets, size, **{"unit": "none", **rest})


def for_series(name: str, *properties: Json) -> Json:
    return {"matcher": {"id": "byName", "options": name}, "properties": list(properties)}


def fixed(color: str) -> Json:
    return {"mode": "fixed", "fixedColor": color}


def row(title: str) -> Json:
    return {"type": "row", "title": title, "collapsed": False, "gridPos": {"w": WIDTH, "h": 1}, "panels": []}


def placed(panels: Sequence[Json], plugin: str) -> list[Json]:
    """From left to right, from top to bottom; numbered."""
    x = y = height = 0
    for number, each in enumerate(panels, 1):
        grid = each["gridPos"]
        if x + grid["w"] > WIDTH:
            x, y = 0, y + height
            height = 0
        each["id"] = number
        each["gridPos"] = {**grid, "x": x, "y": y}
        x, height = x + grid["w"], max(height, grid["h"])
        if "targets" in each:
            each["datasource"]["type"] = plugin
            for letter, target in zip("ABCDEFGH", each["targets"], strict=False):
                target["refId"], target["datasource"] = letter, each["datasource"]
    return list(panels)


# -- variables -------------------------------------------------------------------------------


def datasource_variable(plugin: str, title: str) -> Json:
    return {
        "name": "datasource",
        "label": "Data source",
        "description": f"Where Battery Hawk's readings are: {title}.",
        "type": "datasource",
        "query": plugin,
        "current": {},
        "hide": 0,
    }


def query_variable(
    name: str, label: str, query: str, plugin: str, *, regex: str = "", every: bool = False
) -> Json:
    """`every`: several can be chosen, and all of them."""
    several = {"allValue": ".*"} if every and plugin != "grafana-postgresql-datasource" else {}
    return {
        "name": name,
        "label": label,
        "type": "query",
        "datasource": {"type": plugin, "uid": DATASOURCE},
        "query": query,
        "definition": query,
        "regex": regex,
        "refresh": 2,  # when the range of time changes
        "sort": 1,
        "multi": every,
        "includeAll": every,
        "current": {"text": "All", "value": "$__all"} if every else {},
        **several,
    }


def fresh_variable() -> Json:
    """How old a value may be to count as of now."""
    choices = (("15 minutes", 900), ("2.5 hours", 9000), ("1 day", 86_400))
    options = [
        {"text": text, "value": str(seconds), "selected": seconds == 9000} for text, seconds in choices
    ]
    return {
        "name": "fresh",
        "label": "Now is not older than",
        "description": "2.5 polling intervals is what Battery Hawk itself calls available; it polls every hour.",
        "type": "custom",
        "query": ", ".join(f"{text} : {seconds}" for text, seconds in choices),
        "options": options,
        "current": options[1],
    }
