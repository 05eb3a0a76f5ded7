"""Writes the dashboards: `python deploy/grafana/make.py [FOLDER]`. docs/grafana.md says what each one shows.

One source for all kinds of databases, so that they cannot drift apart; a test holds that the JSON beside it is what
this makes, and runs each of its queries.
"""

import json
import sys
from pathlib import Path

import panels as p
import queries as q
from panels import Json

HERE = Path(__file__).parent
THIRD, HALF, WHOLE = 8, 12, 24

AGE = ((None, "green"), (9000.0, "orange"), (86_400.0, "red"))  # [s]
BATTERY = "${__field.labels.device_name}"


def dashboard(
    source: q.Source, name: str, title: str, about: str, panels: list[Json], variables: list[Json]
) -> Json:
    links = [
        {
            "title": each.capitalize(),
            "type": "link",
            "url": f"/d/{uid(source, each)}",
            "keepTime": True,
            "includeVars": False,
        }
        for each in ("fleet", "device", "service")
        if each != name
    ]
    return {
        "uid": uid(source, name),
        "title": f"Battery Hawk: {title} ({source.title})",
        "description": about,
        "tags": ["battery-hawk", source.name],
        "schemaVersion": 39,
        "editable": True,
        "time": {"from": "now-7d" if name == "device" else "now-24h", "to": "now"},
        "refresh": "1m",
        "timezone": "browser",
        "links": links,
        "templating": {"list": [p.datasource_variable(source.plugin, source.title), *variables]},
        "panels": p.placed(panels, source.plugin),
    }


def uid(source: q.Source, name: str) -> str:
    return f"battery-hawk-{name}-{source.name}"


def to_device(source: q.Source, device: str) -> Json:
    """`device`: how the address is found in the clicked value."""
    return {
        "title": "This battery",
        "url": f"/d/{uid(source, 'device')}?var-device={device}&${{__url_time_range}}&var-datasource={p.DATASOURCE}",
    }


def charge_unit(source: q.Source) -> Json:
    unit = "percent" if source.percent == 100 else "percentunit"
    steps = p.thresholds(p.CHARGE, source.percent / 100)
    return {"unit": unit, "steps": steps, "min": 0, "max": source.percent}


VOLTS: Json = {"unit": "volt", "decimals": 2, "steps": p.thresholds(p.VOLTS)}
DEGREES: Json = {"unit": "celsius", "decimals": 1, "steps": p.thresholds(p.DEGREES)}

ABOUT_VOLTS = (
    "The colours are for a 12 V lead-acid battery at rest: green from 12.6 V (full), orange below 12.6 V, red below"
    " 12.2 V (half empty: charge it), dark red below 11.8 V (empty) and above 15 V (look at the regulator)."
    " Other chemistries and 24 V systems have others: edit the thresholds."
)
ONLY_FRESH = " What is older than the variable 'Now is not older than' is not shown: see 'Last heard'."
ABSENT = " Battery Hawk leaves out what is too old: see 'Last heard'."
BROKEN = " A line is broken where nothing was measured for two and a half hours."


# -- fleet -----------------------------------------------------------------------------------


def fleet(source: q.Source) -> Json:
    link: Json = {"displayName": BATTERY, "links": [to_device(source, "${__field.labels.device_id}")]}
    stale = ABSENT if source is q.PROMETHEUS else ONLY_FRESH
    half, whole = (HALF, 9), (WHOLE, 10)
    panels = [
        p.tiles("Voltage now", ABOUT_VOLTS + stale, [source.fleet_now(q.VOLTAGE)], (WHOLE, 6), **VOLTS, **link),
        p.bars(
            "Charge now", "As each monitor reports it." + stale, [source.fleet_now(q.CHARGE)], (HALF, 8),
            **charge_unit(source), **link,
        ),
        p.tiles(
            "Temperature now", "Of the monitor, which sits on the battery." + stale,
            [source.fleet_now(q.TEMPERATURE)], (HALF, 8), **DEGREES, **link,
        ),
        last_heard(source),
        p.lines("Voltage", ABOUT_VOLTS + BROKEN, [source.fleet(q.VOLTAGE)], whole, **VOLTS, **link),
        p.lines("Charge", BROKEN.strip(), [source.fleet(q.CHARGE)], half, **charge_unit(source), **link),
        p.lines("Temperature", BROKEN.strip(), [source.fleet(q.TEMPERATURE)], half, **DEGREES, **link),
    ]  # fmt: skip
    about = "All batteries at a glance; a click on one leads to its own dashboard."
    return dashboard(source, "fleet", "fleet", about, panels, [vehicle(source), *fresh(source)])


