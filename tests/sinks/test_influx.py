"""InfluxDB: on the real 1.6.7, and on VictoriaMetrics as a second server of the write call of 2.x."""

import math
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from hawk.config.schema import Influxdb, Settings
from hawk.errors import BatchPartlyRefused, ConfigurationError, SinkDenied, SinkUnreachable
from hawk.model.reading import Moment, Reading
from hawk.model.summary import Resolution
from hawk.sinks.influx import INFLUXDB, InfluxSink, Server, place, server
from tests.sinks.rows import hour, reading
from tests.sinks.servers import Influxd, VictoriaMetrics, free_port

DAY = 86_400_000


@pytest.fixture(scope="module")
def influxd(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Influxd]:
    with Influxd(tmp_path_factory.mktemp("influxd")) as server:
        yield server


@pytest.fixture(scope="module")
def victoria(tmp_path_factory: pytest.TempPathFactory) -> Iterator[VictoriaMetrics]:
    with VictoriaMetrics(tmp_path_factory.mktemp("victoria")) as server:
        yield server


def section(server: Influxd | VictoriaMetrics, **settings: Any) -> Influxdb:
    return Influxdb.model_validate({"host": "127.0.0.1", "port": server.port, **settings})


@pytest.fixture
def sink(influxd: Influxd, request: pytest.FixtureRequest) -> Iterator[InfluxSink]:
    """Into a database of its own, named after the test."""
    made = InfluxSink(section(influxd, database=request.node.name))
    made.connect()
    yield made
    made.close()


def test_it_says_what_answers_and_makes_the_database(influxd: Influxd) -> None:
    sink = InfluxSink(section(influxd, database='of "mine"'))
    assert sink.connect() == "InfluxDB 1.6.7~rc0"
    sink.close()
    assert ['of "mine"'] in influxd.values("SHOW DATABASES")


def test_a_reading_arrives_with_its_tags_its_fields_and_its_instant(
    sink: InfluxSink, influxd: Influxd, request: pytest.FixtureRequest
) -> None:
    sink.deliver_readings([reading(7, voltage=12.0, temperature=-3.5, state_of_charge=80)])
    (series,) = influxd.query("SELECT * FROM battery_reading", db=request.node.name)
    assert dict(zip(series["columns"], series["values"][0], strict=True)) == {
        "time": reading(7).moment.utc,
        "device_id": "50:54:7B:00:00:01",
        "device_name": "Starter",
        "device_type": "BM6",
        "vehicle_name": "Camper",
        "voltage": 12,
        "temperature": -3.5,
        "state_of_charge": 80,
    }


def test_all_fields_are_floats_also_where_the_number_is_whole(
    sink: InfluxSink, influxd: Influxd, request: pytest.FixtureRequest
) -> None:
    sink.deliver_readings([reading(1, voltage=12, current=1, power=12, temperature=20, state_of_charge=80)])
    sink.deliver_summaries([hour(1)])
    for measurement in ("battery_reading", "battery_reading_1h"):
        kinds = influxd.values(f"SHOW FIELD KEYS FROM {measurement}", db=request.node.name)
        assert {kind for _, kind in kinds} == {"float"}
    sink.deliver_readings([reading(2, voltage=12.6)])


def test_what_was_not_measured_is_not_there(
    sink: InfluxSink, influxd: Influxd, request: pytest.FixtureRequest
) -> None:
    sink.deliver_readings([reading(1, voltage=12.5), reading(2, voltage=None), reading(3, voltage=math.nan)])
    assert influxd.values("SHOW FIELD KEYS", db=request.node.name) == [["voltage", "float"]]
    assert influxd.values("SELECT count(voltage) FROM battery_reading", db=request.node.name)[0][1] == 1


def test_summaries_arrive_by_hour_and_by_day(
    sink: InfluxSink, influxd: Influxd, request: pytest.FixtureRequest
) -> None:
    sink.deliver_summaries([hour(1), replace(hour(0), resolution=Resolution.DAY)])
    for measurement in ("battery_reading_1h", "battery_reading_1d"):
        (series,) = influxd.query(f"SELECT * FROM {measurement} GROUP BY *", db=request.node.name)
        found = dict(zip(series["columns"], series["values"][0], strict=True))
        assert {key: found[key] for key in found if key != "time"} == {
            "count": 60,
            "voltage_count": 60, "voltage_min": 12.1, "voltage_max": 12.9, "voltage_mean": 12.5, "voltage_last": 12.6,
        }  # fmt: skip
        assert series["tags"]["device_name"] == "Starter"


