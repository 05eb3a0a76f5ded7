"""Access to a real `hawk serve`: another address, certificates, and what is told of secrets."""

import json
import os
import shutil
import socket
import ssl
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.certificates import certificate
from tests.service import Service, wait_until

ROOT = Path(__file__).parent.parent
QUIET = {
    "BATTERYHAWK_BLUETOOTH_BACKEND": "simulated",
    "BATTERYHAWK_SIMULATION_DEVICES": "1",
    "BATTERYHAWK_INFLUXDB_ENABLED": "false",
    "BATTERYHAWK_API_PORT": "",  # the file says it
    "BATTERYHAWK_API_HOST": "",
}
WITHIN = 2.0  # [s]


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return int(probe.getsockname()[1])


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """A folder whose settings name an address."""
    data = tmp_path / "data"
    data.mkdir()
    write(data, host="127.0.0.1", port=free_port())
    return data


@pytest.fixture
def service(data: Path) -> Iterator[Service]:
    with Service(data, ("serve",), **QUIET) as service:
        yield service


def write(data: Path, **api: Any) -> None:
    new = data / "system.json.edited"
    new.write_text(json.dumps({"api": api}))
    new.rename(data / "system.json")


def patch(service: Service, **api: Any) -> httpx.Response:
    return service.send("PATCH", "/api/system/config", {"api": api}, "system-config", "system")


def entrance(service: Service) -> Any:
    return service.get("/api/system/status")["data"]["attributes"]["api"]


def hawk(data: Path, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "hawk", *arguments, "--data", str(data)],
        capture_output=True, text=True, check=False, env={**os.environ, **QUIET, **environment},
    )  # fmt: skip


def answers(url: str) -> bool:
    try:
        return httpx.get(f"{url}/healthz", verify=False, trust_env=False).status_code == 200
    except httpx.TransportError:
        return False


# -- another address -------------------------------------------------------------------------------


def test_it_moves_to_another_port_by_a_patch_which_is_answered_first(service: Service) -> None:
    old, new = service.ready["url"], free_port()
    began = time.monotonic()
    said = patch(service, port=new)
    assert (said.status_code, said.json()["meta"]["applied"]) == (200, ["api.port"])
    assert said.json()["meta"]["restart_required"] == []
    wait_until(lambda: answers(f"http://127.0.0.1:{new}"), WITHIN)
    wait_until(lambda: not answers(old), WITHIN)
    assert time.monotonic() - began < WITHIN
    wait_until(lambda: hawk(service.data, "devices", "list").returncode == 0)
    assert hawk(service.data, "healthcheck").stdout.strip() == f"alive at http://127.0.0.1:{new}"
    assert json.loads((service.data / "run.json").read_text())["pid"] == service.process.pid


def test_it_moves_by_hand_and_a_port_that_is_taken_keeps_the_old_one(service: Service) -> None:
    old = service.ready["url"]
    with socket.create_server(("127.0.0.1", 0)) as other:
        taken = other.getsockname()[1]
        write(service.data, host="127.0.0.1", port=taken)
        problem = wait_until(lambda: entrance(service)["problem"], WITHIN + 1)
        assert f"port {taken} on 127.0.0.1 is taken" in problem
        assert f"127.0.0.1:{httpx.URL(old).port}" == entrance(service)["address"]
    wait_until(lambda: answers(f"http://127.0.0.1:{taken}"), WITHIN + 1)
    assert service.log_text().count(f"port {taken} on 127.0.0.1 is taken") == 1


def test_it_moves_to_another_address_of_the_same_port(service: Service) -> None:
    port = httpx.URL(service.ready["url"]).port
    patch(service, host="0.0.0.0")

    def moved() -> bool:
        try:
            return entrance(service)["address"] == f"0.0.0.0:{port}"
        except httpx.TransportError:  # who comes in that very moment can be cut off
            return False

    wait_until(moved, WITHIN + 1)


# -- certificates ----------------------------------------------------------------------------------