def last_heard(source: q.Source) -> Json:
    """Silent ones, too: here one sees that a battery is missing above."""
    about = "The newest reading of each battery in the chosen range of time, however old."
    return newest(source, p.table("Last heard", about, [source.newest()], (WHOLE, 8)))


def newest(source: q.Source, made: Json) -> Json:
    """A table of batteries, with units, colours and links."""
    ago = [{"id": "unit", "value": "dateTimeFromNow"}, {"id": "displayName", "value": "Last heard"}]
    age: list[Json] = [
        {"id": "unit", "value": "s"},
        {"id": "displayName", "value": "Age"},
        {"id": "thresholds", "value": p.thresholds(AGE)},
        {"id": "custom.cellOptions", "value": {"type": "color-background"}},
    ]
    made["fieldConfig"]["overrides"] = [
        *(p.for_series(name, {"id": "unit", "value": "volt"}) for name in ("voltage", "_value")),
        *(p.for_series(name, *age) for name in ("age", "Value")),
        *(
            p.for_series(name, *ago)
            for name in (("time", "Time", "_time") if source is not q.PROMETHEUS else ())
        ),
        p.for_series("device_id", {"id": "links", "value": [to_device(source, "${__value.raw}")]}),
        *(
            p.for_series(name, {"id": "custom.hidden", "value": True})
            for name in (("Time", "__name__", "instance", "job") if source is q.PROMETHEUS else ())
        ),
    ]
    return made


def vehicle(source: q.Source) -> Json:
    return p.query_variable("vehicle", "Vehicle", source.vehicles, source.plugin, every=True)


def fresh(source: q.Source) -> list[Json]:
    return [] if source is q.PROMETHEUS else [p.fresh_variable()]


# -- one device ------------------------------------------------------------------------------


def device(source: q.Source) -> Json:
    stale = ABSENT if source is q.PROMETHEUS else ONLY_FRESH
    small, whole, half = (4, 4), (WHOLE, 10), (HALF, 8)
    who = p.table("This battery", "Its newest reading, however old.", [source.newest_of_device()], (WHOLE, 4))
    panels = [
        newest(source, who),
        p.tiles("Voltage now", ABOUT_VOLTS + stale, [source.device_now(q.VOLTAGE)], small, **VOLTS),
        p.tiles("Charge now", stale.strip(), [source.device_now(q.CHARGE)], small, **charge_unit(source)),
        p.tiles("Temperature now", stale.strip(), [source.device_now(q.TEMPERATURE)], small, **DEGREES),
        p.tiles(
            "Current now", "Positive while charging; only of devices that measure it.",
            [source.device_now(q.CURRENT)], small, unit="amp", decimals=1,
        ),
        p.tiles(
            "Power now", "Positive while charging; only of devices that measure it.",
            [source.device_now(q.POWER)], small, unit="watt", decimals=0,
        ),
        p.lines("Voltage", ABOUT_VOLTS + BROKEN, [source.device(q.VOLTAGE)], whole, limits=True, **VOLTS),
        *(summaries(source, resolution, q.VOLTAGE, whole, VOLTS) for resolution in source.resolutions),
        p.lines("Charge", BROKEN.strip(), [source.device(q.CHARGE)], half, **charge_unit(source)),
        p.lines("Temperature", BROKEN.strip(), [source.device(q.TEMPERATURE)], half, **DEGREES),
        p.lines("Current", "Positive while charging." + BROKEN, [source.device(q.CURRENT)], half, unit="amp"),
        p.lines("Power", "Positive while charging." + BROKEN, [source.device(q.POWER)], half, unit="watt"),
        *(
            summaries(source, source.resolutions[-1], quantity, half, looks)
            for quantity, looks in ((q.CHARGE, charge_unit(source)), (q.TEMPERATURE, DEGREES))
        ),
        *(radio() if source is q.PROMETHEUS else ()),
    ]  # fmt: skip
    about = "One battery: now, as measured, and hour by hour and day by day for ranges of months and years."
    chosen = p.query_variable("device", "Battery", source.devices, source.plugin, regex=source.devices_regex)
    return dashboard(source, "device", "one battery", about, panels, [chosen, *fresh(source)])


_SUMMARIES = {
    "1h": (
        " by the hour",
        "Lowest, mean and highest of each hour, for ranges of weeks and months: kept for two years.",
    ),
    "1d": (" by the day", "Lowest, mean and highest of each day, for ranges of years: kept for ever."),
    "": (" at its lowest and highest", "Lowest, mean and highest between two points of the graph."),
}


