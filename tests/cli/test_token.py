"""`hawk token` and `hawk healthcheck`."""

import json
import os
import socket
import subprocess
import sys
import time
from pathlib import Path

import httpx
import pytest

from tests.service import Service, wait_until

SIMULATED = {"BATTERYHAWK_BLUETOOTH_BACKEND": "simulated", "BATTERYHAWK_SIMULATION_DEVICES": "1"}


def hawk(data: Path, *arguments: str, **environment: str) -> tuple[int, str, str]:
    done = subprocess.run(
        [sys.executable, "-m", "hawk", *arguments, "--data", str(data)],
        capture_output=True, text=True, check=False, env={**os.environ, **environment},
    )  # fmt: skip
    return done.returncode, done.stdout.strip(), done.stderr.strip()


def opens(service: Service, **headers: str) -> bool:
    return httpx.get(f"{service.ready['url']}/api/devices", headers=headers).status_code == 200


# -- the token ---------------------------------------------------------------------------------


def test_a_service_that_runs_takes_the_new_token_and_closes_what_the_old_one_opened(tmp_path: Path) -> None:
    data = tmp_path / "data"
    with Service(data, ("serve",), **SIMULATED) as service:
        old = hawk(data, "token")[1]
        assert opens(service, Authorization=f"Bearer {old}")
        page = httpx.post(f"{service.ready['url']}/api/session", json={"token": old})
        cookie = page.headers["Set-Cookie"].partition(";")[0]
        assert opens(service, Cookie=cookie)
        code, new, err = hawk(data, "token", "--rotate")
        assert (code, err, new != old) == (0, "", True)
        wait_until(lambda: not opens(service, Authorization=f"Bearer {old}"), 2.0)
        assert opens(service, Authorization=f"Bearer {new}")
        assert not opens(service, Cookie=cookie)
        assert hawk(data, "devices", "list")[0] == 0
    assert (data / "api-token").stat().st_mode & 0o777 == 0o600


def test_a_damaged_file_does_not_lock_everybody_out(tmp_path: Path) -> None:
    data = tmp_path / "data"
    with Service(data, ("serve",), **SIMULATED) as service:
        old = hawk(data, "token")[1]
        (data / "api-token").write_text("short")
        code, _, err = hawk(data, "token")
        assert (code, "api-token is damaged" in err) == (78, True)
        new = hawk(data, "token", "--rotate")[1]
        wait_until(lambda: not opens(service, Authorization=f"Bearer {old}"))
        assert opens(service, Authorization=f"Bearer {new}")


def test_the_token_that_the_settings_choose_is_printed_and_cannot_be_rotated(tmp_path: Path) -> None:
    chosen = {"BATTERYHAWK_API_TOKEN": "a-token-that-was-set"}
    assert hawk(tmp_path, "token", **chosen)[:2] == (0, "a-token-that-was-set")
    code, out, err = hawk(tmp_path, "token", "--rotate", "--json", **chosen)
    assert (code, out, json.loads(err)["error"]["code"]) == (1, "", "invalid")
    assert "api.token" in err
    assert not (tmp_path / "api-token").exists()


def test_before_the_first_start_a_token_is_made(tmp_path: Path) -> None:
    code, out, _ = hawk(tmp_path, "token", "--json")
    assert (code, json.loads(out)) == (0, {"token": (tmp_path / "api-token").read_text().strip()})
    assert hawk(tmp_path / "typo", "token")[0] == 1
    assert not (tmp_path / "typo").exists()


def test_a_read_only_token_reads_until_it_is_removed(tmp_path: Path) -> None:
    data = tmp_path / "data"
    with Service(data, ("serve",), **SIMULATED) as service:
        code, token, err = hawk(data, "token", "--read-only", "grafana")
        assert (code, err) == (0, "")
        headers = {"Authorization": f"Bearer {token}"}
        time.sleep(2.0)  # to try it sooner would count as guessing
        assert opens(service, **headers)
        said = httpx.delete(f"{service.ready['url']}/api/vehicles/vehicle_1", headers=headers)
        assert (said.status_code, said.json()["errors"][0]["code"]) == (403, "read_only")
        with httpx.stream("GET", f"{service.ready['url']}/api/events", headers=headers, timeout=20) as stream:
            lines = stream.iter_lines()
            assert next(line for line in lines if line.startswith("event:")) == "event: hello"
            assert hawk(data, "token", "--remove", "grafana")[:2] == (0, "grafana is removed.")
            assert "event: bye" in list(lines)
        assert not opens(service, **headers)
        assert opens(service, Authorization=f"Bearer {hawk(data, 'token')[1]}")
        assert token not in service.log_text()
    assert not [each for each in data.rglob("*") if each.is_file() and token.encode() in each.read_bytes()]


