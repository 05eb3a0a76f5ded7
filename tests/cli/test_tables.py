"""Devices and vehicles in words."""

from dataclasses import replace
from typing import Any

import pytest

from hawk.cli import tables
from hawk.model.device import DeviceView, Outcome, Quality
from hawk.model.live import Live
from hawk.model.reading import Moment, Sample
from hawk.web.resources import device_resource
from tests.doubles import NOON, device

NOW = NOON / 1000
POOR = Quality(20, 11, 55, "poor: the signal is weak (-88 dBm), go nearer or use an adapter with an aerial")


def moment(seconds_ago: float) -> Moment:
    return Moment(NOON - round(seconds_ago * 1000), 1000.0 - seconds_ago)


def shown(**changes: Any) -> dict[str, Any]:
    live = Live().with_sample(Sample(voltage=12.614, temperature=0.0, status="normal"), moment(7200))
    live = live.with_sample(Sample(voltage=12.4), moment(40))
    view = DeviceView(device(), live=live, available=True, stale=frozenset({"temperature"}), quality=POOR)
    return device_resource(replace(view, **changes), 3600.0)


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(0, "0 s"), (119, "119 s"), (120, "2 min"), (7199, "120 min"), (7200, "2 h"), (172_800, "2 d")],
)
def test_a_duration_is_said_in_the_unit_that_suits_it(seconds: float, words: str) -> None:
    assert tables.duration(seconds) == words


def test_an_instant_in_the_future_is_now() -> None:
    assert tables.ago("2099-01-01T00:00:00.000Z", 0.0) == "0 s ago"


def test_a_row_has_value_age_and_verdict() -> None:
    headings, row = tables.device_table([shown()], NOW)
    cells = dict(zip(headings, row, strict=True))
    assert (cells["Voltage"], cells["Age"], cells["Link"]) == ("12.40 V", "40 s", "poor")


def test_an_old_value_is_said_to_be_stale() -> None:
    headings, row = tables.device_table([shown(stale=frozenset({"voltage"}))], NOW)
    assert row[headings.index("Age")] == "stale, 40 s"


def test_a_column_in_which_nothing_stands_is_left_out() -> None:
    headings, _ = tables.device_table([shown(live=Live(), quality=None)], NOW)
    assert headings == ("Address", "Name", "Type", "Status")


def test_each_value_is_shown_with_its_own_age_and_zero_is_a_value() -> None:
    outcome = Outcome("silent", "it connected, and no answer came", moment(300))
    text = "\n".join(tables.device_lines(shown(outcome=outcome)["attributes"], NOW))
    assert "Temperature  0 °C, stale, 2 h ago" in text
    assert "Voltage      12.40 V, 40 s ago" in text
    assert "Last poll    silent: it connected, and no answer came, 5 min ago" in text
    assert f"Link         {POOR.verdict} (11 of 20 attempts)" in text
    assert "Current" not in text


def test_the_widest_rows_fit_into_eighty_columns_with_every_address_and_value(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    wide = replace(device(), friendly_name="House battery under the berth", device_type="renogy_controller")
    listed = [shown(device=wide, vehicle_name="Grandmother's sailing boat", stale=frozenset({"voltage"}))]
    tables.print_table(tables.device_table(listed, NOW))
    lines = capsys.readouterr().out.splitlines()
    assert max(map(len, lines)) <= 80
    assert wide.address in lines[1]
    assert "12.40 V" in lines[1]
    assert "stale, 40 s" in lines[1]
