"""The whole error family: what the world may refuse, in words for people.

Everything here is expected. Such an error in an answer goes to the asker and is part of
the protocol between actors; any other exception is a bug, and the actor's supervisor
restarts it. `code` is the word that API, command line and MQTT give to programs.
Who handles what: ProtocolError the device's exchange; BluetoothError the device actor
and the scanner, which try again; RegistryError and the other refusals of a request the
caller at the API or the command line; StartError `hawk.cli`, which exits.
"""

from typing import ClassVar


class HawkError(Exception):
    """Base of all expected errors; `str(error)` is a sentence for people."""

    code: ClassVar[str] = "error"


# -- bytes -----------------------------------------------------------------------------


class ProtocolError(HawkError):
    """Bytes that are no valid frame. `reason` is one of the codes of `hawk decode`."""

    def __init__(self, reason: str, detail: str) -> None:
        super().__init__(detail)
        self.reason = reason


class BadAddress(HawkError):
    code = "bad_address"

    def __init__(self, text: str) -> None:
        super().__init__(f"{text!r} is no Bluetooth address: expected six bytes like AA:BB:CC:DD:EE:FF")


# -- Bluetooth -------------------------------------------------------------------------


class BluetoothError(HawkError):
    """What a radio can refuse. Handled by retry policy, never by a restart."""

    code = "unreachable"


class NoAdapter(BluetoothError):
    """No daemon, no adapter, switched off, or no permission: nothing can be heard at all."""

    code = "no_adapter"


class NotHeard(BluetoothError):
    """The device has not advertised lately: out of range, no power, or a phone holds it."""

    code = "unreachable"


class HeldByAnother(BluetoothError):
    code = "held_by_another"


class ConnectFailed(BluetoothError):
    code = "unreachable"


class LinkLost(BluetoothError):
    code = "link_lost"


class SilentDevice(BluetoothError):
    """Connected, but no usable frame came in time."""

    code = "silent"


class Undecodable(BluetoothError):
    """Frames came, none of them could be decoded: wrong family or key."""

    code = "undecodable"


class Busy(HawkError):
    """The device is being read, or the radio is taken, just now."""

    code = "busy"


class Paused(HawkError):
    code = "paused"


# -- refusals --------------------------------------------------------------------------


class NotFound(HawkError):
    code = "not_found"


class Conflict(HawkError):
    code = "conflict"


class Invalid(HawkError):
    """A value that cannot be. `pointer` is a JSON pointer into what was sent."""

    code = "invalid"

    def __init__(self, detail: str, pointer: str = "") -> None:
        super().__init__(detail)
        self.pointer = pointer


class StoreUnavailable(HawkError):
    code = "store_unavailable"


class CannotWrite(HawkError):
    """A document could not be written; what was there before is still there."""

    code = "cannot_write"


# -- starting --------------------------------------------------------------------------


class StartError(HawkError):
    """The service cannot start; `exit_code` is the process's."""

    exit_code: ClassVar[int] = 1


class ConfigurationError(StartError):
    code = "configuration"
    exit_code = 78


class AlreadyRunning(StartError):
    code = "already_running"
    exit_code = 75


class PortTaken(StartError):
    code = "port_taken"
    exit_code = 1
