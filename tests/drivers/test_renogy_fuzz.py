"""What comes damaged, late or from elsewhere never becomes a value."""

from tests.drivers import renogy_fuzz


def test_over_a_link_that_damages_no_device_gets_a_value_that_it_did_not_say() -> None:
    run = renogy_fuzz.Run(seed=6)
    run.more(20_000)
    assert run.wrong == []
    assert min(run.outcomes.values()) > 10, run.outcomes
