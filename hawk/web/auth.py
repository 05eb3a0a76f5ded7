"""Who may ask: pure decisions about tokens, sessions, origins and hosts."""

import ipaddress
import secrets
from collections import OrderedDict
from collections.abc import Collection
from dataclasses import dataclass
from typing import TypeVar
from urllib.parse import urlsplit

WRONG_TOKENS = 10  # in a minute, from one address
MINUTE = 60.0
QUIET = 3600.0  # [s] in which it is not said again that somebody guesses
READING = frozenset({"GET", "HEAD", "OPTIONS"})  # methods that change nothing, on any path
_CLIENTS, _SESSIONS = 1000, 100  # remembered at most

K = TypeVar("K")
V = TypeVar("V")


@dataclass(frozen=True, slots=True)
class Grant:
    """What a token opens. It holds as long as that token does."""

    sha256: str
    read_only: bool = False


def bearer(header: str | None) -> str | None:
    kind, _, token = (header or "").partition(" ")
    return token.strip() if kind.lower() == "bearer" and token.strip() else None


class Throttle:
    """Counts wrong tokens of each client. `now` is [s] of any clock that does not jump.

    Who has shown the right token from an address is not shut out by others there, such as all behind one
    router: for that token there is no waiting.
    """

    def __init__(self) -> None:
        self._wrong: OrderedDict[str, list[float]] = OrderedDict()
        self._right: OrderedDict[tuple[str, Grant], None] = OrderedDict()
        self._said: OrderedDict[str, float] = OrderedDict()

    def wait(self, client: str, now: float) -> float:
        """[s] until it may try again; 0 = now."""
        recent = self._recent(client, now)
        return recent[-WRONG_TOKENS] + MINUTE - now if len(recent) >= WRONG_TOKENS else 0.0

    def wrong(self, client: str, now: float) -> bool:
        """Whether that was one too many, and it was not said lately."""
        self._wrong[client] = [*self._recent(client, now), now][-WRONG_TOKENS:]
        _remember(self._wrong, client, _CLIENTS)
        if self.wait(client, now) == 0 or now < self._said.get(client, -QUIET) + QUIET:
            return False
        self._said[client] = now
        _remember(self._said, client, _CLIENTS)
        return True

    def right(self, client: str, grant: Grant) -> None:
        self._right[client, grant] = None
        _remember(self._right, (client, grant), _CLIENTS)

    def knows(self, client: str, grant: Grant) -> bool:
        return (client, grant) in self._right

    def _recent(self, client: str, now: float) -> list[float]:
        return [at for at in self._wrong.get(client, ()) if at > now - MINUTE]


class Sessions:
    """Cookies of pages that have shown a token; forgotten at a restart."""

    def __init__(self) -> None:
        self._known: OrderedDict[str, Grant] = OrderedDict()

    def open(self, grant: Grant) -> str:
        cookie = secrets.token_urlsafe(24)
        self._known[cookie] = grant
        _remember(self._known, cookie, _SESSIONS)
        return cookie

    def close(self, cookie: str) -> None:
        self._known.pop(cookie, None)

    def grant_of(self, cookie: str) -> Grant | None:
        """What was shown for it; it may hold no more."""
        return self._known.get(cookie)


def _remember(what: OrderedDict[K, V], newest: K, most: int) -> None:
    what.move_to_end(newest)
    if len(what) > most:
        what.popitem(last=False)


def neighbourhood(address: str) -> str:
    """Whose wrong tokens count together: one IPv4 address, or a network of IPv6, of which a client has a whole /64."""
    try:
        ip = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return address
    if isinstance(ip, ipaddress.IPv4Address):
        return str(ip)
    if ip.ipv4_mapped is not None:
        return str(ip.ipv4_mapped)
    return str(ipaddress.ip_network((ip, 64), strict=False))


def origin_fits(origin: str | None, host: str, trusted: Collection[str]) -> bool:
    """Whether a page of this origin is ours, or one that is trusted."""
    try:
        said = urlsplit((origin or "").lower())
        names = {said.netloc, said.hostname or ""} - {""}
    except ValueError:
        return False
    return said.netloc != "" and (said.netloc == host.lower() or not names.isdisjoint(_lower(trusted)))


def host_fits(host: str, own_name: str, trusted: Collection[str]) -> bool:
    """Without a token a foreign name in Host is a page that had its DNS turned on us."""
    try:
        name = urlsplit(f"//{host}").hostname or ""
    except ValueError:
        return False
    own_name = own_name.lower()
    if name in {"localhost", own_name, f"{own_name}.local", *_lower(trusted)} - {""}:
        return True
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True


def _lower(names: Collection[str]) -> set[str]:
    return {name.lower() for name in names}
