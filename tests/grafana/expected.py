"""What each panel has to show of `history`: between which values which series lies, whatever database was asked."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from tests.grafana.history import HOUSE, SOLAR, STARTER, Battery

Between = tuple[float, float]
Shown = Mapping[str, Between]  # by the name of the series


@dataclass(frozen=True, slots=True)
class Series:
    name: str  # of the battery, or of the column
    points: Sequence[tuple[float, float]]  # [s since the epoch], value


@dataclass(frozen=True, slots=True)
class Expected:
    shown: Shown
    points: int = 1  # at least, of each series


HOUSE_VOLTS, SOLAR_VOLTS, STARTER_VOLTS = (12.6, 12.8), (13.4, 13.4), (12.1, 12.1)

FLEET = {
    "Voltage now": Expected({HOUSE.name: HOUSE_VOLTS, SOLAR.name: SOLAR_VOLTS}),
    "Charge now": Expected({HOUSE.name: (80, 80)}),
    "Temperature now": Expected({HOUSE.name: (20, 20), SOLAR.name: (30, 30)}),
    "Voltage": Expected(
        {HOUSE.name: HOUSE_VOLTS, SOLAR.name: SOLAR_VOLTS, STARTER.name: STARTER_VOLTS}, points=3
    ),
    "Charge": Expected({HOUSE.name: (80, 80), STARTER.name: (40, 40)}, points=3),
    "Temperature": Expected({HOUSE.name: (20, 20), SOLAR.name: (30, 30), STARTER.name: (-5, -5)}, points=3),
}


def of_device(battery: Battery) -> Mapping[str, Expected]:
    """Panels that are the same for all kinds of databases."""
    found = {}
    for title, name, value in (
        ("Charge", "state_of_charge", battery.charge),
        ("Temperature", "temperature", battery.temperature),
        ("Current", "current", battery.current),
        ("Power", "power", battery.power),
    ):
        shown: Shown = {} if value is None else {name: (value, value)}
        found[title] = Expected(shown, points=3)
        found[f"{title} now"] = Expected({} if battery is STARTER else shown)
    volts = {"voltage": battery.voltages}
    found["Voltage"] = Expected(volts, points=3)
    found["Voltage now"] = Expected({} if battery is STARTER else volts)
    return found


def by_summaries(battery: Battery, band: Mapping[str, Sequence[str]]) -> Mapping[str, Expected]:
    """Panels of the databases that keep summaries; `band`: what they call the series, by quantity."""
    volts = dict.fromkeys(band["voltage"], battery.voltages)  # an hour that just began has one value, or none
    found = {"Voltage by the hour": Expected(volts, points=20), "Voltage by the day": Expected(volts)}
    for title, name, value in (
        ("Charge", "state_of_charge", battery.charge),
        ("Temperature", "temperature", battery.temperature),
    ):
        shown = {} if value is None else dict.fromkeys(band[name], (value, value))
        found[f"{title} by the day"] = Expected(shown)
    return found


def check(expected: Expected, found: Sequence[Series], scale: float = 1.0) -> None:
    """`scale`: how the database says it."""
    found = [each for each in found if each.points]
    assert {each.name for each in found} == set(expected.shown), found
    assert len(found) == len(expected.shown), "a series is there twice"
    for each in found:
        low, high = (bound * scale for bound in expected.shown[each.name])
        assert len(each.points) >= expected.points, each
        for _, value in each.points:
            assert low - 1e-9 <= value <= high + 1e-9, each
        assert [at for at, _ in each.points] == sorted(at for at, _ in each.points), (
            "Grafana wants them in order"
        )
