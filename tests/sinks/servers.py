"""Real servers for the tests: Debian's influxd and victoria-metrics, each on a free port of this machine."""

import json
import os
import re
import shutil
import socket
import subprocess
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import httpx

PACKAGES = {
    "influxd": "influxdb",
    "victoria-metrics": "victoria-metrics",
    "prometheus": "prometheus",
    "promtool": "prometheus",
}


Point = tuple[str, int, float]  # of which device, when [ms], what [V]; twice if it is in two series


def binary(name: str) -> str:
    found = shutil.which(name)
    assert found, f"{name} is missing:  sudo apt-get install -y --no-install-recommends {PACKAGES[name]}"
    return found


def free_port() -> int:
    with socket.socket() as chosen:
        chosen.bind(("127.0.0.1", 0))
        port: int = chosen.getsockname()[1]
        return port


class Server:
    """`with Influxd(folder) as server:`; what it keeps is in the folder, and survives `kill` and `start`."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.folder, self.port = folder, free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.http = httpx.Client(base_url=self.url, timeout=30)
        self.process: subprocess.Popen[bytes] | None = None

    def command(self) -> Sequence[str]:
        raise NotImplementedError

    def environment(self) -> Mapping[str, str]:
        return {}

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.http.close()
        if self.process is not None:
            self.process.terminate()
            try:
                self.process.wait(10)
            except subprocess.TimeoutExpired:
                self.kill()

    def start(self) -> None:
        with (self.folder / "log").open("ab") as log:
            self.process = subprocess.Popen(
                self.command(),
                env={**os.environ, **self.environment()},
                stdout=log,
                stderr=log,
                cwd=self.folder,
            )
        end = time.monotonic() + 30
        while not self.answers():
            assert self.process.poll() is None, f"{self.command()[0]} ended:\n{self.log_text()}"
            assert time.monotonic() < end, f"{self.command()[0]} does not answer:\n{self.log_text()}"
            time.sleep(0.02)

    def kill(self) -> None:
        assert self.process is not None
        self.process.kill()
        self.process.wait()
        self.process = None

    def answers(self) -> bool:
        try:
            return self.http.get("/ping").status_code < 500
        except httpx.TransportError:
            return False

    def log_text(self) -> str:
        return (self.folder / "log").read_text(errors="replace")


class Influxd(Server):
    """InfluxDB 1.6.7, as apt brings it."""

    def __init__(self, folder: Path, *, auth: bool = False) -> None:
        super().__init__(folder)
        self._auth, self._bind = auth, free_port()
        (folder / "empty.conf").touch()

    def command(self) -> Sequence[str]:
        return [binary("influxd"), "-config", str(self.folder / "empty.conf")]

    def environment(self) -> Mapping[str, str]:
        return {
            "INFLUXDB_REPORTING_DISABLED": "true",
            "INFLUXDB_BIND_ADDRESS": f"127.0.0.1:{self._bind}",
            "INFLUXDB_HTTP_BIND_ADDRESS": f"127.0.0.1:{self.port}",
            "INFLUXDB_META_DIR": str(self.folder / "meta"),
            "INFLUXDB_DATA_DIR": str(self.folder / "data"),
            "INFLUXDB_DATA_WAL_DIR": str(self.folder / "wal"),
            "INFLUXDB_HTTP_AUTH_ENABLED": str(self._auth).lower(),
            "INFLUXDB_HTTP_LOG_ENABLED": "false",
            "INFLUXDB_MONITOR_STORE_ENABLED": "false",
            "INFLUXDB_RETENTION_CHECK_INTERVAL": "1s",
            "INFLUXDB_CONTINUOUS_QUERIES_RUN_INTERVAL": "1s",
        }

    def log_in(self, user: str, password: str) -> None:
        self.http.auth = httpx.BasicAuth(user, password)

    def query(self, q: str, db: str = "battery_hawk") -> list[dict[str, Any]]:
        """The series of the answer."""
        answer = self.http.post("/query", params={"q": q, "db": db, "epoch": "ms"})
        assert answer.status_code == 200, answer.text
        (result,) = answer.json()["results"]
        assert "error" not in result, result
        series: list[dict[str, Any]] = result.get("series", [])
        return series

    def voltages(self) -> list[Point]:
        return sorted(
            (series["tags"]["device_id"], when, volts)
            for series in self.query("SELECT voltage FROM battery_reading GROUP BY *")
            for when, volts in series["values"]
        )

    def count(self) -> int:
        """Of voltages; none while the database is not made yet."""
        if ["battery_hawk"] not in self.values("SHOW DATABASES"):
            return 0
        return sum(row[1] for row in self.values("SELECT count(voltage) FROM battery_reading"))

    def values(self, q: str, db: str = "battery_hawk") -> list[list[Any]]:
        """Of all series, one after the other."""
        return [row for series in self.query(q, db) for row in series.get("values", ())]


class VictoriaMetrics(Server):
    def __init__(self, folder: Path, *, user: str = "", password: str = "") -> None:
        super().__init__(folder)
        self._login = [f"-httpAuth.username={user}", f"-httpAuth.password={password}"] if user else []
        if user:
            self.http.auth = httpx.BasicAuth(user, password)

    def command(self) -> Sequence[str]:
        return [
            binary("victoria-metrics"),
            f"-storageDataPath={self.folder / 'data'}",
            f"-httpListenAddr=127.0.0.1:{self.port}",
            "-retentionPeriod=100y",
            "-search.latencyOffset=0s",
            "-search.disableCache",
            "-dedup.minScrapeInterval=1ms",
            *self._login,
        ]

    def inserted(self) -> int:
        """Numbers, since it was started. To ask for it writes nothing to the disk."""
        found = re.search(
            r'^vm_rows_inserted_total{type="influx"} (\d+)', self.http.get("/metrics").text, re.MULTILINE
        )
        return int(found[1]) if found else 0

    def export(self, name: str) -> list[dict[str, Any]]:
        """The series of that name."""
        self.http.get("/internal/force_flush")
        lines = self.http.get("/api/v1/export", params={"match[]": name}).text.splitlines()
        return [json.loads(line) for line in lines]

    def voltages(self) -> list[Point]:
        return sorted(
            (series["metric"]["device_id"], when, volts)
            for series in self.export("battery_reading_voltage")
            for when, volts in zip(series["timestamps"], series["values"], strict=True)
        )

    def count(self) -> int:
        """Of voltages."""
        return len(self.voltages())
