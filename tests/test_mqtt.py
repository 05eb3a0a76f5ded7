"""The whole service with a real mosquitto, and mosquitto's own client as the witness."""

import json
import sqlite3
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509

from tests.mqtt.authority import Authority
from tests.mqtt.mosquitto import Mosquitto, Said, Witness, say
from tests.service import Service, wait_until

FAST = {
    "BATTERYHAWK_BLUETOOTH_BACKEND": "simulated",
    "BATTERYHAWK_SIMULATION_DEVICES": "2",
    "BATTERYHAWK_DISCOVERY_AUTO_CONFIGURE": "true",
    "BATTERYHAWK_BLUETOOTH_RECORD_INTERVAL": "1",
    "BATTERYHAWK_CLOCK_TRUST": "always",
    "BATTERYHAWK_HISTORY_AUTO": "false",
    "BATTERYHAWK_MQTT_ENABLED": "true",
    "BATTERYHAWK_MQTT_BROKER": "127.0.0.1",
}
DEAF = {"BATTERYHAWK_BLUETOOTH_LISTEN": "false", "BATTERYHAWK_DISCOVERY_INITIAL_SCAN": "false"}
SILENT = {"BATTERYHAWK_LOGGING_LEVEL": ""}  # as it is without a setting
FIRST, SECOND = "02:00:00:00:00:01", "02:00:00:00:00:02"


def service(data: Path, broker: Mosquitto, **environment: str) -> Service:
    settings = {**FAST, "BATTERYHAWK_MQTT_PORT": str(broker.port), **environment}
    return Service(data, ("serve",), **settings)


def settled(running: Service) -> None:
    """Both are configured and were read."""
    wait_until(lambda: "MQTT: connected" in running.log_text())
    for address in (FIRST, SECOND):
        wait_until(partial(_has_readings, running, address))


def poll(running: Service, address: str) -> Any:
    answer = running.http.post(f"/api/devices/{address}/readings", timeout=60)
    return answer.json()["data"]["attributes"]


def _has_readings(running: Service, address: str) -> bool:
    return bool(running.http.get(f"/api/readings/{address}").json().get("data"))


def kept(broker: Mosquitto, topic: str) -> Said:
    with Witness(broker.port, topic) as witness:
        return witness.next()


def test_what_is_said_has_the_documented_qos_and_retain_flag(tmp_path: Path) -> None:
    expected = {
        f"battery_hawk/device/{FIRST}/reading": 1,
        f"battery_hawk/device/{FIRST}/state": 1,
        f"battery_hawk/device/{FIRST}/status": 1,
        f"battery_hawk/device/{FIRST}/availability": 1,
        f"battery_hawk/device/{FIRST}/config": 1,
        "battery_hawk/vehicle/vehicle_1/summary": 1,
        "battery_hawk/system/status": 2,
        "battery_hawk/system/availability": 1,
        "battery_hawk/gateway/config": 1,
    }
    with Mosquitto(tmp_path) as broker, Witness(broker.port, "battery_hawk/#") as witness:
        with service(tmp_path / "data", broker) as running:
            heard: dict[str, Said] = {}
            while not expected.keys() <= heard.keys():
                said = witness.next()
                heard[said.topic] = said
            assert {topic: heard[topic].qos for topic in expected} == expected
            status = heard["battery_hawk/system/status"].json
            assert 0 < status["core"]["uptime_seconds"] < 600
            assert 0 < status["storage"]["disk_usage_percent"] < 100
            reading = heard[f"battery_hawk/device/{FIRST}/reading"].json
            stored = [each for each in running.readings(FIRST) if each["seq"] == reading["seq"]]
            assert {**stored[0], **reading} == {**stored[0], "extra": stored[0]["extra"]}
            assert reading["gateway_id"] == running.ready["gateway_id"]
        with Witness(broker.port, "battery_hawk/#") as late:
            remembered: dict[str, Said] = {}
            while "battery_hawk/system/availability" not in remembered or len(remembered) < 8:
                said = late.next()
                assert said.retain
                remembered[said.topic] = said
        assert remembered["battery_hawk/system/availability"].text == "offline"
        assert not [topic for topic in remembered if topic.endswith("/reading")]