def test_read_only_tokens_are_listed_masked(tmp_path: Path) -> None:
    made = json.loads(hawk(tmp_path, "token", "--read-only", "grafana", "--json")[1])
    assert made["name"] == "grafana"
    (listed,) = json.loads(hawk(tmp_path, "token", "--list", "--json")[1])["tokens"]
    assert (listed["name"], listed["token"]) == ("grafana", f"{made['token'][:4]}***")
    for shown in (hawk(tmp_path, "token", "--list"), hawk(tmp_path, "token", "--list", "--json")):
        assert "grafana" in shown[1]
        assert made["token"] not in shown[1]
    assert json.loads(hawk(tmp_path, "token", "--remove", "grafana", "--json")[1]) == {"removed": "grafana"}
    assert hawk(tmp_path, "token", "--list") == (0, "", "")


def test_what_cannot_be_done_with_tokens_is_said(tmp_path: Path) -> None:
    hawk(tmp_path, "token", "--read-only", "grafana")
    for arguments, code, said in (
        (("--read-only", "grafana"), 1, "already"),
        (("--read-only", "a b"), 1, "no name"),
        (("--remove", "nobody"), 1, "there is grafana"),
        (("--list", "--rotate"), 2, "one at a time"),
    ):
        found, out, err = hawk(tmp_path, "token", *arguments)
        assert (found, out, said in err) == (code, "", True), err
    (tmp_path / "api-tokens.json").write_text("{")
    code, out, err = hawk(tmp_path, "token", "--read-only", "another", "--json")
    assert (code, out, "damaged" in json.loads(err)["error"]["detail"]) == (78, "", True)


def test_a_token_in_the_settings_follows_their_change_and_its_end(tmp_path: Path) -> None:
    data = tmp_path / "data"
    with Service(data, ("serve",), **SIMULATED) as service:
        of_the_file = hawk(data, "token")[1]
        chosen = "chosen-in-the-settings"
        (data / "system.json").write_text(json.dumps({"api": {"token": chosen}}))
        wait_until(lambda: not opens(service, Authorization=f"Bearer {of_the_file}"), 3.0)
        assert opens(service, Authorization=f"Bearer {chosen}")
        assert hawk(data, "devices", "list")[0] == 0
        (data / "system.json").write_text("{}")
        wait_until(lambda: not opens(service, Authorization=f"Bearer {chosen}"), 3.0)
        assert opens(service, Authorization=f"Bearer {of_the_file}")
        assert chosen not in service.log_text()


# -- whether it is alive -----------------------------------------------------------------------


def test_a_service_that_runs_is_alive_and_one_that_has_ended_is_not(tmp_path: Path) -> None:
    data = tmp_path / "data"
    with Service(data, ("serve",), **SIMULATED) as service:
        code, out, err = hawk(data, "healthcheck")
        assert (code, out, err) == (0, f"alive at {service.ready['url']}", "")
        said = json.loads(hawk(data, "healthcheck", "--json")[1])
        assert said == {"ok": True, "url": service.ready["url"]}
    code, out, err = hawk(data, "healthcheck", "--json")
    assert (code, out, json.loads(err)["error"]["code"]) == (1, "", "unhealthy")


def test_a_service_that_was_killed_is_not_alive(tmp_path: Path) -> None:
    data = tmp_path / "data"
    with Service(data, ("serve",), **SIMULATED) as service:
        service.kill()
        code, _, err = hawk(data, "healthcheck")
    assert (code, "does not answer" in err) == (1, True)


def test_a_service_that_hangs_is_not_alive_when_the_time_is_over(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as deaf:
        run = {"url": f"http://127.0.0.1:{deaf.getsockname()[1]}"}
        (tmp_path / "run.json").write_text(json.dumps(run))
        code, _, err = hawk(tmp_path, "healthcheck", "--timeout", "0.2")
    assert (code, "within 0.2 s" in err) == (1, True)


def test_where_the_endpoint_is_switched_off_that_is_said(tmp_path: Path) -> None:
    off = {"BATTERYHAWK_API_HEALTH_ENDPOINT": "false"}
    with Service(tmp_path / "data", ("serve",), **SIMULATED, **off) as service:
        code, _, err = hawk(service.data, "healthcheck")
    assert (code, "api.health_endpoint" in err) == (1, True)


@pytest.mark.parametrize("content", ["", "[]", "{}", '{"url": "http://x:port"}', "\x00"])
def test_what_is_no_run_json_is_no_service(content: str, tmp_path: Path) -> None:
    (tmp_path / "run.json").write_text(content)
    assert hawk(tmp_path, "healthcheck")[0] == 1


# -- quick -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("command", "absent"),
    [
        (("--help",), {"trio", "quart", "pydantic", "rich", "hawk.datafolder"}),
        (("healthcheck", "--data", "nowhere"), {"trio", "quart", "pydantic", "rich", "bleak"}),
        (("devices", "--help"), {"trio", "quart", "pydantic", "rich"}),
        (("vehicles", "--help"), {"trio", "quart", "pydantic", "rich"}),
    ],
)
def test_what_has_to_be_quick_imports_nothing_heavy(command: tuple[str, ...], absent: set[str]) -> None:
    program = (
        "import sys\nfrom hawk.cli.main import main\n"
        f"try: main({command!r})\nexcept SystemExit: pass\n"
        "print(*sys.modules, file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert absent & set(done.stderr.split()) == set()
