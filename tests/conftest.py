"""What all tests share: the option for long runs."""

import signal
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

# A busy machine is no failure: speed is measured by `python -m tests.benchmarks`.
settings.register_profile("hawk", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("hawk")

# A shell starts what it runs in the background with Ctrl-C ignored, and so would be what the tests start.
signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--soak", action="store_true", help="also run the long ones")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if config.getoption("--soak"):
        for item in items:
            if item.get_closest_marker("soak"):
                item.add_marker(pytest.mark.timeout(3600))
        return
    long = [item for item in items if item.get_closest_marker("soak")]
    config.hook.pytest_deselected(items=long)
    items[:] = [item for item in items if item not in long]


@pytest.fixture
def visible_path(tmp_path: Path) -> Path:
    """A `tmp_path` that others may enter: pytest shuts them out of the folders above."""
    for each in (tmp_path, *tmp_path.parents):
        if not each.stat().st_mode & 0o001:
            each.chmod(0o755)
    return tmp_path
