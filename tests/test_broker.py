"""The whole service with the broker inside: mosquitto's clients are the witnesses, and who attacks it is raw bytes."""

import json
import os
import random
import socket
import struct
import subprocess
import sys
import threading
import time
from functools import partial
from pathlib import Path
from typing import Any

import psutil
import pytest

from tests.mqtt.inside import connect_packet
from tests.mqtt.mosquitto import Witness, free_port, say
from tests.service import QUICK, Service, wait_until
from tests.test_mqtt import DEAF, FAST, FIRST, _has_readings, settled

INSIDE = {**FAST, "BATTERYHAWK_MQTT_ENABLED": "false", "BATTERYHAWK_BROKER_ENABLED": "true"}
LOGIN = {"BATTERYHAWK_BROKER_USERNAME": "boss", "BATTERYHAWK_BROKER_PASSWORD": "secret of boss"}
BOSS = ("-u", "boss", "-P", "secret of boss")


def service(data: Path, **environment: str) -> Service:
    return Service(data, ("serve",), **{**INSIDE, **environment})


def port_of(running: Service) -> int:
    return int(running.ready["mqtt"]["port"])


def status(running: Service) -> Any:
    return running.get("/api/system/status")["data"]["attributes"]


def refused_start(data: Path, **environment: str) -> str:
    done = subprocess.run(
        [sys.executable, "-m", "hawk", "serve", "--data", str(data)],
        env={**os.environ, **QUICK, **INSIDE, **environment}, capture_output=True, text=True, timeout=30, check=False,
    )  # fmt: skip
    assert done.returncode == 78, done.stderr
    return done.stderr


def test_readings_are_heard_at_the_broker_inside_and_its_status_is_told(tmp_path: Path) -> None:
    with service(tmp_path / "data") as running:
        with Witness(port_of(running), "battery_hawk/device/+/reading") as witness:
            said = witness.next().json
            assert said["gateway_id"] == running.ready["gateway_id"]
            told = status(running)
            assert told["broker"] == {
                "state": "running", "address": f"127.0.0.1:{port_of(running)}", "reason": None, "clients": 2,
                "refused": 0,
            }  # fmt: skip
        assert (told["components"]["broker"], told["components"]["mqtt"]) == ("running", "connected")
        started = time.monotonic()
        assert running.stop() == 0
        assert time.monotonic() - started < 5
    assert "Traceback" not in running.log_text()


def test_a_clean_stop_is_said_to_who_listens(tmp_path: Path) -> None:
    with service(tmp_path / "data", **DEAF) as running:
        wait_until(lambda: "MQTT: connected" in running.log_text())
        with Witness(port_of(running), "battery_hawk/system/+", "-R") as witness:
            running.stop()
            heard = {said.topic.rpartition("/")[2]: said for said in (witness.next(), witness.next())}
        assert heard["availability"].text == "offline"
        assert heard["shutdown"].json["reason"] == "stopped"


def test_a_login_is_asked_for_and_commands_of_a_user_are_answered(tmp_path: Path) -> None:
    users = {"eva": {"password": "e", "subscribe": ["battery_hawk/gateway/response/#"], "publish": []}}
    environment = {**LOGIN, "BATTERYHAWK_BROKER_USERS": json.dumps(users)}
    with service(tmp_path / "data", **environment) as running:
        settled(running)
        port = port_of(running)
        with Witness(port, "battery_hawk/gateway/response/#", "-u", "eva", "-P", "e") as witness:
            for login in (("-u", "eva", "-P", "e"), BOSS):  # hers is not allowed
                command = json.dumps({"command": "get_devices", "request_id": login[1]})
                say(port, "battery_hawk/gateway/command", command, *login)
            assert witness.next().topic == "battery_hawk/gateway/response/boss"
        with pytest.raises(subprocess.CalledProcessError):
            say(port, "battery_hawk/gateway/command", "{}")
        assert "secret of boss" not in running.http.get("/api/system/status").text + running.log_text()