def test_a_kill_fires_the_will_and_a_restart_says_all_again_without_a_poll(tmp_path: Path) -> None:
    with Mosquitto(tmp_path) as broker:
        with service(tmp_path / "data", broker) as running:
            settled(running)
            before = kept(broker, f"battery_hawk/device/{FIRST}/state").json
            assert kept(broker, "battery_hawk/system/availability").text == "online"
            with Witness(broker.port, "battery_hawk/system/availability") as witness:
                assert witness.next().text == "online"
                running.kill()
                assert witness.next().text == "offline"
        with Witness(broker.port, f"battery_hawk/device/{FIRST}/state") as witness:
            assert witness.next().retain
            with service(tmp_path / "data", broker, **DEAF):
                after = witness.next()
                assert kept(broker, "battery_hawk/system/availability").text == "online"
        assert after.json["voltage"] == pytest.approx(before["voltage"], abs=0.5)
        assert after.json["timestamp"] >= before["timestamp"]


def test_what_came_while_the_broker_was_away_is_said_once(tmp_path: Path) -> None:
    with Mosquitto(tmp_path) as broker, service(tmp_path / "data", broker) as running:
        settled(running)
        poll(running, FIRST)  # so that none is under way that said its reading before
        broker.kill()
        wait_until(lambda: "it is tried again" in running.log_text())
        missed = {poll(running, FIRST)["seq"] for _ in range(3)}
        broker.start()
        with Witness(broker.port, f"battery_hawk/device/{FIRST}/reading") as witness:
            found: list[int] = []
            while not missed <= set(found):
                found.append(witness.next().json["seq"])
        assert len(found) == len(set(found))
        assert running.log_text().count("it is tried again") == 1
        assert running.get("/api/system/status")["data"]["attributes"]["components"]["mqtt"] == "connected"


def answer(broker: Mosquitto, command: dict[str, Any], *options: str) -> Any:
    with Witness(broker.port, "battery_hawk/gateway/response/#") as witness:
        say(broker.port, "battery_hawk/gateway/command", json.dumps(command), *options)
        return witness.next().json


def test_commands_are_done_and_answered(tmp_path: Path) -> None:
    with Mosquitto(tmp_path) as broker, service(tmp_path / "data", broker) as running:
        settled(running)
        told = answer(broker, {"command": "get_devices", "request_id": "1"})
        assert (told["request_id"], told["command"], told["ok"]) == ("1", "get_devices", True)
        assert told["gateway_id"] == running.ready["gateway_id"]
        assert {each["mac_address"] for each in told["result"]["devices"]} == {FIRST, SECOND}

        told = answer(broker, {"command": "poll_device", "mac_address": FIRST.replace(":", "").lower()})
        assert told["ok"], told
        assert told["result"]["reading"]["source"] == "gatt"

        told = answer(broker, {"command": "set_device", "mac_address": FIRST, "polling_interval": 900})
        assert told["result"]["device"]["polling_interval"] == 900
        say(broker.port, f"battery_hawk/device/{FIRST}/set", '{"polling_interval": 1200}')
        wait_until(lambda: running.device(FIRST)["polling_interval"] == 1200)
        wait_until(
            lambda: '"polling_interval":1200,' in kept(broker, f"battery_hawk/device/{FIRST}/config").text
        )

        told = answer(broker, {"command": "release_device", "mac_address": FIRST, "minutes": 5})
        assert told["result"]["until"] > "2026"
        told = answer(broker, {"command": "remove_device", "mac_address": FIRST, "request_id": "r"})
        assert told["result"] == {"device_id": FIRST}
        told = answer(broker, {"command": "poll_device", "mac_address": "AA:BB:CC:DD:EE:FF"})
        assert told["error"]["code"] == "not_found"


def test_a_command_that_was_retained_is_refused_and_said(tmp_path: Path) -> None:
    """To those who listened already it came as any other."""
    with Mosquitto(tmp_path) as broker, Witness(broker.port, "battery_hawk/gateway/response/#") as witness:
        say(broker.port, "battery_hawk/gateway/command", '{"command":"restart_gateway"}', "-r")
        with service(tmp_path / "data", broker) as running:
            assert witness.next().json["error"]["code"] == "retained_ignored"
            assert running.process.poll() is None


