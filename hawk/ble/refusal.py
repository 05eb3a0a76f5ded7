"""What D-Bus and BlueZ refuse, said in words for people: what it is about and what to do."""

from hawk.errors import (
    BluetoothError,
    BluetoothOff,
    BluetoothStuck,
    ConnectFailed,
    ConnectTimedOut,
    LinkLost,
    NoAdapter,
    NoPermission,
    NotHeard,
    ScannedByAnother,
)
from hawk.model.address import Address

_DAEMON_GONE = ("ServiceUnknown", "NameHasNoOwner", "NoReply", "Disconnected", "Spawn", "systemd1")
_DENIED = ("AccessDenied", "NotPermitted", "NotAuthorized", "AuthFailed")
_UNKNOWN = ("UnknownObject", "DoesNotExist")
_NO_LINK = ("NotConnected",)


# -- nothing can be heard at all ------------------------------------------------------------


def no_bus(error: OSError | EOFError | ValueError) -> NoAdapter:
    """The system's D-Bus itself failed."""
    if isinstance(error, PermissionError):
        return no_permission(str(error))
    return NoAdapter(
        f"The system's D-Bus cannot be reached ({str(error) or type(error).__name__}): install and start dbus"
        " and bluez; in a container, mount the host's (docker run -v /run/dbus:/run/dbus)."
    )


def no_daemon() -> NoAdapter:
    return NoAdapter("BlueZ is not running: start it with 'sudo systemctl start bluetooth' (package bluez).")


def daemon_silent() -> BluetoothStuck:
    return BluetoothStuck("BlueZ does not answer: restart it with 'sudo systemctl restart bluetooth'.")


def no_permission(detail: str) -> NoPermission:
    return NoPermission(
        f"There is no permission to use Bluetooth ({detail}): add the user to the group 'bluetooth' and sign"
        " in again; in a container, allow D-Bus (docker run --security-opt apparmor=unconfined)."
    )


def no_adapter() -> NoAdapter:
    return NoAdapter("This machine has no Bluetooth adapter: plug one in; 'bluetoothctl list' shows it then.")


def adapter_missing(name: str) -> NoAdapter:
    return NoAdapter(
        f"There is no Bluetooth adapter {name}: plug it in, or name another one in bluetooth.adapters"
        " ('bluetoothctl list' and /sys/class/bluetooth show them)."
    )


def adapter_taken(name: str) -> NoAdapter:
    return NoAdapter(
        f"Another Battery Hawk on this machine uses the Bluetooth adapter {name}: end one of the two, or give"
        " each an adapter of its own in bluetooth.adapters."
    )


def powered_off(name: str) -> BluetoothOff:
    return BluetoothOff(
        f"The Bluetooth adapter {name} is switched off: switch it on with 'bluetoothctl power on';"
        " if that fails, 'rfkill unblock bluetooth' first."
    )


# -- one device ------------------------------------------------------------------------------


def not_heard(address: Address) -> NotHeard:
    return NotHeard(
        f"{address} has not been heard lately: it is out of range or without power, or an app on a phone"
        " holds it. Go nearer, or close that app."
    )


def connect_failed(address: Address, why: str) -> ConnectFailed:
    return ConnectFailed(
        f"No link to {address}: {why}. Go nearer, or close the app on a phone that holds it."
    )


def connect_timed_out(address: Address) -> ConnectTimedOut:
    return ConnectTimedOut(
        f"No link to {address}: connect timed out. Go nearer, or close the app on a phone that holds it."
    )


def link_lost(address: Address, why: str) -> LinkLost:
    return LinkLost(
        f"The link to {address} was lost: {why}. It is tried again; go nearer if it happens often."
    )


# -- D-Bus errors ------------------------------------------------------------------------------


def refused(name: str, text: str, address: Address | None = None, *, linked: bool = False) -> BluetoothError:
    """The D-Bus error `name` with its `text`, answered to a call about `address` (None: about
    an adapter), before or after its link was up.
    """
    said = text.strip() or name.rpartition(".")[2]
    if any(word in name for word in _DAEMON_GONE):
        return no_daemon()
    if any(word in name for word in _DENIED):
        return no_permission(said)
    if name.endswith("NotReady"):
        return BluetoothOff(
            "The Bluetooth adapter is switched off: switch it on with 'bluetoothctl power on'."
        )
    if address is None and name.endswith("InProgress"):
        return ScannedByAnother(
            f"BlueZ refused ({said}), as it does while another program scans with the same adapter: end that"
            " program or give it an adapter of its own; if there is none, 'sudo systemctl restart bluetooth'."
        )
    if address is None:
        return BluetoothStuck(f"BlueZ refused ({said}): if it lasts, 'sudo systemctl restart bluetooth'.")
    if linked or name.endswith(_NO_LINK):
        return link_lost(address, said)
    if name.endswith(_UNKNOWN):
        return not_heard(address)
    return connect_failed(address, said)