def test_a_broker_for_others_without_a_login_is_refused_with_a_sentence(tmp_path: Path) -> None:
    said = refused_start(tmp_path / "data", BATTERYHAWK_BROKER_HOST="0.0.0.0")
    assert "needs broker.username and broker.password" in said
    said = refused_start(tmp_path / "data", BATTERYHAWK_BROKER_USERNAME="boss")
    assert "set both, or none" in said


def test_with_the_port_taken_the_service_runs_and_takes_it_when_it_is_free(tmp_path: Path) -> None:
    port = free_port()
    with (
        socket.create_server(("127.0.0.1", port)) as other,
        service(tmp_path / "data", BATTERYHAWK_BROKER_PORT=str(port)) as running,
    ):
        wait_until(lambda: status(running)["broker"]["state"] == "down")
        wait_until(partial(_has_readings, running, FIRST))
        other.close()
        wait_until(lambda: "MQTT: connected" in running.log_text(), within=60)
        assert running.log_text().count("is taken") == 1
        with Witness(port, f"battery_hawk/device/{FIRST}/state") as witness:
            assert witness.next().retain


def test_a_demo_says_where_its_broker_is_and_names_a_port_that_is_taken(tmp_path: Path) -> None:
    with Service(tmp_path / "data", ("demo", "--devices", "1", "--broker-port", "0")) as running:
        assert running.ready["mqtt"]["host"] == "127.0.0.1"
        with Witness(port_of(running), "battery_hawk/device/+/state") as witness:
            assert witness.next().json["simulated"] is True
        port = str(port_of(running))
        done = subprocess.run(
            [sys.executable, "-m", "hawk", "demo", "--api-port", "0", "--broker-port", port, "--duration", "1"],
            env={**os.environ, **QUICK}, capture_output=True, text=True, timeout=30, check=False,
        )  # fmt: skip
        assert done.returncode == 1
        assert f"port {port} on 127.0.0.1 is taken" in done.stderr


EXAMPLES = Path(__file__).parents[1] / "docs" / "examples" / "mqtt"


def test_the_example_programs_print_readings_and_have_a_battery_read(tmp_path: Path) -> None:
    with service(tmp_path / "data") as running:
        settled(running)
        place = ("127.0.0.1", str(port_of(running)))
        listener = subprocess.Popen(
            [sys.executable, EXAMPLES / "readings.py", *place], stdout=subprocess.PIPE, text=True
        )
        with listener:
            assert listener.stdout.readline().endswith(" V\n")
            listener.kill()
        done = subprocess.run(
            [sys.executable, EXAMPLES / "command.py", *place, FIRST],
            capture_output=True, text=True, timeout=60, check=True,
        )  # fmt: skip
        reading = json.loads(done.stdout)
        assert (reading["device_id"], reading["source"]) == (FIRST, "gatt")


# -- hostile -----------------------------------------------------------------------------------


