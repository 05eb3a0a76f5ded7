"""Readings and summaries as JSON rows."""

import json
import math

from hypothesis import given
from hypothesis import strategies as st

from hawk.model.reading import Sample
from hawk.model.summary import Aggregate
from hawk.sinks.postgresql.rows import batch, reading_row, summary_row
from hawk.sinks.postgresql.tables import _READING_COLUMNS, _SUMMARY_COLUMNS
from tests.sinks.postgresql.samples import stored, summary


def test_a_row_has_the_columns_of_its_table() -> None:
    assert reading_row(stored(1)).keys() == _READING_COLUMNS.keys()
    full = summary(1, values=dict.fromkeys(
        ("voltage", "current", "temperature", "state_of_charge", "power"), Aggregate(1, 1.0, 1.0, 1.0, 1.0)
    ))  # fmt: skip
    assert summary_row(full).keys() == _SUMMARY_COLUMNS.keys()


def test_what_was_not_measured_or_is_no_number_has_no_value() -> None:
    row = reading_row(stored(1, sample=Sample(voltage=math.nan, current=math.inf, power=0.0)))
    assert (row["voltage"], row["current"], row["temperature"], row["power"]) == (None, None, None, 0.0)


def test_what_postgresql_cannot_write_is_replaced_wherever_it_is() -> None:
    row = reading_row(stored(1, name="a\0b", extra={"k\0": "\ud800", "n": math.nan, "ok": 1}))
    assert row["device_name"] == "a\ufffdb"
    assert row["extra"] == {"k\ufffd": "\ufffd", "n": None, "ok": 1}


def test_nested_extras_are_cleaned_and_kept() -> None:
    given_extra = {"cells": [3.3, math.inf, "x\0"], "of": {"a\0": True}}
    row = reading_row(stored(1, extra=given_extra))
    assert row["extra"] == {"cells": [3.3, None, "x\ufffd"], "of": {"a\ufffd": True}}


def test_of_two_for_the_same_row_the_last_one_is_written() -> None:
    twice = [stored(1, 12.0), stored(2), stored(1, 13.0)]
    rows = json.loads(batch(reading_row, twice))
    assert [(row["seq"], row["voltage"]) for row in rows] == [(1, 13.0), (2, 12.5)]


@given(
    st.floats(), st.text(st.characters()), st.dictionaries(st.text(st.characters()), st.floats() | st.text())
)
def test_a_batch_is_always_json_that_postgresql_reads(
    voltage: float, name: str, extra: dict[str, float | str]
) -> None:
    text = batch(reading_row, [stored(1, voltage, name, extra=extra)])
    assert "\\u0000" not in text.replace("\\\\", "")
    json.loads(text).copy()
    json.dumps(json.loads(text), ensure_ascii=False).encode()  # no half of a surrogate pair
