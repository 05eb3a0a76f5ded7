"""What the settings send readings to: whether somebody listens there, and would take them."""

import contextlib
import os
import socket
from collections.abc import Iterator

from hawk.config.schema import Influxdb, Postgresql, Settings
from hawk.doctor.checks import Check, good, untold
from hawk.errors import ConfigurationError, SinkError, SinkUnreachable
from hawk.sinks import influx
from hawk.sinks.postgresql.database import database
from hawk.sinks.postgresql.sink import PostgresqlSink

_ANSWER = 3.0  # [s]
_HERE = {"localhost", "127.0.0.1", "::1"}


def servers(settings: Settings, *, runs: bool) -> Iterator[Check]:
    """`runs`: the service does, and with it the broker inside."""
    mqtt = settings.mqtt
    if not settings.speaks_mqtt:
        yield untold("broker", "not configured: mqtt.enabled is off")
    elif settings.broker.enabled and not runs:
        yield untold("broker", "the broker inside runs with the service, which does not run")
    elif settings.broker.enabled:
        yield listening("broker", settings.broker.host, settings.broker.port)
    else:
        yield listening("broker", mqtt.broker, mqtt.port)
    yield _database(settings.influxdb)
    yield _postgresql(settings.postgresql)


def _database(influxdb: Influxdb) -> Check:
    """That it is enabled by default only means that it is used if it is there."""
    if not influxdb.enabled:
        return untold("database", "not configured: influxdb.enabled is off")
    server = influx.server(influxdb)
    host, port = server.host, server.port
    check = listening("database", host, port)
    if check.ok is False and host in _HERE and not influxdb.url:
        return untold("database", f"not configured: no InfluxDB answers at {host}:{port}, and none is needed")
    return check


def _postgresql(section: Postgresql) -> Check:
    """Tried with a login, tables and a write, none of which stays."""
    if not section.enabled:
        return untold("postgresql", "not configured: postgresql.enabled is off")
    try:
        target = database(section)
        with contextlib.closing(PostgresqlSink(target)) as sink:
            return good("postgresql", f"{sink.rehearse()} at {target.place} takes readings")
    except (ConfigurationError, SinkError) as error:
        detail, _, fix = str(error).partition("; ")
        mend = "start it, or mend postgresql.url" if isinstance(error, SinkUnreachable) else ""
        return Check("postgresql", False, detail, fix or mend)


def listening(name: str, host: str, port: int) -> Check:
    try:
        socket.create_connection((host, port), _ANSWER).close()
    except OSError as error:
        why = error.strerror or (os.strerror(error.errno) if error.errno else str(error))
        return Check(
            name, False, f"{host}:{port} cannot be reached ({why})",
            "start it, or mend its host and port in the settings",
        )  # fmt: skip
    return good(name, f"{host}:{port} answers")
