"""What Prometheus is told: everything as it is at the moment of the scrape, and nothing that is too old. Pure.

docs/prometheus.md has a row for each family; a test compares.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from itertools import chain

from prometheus_client import ProcessCollector
from prometheus_client.exposition import choose_encoder
from prometheus_client.metrics_core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    InfoMetricFamily,
    Metric,
)
from prometheus_client.registry import Collector

from actors import ChildState
from hawk import __version__
from hawk.ble.messages import ArbiterStatus, ScannerStatus
from hawk.model.device import DeviceView, Lifecycle
from hawk.model.reading import Moment
from hawk.mqtt.messages import MqttState, MqttStatus
from hawk.sinks.messages import SinkState, SinkStatus
from hawk.store.messages import StoreState, StoreStatus
from hawk.web.observed import Observed

HEARD_LATELY = 300.0  # [s] an older signal strength says nothing of now

Samples = Iterable[
    tuple[Sequence[str], float | None]
]  # values of the labels; without a value there is no sample

_DEVICE = ("device_id", "device_name", "vehicle_name", "device_type", "simulated")


def exposition(observed: Observed, accept: str) -> tuple[bytes, str]:
    """The text and its media type: OpenMetrics for who asks for it. With what the kernel says of the process."""
    encode, media_type = choose_encoder(accept)
    return encode(_Scrape(observed)), media_type


class _Scrape(Collector):
    """One: nothing is kept between two of them."""

    def __init__(self, observed: Observed) -> None:
        self._observed = observed

    def collect(self) -> Iterable[Metric]:
        return chain(families(self._observed), ProcessCollector(registry=None).collect())


def families(observed: Observed) -> Iterator[Metric]:
    yield InfoMetricFamily(
        "battery_hawk_build",
        "What runs here.",
        value={"version": __version__, "gateway_id": observed.gateway_id},
    )
    yield from _parts(observed)
    if observed.devices is not None:
        yield from _devices(observed.devices, observed.moment.boot_time)
    if observed.store is not None:
        yield from _store(observed.store)
    if observed.sinks is not None:
        yield from _sinks(observed.sinks)
    if observed.scanner is not None:
        yield from _bluetooth(observed.scanner)
    if observed.arbiter is not None:
        yield from _links(observed.arbiter)
    if observed.mqtt is not None:
        yield from _mqtt(observed.mqtt)
    yield from _actors(observed.actors)
    yield from _process(observed)


def _gauge(name: str, meaning: str, labels: Sequence[str], samples: Samples) -> Metric:
    return _filled(GaugeMetricFamily(f"battery_hawk_{name}", meaning, labels=labels), samples)


def _counter(name: str, meaning: str, labels: Sequence[str], samples: Samples) -> Metric:
    """The text adds `_total` to the name."""
    return _filled(CounterMetricFamily(f"battery_hawk_{name}", meaning, labels=labels), samples)


def _filled(family: GaugeMetricFamily | CounterMetricFamily, samples: Samples) -> Metric:
    for labels, value in samples:
        if value is not None:
            family.add_metric(labels, value)
    return family


def _parts(observed: Observed) -> Iterator[Metric]:
    parts = {
        "directory": observed.devices,
        "store": observed.store,
        "sinks": observed.sinks,
        "scanner": observed.scanner,
        "arbiter": observed.arbiter,
    }
    yield _gauge(
        "part_answered",
        "1 if this part of the service answered the scrape; if 0, its metrics are absent.",
        ["part"],
        (([part], said is not None) for part, said in parts.items()),
    )


# -- devices ---------------------------------------------------------------------------------

# Prometheus wants base units: a ratio of 0 to 1, no percent.
_QUANTITIES = (
    ("voltage", "voltage_volts", "Voltage of the battery.", 1),
    ("current", "current_amperes", "Current; positive while charging.", 1),
    ("power", "power_watts", "Power; positive while charging.", 1),
    ("temperature", "temperature_celsius", "Temperature of the monitor.", 1),
    ("state_of_charge", "state_of_charge_ratio", "State of charge, 0 to 1, as the monitor reports it.", 100),
)


def _devices(views: Sequence[DeviceView], now: float) -> Iterator[Metric]:
    lifecycles = Counter(view.device.lifecycle for view in views)
    yield _gauge(
        "devices",
        "Devices that are known.",
        ["lifecycle"],
        (([each], lifecycles[each]) for each in Lifecycle),
    )
    ours = [(_labels(view), view) for view in views if view.device.lifecycle is Lifecycle.CONFIGURED]
    for quantity, name, meaning, divisor in _QUANTITIES:
        yield _gauge(name, meaning, _DEVICE, ((who, _fresh(view, quantity, divisor)) for who, view in ours))
    yield _gauge(
        "battery_status",
        "1 for what the battery does, in the word of its monitor.",
        [*_DEVICE, "status"],
        (([*who, view.live.status or ""], 1 if _status_is_fresh(view) else None) for who, view in ours),
    )
    yield _gauge(
        "available",
        "1 while the newest data are young enough.",
        _DEVICE,
        ((who, view.available) for who, view in ours),
    )
    yield _gauge(
        "data_age_seconds",
        "Age of the newest value, stale or not.",
        _DEVICE,
        ((who, _age(view.live.newest, now)) for who, view in ours),
    )
    yield _gauge(
        "last_heard_age_seconds",
        "Since the last advertisement or frame, whatever was in it.",
        _DEVICE,
        ((who, _age(view.last_seen, now)) for who, view in ours),
    )
    yield _gauge(
        "rssi_dbm",
        f"Signal strength, if heard in the last {HEARD_LATELY:g} s.",
        _DEVICE,
        ((who, view.rssi if _heard_lately(view, now) else None) for who, view in ours),
    )
    yield from _polls(ours)


def _polls(ours: Sequence[tuple[list[str], DeviceView]]) -> Iterator[Metric]:
    yield _gauge(
        "link_quality_ratio",
        "Of the last 100 attempts to connect those that worked; absent while there are fewer than 5.",
        _DEVICE,
        ((who, _link_quality(view)) for who, view in ours),
    )
    yield _counter(
        "polls",
        "Polls by how they ended.",
        [*_DEVICE, "outcome"],
        (([*who, outcome], times) for who, view in ours for outcome, times in _outcomes(view).items()),
    )
    yield _counter(
        "polls_skipped",
        "Polls that did not take place because other devices had the radio.",
        _DEVICE,
        ((who, view.counters.skipped) for who, view in ours),
    )
    yield _gauge(
        "last_poll_duration_seconds",
        "How long the last poll took.",
        _DEVICE,
        ((who, view.counters.last_duration) for who, view in ours),
    )
    yield _counter(
        "rejected_values",
        "Values that were not believed.",
        [*_DEVICE, "quantity", "reason"],
        (
            ([*who, each.last.quantity, each.last.reason.value], each.count)
            for who, view in ours
            for each in view.rejections
        ),
    )


def _labels(view: DeviceView) -> list[str]:
    """Never empty, as the tags in InfluxDB."""
    device = view.device
    simulated = "true" if view.simulated else "false"
    vehicle = view.vehicle_name or "unassigned"
    return [device.address, device.friendly_name, vehicle, device.device_type, simulated]


def _fresh(view: DeviceView, quantity: str, divisor: int) -> float | None:
    measured = view.live.values.get(quantity)
    return None if measured is None or quantity in view.stale else measured.value / divisor


def _status_is_fresh(view: DeviceView) -> bool:
    """It came with values, and is as old as they are."""
    return any(
        measured.moment == view.live.status_moment and quantity not in view.stale
        for quantity, measured in view.live.values.items()
    )


def _age(moment: Moment | None, now: float) -> float | None:
    return None if moment is None else now - moment.boot_time


def _heard_lately(view: DeviceView, now: float) -> bool:
    return view.last_seen is not None and now - view.last_seen.boot_time <= HEARD_LATELY


def _link_quality(view: DeviceView) -> float | None:
    quality = view.quality
    return None if quality is None or quality.percent is None else quality.percent / 100


def _outcomes(view: DeviceView) -> dict[str, int]:
    return {"ok": view.counters.ok, **view.counters.failed_by}


# -- the service -----------------------------------------------------------------------------


def _store(status: StoreStatus) -> Iterator[Metric]:
    counts = status.counts
    for name, meaning, value in (
        ("store_degraded", "1 while the disk refuses.", status.state is StoreState.DEGRADED),
        ("store_readings", "Readings in the log.", counts.readings if counts else None),
        (
            "store_undated_readings",
            "Readings that wait for their date.",
            counts.undated if counts else None,
        ),
        ("store_size_bytes", "The log on the disk.", counts.bytes if counts else None),
        ("store_seq", "Number of the newest entry of the log.", status.seq),
        ("store_waiting_readings", "Readings on their way to the disk.", status.waiting),
    ):
        yield _gauge(name, meaning, (), [((), value)])
    yield _counter(
        "store_dropped_readings",
        "Readings that were lost because the disk refused for too long.",
        (),
        [((), status.dropped)],
    )


def _sinks(sinks: Sequence[SinkStatus]) -> Iterator[Metric]:
    yield _gauge(
        "sink_state",
        "1 for the state that each database is in.",
        ["sink", "state"],
        (([each.name, each.state.value], 1) for each in sinks),
    )
    wanted = [each for each in sinks if each.state is not SinkState.OFF]
    yield _counter(
        "sink_delivered_rows",
        "Readings and summaries that a database has got.",
        ["sink"],
        (([each.name], each.delivered) for each in wanted),
    )
    yield _counter(
        "sink_dropped_rows",
        "Readings and summaries that a database refused, or that were given up while it was down.",
        ["sink"],
        (([each.name], each.dropped) for each in wanted),
    )
    yield _gauge(
        "sink_unsent_rows",
        "Rows of the log that a database has not got yet; 100000 is that many or more.",
        ["sink", "stream"],
        (
            ([each.name, stream], rows)
            for each in wanted
            if each.unsent
            for stream, rows in (("readings", each.unsent.readings), ("summaries", each.unsent.summaries))
        ),
    )


def _bluetooth(status: ScannerStatus) -> Iterator[Metric]:
    yield _gauge("bluetooth_listening", "1 while advertisements can be heard.", (), [((), status.listening)])
    yield _gauge(
        "bluetooth_heard_devices",
        "Addresses heard in the last minute, also foreign ones.",
        (),
        [((), status.devices)],
    )
    for name, meaning, value in (
        ("bluetooth_adverts", "Advertisements heard.", status.adverts),
        (
            "bluetooth_dropped_adverts",
            "Advertisements that came faster than they could be read.",
            status.dropped,
        ),
        ("bluetooth_damaged_adverts", "Advertisements of known devices that made no sense.", status.damaged),
    ):
        yield _counter(name, meaning, (), [((), value)])
    yield _counter(
        "bluetooth_recoveries",
        "Steps taken to recover Bluetooth.",
        ["rung"],
        (([rung.value], times) for rung, times in status.recovery.items()),
    )
    yield _gauge(
        "adapter_listening",
        "1 while this adapter hears.",
        ["adapter"],
        (([each.name], each.listening) for each in status.adapters),
    )
    yield _counter(
        "adapter_adverts",
        "Advertisements by the adapter that heard them.",
        ["adapter"],
        (([each.name], each.adverts) for each in status.adapters),
    )
    yield _gauge(
        "adapter_last_advert_age_seconds",
        "Since this adapter heard anything.",
        ["adapter"],
        (([each.name], each.last_advert) for each in status.adapters),
    )
    yield _counter(
        "adapter_recoveries",
        "Steps taken to recover this adapter, alone or among others.",
        ["adapter", "rung"],
        (
            ([each.name, rung.value], times)
            for each in status.adapters
            for rung, times in each.recovery.items()
        ),
    )


def _links(status: ArbiterStatus) -> Iterator[Metric]:
    yield _gauge("links_held", "Connections that are held or being made.", (), [((), len(status.held))])
    yield _gauge("links_waiting", "Polls that wait for the radio.", (), [((), status.waiting)])
    yield _counter(
        "link_slots_taken_back", "Connections that were held too long.", (), [((), status.taken_back)]
    )


def _mqtt(status: MqttStatus) -> Iterator[Metric]:
    connected = status.state is MqttState.CONNECTED
    yield _gauge("mqtt_connected", "1 while the broker is there.", (), [((), connected)])
    yield _gauge("mqtt_unsent_readings", "Readings that are still to be replayed.", (), [((), status.behind)])
    for name, meaning, value in (
        ("mqtt_sent_messages", "Messages that the broker has got.", status.published),
        ("mqtt_sent_readings", "Readings among them.", status.readings),
    ):
        yield _counter(name, meaning, (), [((), value)])


def _actors(tops: Sequence[ChildState]) -> Iterator[Metric]:
    found = [([path], state) for path, state in _walk(tops)]
    yield _gauge("actor_up", "1 while it runs.", ["actor"], ((who, state.alive) for who, state in found))
    yield _counter(
        "actor_restarts", "After a crash.", ["actor"], ((who, state.restarts) for who, state in found)
    )
    yield _gauge(
        "actor_abandoned",
        "Former incarnations that would not end.",
        ["actor"],
        ((who, state.abandoned) for who, state in found),
    )
    yield _gauge(
        "mailbox_waiting_messages",
        "Messages that wait for this actor.",
        ["actor"],
        ((who, state.mailbox.waiting) for who, state in found if state.mailbox),
    )
    yield _counter(
        "mailbox_dropped_messages",
        "Messages to this actor that found its mailbox full.",
        ["actor"],
        ((who, state.mailbox.dropped) for who, state in found if state.mailbox),
    )


def _walk(states: Sequence[ChildState], above: str = "") -> Iterator[tuple[str, ChildState]]:
    for state in states:
        yield above + state.name, state
        yield from _walk(state.children, f"{above}{state.name}/")


def _process(observed: Observed) -> Iterator[Metric]:
    yield _gauge("clock_trusted", "1 if readings get a date.", (), [((), observed.moment.utc is not None)])
    yield _gauge("event_streams", "Clients of the event stream.", (), [((), observed.event_streams)])
    yield _counter(
        "events_lost", "Facts that a listener inside was too slow for.", (), [((), observed.events_lost)]
    )
