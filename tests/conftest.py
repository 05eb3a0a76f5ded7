"""What all tests share: the option for long runs."""

import pytest
from hypothesis import HealthCheck, settings

# A busy machine is no failure: speed is measured by `python -m tests.benchmarks`.
settings.register_profile("hawk", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("hawk")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--soak", action="store_true", help="also run the long ones")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if config.getoption("--soak"):
        return
    long = [item for item in items if item.get_closest_marker("soak")]
    config.hook.pytest_deselected(items=long)
    items[:] = [item for item in items if item not in long]
