"""The sink against the real server: what is in the tables afterwards."""

import math
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hawk.config.schema import Settings
from hawk.errors import BatchRefused, SinkUnreachable
from hawk.model.reading import Sample
from hawk.model.summary import Resolution
from hawk.sinks.catalogue import load
from hawk.sinks.postgresql import tables
from hawk.sinks.postgresql.sink import PostgresqlSink
from tests.sinks.postgres import PASSWORD
from tests.sinks.postgresql.conftest import Place
from tests.sinks.postgresql.samples import HOUR, sink_for, stored, summary
from tests.store.samples import T0

COUNT_AND_SUM = "SELECT count(*), sum(voltage) FROM battery_reading"


def test_a_reading_arrives_with_all_that_it_has(place: Place, sink: PostgresqlSink) -> None:
    sink.deliver_readings([stored(7, 12.75, extra={"cells": 4, "name": "Ü"})])
    ((row,),) = place.query("SELECT to_jsonb(battery_reading) FROM battery_reading")
    assert row == {
        "time": "2026-11-23T00:00:07+00:00", "device_id": "50:54:7B:24:26:E1", "device_name": "Starter",
        "vehicle_id": "vehicle_1", "vehicle_name": "Camper", "device_type": "BM6", "gateway_id": "0123456789ab",
        "seq": 7, "simulated": True, "voltage": 12.75, "current": None, "temperature": None,
        "state_of_charge": 80.0, "power": None, "status": "normal", "status_code": 0, "source": "advertisement",
        "rssi": -70, "adapter": "hci0", "extra": {"cells": 4, "name": "Ü"},
    }  # fmt: skip


def test_milliseconds_and_all_digits_are_kept(place: Place, sink: PostgresqlSink) -> None:
    moment = replace(stored(1).moment, utc=T0 + 123)
    sink.deliver_readings([replace(stored(1, 12.340000000000002), moment=moment)])
    assert place.query("SELECT extract(epoch FROM time)::text, voltage FROM battery_reading") == [
        (f"{T0 // 1000}.123000", 12.340000000000002)
    ]


def test_what_comes_again_is_there_once_and_costs_no_write(place: Place, sink: PostgresqlSink) -> None:
    batch = [stored(n, float(n)) for n in range(1, 101)]
    sink.deliver_readings(batch)
    before = place.query("SELECT sum(xmin::text::bigint) FROM battery_reading")
    sink.deliver_readings(batch[50:])
    assert place.query(COUNT_AND_SUM) == [(100, 5050.0)]
    assert place.query("SELECT sum(xmin::text::bigint) FROM battery_reading") == before


def test_a_reading_that_was_corrected_replaces_the_old_one(place: Place, sink: PostgresqlSink) -> None:
    sink.deliver_readings([stored(1, 12.0)])
    sink.deliver_readings([replace(stored(1, 13.0), seq=9)])
    assert place.query("SELECT seq, voltage FROM battery_reading") == [(9, 13.0)]


def test_a_new_name_leaves_old_rows_alone_and_makes_no_second_series(
    place: Place, sink: PostgresqlSink
) -> None:
    old = [stored(n, name="Starter") for n in (1, 2)]
    sink.deliver_readings(old)
    sink.deliver_readings([stored(3, name="House", vehicle_name="Boat")])
    sink.deliver_readings(old)  # a replay: rows carry the names of their time
    assert place.query("SELECT seq, device_name, vehicle_name FROM battery_reading ORDER BY seq") == [
        (1, "Starter", "Camper"), (2, "Starter", "Camper"), (3, "House", "Boat"),
    ]  # fmt: skip


def test_two_gateways_that_hear_one_device_keep_a_row_each(place: Place, sink: PostgresqlSink) -> None:
    sink.deliver_readings([stored(1), stored(1, gateway_id="ba9876543210")])
    sink.deliver_summaries([summary(2, count=10), summary(2, count=3, gateway_id="ba9876543210")])
    assert place.query("SELECT count(*) FROM battery_reading") == [(2,)]
    assert place.query("SELECT gateway_id, count FROM battery_reading_1h ORDER BY 1") == [
        ("0123456789ab", 10), ("ba9876543210", 3),
    ]  # fmt: skip