def test_the_log_level_that_is_shown_is_the_one_in_force_whoever_set_it(tmp_path: Path) -> None:
    with Mosquitto(tmp_path) as broker, service(tmp_path / "data", broker, **SILENT) as running:
        wait_until(lambda: shown_level(broker) == "INFO")
        say(broker.port, "battery_hawk/gateway/set", '{"log_level": "WARN"}')
        wait_until(lambda: shown_level(broker) == "WARN")
        changed = {"logging": {"level": "ERROR"}}
        assert running.send("PATCH", "/api/system/config", changed, "system-config", "system").is_success
        wait_until(lambda: shown_level(broker) == "ERROR")
        say(broker.port, "battery_hawk/gateway/set", '{"log_level": "DEBUG"}')
        wait_until(lambda: shown_level(broker) == "DEBUG")
        with Witness(broker.port, "battery_hawk/gateway/config", "-R") as witness:  # not what is kept
            anew = {"gateway": {"name": "Shed"}}  # all of MQTT begins anew
            assert running.send("PATCH", "/api/system/config", anew, "system-config", "system").is_success
            assert witness.next().json["log_level"] == "DEBUG"


def shown_level(broker: Mosquitto) -> str:
    return str(kept(broker, "battery_hawk/gateway/config").json["log_level"])


def test_a_restart_that_is_asked_for_exits_75(tmp_path: Path) -> None:
    with Mosquitto(tmp_path) as broker, service(tmp_path / "data", broker) as running:
        wait_until(lambda: "MQTT: connected" in running.log_text())
        assert answer(broker, {"command": "restart_gateway"})["ok"]
        assert running.process.wait(20) == 75
        assert kept(broker, "battery_hawk/system/availability").text == "offline"


def test_a_device_that_is_removed_leaves_nothing_at_the_broker(tmp_path: Path) -> None:
    with Mosquitto(tmp_path) as broker:
        with service(tmp_path / "data", broker) as running:
            settled(running)
        data = json.loads((tmp_path / "data" / "devices.json").read_text())
        data["devices"] = {}  # nor any other: to read one the service would scan, and find this one again
        (tmp_path / "data" / "devices.json").write_text(json.dumps(data))
        with Witness(broker.port, f"battery_hawk/device/{FIRST}/#") as witness, service(
            tmp_path / "data", broker, **DEAF
        ):  # fmt: skip
            cleared: set[str] = set()
            while len(cleared) < 4:
                said = witness.next()
                if not said.text:
                    cleared.add(said.topic.rpartition("/")[2])
        assert cleared == {"state", "status", "availability", "config"}


def test_home_assistant_is_told_again_when_it_says_that_it_is_there(tmp_path: Path) -> None:
    topics = {"homeassistant/device/battery_hawk_020000000001/config", f"battery_hawk/device/{FIRST}/state"}
    with Mosquitto(tmp_path) as broker, service(tmp_path / "data", broker) as running:
        settled(running)
        with Witness(broker.port, "#", "-R") as witness:  # not what is kept
            say(broker.port, "homeassistant/status", "online")
            missing = set(topics)
            while missing:
                missing.discard(witness.next().topic)
        running.http.delete(f"/api/devices/{FIRST}")
        with Witness(broker.port, "homeassistant/device/+/config") as witness:
            kept_now = {witness.next().topic for _ in range(2)}
        assert kept_now == {
            f"homeassistant/device/battery_hawk_gw_{running.ready['gateway_id']}/config",
            "homeassistant/device/battery_hawk_020000000002/config",
        }


def test_two_gateways_do_not_share_a_prefix(tmp_path: Path) -> None:
    with Mosquitto(tmp_path) as broker, service(tmp_path / "one", broker) as one:
        wait_until(lambda: "MQTT: connected" in one.log_text())
        wait_until(lambda: kept(broker, "battery_hawk/system/status").json["gateway_id"])
        with service(tmp_path / "two", broker) as two:
            wait_until(
                lambda: f"gateway {one.ready['gateway_id']} publishes under battery_hawk" in two.log_text()
            )
            assert two.get("/api/system/status")["data"]["attributes"]["components"]["mqtt"] == "refused"
        with service(tmp_path / "three", broker, BATTERYHAWK_MQTT_TOPIC_PREFIX="three") as three:
            wait_until(lambda: "MQTT: connected" in three.log_text())


