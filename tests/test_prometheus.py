"""A real Prometheus scrapes the real service, as docs/prometheus.md says."""

import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.prometheus import Prometheus, Series
from tests.service import Service, wait_until
from tests.sinks.servers import binary

ROOT = Path(__file__).parents[1]
EXAMPLES = ROOT / "deploy" / "prometheus"
PAGE = ROOT / "docs" / "prometheus.md"  # a test holds it against what is told
DEVICES = 3


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    demo = ("demo", "--devices", str(DEVICES), "--models", "BM6", "--api-port", "0")
    with Service(tmp_path_factory.mktemp("hawk") / "data", demo) as running:
        yield running


@pytest.fixture(scope="module")
def prometheus(service: Service, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Prometheus]:
    """By the example configuration; only the address and the pace are others."""
    folder = tmp_path_factory.mktemp("prometheus")
    shutil.copy(EXAMPLES / "alerts.yml", folder)
    shutil.copy(service.ready["token_file"], folder / "battery-hawk-token")
    example = (EXAMPLES / "prometheus.yml").read_text()
    here = service.ready["url"].removeprefix("http://")
    ours = example.replace("localhost:5000", here).replace("scrape_interval: 1m", "scrape_interval: 1s")
    assert here in ours and "1s" in ours
    (folder / "prometheus.yml").write_text(ours)
    with Prometheus(folder) as running:
        yield running


def test_readings_come_through_with_the_token(service: Service, prometheus: Prometheus) -> None:
    """Each value is one that the service has in its log."""
    assert service.http.get("/metrics", headers={"Authorization": ""}).status_code == 401
    found = wait_until(lambda: _all(prometheus.query("battery_hawk_voltage_volts")))
    for labels, volts in found:
        assert (labels["simulated"], labels["job"]) == ("true", "battery-hawk")
        lately = [each["voltage"] for each in service.readings(labels["device_id"])]
        heard = service.device(labels["device_id"])["voltage"]
        assert any(volts == pytest.approx(each, abs=0.06) for each in [heard, *lately])
    (target,) = prometheus.ask("targets")["activeTargets"]
    assert (target["health"], target["lastError"]) == ("up", "")


def _all(found: list[Series]) -> list[Series]:
    return found if len(found) == DEVICES else []


def test_the_examples_of_alerts_ask_for_what_is_told(prometheus: Prometheus) -> None:
    """A name that is misspelt is no error to Prometheus: its rule is silent for ever."""
    groups = prometheus.ask("rules")["groups"]
    rules = [rule for group in groups for rule in group["rules"]]
    assert [rule["name"] for rule in rules if rule.get("lastError")] == []
    told = set(re.findall(r"^\| `(battery_hawk_\w+)` \|", PAGE.read_text(), re.MULTILINE))
    for rule in rules:
        assert set(re.findall(r"\bbattery_hawk_\w+", rule["query"])) <= told, rule["name"]


def test_prometheus_knows_types_and_meanings(prometheus: Prometheus) -> None:
    wait_until(lambda: prometheus.query("up{job='battery-hawk'} == 1"))
    said = prometheus.ask("metadata")
    (polls,) = (
        said["battery_hawk_polls"] if "battery_hawk_polls" in said else said["battery_hawk_polls_total"]
    )
    assert (polls["type"], polls["help"]) == ("counter", "Polls by how they ended.")


def test_the_alerts_ring_when_they_should(tmp_path: Path) -> None:
    shutil.copy(EXAMPLES / "alerts.yml", tmp_path)
    shutil.copy(ROOT / "tests" / "fixtures" / "prometheus" / "alerts_test.yml", tmp_path)
    said = subprocess.run(
        [binary("promtool"), "test", "rules", "alerts_test.yml"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert said.returncode == 0, said.stdout + said.stderr