class Attack:
    """Raw connections, until it is over."""

    def __init__(self, port: int) -> None:
        self._port, self._over, self.waves = port, threading.Event(), 0
        self._chance = random.Random(7)
        self._held: list[socket.socket] = []
        self._threads = [
            threading.Thread(target=self._again, args=(wave,))
            for wave in (
                self._noise,
                self._half,
                self._other_version,
                self._long_command,
                self._no_command,
                self._broken_packets,
            )
        ]

    def __enter__(self) -> "Attack":
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        for thread in self._threads:
            thread.join()
        for one in self._held:
            one.close()

    def _again(self, wave: Any) -> None:
        while not self._over.wait(0.02):
            try:
                with socket.create_connection(("127.0.0.1", self._port), 5) as raw:
                    raw.settimeout(2)
                    wave(raw)
            except OSError:  # it is refused, as it should be
                pass
            self.waves += 1

    def _noise(self, raw: socket.socket) -> None:
        raw.sendall(self._chance.randbytes(self._chance.randrange(1, 4000)))

    def _half(self, raw: socket.socket) -> None:
        whole = connect_packet("half", rest=())
        raw.sendall(whole[: self._chance.randrange(len(whole))])
        if len(self._held) < 50:  # these say no more
            self._held.append(raw.dup())

    def _other_version(self, raw: socket.socket) -> None:
        raw.sendall(connect_packet(level=5))
        raw.recv(10)

    def _long_command(self, raw: socket.socket) -> None:
        raw.sendall(connect_packet("long"))
        raw.recv(4)
        raw.sendall(_publish("battery_hawk/gateway/command", self._chance.randbytes(2**20)))
        self._over.wait(0.5)

    def _no_command(self, raw: socket.socket) -> None:
        raw.sendall(connect_packet("none"))
        raw.recv(4)
        raw.sendall(_publish("battery_hawk/gateway/command", self._chance.randbytes(200)))
        self._over.wait(0.05)

    def _broken_packets(self, raw: socket.socket) -> None:
        raw.sendall(connect_packet(f"broken{self._chance.randrange(5)}"))
        raw.recv(4)
        kind = self._chance.randrange(256)
        raw.sendall(bytes([kind]) + self._chance.randbytes(self._chance.randrange(200)))


def _publish(topic: str, payload: bytes) -> bytes:
    body = struct.pack("!H", len(topic)) + topic.encode() + payload
    length, left = b"", len(body)
    while left:
        left, seven = divmod(left, 128)
        length += bytes([seven | (0x80 if left else 0)])
    return b"\x30" + length + body


@pytest.mark.parametrize("seconds", [20, pytest.param(60, marks=pytest.mark.soak)])
def test_whatever_comes_to_the_broker_nobody_else_notices(tmp_path: Path, seconds: float) -> None:
    with service(tmp_path / "data", BATTERYHAWK_SIMULATION_DEVICES="20") as running:
        settled(running)
        port = port_of(running)
        memory = psutil.Process(running.process.pid).memory_info
        with (
            Witness(port, "battery_hawk/device/+/reading", "-W", "300") as readings,
            Witness(port, "other/#", "-W", "300") as other,
            Attack(port) as attack,
        ):
            time.sleep(5)  # what an attack holds at once it holds by now
            end, sent, before = time.monotonic() + seconds, 0, memory().rss
            seen: list[int] = []
            waits: list[float] = []
            while (started := time.monotonic()) < end:
                sent += 1
                say(port, "other/ping", str(sent))
                assert other.next().text == str(sent)
                assert status(running)["broker"]["state"] == "running"
                waits.append(time.monotonic() - started)
                seen.append(readings.next().json["seq"])
            assert memory().rss - before < 64 * 2**20
        print(f"{attack.waves} waves, {sent} pings, the slowest with the API {max(waits):.3f} s")
        print(f"memory {before / 2**20:.0f} -> {memory().rss / 2**20:.0f} MiB")
        assert max(waits) < 5  # nobody is forgotten; how fast it is depends on the machine
        assert attack.waves > 5 * seconds
        assert seen == list(range(seen[0], seen[-1] + 1))  # none is missing, none comes twice
        told = status(running)
        assert told["broker"]["refused"] > seconds
        assert {each["name"]: each["restarts"] for each in told["actors"][0]["children"]}["broker"] == 0
        assert told["components"]["mqtt"] == "connected"
        command = '{"command": "get_devices", "request_id": "after"}'
        with Witness(port, "battery_hawk/gateway/response/after") as witness:
            time.sleep(1.1)  # no more than ten a second are answered
            say(port, "battery_hawk/gateway/command", command)
            assert witness.next().json["ok"]
    assert "Traceback" not in running.log_text()
    assert len(running.log_text()) < 200_000 + 20_000 * seconds
