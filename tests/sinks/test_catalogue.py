"""How sinks come in."""

from collections.abc import Callable

import pytest

from hawk import installed
from hawk.installed import Source
from hawk.sinks import catalogue
from hawk.sinks.api import SinkType

GOOD = SinkType("toy", lambda _: None)


def source(load: Callable[[], object]) -> Source:
    return Source("toys:TOY of the package toys", "Mend it, or 'pip uninstall toys'.", load)


def broken() -> object:
    raise KeyError("x")


def test_influxdb_comes_in_by_the_same_door_as_all() -> None:
    found = catalogue.load()
    assert "influxdb" in [sink.name for sink in found.sinks]
    assert found.problems == ()


@pytest.mark.parametrize(
    ("load", "why"),
    [
        (broken, "KeyError: 'x'"),
        (lambda: 7, "it is a int, no hawk.sinks.api.SinkType"),
        (lambda: SinkType(" ", lambda _: None), "it has no name"),
        (lambda: GOOD, "'toy' is already the name of a sink, from toys:TOY of the package toys"),
    ],
)
def test_one_that_fails_is_left_out_and_said(load: Callable[[], object], why: str) -> None:
    found = catalogue.admit([source(lambda: GOOD), source(load)])
    assert found.sinks == (GOOD,)
    (said,) = found.problems
    assert said.startswith(f"The sink from toys:TOY of the package toys is left out: {why}")
    assert said.endswith("Mend it, or 'pip uninstall toys'.")


def test_ours_come_first() -> None:
    packages = [each.ours for each in installed.packages("hawk.sinks")]
    assert packages == sorted(packages, reverse=True)
