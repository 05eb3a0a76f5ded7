"""The recipes of docs/influxdb.md, as they stand there, on the real 1.6.7."""

import re
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from hawk.config.schema import Influxdb
from hawk.model.reading import Moment
from hawk.sinks.influx import InfluxSink
from tests.service import wait_until
from tests.sinks.rows import reading
from tests.sinks.servers import Influxd

PAGE = Path(__file__).parent.parent.parent / "docs" / "influxdb.md"
HOUR = 3_600_000


def statements(heading: str) -> list[str]:
    section = PAGE.read_text().split(f"## {heading}\n")[1].split("\n## ")[0]
    blocks = re.findall(r"```sql\n(.*?)```", section, re.DOTALL)
    return [statement.strip() for block in blocks for statement in block.split(";") if statement.strip()]


@pytest.fixture
def influxd(tmp_path: Path) -> Iterator[Influxd]:
    with Influxd(tmp_path / "influxd") as server:
        yield server


def test_retention_and_continuous_queries_sum_up_what_arrives(influxd: Influxd) -> None:
    policies, queries = (made := statements("Retention on the server (1.x)"))[:3], made[3:]
    for statement in policies * 2:  # again changes nothing
        influxd.query(statement)
    start = time.time_ns() // 1_000_000 // HOUR * HOUR - HOUR
    deliver(influxd, start)
    assert len(queries) == 2
    for statement in queries:
        influxd.query(statement)
    (row,) = wait_until(
        lambda: influxd.values(
            f'SELECT voltage_count, voltage_min, voltage_max, voltage_mean FROM "hourly"."battery_reading"'
            f" WHERE time = {start}ms"
        ),
        within=30,
    )
    assert row[1:] == [60, 12.0, 12.59, pytest.approx(12.295)]


def test_what_is_older_is_summed_up_by_hand(influxd: Influxd) -> None:
    for statement in statements("Retention on the server (1.x)")[:3]:
        influxd.query(statement)
    start = time.time_ns() // 1_000_000 // HOUR * HOUR - 20 * 24 * HOUR
    deliver(influxd, start)
    (backfill,) = statements("Summing up what came late (1.x)")
    influxd.query(backfill)
    (row,) = influxd.values('SELECT voltage_count FROM "hourly"."battery_reading"')
    assert row == [start, 60]


def deliver(influxd: Influxd, start: int) -> None:
    sink = InfluxSink(Influxdb.model_validate({"host": "127.0.0.1", "port": influxd.port}))
    sink.connect()
    sink.deliver_readings(
        [replace(reading(0, voltage=12 + n / 100), moment=Moment(start + n * 60_000, 0.0)) for n in range(60)]
    )
    sink.close()
