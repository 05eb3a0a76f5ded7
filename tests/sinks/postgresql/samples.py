"""Readings and summaries as the log gives them to a sink."""

from dataclasses import replace
from typing import Any

import pytest
from pydantic import SecretStr

from hawk.config.schema import Postgresql
from hawk.errors import SinkError
from hawk.model.reading import Reading, Scalar
from hawk.model.summary import Aggregate, Resolution, Summary
from hawk.sinks.postgresql.database import database
from hawk.sinks.postgresql.sink import PostgresqlSink
from tests.sinks.postgres import PASSWORD
from tests.store.samples import ADDRESS, T0, reading

HOUR = T0 - T0 % 3_600_000


def sink_for(url: str, **settings: Any) -> PostgresqlSink:
    return PostgresqlSink(database(Postgresql(enabled=True, url=SecretStr(url), **settings)))


def stored(seq: int, voltage: float | None = 12.5, name: str = "Starter", **changes: Any) -> Reading:
    """One a second; changes are those of its fields."""
    extra: dict[str, Scalar] = changes.pop("extra", {})
    return replace(reading(float(seq), voltage, name=name, extra=extra), seq=seq, **changes)


def summary(seq: int, hour: int = 0, count: int = 2, **changes: Any) -> Summary:
    made = Summary(
        device_id=ADDRESS, resolution=Resolution.HOUR, start=HOUR + hour * 3_600_000, count=count,
        values={"voltage": Aggregate(count, 12.0, 13.0, 12.5 * count, 13.0)},
        device_type="BM6", device_name="Starter", vehicle_id="vehicle_1", vehicle_name="Camper",
        gateway_id="0123456789ab", simulated=True, seq=seq,
    )  # fmt: skip
    return replace(made, **changes)


def refusal(url: str, **how: Any) -> SinkError:
    """Of a sink that cannot connect. Whatever it is, it does not tell the password."""
    sink = sink_for(url, **how)
    with pytest.raises(SinkError) as refused:
        sink.connect()
    sink.close()
    assert PASSWORD not in str(refused.value)
    return refused.value
