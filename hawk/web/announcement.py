"""How the service is announced in the local network, and at which of its addresses. Pure."""

from collections.abc import Iterable
from dataclasses import dataclass
from ipaddress import IPv4Address, ip_address

from hawk import __version__
from hawk.config.schema import Settings

KIND = "_battery-hawk._tcp.local."

_INSIDE = ("docker", "br-", "veth", "virbr", "podman", "cni")  # networks that end inside this machine
_LONGEST = 63  # bytes of a name, by DNS


@dataclass(frozen=True, slots=True)
class Place:
    """An address of this machine, and the name of the interface that it is at."""

    interface: str
    address: str


@dataclass(frozen=True, slots=True)
class Announcement:
    name: str  # for people
    gateway_id: str
    addresses: tuple[str, ...]
    port: int
    auth: str
    version: str = __version__
    api: str = "/api"

    @property
    def host(self) -> str:
        """Our own, as the machine's name may be announced by others already."""
        return f"battery-hawk-{self.gateway_id}.local."

    @property
    def properties(self) -> dict[str, str]:
        """Nothing secret."""
        return {"id": self.gateway_id, "version": self.version, "api": self.api, "auth": self.auth}


def announcement(
    settings: Settings, gateway_id: str, host_name: str, listens: tuple[str, int], places: Iterable[Place]
) -> Announcement | None:
    """None while it is switched off, or nobody else can reach it. `listens`: the address and port of the socket."""
    address, port = listens
    addresses = reached_by(address, places)
    if not settings.zeroconf.enabled or not addresses:
        return None
    name = shortened(f"{settings.gateway.name or host_name} {gateway_id[-4:]}")
    api = f"{settings.api.base_path.rstrip('/')}/api"
    return Announcement(name, gateway_id, addresses, port, settings.api.auth, api=api)


def reached_by(address: str, places: Iterable[Place]) -> tuple[str, ...]:
    """The IPv4 addresses at which others reach what listens at this one."""
    ours = [
        place.address
        for place in places
        if _is_outside(place) and address in {"0.0.0.0", "::", place.address}  # noqa: S104  # all of them
    ]
    return tuple(sorted(ours, key=IPv4Address))


def shortened(name: str) -> str:
    printable = "".join(each if each.isprintable() else " " for each in name)
    return printable.encode()[:_LONGEST].decode(errors="ignore").strip()


def _is_outside(place: Place) -> bool:
    address = ip_address(place.address)
    return address.version == 4 and not address.is_loopback and not place.interface.startswith(_INSIDE)
