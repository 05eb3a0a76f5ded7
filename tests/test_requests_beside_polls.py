"""Requests all the time disturb no session on the radio."""

from pathlib import Path

from tests.benchmarks.processes import configured
from tests.benchmarks.web import Site, asking
from tests.fake_bluez.monitors import fleet
from tests.fake_bluez.rig import FakeBluez
from tests.service import Service, wait_until


def test_every_read_works_while_others_ask_all_the_time(tmp_path: Path) -> None:
    monitors = fleet(4, adverts="sealed")
    configured(tmp_path / "data", monitors, 86400)
    with (
        FakeBluez(monitors, adv_interval=0.2, period=0, connect_delay=0.1) as bluez,
        Service(tmp_path / "data", BATTERYHAWK_HISTORY_AUTO="false") as service,
    ):
        site = Site(service.http.base_url.port or 0, service.http.headers["authorization"])
        with asking(site, "/api/devices?include=vehicle") as answered:
            for monitor in monitors * 3:
                said = service.http.post(f"/api/devices/{monitor.address}/readings", timeout=60)
                assert said.status_code == 200, said.text
                assert said.json()["data"]["attributes"]["voltage"] == monitor.volts
        for monitor in monitors:
            connection = service.get(f"/api/devices/{monitor.address}/connection")["data"]["attributes"]
            assert (connection["polls_failed"], connection["polls_ok"]) == (0, connection["polls"])
        assert min(answered) > 10  # each of those who asked
        wait_until(lambda: not bluez.state()["linked"])
