"""What the service needs besides Bluetooth: clock, data folder, disk, and what the settings name."""

import os
import shutil
import socket
from collections.abc import Iterator
from pathlib import Path

from hawk.clock import SystemClock
from hawk.config.schema import Settings
from hawk.datafolder import check_writable, who_runs
from hawk.doctor.checks import Check, good, refused, untold
from hawk.errors import ConfigurationError
from hawk.model.instant import rfc3339

ENOUGH = 200 * 2**20  # bytes free
_ANSWER = 3.0  # [s]


def local(settings: Settings, data: Path) -> Iterator[Check]:
    """What can be told at once."""
    yield clock(SystemClock(settings.clock.trust))
    folder = data_folder(data)
    yield folder
    for name, check in (("volume", volume), ("disk", disk)):
        yield check(data) if folder.ok else untold(name, "not checked: data failed")


def network(settings: Settings) -> Iterator[Check]:
    mqtt, influxdb = settings.mqtt, settings.influxdb
    yield _server("broker", mqtt.broker, mqtt.port) if mqtt.enabled else untold("broker", "MQTT is off")
    yield (
        _database(influxdb.host, influxdb.port) if influxdb.enabled else untold("database", "InfluxDB is off")
    )


def _database(host: str, port: int) -> Check:
    """That it is enabled by default only means that it is used if it is there."""
    check = _server("database", host, port)
    if check.ok is False and host in {"localhost", "127.0.0.1"}:
        return untold("database", f"no InfluxDB answers at {host}:{port}; none is needed")
    return check


def clock(judged: SystemClock) -> Check:
    doubt = judged.doubt
    if doubt is None:
        return good("clock", rfc3339(judged.utc_ms()))
    return Check(
        "clock", False,
        f"the clock says {rfc3339(judged.utc_ms())}, but {doubt.value}; readings wait for their time",
        "connect to a network with a time service (timedatectl set-ntp true), or fit an RTC",
    )  # fmt: skip


def data_folder(data: Path) -> Check:
    try:
        check_writable(data)
    except ConfigurationError as error:
        return refused("data", error)
    return good("data", f"{data} can be written")


def volume(data: Path, root: Path = Path("/")) -> Check:
    if not any((root / mark).exists() for mark in (".dockerenv", "run/.containerenv")):
        return untold("volume", "this is no container")
    if data.stat().st_dev == root.stat().st_dev:
        return Check(
            "volume",
            False,
            f"{data} is inside the container: its readings are lost with it",
            f"docker run -v hawk-data:{data}",
        )
    return good("volume", f"{data} is mounted")


def disk(data: Path) -> Check:
    free = shutil.disk_usage(data).free
    said = f"{free / 2**30:.1f} GiB free"
    return good("disk", said) if free >= ENOUGH else Check("disk", False, said, "make room: 200 MiB at least")


def service(data: Path) -> Check:
    who = who_runs(data)
    return good("service", f"{who} runs on {data}") if who else untold("service", f"none runs on {data}")


def _server(name: str, host: str, port: int) -> Check:
    try:
        socket.create_connection((host, port), _ANSWER).close()
    except OSError as error:
        why = error.strerror or os.strerror(error.errno) if error.errno else str(error)
        return Check(
            name,
            False,
            f"{host}:{port} cannot be reached ({why})",
            "start it, or mend its host and port in the settings",
        )
    return good(name, f"{host}:{port} answers")