def test_it_speaks_https_and_its_own_commands_show_the_token_to_its_certificate_alone(
    data: Path, tmp_path: Path
) -> None:
    pair = certificate(tmp_path, days=-1)  # an old one must not lock out who sits at the machine
    secure = {"BATTERYHAWK_API_CERT_FILE": str(pair.cert), "BATTERYHAWK_API_KEY_FILE": str(pair.key)}
    with Service(data, ("serve",), **QUIET, **secure) as service:
        assert service.ready["url"].startswith("https://127.0.0.1:")
        assert answers(service.ready["url"])
        assert not answers(service.ready["url"].replace("https:", "http:"))
        assert hawk(data, "healthcheck").returncode == 0
        listed = hawk(data, "devices", "list", "--json", **secure)
        assert (listed.returncode, "data" in json.loads(listed.stdout)) == (0, True), listed.stderr
        unset = hawk(data, "devices", "list")
        assert (unset.returncode, "BATTERYHAWK_API_CERT_FILE" in unset.stderr) == (78, True), unset.stderr
        other = certificate(tmp_path, "other")
        foreign = {**secure, "BATTERYHAWK_API_CERT_FILE": str(other.cert)}
        refused = hawk(data, "devices", "list", "--json", **foreign)
        assert (refused.returncode, "certificate" in refused.stderr) == (1, True), refused.stderr


def test_a_renewed_certificate_is_taken_and_a_wrong_one_is_said(data: Path, tmp_path: Path) -> None:
    pair = certificate(tmp_path)
    authority = str(pair.cert)
    secure = {"BATTERYHAWK_API_CERT_FILE": str(pair.cert), "BATTERYHAWK_API_KEY_FILE": str(pair.key)}
    with Service(data, ("serve",), **QUIET, **secure) as service:
        url = service.ready["url"].replace("127.0.0.1", "localhost")
        token = {"Authorization": f"Bearer {(data / 'api-token').read_text().strip()}"}

        def status() -> Any:
            said = httpx.get(
                f"{url}/api/system/status", headers=token, verify=ssl.create_default_context(cafile=authority)
            )
            return said.json()["data"]["attributes"]["api"]

        assert status() == {
            "address": service.ready["url"].removeprefix("https://"),
            "tls": True,
            "problem": None,
        }
        kept = pair.key.read_bytes()
        pair.key.write_bytes(b"nonsense")
        assert "hawk.key" in wait_until(lambda: status()["problem"], WITHIN + 1)
        pair.key.write_bytes(kept)
        wait_until(lambda: status()["problem"] is None, WITHIN + 1)
        certificate(tmp_path)
        authority = str(pair.cert)
        wait_until(lambda: trusted(url, authority), WITHIN + 1)


def trusted(url: str, authority: str) -> bool:
    try:
        return (
            httpx.get(f"{url}/healthz", verify=ssl.create_default_context(cafile=authority)).status_code
            == 200
        )
    except httpx.ConnectError:
        return False


def test_a_wrong_certificate_at_the_start_is_named_with_its_setting(data: Path, tmp_path: Path) -> None:
    write(data, host="127.0.0.1", port=0, cert_file=str(tmp_path / "nothing.pem"))
    done = hawk(data, "serve", "--json")
    (problem,) = json.loads(done.stderr.splitlines()[-1])["errors"]
    assert done.returncode == 78
    assert (problem["source"], problem["pointer"]) == ("system.json", "/api/cert_file")
    assert "cannot be read" in problem["expected"]
    assert problem["value"].endswith("nothing.pem")


# -- behind a proxy --------------------------------------------------------------------------------


@contextmanager
def nginx(folder: Path, service: str) -> Iterator[str]:
    """As docs/access.md has it; the address of its https."""
    port, pair = free_port(), certificate(folder)
    _, _, rest = (ROOT / "docs" / "access.md").read_text().partition("```nginx\n")
    site, _, _ = rest.partition("```")
    for there, here in (
        ("listen 443", f"listen 127.0.0.1:{port}"),
        ("/etc/ssl/hawk.pem", str(pair.cert)),
        ("/etc/ssl/hawk.key", str(pair.key)),
        ("http://127.0.0.1:5000", service),
    ):
        assert there in site
        site = site.replace(there, here)
    temporary = "".join(
        f"{kind}_temp_path {folder}/{kind};\n"
        for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    )
    user = "user root;" if os.geteuid() == 0 else ""
    (folder / "nginx.conf").write_text(
        f"daemon off; {user} pid {folder}/nginx.pid; error_log {folder}/nginx.log;\n"
        f"events {{}}\nhttp {{\naccess_log off;\n{temporary}{site}}}\n"
    )
    binary = shutil.which("nginx", path=f"{os.environ['PATH']}:/usr/sbin")
    assert binary, "needs nginx: deploy/test installs it"
    command = [binary, "-e", str(folder / "nginx.log"), "-p", str(folder), "-c", str(folder / "nginx.conf")]
    with subprocess.Popen(command, stderr=subprocess.PIPE) as process:
        try:
            wait_until(lambda: process.poll() is not None or listens(port))
            assert process.poll() is None, process.communicate()
            yield f"https://localhost:{port}"
        finally:
            process.terminate()


