"""Where the database is, by `postgresql.url`, and how it is spoken to.

The URL is taken apart here and not by the driver, which takes the end of a password with an `@` in it for
the name of a host, and says so in its errors.
"""

import re
import ssl
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from urllib.parse import SplitResult, parse_qsl, unquote, urlsplit

from hawk.config.schema import Postgresql
from hawk.errors import ConfigurationError

_SCHEMES = ("postgresql", "postgres")
_HOST = re.compile(r"(\[[0-9A-Fa-f:.]+\]|[^\[\]:@/\s]*)(?::([0-9]{1,5}))?")
_HERE = ("localhost", "127.0.0.1", "::1")
_DEFAULT_PORT = "5432"

_CONNECT = 4  # [s] for all hosts together; one may have two addresses, which are tried in turn
_LEAST_CONNECT = 2  # [s] the driver waits no shorter
_SILENCE = 10  # [s] until a server that acknowledges nothing is given up

# A network cable that is pulled says nothing: the kernel has to ask. See the PostgreSQL manual, 34.1.2.
_PATIENCE = {
    "keepalives_idle": str(_SILENCE),
    "keepalives_interval": "5",
    "keepalives_count": "3",
    "tcp_user_timeout": str(_SILENCE * 1000),
}


@dataclass(frozen=True, slots=True)
class Database:
    place: str  # for people, without secrets: hosts and name, not who comes or how
    parameters: Mapping[str, str] = field(repr=False)  # the driver's, with the password

    @property
    def user(self) -> str:
        return self.parameters.get("user", "")


def database(section: Postgresql) -> Database:
    """Raises ConfigurationError, in which nothing of the URL is repeated: it may be a part of the password."""
    url = _split(section.url.get_secret_value())
    parameters = {**_in_front(url), **_behind(url)}
    return Database(
        _place(parameters), {**_spoken(parameters), **parameters, **_encryption(parameters, section)}
    )


def _split(text: str) -> SplitResult:
    try:
        url = urlsplit(text.strip())
    except ValueError:
        raise _wrong("cannot be understood") from None
    if re.search(r"[\0-\x1f\x7f]", unquote(text.strip())):
        raise _wrong("has a control character")  # the driver would not read on behind a NUL
    if url.scheme not in _SCHEMES:
        raise _wrong("begins with something else")
    if url.fragment or "@" in url.path + url.query:
        raise _wrong(
            "has a special character in the name or password, which is written with % there (@ is %40)"
        )
    return url


def _in_front(url: SplitResult) -> dict[str, str]:
    """What stands before the question mark."""
    who, _, where = url.netloc.rpartition("@")
    user, _, password = who.partition(":")
    hosts = [_HOST.fullmatch(unquote(each)) or _socket(unquote(each)) for each in where.split(",")]
    found = {
        "user": unquote(user),
        "password": unquote(password),
        "host": ",".join(match[1].strip("[]") for match in hosts),
        "port": ",".join(match[2] or _DEFAULT_PORT for match in hosts),
        "dbname": unquote(url.path.removeprefix("/")),
    }
    return {key: value for key, value in found.items() if value}


def _socket(host: str) -> re.Match[str]:
    if found := re.fullmatch(r"(/[^\s,:]*)()", host):
        return found
    raise _wrong("has a host or port that cannot be")


def _behind(url: SplitResult) -> dict[str, str]:
    try:
        return dict(parse_qsl(url.query, keep_blank_values=True, strict_parsing=True)) if url.query else {}
    except ValueError:
        raise _wrong("has options that cannot be understood") from None


def _wrong(what: str) -> ConfigurationError:
    return ConfigurationError(
        f"postgresql.url {what}: it has to look like postgresql://user:password@host:{_DEFAULT_PORT}/database"
    )


def _place(parameters: Mapping[str, str]) -> str:
    """The same however it is written, for it names the cursor. Another search path is another place."""
    hosts = ",".join(_hosts_with_ports(parameters)) or "localhost"
    name = parameters.get("dbname") or parameters.get("user", "")
    options = parameters.get("options", "")
    return f"{hosts}/{name}" + (f"?options={options}" if "search_path" in options else "")


def _hosts_with_ports(parameters: Mapping[str, str]) -> Iterator[str]:
    hosts = [host for host in (parameters.get("host") or parameters.get("hostaddr", "")).split(",") if host]
    ports = parameters.get("port", _DEFAULT_PORT).split(",")
    for host, port in zip(hosts, ports if len(ports) == len(hosts) else ports[:1] * len(hosts), strict=True):
        shown = f"[{host}]" if ":" in host else host
        yield shown if port == _DEFAULT_PORT or host.startswith("/") else f"{shown}:{port}"


def _spoken(parameters: Mapping[str, str]) -> dict[str, str]:
    """How we wish it, unless the URL says otherwise."""
    hosts = max(1, len(parameters.get("host", "").split(",")))
    return {
        "connect_timeout": str(max(_LEAST_CONNECT, _CONNECT // hosts)),
        "application_name": "battery-hawk",
        "client_encoding": "UTF8",
        "gssencmode": "disable",  # otherwise it asks for a Kerberos ticket first
        **_PATIENCE,
    }


# -- encryption ----------------------------------------------------------------------------


def _encryption(parameters: Mapping[str, str], section: Postgresql) -> dict[str, str]:
    """An `sslmode` in the URL is obeyed as it stands.

    Otherwise whoever answers on another machine has to prove with a certificate that it is the right one. On
    this machine nobody is between, and Debian's server has a certificate that nobody signed.
    """
    authority = {"sslrootcert": section.ca_file} if section.ca_file else {}
    if "sslmode" in parameters:
        return authority
    if not section.verify_tls or (_is_here(parameters) and not section.ca_file):
        return {"sslmode": "prefer"}
    return {"sslmode": "verify-full", **_system_authorities(), **authority}


def _is_here(parameters: Mapping[str, str]) -> bool:
    hosts = (parameters.get("hostaddr") or parameters.get("host", "")).split(",")
    return all(not host or host.startswith("/") or host in _HERE for host in hosts)


def _system_authorities() -> dict[str, str]:
    """The driver's own OpenSSL looks in another place."""
    file = ssl.get_default_verify_paths().cafile
    return {"sslrootcert": file} if file else {}
