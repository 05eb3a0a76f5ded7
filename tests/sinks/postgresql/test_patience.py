"""A server that stands still, or lets others go first, is not waited for for ever."""

import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from hawk.errors import SinkBusy, SinkUnreachable
from hawk.sinks.postgresql.session import Session
from hawk.sinks.postgresql.sink import PostgresqlSink
from tests.sinks.postgresql.conftest import Place
from tests.sinks.postgresql.samples import sink_for, stored


@pytest.fixture
def session(place: Place, sink: PostgresqlSink) -> Iterator[Session]:
    opened = Session.open(sink_for(place.url)._target.parameters, "db/bh")
    yield opened
    opened.close()


def test_a_table_that_somebody_locked_is_not_waited_for_for_long(place: Place, session: Session) -> None:
    with place.server.admin(place.name) as other, other.transaction():
        other.execute("LOCK TABLE battery_reading")
        with pytest.raises(SinkBusy, match="statement timeout"), session.transaction(1.3):
            session.execute("INSERT INTO battery_reading SELECT * FROM battery_reading")
    with session.transaction(5.0):
        assert session.row("SELECT count(*) FROM battery_reading") == (0,)


def test_a_server_that_stands_still_is_hung_up_on(place: Place, session: Session) -> None:
    began = time.monotonic()
    with place.server.standing_still():
        with pytest.raises(SinkUnreachable, match="has not answered for 2 s"), session.transaction(1.5):
            session.row("SELECT 1")
        assert time.monotonic() - began < 4.0
    session.close()


def test_two_who_wait_for_each_other_are_parted_and_one_tries_again_soon(
    place: Place, sink: PostgresqlSink, session: Session
) -> None:
    sink.deliver_readings([stored(1), stored(2)])
    change = "UPDATE battery_reading SET rssi = {} WHERE seq = {}"
    with place.server.admin(place.name) as other:
        first_is_locked, second_is_locked = threading.Event(), threading.Event()

        def the_other_way_round() -> None:
            other.execute("SET deadlock_timeout = '10s'")  # the session finds it
            with other.transaction():
                other.execute(change.format(1, 2))
                second_is_locked.set()
                first_is_locked.wait()
                other.execute(change.format(1, 1))

        with ThreadPoolExecutor(1) as thread:
            done = thread.submit(the_other_way_round)
            with pytest.raises(SinkBusy, match="deadlock") as busy, session.transaction(10.0):  # noqa: PT012  # which of the two fails is up to the server
                session.execute(change.format(2, 1))
                first_is_locked.set()
                second_is_locked.wait()
                session.execute(change.format(2, 2))
            assert busy.value.after == 1.0
            done.result()
