"""Who may ask: pure decisions about tokens, sessions, origins and hosts."""

import hmac
import ipaddress
import secrets
from collections import OrderedDict
from collections.abc import Collection
from urllib.parse import urlsplit

WRONG_TOKENS = 10  # in a minute, from one address
MINUTE = 60.0
_CLIENTS, _SESSIONS = 1000, 100  # remembered at most


def same(given: str, token: str) -> bool:
    """Takes as long for a wrong one as for the right one."""
    return hmac.compare_digest(given.encode(errors="surrogatepass"), token.encode())


def bearer(header: str | None) -> str | None:
    kind, _, token = (header or "").partition(" ")
    return token.strip() if kind.lower() == "bearer" and token.strip() else None


class Throttle:
    """Counts wrong tokens of each client. `now` is [s] of any clock that does not jump."""

    def __init__(self) -> None:
        self._wrong: OrderedDict[str, list[float]] = OrderedDict()

    def wait(self, client: str, now: float) -> float:
        """[s] until it may try again; 0 = now."""
        recent = self._recent(client, now)
        return recent[-WRONG_TOKENS] + MINUTE - now if len(recent) >= WRONG_TOKENS else 0.0

    def wrong(self, client: str, now: float) -> None:
        self._wrong[client] = [*self._recent(client, now), now][-WRONG_TOKENS:]
        self._wrong.move_to_end(client)
        if len(self._wrong) > _CLIENTS:
            self._wrong.popitem(last=False)

    def _recent(self, client: str, now: float) -> list[float]:
        return [at for at in self._wrong.get(client, ()) if at > now - MINUTE]


class Sessions:
    """Cookies of pages that have shown the token; forgotten at a restart."""

    def __init__(self) -> None:
        self._known: OrderedDict[str, None] = OrderedDict()

    def open(self) -> str:
        cookie = secrets.token_urlsafe(24)
        self._known[cookie] = None
        if len(self._known) > _SESSIONS:
            self._known.popitem(last=False)
        return cookie

    def close(self, cookie: str) -> None:
        self._known.pop(cookie, None)

    def close_all(self) -> None:
        self._known.clear()

    def knows(self, cookie: str) -> bool:
        return cookie in self._known


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