def test_the_alias_prefix_serves_users_of_blupow(tmp_path: Path) -> None:
    blupow = {"BATTERYHAWK_MQTT_ALIAS_PREFIX": "blupow"}
    with Mosquitto(tmp_path) as broker, service(tmp_path / "data", broker, **blupow) as running:
        settled(running)
        said = kept(broker, f"blupow/{FIRST}/state")
        assert said.retain
        assert said.json["battery_voltage"] == pytest.approx(running.readings(FIRST)[0]["voltage"], abs=0.5)
        with Witness(broker.port, "blupow/gateway/response/#") as witness:
            say(broker.port, "blupow/gateway/command", '{"command": "get_devices", "request_id": "9"}')
            answered = witness.next()
        assert answered.topic == "blupow/gateway/response/9"
        assert len(answered.json["result"]["devices"]) == 2
        with Witness(broker.port, f"blupow/{FIRST}/state", "-R") as witness:
            running.http.delete(f"/api/devices/{FIRST}")
            while witness.next().text:
                pass


# -- what a broker can do to us ----------------------------------------------------------------

# What it acknowledged is on its way at once: a kill finds nothing of it in its memory.
LOADED = ("allow_anonymous true", "max_inflight_messages 0")
LOUD = {"BATTERYHAWK_LOGGING_LEVEL": "INFO", "BATTERYHAWK_SIMULATION_MODELS": "BM6"}


def status(running: Service) -> Any:
    return running.get("/api/system/status")["data"]["attributes"]


def of_mqtt(running: Service) -> list[str]:
    """Level and words of what the log says of it."""
    lines = (line for line in running.log_text().splitlines() if " hawk.mqtt." in line)
    return [line.split(maxsplit=1)[1] for line in lines]


def kept_seqs(data: Path) -> set[int]:
    with closing(sqlite3.connect(f"file:{data / 'readings.db'}?mode=ro", uri=True)) as log:
        return {seq for (seq,) in log.execute("SELECT seq FROM reading")}


class Ears:
    """Hears the readings until its broker is gone."""

    def __init__(self, port: int) -> None:
        self.seqs: list[int] = []
        self._witness = Witness(port, "battery_hawk/device/+/reading", "-W", "600")
        self._thread = threading.Thread(target=self._listen)

    def __enter__(self) -> "Ears":
        self._witness.__enter__()
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._witness.end()
        self._thread.join()
        self._witness.__exit__(None, None, None)

    def _listen(self) -> None:
        for said in self._witness.rest():
            self.seqs.append(said.json["seq"])


@contextmanager
def hangs(broker: Mosquitto, ears: list[Ears], seconds: float) -> Iterator[None]:
    with broker.hanging():
        time.sleep(seconds)
        yield


@contextmanager
def is_killed(broker: Mosquitto, ears: list[Ears], seconds: float) -> Iterator[None]:
    broker.kill()
    yield from _comes_back(broker, ears, seconds)


@contextmanager
def ends(broker: Mosquitto, ears: list[Ears], seconds: float) -> Iterator[None]:
    broker.end()
    yield from _comes_back(broker, ears, seconds)


def _comes_back(broker: Mosquitto, ears: list[Ears], seconds: float) -> Iterator[None]:
    """Who listens is there before the service is."""
    time.sleep(seconds)
    yield
    ears[-1].__exit__()
    broker.start()
    ears.append(Ears(broker.port).__enter__())