def test_what_comes_again_replaces_and_adds_nothing(
    sink: InfluxSink, influxd: Influxd, request: pytest.FixtureRequest
) -> None:
    sink.deliver_readings([reading(n, voltage=12.0) for n in range(100)])
    sink.deliver_readings([reading(n, voltage=13.0) for n in range(100)])
    (row,) = influxd.values("SELECT count(voltage), sum(voltage) FROM battery_reading", db=request.node.name)
    assert row[1:] == [100, 1300]


NAMES = [
    'Söhne, "Co" = 1\'',
    "back\\slash",
    "ends\\",
    "two\nlines\tand a tab",
    "",
    "🚐 Van",
    " spaced ",
    "#1",
]


def test_any_name_arrives_as_one_series(
    sink: InfluxSink, influxd: Influxd, request: pytest.FixtureRequest
) -> None:
    sink.deliver_readings([replace(reading(n), device_name=name) for n, name in enumerate(NAMES)])
    found = influxd.values("SHOW TAG VALUES WITH KEY = device_name", db=request.node.name)
    assert sorted(name for _, name in found) == sorted(
        [
            'Söhne, "Co" = 1\'',
            "back\\slash",
            "ends",
            "two lines and a tab",
            "unassigned",
            "🚐 Van",
            "spaced",
            "#1",
        ]
    )
    assert influxd.values("SELECT count(voltage) FROM battery_reading", db=request.node.name)[0][1] == len(
        NAMES
    )


def test_a_battery_without_vehicle_is_unassigned(
    sink: InfluxSink, influxd: Influxd, request: pytest.FixtureRequest
) -> None:
    sink.deliver_readings([replace(reading(1), vehicle_name=None)])
    assert influxd.values("SHOW TAG VALUES WITH KEY = vehicle_name", db=request.node.name) == [
        ["vehicle_name", "unassigned"]
    ]


def test_a_simulated_reading_says_so(
    sink: InfluxSink, influxd: Influxd, request: pytest.FixtureRequest
) -> None:
    sink.deliver_readings([replace(reading(1), simulated=True)])
    assert influxd.values("SHOW TAG VALUES WITH KEY = simulated", db=request.node.name) == [
        ["simulated", "true"]
    ]


def test_points_older_than_the_server_keeps_are_counted_and_the_others_kept(
    influxd: Influxd, request: pytest.FixtureRequest
) -> None:
    db = request.node.name
    influxd.query(f'CREATE DATABASE "{db}" WITH DURATION 8w REPLICATION 1 SHARD DURATION 1d NAME "detail"')
    sink = InfluxSink(section(influxd, database=db))
    sink.connect()
    now = time.time_ns() // 1_000_000
    old, young = at(now - 100 * DAY), at(now)
    with pytest.raises(BatchPartlyRefused, match="beyond retention policy") as caught:
        sink.deliver_readings([old, young])
    assert caught.value.dropped == 1
    assert influxd.values("SELECT count(voltage) FROM battery_reading", db=db)[0][1] == 1
    sink.close()


def test_a_field_that_somebody_made_an_integer_is_counted(
    sink: InfluxSink, influxd: Influxd, request: pytest.FixtureRequest
) -> None:
    when = reading(1).moment.utc
    influxd.http.post(
        "/write",
        params={"db": request.node.name, "precision": "ms"},
        content=f"battery_reading voltage=1i {when}",
    )
    with pytest.raises(BatchPartlyRefused, match="field type conflict") as caught:
        sink.deliver_readings([reading(1), reading(2)])
    assert caught.value.dropped == 2


