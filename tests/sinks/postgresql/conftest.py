"""A real server for all tests here, and in it a database for each."""

import itertools
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from hawk.sinks.postgresql.sink import PostgresqlSink
from tests.sinks.postgres import Postgres, running
from tests.sinks.postgresql.samples import sink_for

_numbers = itertools.count(1)


@pytest.fixture(scope="session")
def server() -> Iterator[Postgres]:
    with running() as postgres:
        yield postgres


@dataclass(frozen=True)
class Place:
    """A database of the user's own."""

    server: Postgres
    name: str

    @property
    def url(self) -> str:
        return self.server.url(self.name)

    def query(self, statement: str) -> list[tuple[Any, ...]]:
        """As somebody who may everything."""
        return self.server.query(self.name, statement)


@pytest.fixture
def place(server: Postgres) -> Place:
    name = f"hawk_{next(_numbers)}"
    server.make_database(name)
    return Place(server, name)


@pytest.fixture
def sink(place: Place) -> Iterator[PostgresqlSink]:
    """Connected."""
    made = sink_for(place.url)
    made.connect()
    yield made
    made.close()