def test_a_device_without_a_vehicle_has_none(place: Place, sink: PostgresqlSink) -> None:
    sink.deliver_readings([stored(1, vehicle_id=None, vehicle_name=None)])
    assert place.query("SELECT vehicle_id, vehicle_name FROM battery_reading") == [(None, None)]


def test_summaries_go_to_the_table_of_their_resolution(place: Place, sink: PostgresqlSink) -> None:
    day = summary(3, count=40, resolution=Resolution.DAY, start=HOUR - HOUR % 86_400_000)
    sink.deliver_summaries([summary(1, hour=0), summary(2, hour=1), day])
    assert place.query("SELECT count(*) FROM battery_reading_1h") == [(2,)]
    columns = "time, count, voltage_count, voltage_min, voltage_max, voltage_mean, voltage_sum, voltage_last, power_max"
    ((when, *values),) = place.query(f"SELECT {columns} FROM battery_reading_1d")
    assert when.timestamp() * 1000 == T0
    assert values == [40, 40, 12.0, 13.0, 12.5, 500.0, 13.0, None]


def test_an_hour_that_is_summed_up_again_replaces_what_was(place: Place, sink: PostgresqlSink) -> None:
    sink.deliver_summaries([summary(1, count=2)])
    sink.deliver_summaries([summary(5, count=3)])
    assert place.query("SELECT seq, count FROM battery_reading_1h") == [(5, 3)]


def test_nothing_to_deliver_is_nothing(place: Place, sink: PostgresqlSink) -> None:
    sink.deliver_readings([])
    sink.deliver_summaries([])
    assert place.query("SELECT count(*) FROM battery_reading") == [(0,)]


ANY_TEXT = st.text(st.characters(), max_size=8)  # also NUL and halves of surrogate pairs


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60)
@given(
    st.floats(),
    ANY_TEXT,
    st.dictionaries(
        ANY_TEXT, st.floats() | ANY_TEXT | st.integers() | st.none() | st.lists(st.floats(), max_size=3)
    ),
)
def test_no_reading_is_refused_for_its_values(
    place: Place, sink: PostgresqlSink, voltage: float, text: str, extra: dict[str, object]
) -> None:
    sample = Sample(voltage=voltage, status=text, extra=extra)  # type: ignore[arg-type]  # lists are there, too
    sink.deliver_readings([stored(1, name=text, vehicle_name=text, sample=sample)])
    kept = place.query("SELECT voltage FROM battery_reading")
    assert kept == [(voltage if math.isfinite(voltage) else None,)]


def test_a_row_that_a_constraint_of_the_user_forbids_is_refused_and_the_others_can_follow(
    place: Place, sink: PostgresqlSink
) -> None:
    place.query("ALTER TABLE battery_reading ADD CHECK (voltage < 100)")
    with pytest.raises(BatchRefused, match="violates check constraint"):
        sink.deliver_readings([stored(1), stored(2, 999.0)])
    sink.deliver_readings([stored(1)])
    assert place.query("SELECT seq FROM battery_reading") == [(1,)]


def test_it_says_what_answered_and_finds_its_tables_again(place: Place) -> None:
    for _ in range(2):
        sink = sink_for(place.url)
        (version,) = place.query("SELECT split_part(current_setting('server_version'), ' ', 1)")[0]
        assert sink.connect() == f"PostgreSQL {version}"
        sink.close()
    assert place.query("SELECT version FROM battery_hawk_schema") == [(tables.VERSION,)]


def test_gateways_that_come_at_once_make_the_tables_once(place: Place) -> None:
    sinks = [sink_for(place.url) for _ in range(6)]
    with ThreadPoolExecutor(len(sinks)) as threads:
        assert len(set(threads.map(PostgresqlSink.connect, sinks))) == 1
    for sink in sinks:
        sink.close()
    assert place.query("SELECT version FROM battery_hawk_schema") == [(tables.VERSION,)]