def test_another_retention_policy_can_be_written_to(influxd: Influxd, request: pytest.FixtureRequest) -> None:
    db = request.node.name
    wanted = section(influxd, database=db, retention_policy="fine")
    sink = InfluxSink(wanted)
    sink.connect()
    with pytest.raises(SinkDenied, match="retention policy not found"):
        sink.deliver_readings([reading(1)])
    influxd.query(f'CREATE RETENTION POLICY "fine" ON "{db}" DURATION INF REPLICATION 1')
    sink.deliver_readings([reading(1)])
    assert influxd.values(f'SELECT count(voltage) FROM "{db}"."fine"."battery_reading"')[0][1] == 1
    sink.close()


def test_a_database_that_was_dropped_is_made_again_at_the_next_connection(
    sink: InfluxSink, influxd: Influxd, request: pytest.FixtureRequest
) -> None:
    influxd.query(f'DROP DATABASE "{request.node.name}"')
    with pytest.raises(SinkDenied, match="database not found"):
        sink.deliver_readings([reading(1)])
    sink.connect()
    sink.deliver_readings([reading(1)])


def test_nobody_answers(tmp_path: Path) -> None:
    sink = InfluxSink(Influxdb.model_validate({"host": "127.0.0.1", "port": free_port()}))
    with pytest.raises(SinkUnreachable, match=r"nobody answers at 127.0.0.1:\d+ \(Connection refused\)"):
        sink.connect()
    sink.close()


def test_a_server_that_ends_in_between_is_unreachable(tmp_path: Path) -> None:
    with Influxd(tmp_path / "influxd") as server:
        sink = InfluxSink(section(server))
        sink.connect()
        sink.deliver_readings([reading(1)])
        server.kill()
        with pytest.raises(SinkUnreachable, match="does not answer"):
            sink.deliver_readings([reading(2)])
        sink.close()


# -- who may -----------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def guarded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Influxd]:
    with Influxd(tmp_path_factory.mktemp("guarded"), auth=True) as server:
        server.query("CREATE USER boss WITH PASSWORD 'secret' WITH ALL PRIVILEGES")
        server.log_in("boss", "secret")
        server.query('CREATE DATABASE "battery_hawk"')
        server.query("CREATE USER writer WITH PASSWORD 'pen'")
        server.query('GRANT WRITE ON "battery_hawk" TO writer')
        yield server


def test_whoever_may_write_needs_no_right_to_make_databases(guarded: Influxd) -> None:
    sink = InfluxSink(section(guarded, username="writer", password="pen"))
    sink.connect()
    sink.deliver_readings([reading(1)])
    sink.close()
    assert guarded.values("SELECT count(voltage) FROM battery_reading")[0][1] == 1


@pytest.mark.parametrize("login", [{}, {"username": "writer", "password": "pencil"}])
def test_a_wrong_login_is_said_with_what_to_do(guarded: Influxd, login: dict[str, str]) -> None:
    sink = InfluxSink(section(guarded, **login))
    with pytest.raises(SinkDenied, match=r"influxdb\.username and influxdb\.password, or influxdb\.token"):
        connect_and_deliver(sink)
    sink.close()


def test_a_server_with_locks_but_without_users_is_said(tmp_path: Path) -> None:
    with Influxd(tmp_path / "influxd", auth=True) as server:
        sink = InfluxSink(section(server))
        with pytest.raises(SinkDenied, match="create admin user first"):
            connect_and_deliver(sink)
        sink.close()


# -- the write call of 2.x, on VictoriaMetrics -----------------------------------------------------


def test_a_second_server_takes_the_write_call_of_2(victoria: VictoriaMetrics) -> None:
    sink = InfluxSink(section(victoria, bucket="ignored"))
    assert sink.connect() == "it does not say which version"
    sink.deliver_readings([reading(n, voltage=12 + n / 100) for n in range(100)])
    sink.deliver_readings([reading(n, voltage=12 + n / 100) for n in range(100)])
    sink.close()
    (series,) = victoria.export("battery_reading_voltage")
    assert series["metric"] == {
        "__name__": "battery_reading_voltage",
        "device_id": "50:54:7B:00:00:01",
        "device_name": "Starter",
        "device_type": "BM6",
        "vehicle_name": "Camper",
    }
    assert series["values"] == [round(12 + n / 100, 2) for n in range(100)]
    assert series["timestamps"] == [reading(n).moment.utc for n in range(100)]