def summaries(
    source: q.Source, resolution: str, quantity: q.Quantity, size: tuple[int, int], looks: Json
) -> Json:
    words, about = _SUMMARIES[resolution]
    name = {"voltage": "Voltage", "state_of_charge": "Charge", "temperature": "Temperature"}[quantity.name]
    named = {"displayName": "${__field.labels._field}"} if source.name == "flux" else {}
    targets = source.device_band(quantity, resolution)
    return p.band(p.lines(name + words, about, targets, size, **{**looks, **named}), *source.band(quantity))


def radio() -> list[Json]:
    """What only Prometheus is told of a device."""
    this, half = '{device_id="$device"}', (HALF, 8)
    heard = q.over_time(f"battery_hawk_rssi_dbm{this}", "signal")
    quality = q.over_time(f"battery_hawk_link_quality_ratio{this}", "attempts that worked")
    polls = q.over_time(
        f"sum by (outcome) (increase(battery_hawk_polls_total{this}[$__rate_interval]))", "{{outcome}}"
    )
    age = q.over_time(f"battery_hawk_data_age_seconds{this}", "age")
    rejected = q.over_time(
        f"sum by (quantity, reason) (increase(battery_hawk_rejected_values_total{this}[$__rate_interval]))",
        "{{quantity}} {{reason}}",
    )
    return [
        p.row("Radio"),
        p.lines("Age of the data", "A saw tooth: it falls with each reading.", [age], half, unit="s"),
        p.lines("Signal", "-60 dBm is strong; below -85 dBm links fail.", [heard], half, unit="dBm"),
        p.lines(
            "Link", "Of the last 100 attempts to connect.", [quality], half, unit="percentunit", min=0, max=1
        ),
        p.columns("Polls", "By how they ended.", [polls], half, unit="short"),
        p.columns(
            "Not believed", "Values outside of the limits of this device.", [rejected], half, unit="short"
        ),
    ]


# -- service ---------------------------------------------------------------------------------


def service_by_database(source: q.Database) -> Json:
    named = {"displayName": BATTERY}
    panels = [
        p.tiles(
            "Batteries that deliver", "Those with a reading that is not older than 'Now is not older than'.",
            [source.delivering()], (6, 5), unit="none",
        ),
        p.tiles("Readings", "In the chosen range of time.", [source.total()], (6, 5), unit="short", calc="sum"),
        last_heard_of_all(source),
        p.columns(
            "Readings an hour", "By the hour in which they were measured: a gap that was filled later is none.",
            [source.per_hour()], (WHOLE, 10), unit="short", **named,
        ),
        *(only_sql() if source.name == "postgresql" else ()),
    ]  # fmt: skip
    about = (
        "Whether readings arrive in this database. It knows nothing of Bluetooth or of the service itself: for"
        " those let Prometheus read /metrics."
    )
    return dashboard(source, "service", "what arrives", about, panels, [vehicle(source), *fresh(source)])


def last_heard_of_all(source: q.Source) -> Json:
    made = last_heard(source)
    made["gridPos"] = {"w": HALF, "h": 8}
    return made


def only_sql() -> list[Json]:
    sql = q.PostgreSql()
    by_source = {"displayName": "${__field.labels.source}"}
    return [
        p.columns(
            "How readings came", "From advertisements, by connecting (gatt), or from what the device remembered (history).",
            [sql.by_source()], (HALF, 9), unit="short", **by_source,
        ),
        p.lines(
            "Signal", "-60 dBm is strong; below -85 dBm links fail.", [sql.signal()], (HALF, 9), unit="dBm",
            displayName=BATTERY,
        ),
    ]  # fmt: skip


