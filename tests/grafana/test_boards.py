"""The dashboards in deploy/grafana: made by their source, and whole."""

import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.grafana.boards import BOARDS, FOLDER, SOURCES, board, panels

ALL = [(source, name) for source in SOURCES for name in BOARDS]
PAGE = (FOLDER.parents[1] / "docs" / "grafana.md").read_text()


def test_the_committed_dashboards_are_what_their_source_makes(tmp_path: Path) -> None:
    """After a change: python deploy/grafana/make.py"""
    subprocess.run([sys.executable, FOLDER / "make.py", tmp_path], check=True)
    made = {path.relative_to(tmp_path): path.read_text() for path in tmp_path.rglob("*.json")}
    there = FOLDER / "dashboards"
    assert {path.relative_to(there): path.read_text() for path in there.rglob("*.json")} == made


def every_string(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for each in value.values():
            yield from every_string(each)
    elif isinstance(value, list):
        for each in value:
            yield from every_string(each)


@pytest.mark.parametrize(("source", "name"), ALL)
def test_each_panel_says_what_it_shows_in_which_unit(source: str, name: str) -> None:
    for each in board(source, name)["panels"]:
        if each["type"] != "row":
            assert each["title"]
            assert each["description"], each["title"]
            assert each["fieldConfig"]["defaults"]["unit"], each["title"]
            assert each["targets"], each["title"]


@pytest.mark.parametrize(("source", "name"), ALL)
def test_panels_have_numbers_of_their_own_and_lie_side_by_side(source: str, name: str) -> None:
    found = board(source, name)["panels"]
    assert len({each["id"] for each in found}) == len(found)
    taken: set[tuple[int, int]] = set()
    for each in found:
        x, y, w, h = (each["gridPos"][key] for key in "xywh")
        assert x + w <= 24
        cells = {(column, line) for column in range(x, x + w) for line in range(y, y + h)}
        assert not cells & taken, each["title"]
        taken |= cells


@pytest.mark.parametrize(("source", "name"), ALL)
def test_every_link_leads_to_a_dashboard_of_the_same_kind_of_database(source: str, name: str) -> None:
    known = {board(source, each)["uid"] for each in BOARDS}
    leads_to = {
        found for text in every_string(board(source, name)) for found in re.findall(r"/d/([\w-]+)", text)
    }
    assert leads_to
    assert leads_to <= known


@pytest.mark.parametrize(("source", "name"), ALL)
def test_every_variable_that_is_used_is_there(source: str, name: str) -> None:
    made = board(source, name)
    known = {each["name"] for each in made["templating"]["list"]}
    used = {
        found
        for text in every_string(made["panels"])
        for found in re.findall(r"\$\{?(device|vehicle|fresh|datasource)\b", text)
    }
    assert used <= known


def test_no_identifier_is_there_twice() -> None:
    assert len({board(source, name)["uid"] for source, name in ALL}) == len(ALL)


@pytest.mark.parametrize(("source", "name"), ALL)
def test_all_that_is_shown_is_in_the_page(source: str, name: str) -> None:
    assert [each.title for each in panels(source, name) if each.title not in PAGE] == []


# -- Flux, which no server here speaks ---------------------------------------------------------

FIELDS = {"voltage", "current", "power", "state_of_charge", "temperature"}
TAGS = {"device_id", "device_name", "vehicle_name", "device_type", "simulated"}


@pytest.mark.parametrize("name", BOARDS)
def test_flux_asks_for_names_that_are_written(name: str) -> None:
    for each in panels("flux", name):
        for target in each.targets:
            query = target["query"]
            assert query.startswith("from(bucket: v.defaultBucket)\n  |> range(start: "), query
            (measurement,) = re.findall(r'r\._measurement == "(\w+)"', query)
            (field,) = re.findall(r'r\._field == "(\w+)"', query)
            suffix = {"battery_reading": "", "battery_reading_1h": "_", "battery_reading_1d": "_"}[
                measurement
            ]
            assert field in (
                FIELDS if not suffix else {f"{f}_{p}" for f in FIELDS for p in ("min", "mean", "max")}
            )
            assert set(re.findall(r"\br\.([a-z]\w+)", query)) <= TAGS
            for opening, closing in ("()", "[]", "{}"):
                assert query.count(opening) == query.count(closing), query
            assert query.count('"') % 2 == 0


def test_what_the_example_mounts_is_there() -> None:
    compose = (FOLDER / "compose.yaml").read_text()
    mounted = re.findall(r"- (\.[./\w-]+):", compose)
    assert len(mounted) == 7
    assert [path for path in mounted if not (FOLDER / path).exists()] == []
