"""docs/postgresql.md is followed to the letter, on the real server."""

import json
import re
import time
from dataclasses import replace
from pathlib import Path

import pytest

from hawk.config.schema import Settings
from hawk.model.reading import Moment
from hawk.model.summary import Aggregate, Resolution, Summary
from hawk.sinks.postgresql import tables
from hawk.sinks.postgresql.database import database
from hawk.sinks.postgresql.sink import PostgresqlSink
from tests.sinks.postgres import Postgres
from tests.sinks.postgresql.conftest import Place
from tests.sinks.postgresql.samples import stored, summary

PAGE = (Path(__file__).parents[3] / "docs" / "postgresql.md").read_text()
BLOCKS = re.findall(r"```sql\n(.*?)```", PAGE, re.DOTALL)
(SETUP,) = (block for block in BLOCKS if "CREATE ROLE" in block)
QUERIES = [block for block in BLOCKS if block.startswith("SELECT")]
OTHERS = [block for block in BLOCKS if block is not SETUP and block not in QUERIES]
DAY = 86_400_000  # [ms]


def test_the_page_has_these_examples() -> None:
    assert (len(QUERIES), len(OTHERS)) == (7, 1)


def test_what_is_set_up_as_the_page_says_is_connected(server: Postgres) -> None:
    for statement in SETUP.replace("hawk", "doc_hawk").split(";"):
        if statement.strip():
            server.query("postgres", statement)
    (settings,) = re.findall(r"```json\n(.*?)```", PAGE, re.DOTALL)
    text = settings.replace("hawk", "doc_hawk").replace("localhost", f"127.0.0.1:{server.port}")
    sink = PostgresqlSink(database(Settings.model_validate(json.loads(text)).postgresql))
    assert sink.connect().startswith("PostgreSQL ")
    sink.close()


@pytest.fixture
def filled(place: Place, sink: PostgresqlSink) -> Place:
    """With a week up to now."""
    now = round(time.time() * 1000)
    sink.deliver_readings([
        replace(stored(n, extra={"battery_temperature": 21.5}), moment=Moment(now - n * 1000, 0.0))
        for n in range(1, 100)
    ])  # fmt: skip
    low = {"voltage": Aggregate(2, 11.9, 12.6, 24.5, 12.0)}
    midnight = now - now % DAY
    days = [
        summary(200 + back, resolution=Resolution.DAY, start=midnight - back * DAY, values=low)
        for back in range(1, 9)
    ]
    hours: list[Summary] = [summary(300, start=midnight - DAY, values=low)]
    sink.deliver_summaries([*days, *hours])
    return place


@pytest.mark.parametrize("query", QUERIES, ids=range(len(QUERIES)))
def test_a_query_of_the_page_finds_something(filled: Place, query: str) -> None:
    found = filled.query(query)
    assert found
    assert all(value is not None for value in found[0])


@pytest.mark.parametrize("statement", OTHERS, ids=range(len(OTHERS)))
def test_another_statement_of_the_page_is_understood(filled: Place, statement: str) -> None:
    filled.query(statement)


def test_every_column_of_the_readings_is_described(filled: Place) -> None:
    columns = filled.query(
        f"SELECT column_name FROM information_schema.columns WHERE table_name = '{tables.READING}'"
    )
    assert [name for (name,) in columns if f"`{name}`" not in PAGE] == []