def service_by_prometheus(source: q.Source) -> Json:
    half, small = (HALF, 8), (4, 4)
    bad = p.thresholds(((None, "green"), (1.0, "red")))
    good = p.thresholds(((None, "red"), (1.0, "green")))

    def tile(title: str, about: str, expression: str, steps: Json, unit: str = "none") -> Json:
        return p.tiles(title, about, [q.now(expression)], small, unit=unit, steps=steps)

    def graph(title: str, about: str, unit: str, *queries: tuple[str, str]) -> Json:
        return p.lines(title, about, [q.over_time(*each) for each in queries], half, unit=unit)

    def per_interval(metric: str) -> str:
        return f"increase({metric}[$__rate_interval])"

    panels = [
        tile("Answers", "1: /metrics answers.", 'up{job="battery-hawk"}', good),
        tile("Listening", "1: advertisements can be heard.", "battery_hawk_bluetooth_listening", good),
        tile("Silent batteries", "Configured ones without data that are young enough.", "count(battery_hawk_available == 0) or vector(0)", bad),
        tile("Disk refuses", "1: readings wait in memory.", "battery_hawk_store_degraded", bad),
        tile("Clock", "1: readings get a date.", "battery_hawk_clock_trusted", good),
        tile("Parts that do not answer", "What they know is missing here.", "count(battery_hawk_part_answered == 0) or vector(0)", bad),
        p.row("Bluetooth"),
        graph(
            "Advertisements", "A second, by adapter.", "short",
            ("rate(battery_hawk_adapter_adverts_total[$__rate_interval])", "{{adapter}}"),
        ),
        p.columns(
            "Recovery", "Steps taken because Bluetooth hung, by adapter; none is best.",
            [q.over_time(per_interval("battery_hawk_adapter_recoveries_total"), "{{adapter}} {{rung}}")],
            half, unit="short",
        ),
        p.columns(
            "Polls", "By how they ended, all batteries together.",
            [q.over_time(f"sum by (outcome) ({per_interval('battery_hawk_polls_total')})", "{{outcome}}")],
            half, unit="short",
        ),
        graph(
            "Links", "Held, and polls that wait for one.", "short",
            ("battery_hawk_links_held", "held"), ("battery_hawk_links_waiting", "waiting"),
        ),
        p.row("Readings"),
        graph("Log", "Readings in the log.", "short", ("battery_hawk_store_readings", "readings")),
        graph("Log on the disk", "With what it needs while it is written.", "bytes", ("battery_hawk_store_size_bytes", "size")),
        graph(
            "Waiting and lost", "Both should stay at 0.", "short",
            ("battery_hawk_store_waiting_readings", "on their way to the disk"),
            ("battery_hawk_store_undated_readings", "without a date yet"),
            ("battery_hawk_store_dropped_readings_total", "lost"),
        ),
        graph(
            "Not delivered yet",
            "Rows that wait for each database, and readings for the MQTT broker; 100000 is that many or more.",
            "short",
            ("battery_hawk_sink_unsent_rows", "{{sink}} {{stream}}"),
            ("battery_hawk_mqtt_unsent_readings", "mqtt"),
        ),
        p.columns(
            "Delivered",
            "Rows that each database got, and those that it never will.",
            [
                q.over_time(per_interval("battery_hawk_sink_delivered_rows_total"), "{{sink}}"),
                q.over_time(per_interval("battery_hawk_sink_dropped_rows_total"), "{{sink}} dropped"),
            ],
            half,
            unit="short",
        ),
        p.columns(
            "Databases",
            "In which state each one is.",
            [q.over_time('battery_hawk_sink_state{state!="off"}', "{{sink}} {{state}}")],
            half,
            unit="none",
        ),
        p.row("Process"),
        graph(
            "Memory", "Of the whole service.", "bytes", ('process_resident_memory_bytes{job="battery-hawk"}', "resident"),
        ),
        graph(
            "Processor", "1 is one core.", "percentunit",
            ('rate(process_cpu_seconds_total{job="battery-hawk"}[$__rate_interval])', "used"),
        ),
        p.columns(
            "Restarts", "Of parts of the service, after a crash: each is a bug worth a report.",
            [q.over_time(f"{per_interval('battery_hawk_actor_restarts_total')} > 0", "{{actor}}")], half, unit="short",
        ),
        graph(
            "Mailboxes", "The fullest ones, and what was dropped.", "short",
            ("topk(5, battery_hawk_mailbox_waiting_messages > 0)", "waiting: {{actor}}"),
            (f"{per_interval('battery_hawk_mailbox_dropped_messages_total')} > 0", "dropped: {{actor}}"),
        ),
    ]  # fmt: skip
    about = "How the service does: Bluetooth, the log, and the process itself."
    return dashboard(source, "service", "service", about, panels, [])


def boards(source: q.Source) -> dict[str, Json]:
    service = service_by_database(source) if isinstance(source, q.Database) else service_by_prometheus(source)
    return {"fleet": fleet(source), "device": device(source), "service": service}


def write(folder: Path) -> None:
    for source in q.SOURCES:
        (folder / source.name).mkdir(parents=True, exist_ok=True)
        for name, board in boards(source).items():
            text = json.dumps(board, indent=2, ensure_ascii=False) + "\n"
            (folder / source.name / f"{name}.json").write_text(text)


if __name__ == "__main__":
    write(Path(sys.argv[1]) if len(sys.argv) > 1 else HERE / "dashboards")