def test_it_takes_summaries_too(victoria: VictoriaMetrics) -> None:
    sink = InfluxSink(section(victoria))
    sink.connect()
    sink.deliver_summaries([hour(1)])
    sink.close()
    (series,) = victoria.export("battery_reading_1h_voltage_mean")
    assert series["values"] == [12.5]


def test_its_login_is_basic(tmp_path: Path) -> None:
    with VictoriaMetrics(tmp_path / "victoria", user="me", password="secret") as server:
        for wrong in ({}, {"username": "me", "password": "wrong"}, {"token": "secret"}):
            sink = InfluxSink(section(server, **wrong))
            with pytest.raises(SinkDenied):
                connect_and_deliver(sink)
            sink.close()
        sink = InfluxSink(section(server, username="me", password="secret"))
        sink.connect()
        sink.deliver_readings([reading(1)])
        sink.close()


def test_the_flavour_can_be_chosen(influxd: Influxd, victoria: VictoriaMetrics) -> None:
    old = InfluxSink(section(victoria, flavour="v1", database="chosen"))
    old.connect()
    old.deliver_readings([reading(1)])
    old.close()
    new = InfluxSink(section(influxd, flavour="v2", bucket="b"))
    new.connect()
    with pytest.raises(SinkDenied, match="404"):
        new.deliver_readings([reading(1)])
    new.close()


# -- whether what it took is kept --------------------------------------------------------------


def test_one_that_was_started_anew_is_told_by_its_connection(tmp_path: Path) -> None:
    with VictoriaMetrics(tmp_path / "victoria") as server:
        sink = InfluxSink(section(server))
        sink.connect()
        first = sink.life()
        sink.deliver_readings([reading(1)])
        assert sink.life() == first
        server.kill()
        server.start()
        sink.deliver_readings([reading(2)])
        assert sink.life() != first
        server.kill()
        with pytest.raises(SinkUnreachable):
            sink.life()
        sink.close()


def test_1_keeps_what_it_has_answered(influxd: Influxd) -> None:
    sink = InfluxSink(section(influxd))
    sink.connect()
    sink.deliver_readings([reading(1)])
    assert sink.life() is None
    sink.close()


# -- settings ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({}, "http://localhost:8086 battery_hawk"),
        ({"host": "::1", "port": 1}, "http://[::1]:1 battery_hawk"),
        ({"retention_policy": "week"}, "http://localhost:8086 battery_hawk/week"),
        ({"url": "https://x.example/", "org": "me", "bucket": "b", "token": "t"}, "https://x.example me/b"),
        ({"username": "me", "password": "secret"}, "http://localhost:8086 battery_hawk"),
    ],
)
def test_its_place_is_said_without_secrets(given: dict[str, Any], said: str) -> None:
    assert place(Influxdb.model_validate(given)) == said


@pytest.mark.parametrize(
    ("url", "host", "port"),
    [
        ("https://flux.example/x/", "flux.example", 443),
        ("http://flux.example", "flux.example", 80),
        ("http://flux.example:8181", "flux.example", 8181),
    ],
)
def test_a_url_is_taken_apart(url: str, host: str, port: int) -> None:
    assert server(Influxdb(url=url)) == Server(url.rstrip("/"), host, port)


@pytest.mark.parametrize(
    "url", ["x", "http://flux:many", "ftp://x", "http://", "http://x:99999", "http://me:secret@x"]
)
def test_a_url_that_cannot_be_is_refused_without_showing_a_secret(url: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        place(Influxdb.model_validate({"url": url}))
    assert "influxdb.url" in str(caught.value)
    assert "secret" not in str(caught.value)


def test_by_default_it_is_tried_but_nobody_asked_for_it() -> None:
    def wanted(**given: Any) -> Any:
        return INFLUXDB.wanted(Settings.model_validate({"influxdb": given} if given else {}))

    assert wanted().explicit is False
    assert wanted(enabled=True).explicit is True
    assert wanted(host="nas").explicit is True
    assert wanted(enabled=False) is None


def connect_and_deliver(sink: InfluxSink) -> None:
    sink.connect()
    sink.deliver_readings([reading(1)])


def at(utc: int) -> Reading:
    return replace(reading(0), moment=Moment(utc, 0.0))
