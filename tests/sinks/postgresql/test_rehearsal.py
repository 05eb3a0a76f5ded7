"""What `hawk doctor` says of the real server."""

from typing import Any

import pytest

from hawk.config.schema import Settings
from hawk.doctor.checks import Check
from hawk.doctor.network import servers
from tests.sinks.postgres import Postgres
from tests.sinks.postgresql.conftest import Place
from tests.sinks.postgresql.samples import sink_for, stored
from tests.sinks.servers import free_port


def said(url: str) -> Check:
    given: Any = {"influxdb": {"enabled": False}, "postgresql": {"enabled": True, "url": url}}
    return {check.name: check for check in servers(Settings(**given), runs=False)}["postgresql"]


def test_a_new_database_takes_readings_and_stays_as_it_was(place: Place) -> None:
    check = said(place.url)
    assert check.ok
    assert check.detail.startswith("PostgreSQL 15")
    assert check.detail.endswith(f" at 127.0.0.1:{place.server.port}/{place.name} takes readings")
    assert place.query("SELECT count(*) FROM pg_tables WHERE tablename LIKE 'battery%'") == [(0,)]


def test_one_that_is_used_stays_as_it_was(place: Place) -> None:
    sink = sink_for(place.url)
    sink.connect()
    sink.deliver_readings([stored(1)])
    assert said(place.url).ok
    sink.deliver_readings([stored(2)])
    sink.close()
    assert place.query("SELECT count(*) FROM battery_reading") == [(2,)]


def test_nobody_there() -> None:
    port = free_port()
    check = said(f"postgresql://hawk:secret@127.0.0.1:{port}/bh")
    assert check.ok is False
    assert check.detail.startswith(f"PostgreSQL at 127.0.0.1:{port}/bh: ")
    assert "Connection refused" in check.detail
    assert check.fix == "start it, or mend postgresql.url"


def test_a_wrong_password(place: Place) -> None:
    check = said(place.server.url(place.name, password="wr0ng-pw"))
    assert (check.ok, check.fix) == (False, "postgresql.url has the wrong name or password")
    assert 'password authentication failed for user "hawk"' in check.detail
    assert "wr0ng-pw" not in repr(check)


def test_a_schema_in_which_nothing_can_be_made(server: Postgres) -> None:
    server.make_database("doctors_schema", owner="admin")
    check = said(server.url("doctors_schema"))
    assert check.ok is False
    assert check.detail.endswith("permission denied for schema public")
    assert check.fix == "as its owner run: GRANT USAGE, CREATE ON SCHEMA public TO hawk"


@pytest.mark.parametrize("table", ["battery_reading", "battery_reading_1d"])
def test_tables_that_cannot_be_written(server: Postgres, table: str) -> None:
    name = f"doctors_{table}"
    server.make_database(name, owner="admin")
    owner = sink_for(server.url(name, "admin", "admin"))
    owner.connect()
    owner.close()
    server.query(name, "GRANT SELECT, INSERT, UPDATE ON ALL TABLES IN SCHEMA public TO hawk")
    server.query(name, f"REVOKE INSERT ON {table} FROM hawk")
    check = said(server.url(name))
    assert check.ok is False
    assert check.detail.endswith(f"permission denied for table {table}")
    assert check.fix.startswith("as its owner run: GRANT SELECT, INSERT, UPDATE ON battery_reading")


def test_a_url_that_cannot_be() -> None:
    check = said("http://somewhere")
    assert check.ok is False
    assert "it has to look like postgresql://user:password@host:5432/database" in check.detail
