"""What people are told when the real server does not want us."""

import contextlib
import socket
import sys
import threading
from urllib.parse import quote

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from hawk.errors import ConfigurationError, SinkBusy, SinkDenied, SinkUnreachable
from tests.sinks.postgres import PASSWORD, Postgres
from tests.sinks.postgresql.conftest import Place
from tests.sinks.postgresql.samples import refusal, sink_for, stored, summary


def test_a_wrong_password_is_denied_and_not_said(place: Place) -> None:
    error = refusal(place.server.url(place.name, password="wr0ng-pw"))
    assert isinstance(error, SinkDenied)
    assert str(error) == (
        f"PostgreSQL at 127.0.0.1:{place.server.port}/{place.name}: password authentication failed for user"
        ' "hawk"; postgresql.url has the wrong name or password'
    )
    assert "wr0ng-pw" not in repr(error) + repr(error.__cause__)


def test_no_password_is_denied(place: Place) -> None:
    assert isinstance(refusal(place.url.replace(":" + PASSWORD, "")), SinkDenied)


def test_a_missing_database_is_denied_with_what_to_do(server: Postgres) -> None:
    error = refusal(server.url("nowhere"))
    assert isinstance(error, SinkDenied)
    assert 'database "nowhere" does not exist; make it, with: CREATE DATABASE' in str(error)


def test_a_database_of_somebody_else_is_denied_with_the_grant_which_helps(server: Postgres) -> None:
    server.make_database("of_another", owner="admin")
    error = refusal(server.url("of_another"))
    assert isinstance(error, SinkDenied)
    said, _, grant = str(error).partition("; as its owner run: ")
    assert said.endswith("permission denied for schema public")
    server.query("of_another", grant)
    sink = sink_for(server.url("of_another"))
    sink.connect()
    sink.close()


def test_tables_of_somebody_else_are_denied_with_the_grant_which_helps(server: Postgres) -> None:
    server.make_database("read_only", owner="admin")
    owner = sink_for(server.url("read_only", "admin", "admin"))
    owner.connect()
    owner.close()
    server.query("read_only", "GRANT SELECT ON battery_hawk_schema TO hawk")
    sink = sink_for(server.url("read_only"))
    sink.connect()
    with pytest.raises(SinkDenied, match="permission denied for table battery_reading") as refused:
        sink.deliver_readings([stored(1)])
    server.query("read_only", str(refused.value).partition("; as its owner run: ")[2])
    sink.deliver_readings([stored(1)])
    sink.deliver_summaries([summary(2)])
    sink.close()


def test_a_table_that_is_not_ours_is_left_alone(place: Place) -> None:
    place.query("CREATE TABLE battery_reading (mine text)")
    error = refusal(place.url)
    assert isinstance(error, SinkDenied)
    assert "already exists; a table of that name is not as Battery Hawk makes it: rename it" in str(error)
    assert place.query("SELECT count(*) FROM pg_tables WHERE tablename LIKE 'battery%'") == [(1,)]


def test_a_server_that_only_reads_is_denied(place: Place) -> None:
    place.query(f"ALTER DATABASE {place.name} SET default_transaction_read_only = on")
    error = refusal(place.url)
    assert isinstance(error, SinkDenied)
    assert "name the primary in postgresql.url" in str(error)


def test_an_encoding_that_cannot_hold_every_name_is_denied(server: Postgres) -> None:
    server.make_database("old", encoding="LATIN1")
    error = refusal(server.url("old"))
    assert isinstance(error, SinkDenied)
    assert "encoding LATIN1" in str(error)


def test_a_server_that_is_full_of_others_is_busy(place: Place) -> None:
    place.query(f"ALTER DATABASE {place.name} CONNECTION LIMIT 0")
    assert isinstance(refusal(place.url), SinkBusy)


def test_an_option_that_is_none_is_denied(place: Place) -> None:
    error = refusal(place.url + "?shoe_size=43")
    assert isinstance(error, SinkDenied)
    assert 'invalid connection option "shoe_size"' in str(error)


def test_a_host_that_has_no_address_is_unreachable(server: Postgres) -> None:
    assert isinstance(refusal(server.url("x", host="db.invalid")), SinkUnreachable)


def test_a_server_that_is_none_is_unreachable() -> None:
    with socket.create_server(("127.0.0.1", 0)) as stranger:
        port = stranger.getsockname()[1]

        def answer() -> None:
            line, _ = stranger.accept()
            with line:
                line.recv(100)
                line.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")

        thread = threading.Thread(target=answer)
        thread.start()
        url = f"postgresql://hawk:{PASSWORD}@127.0.0.1:{port}/bh?sslmode=disable"
        assert isinstance(refusal(url), SinkUnreachable)
        thread.join()


def test_without_the_driver_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "psycopg", None)
    error = refusal(f"postgresql://hawk:{PASSWORD}@localhost/bh")
    assert isinstance(error, SinkDenied)
    assert "pip install 'battery-hawk[postgresql]'" in str(error)


def test_before_it_is_connected_nothing_is_delivered(place: Place) -> None:
    with pytest.raises(SinkUnreachable):
        sink_for(place.url).deliver_readings([stored(1)])
    sink_for(place.url).close()


OPTIONS = st.sampled_from((
    "port", "user", "dbname", "connect_timeout", "options", "sslmode", "sslrootcert", "sslcert", "client_encoding",
    "target_session_attrs", "keepalives_idle", "tcp_user_timeout", "load_balance_hosts", "autocommit", "conninfo",
    "prepare_threshold", "row_factory", "context", "self",
)) | st.text(max_size=5)  # fmt: skip


@given(option=OPTIONS, value=st.text(max_size=10) | st.integers().map(str))
def test_whatever_stands_in_the_url_the_answer_is_one_of_a_sink(option: str, value: str) -> None:
    assume(option not in ("host", "hostaddr"))
    url = f"postgresql://hawk:{PASSWORD}@127.0.0.1:1/bh?{quote(option)}={quote(value)}"
    with contextlib.suppress(ConfigurationError):
        refusal(url)


@pytest.mark.parametrize(
    "place", ["db..lan/bh", "x" * 70 + "/bh", "127.0.0.1:99999/bh", "127.0.0.1/bh?service=none"]
)
def test_a_place_that_cannot_be_is_denied(place: str) -> None:
    error = refusal(f"postgresql://hawk:{PASSWORD}@{place}")
    assert isinstance(error, SinkDenied)
    assert str(error).endswith("; postgresql.url is wrong") or "host that cannot be: postgresql.url" in str(
        error
    )
