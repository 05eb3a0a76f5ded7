"""What bleak and D-Bus raise, as errors of ours."""

from collections.abc import Iterator
from contextlib import contextmanager

from bleak.exc import (
    BleakBluetoothNotAvailableError,
    BleakBluetoothNotAvailableReason,
    BleakCharacteristicNotFoundError,
    BleakDBusError,
    BleakDeviceNotFoundError,
    BleakError,
    BleakGATTProtocolError,
)

from hawk.ble import refusal
from hawk.errors import BluetoothStuck, NoAdapter, SilentDevice, Undecodable
from hawk.model.address import Address


@contextmanager
def translated(address: Address | None = None, *, linked: bool = False) -> Iterator[None]:
    """`address` is None about an adapter."""
    try:
        yield
    except TimeoutError as error:
        raise _too_slow(address, linked=linked) from error
    except BleakBluetoothNotAvailableError as error:
        raise _not_available(error) from error
    except BleakDBusError as error:
        raise refusal.refused(error.dbus_error, " ".join(error.args[1:]), address, linked=linked) from error
    except BleakGATTProtocolError as error:
        raise _refused(address, f"the device refused a request ({error.args[1]})", linked=linked) from error
    except BleakCharacteristicNotFoundError as error:
        raise Undecodable(f"{address}: {error} It is of another family than its type says.") from error
    except BleakDeviceNotFoundError as error:
        raise _refused(address, "not found", linked=linked) from error
    except BleakError as error:
        raise _refused(address, str(error), linked=linked) from error
    except (OSError, EOFError) as error:
        raise refusal.no_bus(error) from error


def _too_slow(address: Address | None, *, linked: bool) -> Exception:
    if address is None:
        return refusal.daemon_silent()
    if linked:
        return SilentDevice(f"{address} is connected, but the conversation did not end in time.")
    return refusal.connect_timed_out(address)


def _not_available(error: BleakBluetoothNotAvailableError) -> NoAdapter:
    reason = BleakBluetoothNotAvailableReason
    match error.reason:
        case reason.POWERED_OFF:
            return refusal.powered_off("of this machine")
        case reason.DENIED_BY_SYSTEM | reason.DENIED_BY_USER | reason.DENIED_BY_UNKNOWN:
            return refusal.no_permission(str(error.args[0]))
        case _:
            return refusal.no_adapter()


def _refused(address: Address | None, text: str, *, linked: bool) -> Exception:
    """What bleak itself says, without an error of D-Bus."""
    if address is None:
        return BluetoothStuck(f"Bluetooth cannot be used ({text}): 'bluetoothctl list' shows the adapters.")
    if linked:
        return refusal.link_lost(address, text)
    if "not found" in text:
        return refusal.not_heard(address)
    return refusal.connect_failed(address, text)
