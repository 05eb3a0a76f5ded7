"""Behind a proxy: what it says of who asks, and the path under which it shows us. Pure.

Only `X-Forwarded-For`, `-Proto` and `-Host`, and only from proxies that the settings name: a proxy overwrites or
continues these, while `Forwarded` (RFC 7239), which most do not know, would come through as any client sent it.
"""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from typing import Any

from hawk.config.schema import Api

Headers = Iterable[tuple[bytes, bytes]]
Ip = IPv4Address | IPv6Address


@dataclass(frozen=True, slots=True)
class Seen:
    """Who asks, and how. None is what no proxy says."""

    client: str
    scheme: str | None = None
    host: str | None = None


def as_asked(scope: Mapping[str, Any], api: Api) -> Mapping[str, Any]:
    """A request, in the words of ASGI, as if the client had asked us itself."""
    if not api.trusted_proxies and not api.base_path:
        return scope
    peer, port = scope.get("client") or ("", 0)
    seen = seen_through(peer, scope["headers"], api.trusted_proxies)
    return {
        **scope,
        "client": (seen.client, port),
        "scheme": seen.scheme or scope["scheme"],
        "headers": scope["headers"] if seen.host is None else _called(seen.host, scope["headers"]),
        "path": below(scope["path"], api.base_path),
    }


def _called(host: str, headers: Headers) -> list[tuple[bytes, bytes]]:
    others = [(name, value) for name, value in headers if name.lower() != b"host"]
    return [*others, (b"host", host.encode("latin1"))]


def seen_through(peer: str, headers: Headers, proxies: Collection[str]) -> Seen:
    """`peer` is who made the connection, `proxies` are addresses and networks."""
    if not _is_one(_ip(peer), proxies):
        return Seen(peer)
    said = [(name.lower(), value.decode("latin1")) for name, value in headers]
    schemes, hosts = _words(said, b"x-forwarded-proto"), _words(said, b"x-forwarded-host")
    return Seen(
        _client(peer, _words(said, b"x-forwarded-for"), proxies),
        schemes[-1] if schemes and schemes[-1] in {"http", "https"} else None,
        hosts[-1] if hosts else None,
    )


def _client(peer: str, hops: list[str], proxies: Collection[str]) -> str:
    """The last one that is none of the proxies: what stands before it, anybody can have written."""
    for hop in reversed(hops):
        ip = _ip(hop)
        if ip is None:
            return peer
        peer = str(ip)
        if not _is_one(ip, proxies):
            return peer
    return peer


def _is_one(ip: Ip | None, proxies: Collection[str]) -> bool:
    return ip is not None and any(ip in ip_network(each, strict=False) for each in proxies)


def _ip(text: str) -> Ip | None:
    """Some proxies write the port behind it."""
    for each in (text, text.rpartition(":")[0], text.rpartition("]")[0].removeprefix("[")):
        try:
            ip = ip_address(each.partition("%")[0])
        except ValueError:
            continue
        return (isinstance(ip, IPv6Address) and ip.ipv4_mapped) or ip
    return None


def _words(headers: list[tuple[bytes, str]], wanted: bytes) -> list[str]:
    values = [value for name, value in headers if name == wanted]
    return [word.strip() for value in values for word in value.split(",") if word.strip()]


def below(path: str, base: str) -> str:
    """The path of ours that is meant, whether or not the proxy has taken away its own part."""
    return path.removeprefix(base) if base and path.startswith(f"{base}/") else path


def with_base(document: Any, base: str) -> Any:
    """Its links lead through the proxy."""
    if not base:
        return document
    match document:
        case dict():
            return {
                name: _links(value, base)
                if name == "links" and isinstance(value, dict)
                else with_base(value, base)
                for name, value in document.items()
            }
        case list() | tuple():
            return [with_base(each, base) for each in document]
        case _:
            return document


def _links(links: dict[str, Any], base: str) -> dict[str, Any]:
    return {
        name: f"{base}{link}" if isinstance(link, str) and link.startswith("/") else link
        for name, link in links.items()
    }