def test_tables_of_a_newer_one_with_more_columns_are_written_into_as_before(
    place: Place, sink: PostgresqlSink
) -> None:
    place.query("UPDATE battery_hawk_schema SET version = 99")
    place.query("ALTER TABLE battery_reading ADD COLUMN later text, ADD COLUMN mine integer DEFAULT 5")
    again = sink_for(place.url)
    again.connect()
    again.deliver_readings([stored(1)])
    again.close()
    assert place.query("SELECT seq, later, mine FROM battery_reading") == [(1, None, 5)]
    assert place.query("SELECT version FROM battery_hawk_schema") == [(99,)]


def test_they_are_made_where_the_search_path_of_the_url_points(place: Place) -> None:
    place.query("CREATE SCHEMA boats AUTHORIZATION hawk")
    sink = sink_for(place.url + "?options=-csearch_path%3Dboats")
    sink.connect()
    sink.deliver_readings([stored(1)])
    sink.close()
    assert place.query("SELECT count(*) FROM boats.battery_reading") == [(1,)]


def test_rows_of_one_device_and_of_a_time_are_found_by_an_index(place: Place, sink: PostgresqlSink) -> None:
    sink.deliver_readings([stored(n) for n in range(1, 5000)])
    place.query("ANALYZE battery_reading")
    plan = str(place.query(
        "EXPLAIN SELECT avg(voltage) FROM battery_reading"
        " WHERE device_id = '50:54:7B:24:26:E1' AND time BETWEEN '2026-11-23 00:01' AND '2026-11-23 00:05'"
    ))  # fmt: skip
    assert "Seq Scan" not in plan, plan


CREATE_HYPERTABLE = """
CREATE FUNCTION create_hypertable(relation regclass, time_column_name name, migrate boolean DEFAULT false)
RETURNS text LANGUAGE plpgsql AS 'BEGIN {} END'"""


def test_with_timescaledb_the_readings_become_a_hypertable(place: Place) -> None:
    """A stand-in with the arguments of the real one, which Debian 12 does not have."""
    place.query("CREATE TABLE called (relation text, time_column text)")
    place.query("GRANT ALL ON called TO hawk")
    place.query(CREATE_HYPERTABLE.format("INSERT INTO called VALUES ($1::text, $2); RETURN $1;"))
    for _ in range(2):
        sink = sink_for(place.url)
        sink.connect()
        sink.close()
    assert place.query("SELECT * FROM called") == [("battery_reading", "time")]


def test_a_timescaledb_that_refuses_leaves_a_plain_table(
    place: Place, caplog: pytest.LogCaptureFixture
) -> None:
    place.query(CREATE_HYPERTABLE.format("RAISE EXCEPTION ''no licence'';"))
    sink = sink_for(place.url)
    sink.connect()
    sink.deliver_readings([stored(1)])
    sink.close()
    assert place.query("SELECT count(*) FROM battery_reading") == [(1,)]
    assert "battery_reading stays a plain table, which works as well; TimescaleDB: no licence" in caplog.text


def test_tables_that_somebody_dropped_are_made_by_the_next_connection(
    place: Place, sink: PostgresqlSink
) -> None:
    place.query("DROP TABLE battery_reading, battery_reading_1h, battery_reading_1d, battery_hawk_schema")
    with pytest.raises(SinkUnreachable, match="does not exist"):
        sink.deliver_readings([stored(1)])
    sink.close()
    sink.connect()
    sink.deliver_readings([stored(1)])
    assert place.query("SELECT count(*) FROM battery_reading") == [(1,)]


def test_it_is_one_of_the_sinks_and_off_until_it_is_wanted() -> None:
    (kind,) = [each for each in load().sinks if each.name == "postgresql"]
    assert kind.wanted(Settings()) is None
    url = f"postgresql://hawk:{PASSWORD}@db.lan/bh"
    wanted = kind.wanted(Settings.model_validate({"postgresql": {"enabled": True, "url": url}}))
    assert wanted is not None
    assert (wanted.place, wanted.explicit) == ("db.lan/bh", True)
    assert PASSWORD not in repr(wanted)
