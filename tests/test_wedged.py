"""The whole program, while Bluetooth comes and goes under it: it never restarts and never needs help."""

import signal
from pathlib import Path
from typing import Any

import psutil

from tests.fake_bluez.monitors import Monitor
from tests.fake_bluez.rig import FakeBluez
from tests.service import Service, wait_until

MONITORS = [
    Monitor("50:54:7B:00:00:01", volts=12.62, temperature=-7, adverts="sealed"),
    Monitor("50:54:7B:00:00:02", volts=12.54, temperature=0, adverts="sealed"),
    Monitor("50:54:7B:00:00:03", family="BM2", volts=12.87, state=1, adverts="sealed"),
]
RIGHT = {(each.address, each.volts) for each in MONITORS}
TIMES = 50


def configured(service: Service) -> None:
    wait_until(lambda: service.get("/api/devices")["meta"]["total"] == len(MONITORS))
    for monitor in MONITORS:
        said = service.configure(monitor.address, polling_interval=1, connection_config={"retry_interval": 1})
        assert said.status_code == 200, said.text


def newest(service: Service) -> dict[str, int]:
    """The last `seq` of a reading over a link, by address."""
    found = {}
    for monitor in MONITORS:
        readings = service.readings(monitor.address, **{"filter[source]": "gatt", "page[size]": "1"})
        assert {(reading["device_id"], reading["voltage"]) for reading in readings} <= RIGHT
        found[monitor.address] = readings[0]["seq"] if readings else 0
    return found


def read_again(service: Service, bluez: FakeBluez, before: dict[str, int]) -> None:
    """All of them, by the process that was started."""
    try:
        wait_until(
            lambda: all(seq > before[address] for address, seq in newest(service).items()),
            within=60,
            every=0.2,
        )
    except AssertionError as error:
        raise AssertionError(f"{bluez.state()}\n{service.log_text()[-3000:]}") from error


def come_and_go(tmp_path: Path, gone: dict[str, str], back: dict[str, str]) -> None:
    with FakeBluez(MONITORS, adv_interval=0.2, period=0.1) as bluez, Service(tmp_path / "data") as service:
        configured(service)
        read_again(service, bluez, dict.fromkeys((m.address for m in MONITORS), 0))
        process = psutil.Process(service.process.pid)
        files = 0
        for time in range(TIMES):
            bluez.do(**gone)
            before = newest(service)
            bluez.do(**back)
            if time % 10 == 0:
                read_again(service, bluez, before)
                files = files or process.num_fds()
        read_again(service, bluez, newest(service))
        status = service.get("/api/system/status")["data"]["attributes"]
        assert all(actor["restarts"] == 0 for actor in status["actors"]), status["actors"]
        assert process.num_fds() <= files + 3
        assert service.stop() == 0
        assert bluez.state()["linked"] == []


def test_bluetoothd_is_killed_and_started_again_and_again(tmp_path: Path) -> None:
    come_and_go(tmp_path, {"order": "crash"}, {"order": "start"})


def test_the_adapter_is_pulled_and_plugged_in_again_and_again(tmp_path: Path) -> None:
    come_and_go(tmp_path, {"order": "unplug"}, {"order": "plug"})


def test_the_bus_itself_is_killed_and_comes_back(tmp_path: Path) -> None:
    folder = tmp_path / "bus"
    folder.mkdir()
    never = dict.fromkeys((monitor.address for monitor in MONITORS), 0)
    with FakeBluez(MONITORS, adv_interval=0.2, period=0.1, folder=str(folder)) as bluez:
        service = Service(tmp_path / "data")
        service.__enter__()
        configured(service)
        read_again(service, bluez, never)
        bluez.do("kill_bus")
    try:
        wait_until(
            lambda: not service.get("/api/system/status")["data"]["attributes"]["bluetooth"]["listening"]
        )
        before = newest(service)
        with FakeBluez(MONITORS, adv_interval=0.2, period=0.1, folder=str(folder)) as bluez:
            read_again(service, bluez, before)
            assert service.stop() == 0
            assert bluez.state()["linked"] == []
    finally:
        service.__exit__(None, None, None)


def test_a_second_service_on_the_adapter_says_so_and_takes_over_when_the_first_ends(tmp_path: Path) -> None:
    def bluetooth(service: Service) -> Any:
        return service.get("/api/system/status")["data"]["attributes"]["bluetooth"]

    with FakeBluez(MONITORS, adv_interval=0.2), Service(tmp_path / "second") as second:
        wait_until(lambda: bluetooth(second)["listening"])
        with Service(tmp_path / "first") as first:
            wait_until(lambda: bluetooth(first)["reason"])
            assert (
                "Another Battery Hawk on this machine uses the Bluetooth adapter hci0"
                in bluetooth(first)["reason"]
            )
            assert second.stop() == 0
            wait_until(lambda: bluetooth(first)["listening"], within=40)


def test_after_a_kill_in_the_middle_of_sessions_the_links_are_cleared_and_the_devices_read(
    tmp_path: Path,
) -> None:
    with FakeBluez(MONITORS, adv_interval=0.2, period=0.1) as bluez:
        with Service(tmp_path / "data", BATTERYHAWK_BLUETOOTH_MAX_CONCURRENT_CONNECTIONS="3") as service:
            configured(service)
            read_again(service, bluez, dict.fromkeys((m.address for m in MONITORS), 0))
            bluez.do("faults", notify="none")
            wait_until(lambda: len(bluez.state()["linked"]) == 3)
            service.process.send_signal(signal.SIGKILL)
            service.process.wait()
        assert len(bluez.state()["linked"]) == 3  # bluetoothd keeps them, and the devices fall silent
        bluez.do("faults", notify="ok")
        with Service(tmp_path / "data") as service:
            read_again(service, bluez, newest(service))
            assert "was connected when this service began" in service.log_text()
