"""The newest value of each quantity."""

from hawk.model.live import Live
from hawk.model.reading import Moment, Sample

NOW, LATER = Moment(1_000, 1.0), Moment(2_000, 2.0)


def test_what_a_device_without_a_status_says_besides_is_kept_until_it_says_more() -> None:
    """As a battery does, whose cells are in `extra`."""
    live = Live().with_sample(Sample(voltage=13.3, extra={"cell_voltage_1": 3.3}), NOW)
    assert (live.extra, live.status) == ({"cell_voltage_1": 3.3}, None)
    live = live.with_sample(Sample(state_of_charge=80.0), LATER)
    assert live.extra == {"cell_voltage_1": 3.3}
    assert live.with_sample(Sample(extra={"cell_voltage_1": 3.4}), LATER).extra == {"cell_voltage_1": 3.4}


def test_a_device_that_measures_no_quantity_has_an_age_all_the_same() -> None:
    live = Live().with_sample(Sample(extra={"load": 1}), NOW)
    assert live.newest == NOW
    live = live.with_sample(Sample(voltage=12.6), LATER)
    assert (live.newest, live.extra, live.extra_moment) == (LATER, {"load": 1}, NOW)
