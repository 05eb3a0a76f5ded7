"""InfluxDB: 1.x, 2.x, 3, and what speaks like it. The library's points and transport, batches of our own.

Its batching writer drops what it could not send, and its `write` never tells (docs/decisions/0007-influxdb.md).
Sources: 1.6.7 and VictoriaMetrics 1.79 tried; 2.x and 3 by their documentation (docs/influxdb.md).
"""

import contextlib
import gzip
import os
import re
import socket
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from hawk.config.schema import Influxdb, Settings
from hawk.errors import ConfigurationError, SinkDenied, SinkError, SinkUnreachable
from hawk.model.reading import Reading
from hawk.model.summary import Summary
from hawk.sinks.api import TIMEOUT, SinkType, Wanted
from hawk.sinks.influx_answers import is_not_spoken, refusal, trouble
from hawk.sinks.points import Row, reading_row, summary_row

if TYPE_CHECKING:
    from influxdb_client import InfluxDBClient
    from influxdb_client.rest import ApiException

_CONNECT = 3.0  # [s]
_FAST = 1  # of gzip: 10 times smaller already

_NONE = "-"  # the library insists on a token and an organisation


@dataclass(frozen=True, slots=True)
class Server:
    url: str
    host: str
    port: int


class InfluxSink:
    def __init__(self, section: Influxdb) -> None:
        self._section, self._server, self._place = section, server(section), place(section)
        self._flavour = section.flavour
        self._client: InfluxDBClient | None = None
        self._connections = 0  # made so far
        self._not_made: SinkDenied | None = None  # why the database could not be made

    def connect(self) -> str:
        _look_for_somebody(self._server)
        self._client = _client(self._section, self._server)
        _tell_of_connections(self._client, self._server, self._connects)
        with self._translated(trouble):
            version = self._client.version()
        if self._section.flavour == "auto":
            self._flavour = "v1" if _major(version) == 1 else "v2"
        if _major(version) == 2 and self._flavour == "v2" and not self._section.org:
            raise SinkDenied(f"{self._place} is InfluxDB {version}, which needs influxdb.org")
        if _major(version) == 3 and (token := self._section.token.get_secret_value()):
            self._client.api_client.set_default_header("Authorization", f"Bearer {token}")
        if self._flavour == "v1":
            self._make_database()
        return f"InfluxDB {version}" if _major(version) else "it does not say which version"

    def deliver_readings(self, readings: Sequence[Reading]) -> None:
        self._deliver([reading_row(each) for each in readings])

    def deliver_summaries(self, summaries: Sequence[Summary]) -> None:
        self._deliver([summary_row(each) for each in summaries])

    def life(self) -> int | None:
        """1.x answers when a row is on its disk. VictoriaMetrics does not, and who else takes the call of 2.x is not
        known. Who was killed has closed its connections.
        """
        if self._flavour == "v1" or self._client is None:
            return None
        with self._translated(trouble):
            self._client.version()
        return self._connections

    def close(self) -> None:
        if self._client is not None:
            self._client.close()

    # ------------------------------------------------------------------------------------------

    def _connects(self) -> None:
        self._connections += 1

    def _deliver(self, rows: Sequence[Row]) -> None:
        if not (lines := list(_lines(rows))):
            return  # no number in any of them
        body = gzip.compress("\n".join(lines).encode(), _FAST, mtime=0)
        try:
            with self._translated(refusal):
                self._write(body)
        except _NotSpoken:
            self._flavour = "v1"
            self._make_database()
            self._deliver(rows)
        except SinkDenied as error:
            raise (self._not_made if "database not found" in str(error) else None) or error from error

    def _write(self, body: bytes) -> None:
        section = self._section
        if self._flavour == "v1":
            path, query = "/write", {"db": section.database, "rp": section.retention_policy}
        else:
            path, query = "/api/v2/write", {"org": section.org, "bucket": _bucket(section)}
        headers = {"Content-Type": "text/plain; charset=utf-8", "Content-Encoding": "gzip"}
        self._call(path, {**query, "precision": "ms"}, body, headers)

    def _make_database(self) -> None:
        """It may not be allowed to, and then it is there or the first delivery says that it is not."""
        name = self._section.database.replace("\\", "\\\\").replace('"', '\\"')
        try:
            with self._translated(trouble):
                self._call("/query", {"q": f'CREATE DATABASE "{name}"'}, None, {})
        except SinkDenied as error:
            self._not_made = error

    def _call(self, path: str, query: dict[str, str], body: bytes | None, headers: dict[str, str]) -> None:
        assert self._client is not None  # noqa: S101  # connect() came first
        given = [(key, value) for key, value in query.items() if value]
        self._client.api_client.call_api(path, "POST", query_params=given, body=body, header_params=headers)

    @contextlib.contextmanager
    def _translated(self, meaning: Callable[[int, str, str | None, str], SinkError]) -> Iterator[None]:
        from influxdb_client.rest import ApiException
        from urllib3.exceptions import HTTPError

        try:
            yield
        except ApiException as error:
            status, body = error.status or 0, _text(error)
            if self._section.flavour == "auto" and self._flavour == "v2" and is_not_spoken(status, body):
                raise _NotSpoken from error
            raise meaning(status, body, error.retry_after, self._place) from error
        except (HTTPError, ConnectionError) as error:
            raise SinkUnreachable(f"{self._place} does not answer ({_why(error)})") from error
        except UnicodeDecodeError as error:
            raise SinkDenied(f"what answers at {self._place} is no InfluxDB") from error
        except OSError as error:
            raise SinkDenied(f"influxdb.ca_file cannot be used: {error}") from error