@pytest.mark.parametrize("fails", [hangs, is_killed, ends])
@pytest.mark.parametrize(
    ("devices", "seconds"), [(30, 12), pytest.param(350, 60, marks=pytest.mark.soak)]
)  # 350 have 100 readings a second
def test_under_load_a_broker_that_fails_costs_no_reading_and_one_line(
    tmp_path: Path, fails: Callable[..., Any], devices: int, seconds: float
) -> None:
    load = {**LOUD, "BATTERYHAWK_SIMULATION_DEVICES": str(devices)}
    with Mosquitto(tmp_path, LOADED) as broker, service(tmp_path / "data", broker, **load) as running:
        wait_until(lambda: "MQTT: connected" in running.log_text())
        ears = [Ears(broker.port).__enter__()]
        wait_until(lambda: len(ears[0].seqs) > 3 * devices, 120)  # all are configured and heard
        before = len(of_mqtt(running))
        with fails(broker, ears, seconds):
            assert status(running)["components"]["mqtt"] == "down"
            missed = max(kept_seqs(running.data))
        back = time.monotonic()
        wait_until(lambda: status(running)["components"]["mqtt"] == "connected", 100)
        connected = time.monotonic() - back
        said = of_mqtt(running)[before:]
        wait_until(lambda: status(running)["mqtt"]["readings_behind"] == 0, 200)
        caught_up = time.monotonic() - back
        last = max(kept_seqs(running.data))
        assert last > missed
        wait_until(lambda: last in ears[-1].seqs, 100)
        ears[-1].__exit__()
        heard = [seq for each in ears for seq in each.seqs]
        twice = len(heard) - len(set(heard))
        print(f"{fails.__name__} {seconds} s: {last - heard[0] + 1} readings, {twice} twice, connected "
              f"{connected:.1f} s and caught up {caught_up:.1f} s after it was back; {said}")  # fmt: skip
        assert {seq for seq in kept_seqs(running.data) if heard[0] <= seq <= last} - set(heard) == set()
        assert twice <= 100  # what waited for its acknowledgement
        assert [line.split()[0] for line in said] == ["WARNING", "INFO"]
        assert kept(broker, "battery_hawk/system/availability").text == "online"


def test_nobody_there_and_a_wrong_password_are_said_once_and_by_the_status(tmp_path: Path) -> None:
    passwords = tmp_path / "passwords"
    passwords.touch(mode=0o600)
    subprocess.run(["mosquitto_passwd", "-b", str(passwords), "hawk", "right"], check=True)
    login = {"BATTERYHAWK_MQTT_USERNAME": "hawk", "BATTERYHAWK_MQTT_PASSWORD": "not the right one"}
    broker = Mosquitto(tmp_path, ("allow_anonymous false", f"password_file {passwords}"))
    with service(tmp_path / "data", broker, **LOUD, **login) as running, broker_after(broker, 6.0):
        wait_until(lambda: status(running)["components"]["mqtt"] == "refused", 60)
        assert "mqtt.username, mqtt.password" in status(running)["mqtt"]["reason"]
    nobody, refused = of_mqtt(running)
    assert "cannot be reached" in nobody
    assert "refuses: this user may not: mqtt.username, mqtt.password" in refused
    assert "not the right one" not in running.log_text()


@contextmanager
def broker_after(broker: Mosquitto, seconds: float) -> Iterator[None]:
    """Time for some tries."""
    time.sleep(seconds)
    with broker:
        yield


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ("other", "is signed by nobody that is trusted here"),
        pytest.param("expired", "has expired: renew it at the broker", marks=pytest.mark.soak),
        pytest.param("elsewhere", "is for another host: mqtt.broker", marks=pytest.mark.soak),
    ],
)
def test_a_wrong_certificate_is_said_once_and_by_the_status_until_it_is_right(
    tmp_path: Path, wrong: str, words: str
) -> None:
    ours = Authority(tmp_path, "ours")
    configuration = {
        "other": lambda: Authority(tmp_path, "other").signs(),
        "expired": lambda: ours.signs(days=-1),
        "elsewhere": lambda: ours.signs(x509.DNSName("elsewhere.example")),
    }[wrong]()
    sealed = {"BATTERYHAWK_MQTT_TLS": "true", "BATTERYHAWK_MQTT_CA_FILE": str(ours.file)}
    with (
        Mosquitto(tmp_path, configuration) as broker,
        service(tmp_path / "data", broker, **sealed, **LOUD) as running,
    ):
        wait_until(lambda: of_mqtt(running))
        wait_until(lambda: status(running)["components"]["mqtt"] == "refused")
        assert words in status(running)["mqtt"]["reason"]
        ours.signs()
        broker.kill()
        broker.start()
        wait_until(lambda: status(running)["components"]["mqtt"] == "connected", 60)
    warned, connected = of_mqtt(running)
    assert words in warned
    assert "without it" in connected
