"""The hot questions go by an index. A plan that scans `reading` takes seconds at a million rows."""

import sqlite3
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from hawk.model.reading import Source
from hawk.model.summary import DAY, HOUR, Resolution
from hawk.store import cursors, queries, rollups, summaries
from hawk.store.messages import ChooseResolution, GetReadings, GetSummaries, Stream
from hawk.store.purging import Round
from hawk.store.readings import Log
from hawk.store.retention import Horizons
from tests.store.samples import ADDRESS, NOW, OTHER, T0, reading

Question = Callable[[sqlite3.Connection], object]


def purge(connection: sqlite3.Connection) -> None:
    """By age and by size, behind a sink."""
    connection.execute("UPDATE device SET unmarked = NULL")
    horizons = Horizons(T0 + DAY, T0 + DAY, T0 + DAY, T0 + DAY)
    wanted = Round(horizons, 0)
    wanted.go_on(connection, frozenset({"influx"}), 1000)
    assert wanted.purged


QUESTIONS: dict[str, Question] = {
    "latest": lambda connection: queries.latest(connection, ADDRESS, NOW),
    "latest of all": lambda connection: queries.latest_of_all(connection, NOW),
    "newest page": lambda connection: queries.page(connection, GetReadings(ADDRESS), NOW),
    "oldest page": lambda connection: queries.page(connection, GetReadings(ADDRESS, newest_first=False), NOW),
    "page of a range": lambda connection: queries.page(
        connection, GetReadings(ADDRESS, since=T0, until=T0 + 9, source=Source.GATT, cursor=T0 + 5), NOW
    ),
    "after a seq": lambda connection: queries.after(connection, 5, 100, NOW),
    "summaries after a seq": lambda connection: summaries.after(connection, 5, 100),
    "page of hours": lambda connection: summaries.page(
        connection, GetSummaries(ADDRESS, Resolution.HOUR, T0, T0 + 9, cursor=T0 + 5)
    ),
    "choice of a resolution": lambda connection: summaries.choose(connection, ChooseResolution(ADDRESS), T0),
    "unsent": lambda connection: cursors.unsent(connection, "influx", Stream.READING),
    "where the log goes on": lambda connection: cursors.skip_gap(connection, "influx", Stream.READING, 9),
    "whether an hour is closed": lambda connection: rollups.Touched(connection).is_closed(1, T0),
    "what is due": lambda connection: rollups.make_due(connection, 1000, None),
    "what is not marked": rollups.mark_unmarked,
    "purging": purge,
    "last seq": queries.last_seq,
    "newest stored_at": queries.newest_stored_at,
    "count of readings": queries.count_readings,
}


@pytest.fixture(params=[False, True], ids=["no statistics", "analysed"])
def connection(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[sqlite3.Connection]:
    path = tmp_path / "readings.db"
    with Log.open(path, "boot-1") as log:
        log.append([reading(n, address=[ADDRESS, OTHER][n % 2]) for n in range(200)], NOW)
        log.append([reading(7200 + n, address=[ADDRESS, OTHER][n % 2]) for n in range(200)], NOW)
        while log.summarise(T0 + 2 * HOUR).more:
            pass
        opened = sqlite3.connect(path)
        rollups.mark_all(opened)
        if request.param:
            opened.execute("ANALYZE")
        yield opened
        opened.close()


def plan_of(connection: sqlite3.Connection, question: Question) -> list[str]:
    statements: list[str] = []
    connection.set_trace_callback(statements.append)
    question(connection)
    connection.set_trace_callback(None)
    asked = [each for each in statements if not each.startswith(("BEGIN", "PRAGMA"))]
    plans = [connection.execute(f"EXPLAIN QUERY PLAN {each}").fetchall() for each in asked]
    return [step[3] for plan in plans for step in plan]


@pytest.mark.parametrize("question", QUESTIONS.values(), ids=QUESTIONS)
def test_no_hot_question_scans_the_readings(connection: sqlite3.Connection, question: Question) -> None:
    plan = plan_of(connection, question)
    assert plan
    scans = [step for step in plan if step.startswith("SCAN") and step.split()[1] in {"reading", "rollup"}]
    assert [step for step in scans if "_seq" not in step] == []
    assert [step for step in plan if "TEMP B-TREE" in step and "reading" in step] == []


def sum_of_all(connection: sqlite3.Connection) -> object:
    return connection.execute("SELECT sum(voltage) FROM reading").fetchone()


def test_the_check_itself_sees_a_scan(connection: sqlite3.Connection) -> None:
    plan = plan_of(connection, sum_of_all)
    assert any(step.startswith("SCAN reading") for step in plan)


@pytest.mark.parametrize("name", ["newest page", "oldest page", "page of a range"])
def test_pages_come_sorted_from_the_primary_key(connection: sqlite3.Connection, name: str) -> None:
    plan = plan_of(connection, QUESTIONS[name])
    assert not [step for step in plan if "TEMP B-TREE" in step]
    assert any("reading USING PRIMARY KEY" in step for step in plan)