def from_another_machine(authority: Path) -> httpx.HTTPTransport:
    """Not from the address of the proxy, which is believed."""
    return httpx.HTTPTransport(local_address="127.0.0.2", verify=ssl.create_default_context(cafile=authority))


def listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def test_a_page_behind_nginx_logs_in_writes_follows_links_and_hears_events(
    data: Path, tmp_path: Path
) -> None:
    port = free_port()
    write(data, host="127.0.0.1", port=port, trusted_proxies=["127.0.0.1"], base_path="/hawk")
    with (
        Service(data, ("serve",), **QUIET) as service,
        nginx(tmp_path, service.ready["url"]) as site,
        httpx.Client(base_url=site, transport=from_another_machine(tmp_path / "hawk.pem")) as page,
    ):
        token = (data / "api-token").read_text().strip()
        said = page.post("/hawk/api/session", json={"token": token})
        assert (said.status_code, "Secure" in said.headers["Set-Cookie"]) == (204, True)
        boat = {"data": {"type": "vehicles", "attributes": {"name": "Boat"}}}
        assert (
            page.post("/hawk/api/vehicles", json=boat, headers={"Origin": "https://evil.example"}).status_code
            == 403
        )
        said = page.post("/hawk/api/vehicles", json=boat, headers={"Origin": site})
        assert said.status_code == 201
        assert page.get(said.headers["Location"]).json()["data"]["attributes"]["name"] == "Boat"
        assert page.get(said.json()["data"]["links"]["self"]).status_code == 200
        with page.stream("GET", "/hawk/api/events") as events:
            assert next(line for line in events.iter_lines() if line.startswith("event:")) == "event: hello"
        for _ in range(10):
            page.get("/hawk/api/devices", headers={"Authorization": "Bearer x"})
        assert page.get("/hawk/api/devices", headers={"Authorization": "Bearer x"}).status_code == 429
        spoofed = {"Authorization": "Bearer x", "X-Forwarded-For": "6.6.6.6"}
        assert page.get("/hawk/api/devices", headers=spoofed).status_code == 429
        assert page.get("/hawk/api/devices").status_code == 200
        assert hawk(data, "devices", "list").returncode == 0


# -- secrets ---------------------------------------------------------------------------------------


def test_no_secret_is_told_by_api_log_or_command(data: Path) -> None:
    """Each secret of the settings has a mark of its own."""
    document: Any = {
        "api": {"host": "127.0.0.1", "port": 0},
        "influxdb": {"password": "mark-influxdb", "token": "mark-influx-token"},
        "mqtt": {
            "enabled": True,
            "broker": "127.0.0.1",
            "port": free_port(),
            "username": "u",
            "password": "mark-mqtt",
        },
        "broker": {
            "users": {"someone": {"password": "mark-broker-user"}},
            "username": "b",
            "password": "mark-broker",
        },
        "postgresql": {"url": f"postgresql://u:mark-postgresql@127.0.0.1:{free_port()}/x", "enabled": True},
        "logging": {"level": "DEBUG"},
    }
    (data / "system.json").write_text(json.dumps(document))
    secret = data / "secret"
    secret.write_text("mark-token-of-the-api")
    with Service(data, ("serve",), **QUIET, BATTERYHAWK_API_TOKEN_FILE=str(secret)) as service:
        paths = ["/api/system/status", "/api/system/config", "/metrics", "/api/devices", "/api/vehicles"]
        said = [service.http.get(path).text for path in paths]
        said += [service.http.get("/api/devices", headers={"Authorization": "Bearer mark-wrong"}).text]
        said += [patch(service, token="mark-short").text]
        document["mqtt"]["password"] = ["mark-mqtt"]
        (data / "system.json").write_text(json.dumps(document))
        wait_until(lambda: service.get("/api/system/status")["data"]["attributes"]["settings"]["problems"])
        said += [service.http.get("/api/system/status").text]
        for command in (("config", "show"), ("config", "check"), ("doctor",), ("token", "--list")):
            for options in ((), ("--json",)):
                done = hawk(data, *command, *options)
                said += [done.stdout, done.stderr]
    said += [service.log_text()]
    assert [each for each in said if "mark-" in each] == []