class _NotSpoken(Exception):
    """The server does not know the write call of 2.x."""


def _client(section: Influxdb, server: Server) -> "InfluxDBClient":
    from influxdb_client import InfluxDBClient

    if not section.verify_tls:
        _be_silent_about_it()
    name, token = section.username, section.token.get_secret_value()
    client = InfluxDBClient(
        server.url,
        f"{name}:{section.password.get_secret_value()}" if name else token or _NONE,
        org=section.org or _NONE,
        auth_basic=bool(name),
        timeout=(_CONNECT * 1000, TIMEOUT * 1000),
        verify_ssl=section.verify_tls,
        ssl_ca_cert=section.ca_file or None,
    )
    if not name and not token:
        client.api_client.default_headers.pop("Authorization", None)
    return client


def _tell_of_connections(client: "InfluxDBClient", server: Server, connects: Callable[[], None]) -> None:
    """Where one is gone the library makes another, and does not tell."""
    pool = client.api_client.rest_client.pool_manager.connection_from_url(server.url)

    class Told(pool.ConnectionCls):  # type: ignore[misc, name-defined]  # of http or https
        def connect(self) -> None:
            connects()
            super().connect()

    pool.ConnectionCls = Told


def _lines(rows: Iterable[Row]) -> Iterator[str]:
    from influxdb_client import Point, WritePrecision

    for row in rows:
        point = Point(row.measurement).time(row.utc, WritePrecision.MS)
        for key, tag in row.tags.items():
            point.tag(key, tag)
        for key, number in row.fields.items():
            point.field(key, number)
        if line := point.to_line_protocol():
            yield line


def _look_for_somebody(server: Server) -> None:
    """Before the library is imported, which costs half a second and 30 MB."""
    try:
        socket.create_connection((server.host, server.port), _CONNECT).close()
    except OSError as error:
        raise SinkUnreachable(f"nobody answers at {server.host}:{server.port} ({_why(error)})") from error


def _why(error: BaseException) -> str:
    """In the words of the system, if it was the system; the library wraps them in its own."""
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, OSError) and cause.errno is not None and cause.errno > 0:
            return os.strerror(cause.errno)
        cause = cause.__cause__ or cause.__context__
    return str(error)


def _text(error: "ApiException") -> str:
    found = error.body or error.reason or ""
    return found if isinstance(found, str) else bytes(found).decode(errors="replace")


def _major(version: str) -> int:
    """0 where it does not say."""
    return int(found[1]) if (found := re.match(r"v?(\d{1,3})\.", version)) else 0


def _be_silent_about_it() -> None:
    """The library warns with each request of what the settings ask for."""
    import urllib3

    urllib3.disable_warnings(urllib3.exceptions.InsecureRequestWarning)


# -- settings ----------------------------------------------------------------------------------


def server(section: Influxdb) -> Server:
    """Raises ConfigurationError."""
    if not section.url:
        host = f"[{section.host}]" if ":" in section.host else section.host
        return Server(f"http://{host}:{section.port}", section.host, section.port)
    try:
        url = urlsplit(section.url)
        port = url.port or (443 if url.scheme == "https" else 80)
    except ValueError as error:
        raise ConfigurationError(f"influxdb.url is wrong: {error}") from error
    if url.hostname is None or url.scheme not in ("http", "https"):
        raise ConfigurationError("influxdb.url is wrong: it has to look like http://host:8086")
    if url.username is not None:
        raise ConfigurationError(
            "influxdb.url names a user: that belongs to influxdb.username and influxdb.password"
        )
    return Server(section.url.rstrip("/"), url.hostname, port)


def place(section: Influxdb) -> str:
    """For people, and for the cursor. Raises ConfigurationError."""
    parts = (section.org, section.bucket or section.database, section.retention_policy)
    return f"{server(section).url} {'/'.join(part for part in parts if part)}"


def _bucket(section: Influxdb) -> str:
    """Without one, that which 2.x makes of a database of 1.x."""
    old = "/".join(part for part in (section.database, section.retention_policy) if part)
    return section.bucket or old


def _wanted(settings: Settings) -> Wanted | None:
    section = settings.influxdb
    if not section.enabled:
        return None
    return Wanted(
        place=place(section),
        explicit=bool(section.model_fields_set),
        section=section,
        make=partial(InfluxSink, section),
    )


INFLUXDB = SinkType("influxdb", _wanted)
