"""The whole error family: what the world may refuse, in words for people.

Everything here is expected. Such an error in an answer goes to the asker and is part of
the protocol between actors; any other exception is a bug, and the actor's supervisor
restarts it. `code` is the word that API, command line and MQTT give to programs.
Who handles what: ProtocolError the device's exchange; BluetoothError the device actor
and the scanner, BrokerDown the publisher, SinkError the delivery to that sink, which all try
again; RegistryError and the other refusals of a request the caller at the API, the command
line or MQTT; StartError `hawk.cli`,
which exits.
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any, ClassVar

LONGEST_SHOWN = 100  # characters of a value that is wrong


class HawkError(Exception):
    """Base of all expected errors; `str(error)` is a sentence for people."""

    code: ClassVar[str] = "error"
    finer: ClassVar[str | None] = None  # a word that tells apart what has the same code

    @property
    def outcome(self) -> str:
        """How a poll ended, in the statistics of a device."""
        return self.finer or self.code


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
    """Nothing can be heard at all: no bus, no daemon, no adapter."""

    code = "no_adapter"


class BluetoothOff(NoAdapter):
    finer = "bluetooth_off"


class NoPermission(NoAdapter):
    finer = "no_permission"


class BluetoothStuck(NoAdapter):
    """All is there, but it does not answer or refuses: to start anew may help."""

    finer = "bluetooth_stuck"


class ScannedByAnother(BluetoothStuck):
    """Another program scans with the adapter: that is no reason to switch it off."""


class NotHeard(BluetoothError):
    """The device has not advertised lately: out of range, no power, or a phone holds it."""

    code = "unreachable"
    finer = "not_heard"


class HeldByAnother(BluetoothError):
    """Another program or device holds the link; only one can."""

    code = "held_by_another"


class ConnectFailed(BluetoothError):
    code = "unreachable"
    finer = "connect_failed"


class ConnectTimedOut(ConnectFailed):
    finer = "connect_timed_out"


class LinkLost(BluetoothError):
    code = "link_lost"


class SilentDevice(BluetoothError):
    """Connected, but no usable frame came in time."""

    code = "silent"


class Undecodable(BluetoothError):
    """Frames came, none of them could be decoded: wrong family or key."""

    code = "undecodable"


class Implausible(Undecodable):
    """Frames of the right family came, with values that cannot be."""

    finer = "implausible"


class DriverFailed(Undecodable):
    """A driver that is not ours made a mistake of its own."""

    finer = "driver_failed"


class Busy(HawkError):
    """The device is being read, or the radio is taken, just now."""

    code = "busy"


class NoHistory(HawkError):
    """The device keeps none."""

    code = "no_history"


class NoCranking(HawkError):
    """The device does not keep the last start of the engine."""

    code = "no_cranking"


class ClockUncertain(HawkError):
    """What time it is cannot be told yet."""

    code = "clock_uncertain"


class Paused(HawkError):
    code = "paused"


# -- refusals --------------------------------------------------------------------------


class NotFound(HawkError):
    code = "not_found"


class LibraryMissing(NotFound):
    """What the driver of a type needs is not installed."""

    def __init__(self, device_type: str, library: str, extra: str, but: str = "") -> None:
        super().__init__(
            f"{device_type} needs the library {library}, which is not installed:"
            f" pip install 'battery-hawk[{extra}]'{but}"
        )


class NotAdmitted(HawkError):
    """A driver of somebody else's that cannot be loaded, or may not."""

    code = "not_admitted"


class Conflict(HawkError):
    code = "conflict"


class Outdated(Conflict):
    """A change that was made from an older version than there is by now."""

    code = "changed_meanwhile"


class NotConfigured(Conflict):
    """A device that was found, and that nobody made ours yet, or that is ignored."""

    code = "not_configured"


class HeardOnly(Conflict):
    """Nobody connects to such a device."""

    def __init__(self, device_type: str) -> None:
        super().__init__(
            f"A {device_type} is only listened to, nobody connects to it: what it says is there as soon as it is"
            " heard."
        )


class Invalid(HawkError):
    """A value that cannot be. `pointer` is a JSON pointer into what was sent."""

    code = "invalid"

    def __init__(self, detail: str, pointer: str = "") -> None:
        super().__init__(detail)
        self.pointer = pointer


class StoreUnavailable(HawkError):
    """`reason` is what happened, `fix` what to do about it, for people."""

    code = "store_unavailable"

    def __init__(self, reason: str, fix: str | None = None) -> None:
        super().__init__(f"{reason}. {fix}" if fix else reason)
        self.reason, self.fix = reason, fix


class DiskFull(StoreUnavailable):
    finer = "disk_full"


# -- sinks: what a place outside answers to a delivery (hawk/sinks/policy.py decides what follows) ---------


class SinkError(HawkError):
    """The message says what happened, and where somebody can mend it, what to do."""

    code = "sink"


class SinkUnreachable(SinkError):
    """Nobody answers, or what answers is broken just now. Nothing was kept, as far as is known."""

    code = "unreachable"


class SinkBusy(SinkUnreachable):
    """It answers that it cannot now; perhaps it says for how long [s]."""

    code = "busy"

    def __init__(self, detail: str, after: float | None = None) -> None:
        super().__init__(detail)
        self.after = after


class SinkDenied(SinkError):
    """Settings, rights or certificates are wrong: until somebody mends them no row will be kept."""

    code = "denied"


class BatchTooLarge(SinkError):
    """Nothing was kept; fewer rows at a time would be."""

    code = "too_large"


class BatchRefused(SinkError):
    """Nothing was kept, because of one row or more that never will be."""

    code = "refused"


class BatchPartlyRefused(BatchRefused):
    """All was kept but `dropped` rows, which never will be."""

    def __init__(self, detail: str, dropped: int) -> None:
        super().__init__(detail)
        self.dropped = dropped


class ChangedMeanwhile(Conflict):
    """Somebody else changed what a request is about: a file by hand, or the settings since they were read."""

    code = "changed_meanwhile"


class CannotWrite(HawkError):
    """A document could not be written; what was there before is still there."""

    code = "cannot_write"


# -- MQTT ------------------------------------------------------------------------------


class BrokerDown(HawkError):
    """No broker, or not any more. The publisher tries again for ever."""

    code = "broker_down"


class BrokerRefuses(BrokerDown):
    """It is there, but will not have us as we are: somebody has to change a setting, there or here."""

    code = "broker_refuses"


# -- starting --------------------------------------------------------------------------


class StartError(HawkError):
    """The service cannot start, or shall not go on; `exit_code` is the process's."""

    exit_code: ClassVar[int] = 1


class ConfigurationError(StartError):
    code = "configuration"
    exit_code = 78


@dataclass(frozen=True, slots=True)
class Problem:
    """One mistake in a document, or in a variable."""

    source: str  # a file, or the name of a variable
    pointer: str  # JSON pointer to its place
    value: object  # None where it is not to be shown
    expected: str

    def __str__(self) -> str:
        """One line, however strange what stands there is."""
        shown = "" if self.value is None else f": {_shortened(repr(self.value))}"
        return printable(f"{self.source}: {self.pointer or '/'}{shown}: {self.expected}")


class WrongDocument(ConfigurationError):
    """`str()` has one line for each problem, and one for what to do, if that is not plain."""

    def __init__(self, problems: Sequence[Problem], advice: str = "") -> None:
        super().__init__("\n".join([*map(str, problems), *filter(None, [advice])]))
        self.problems = tuple(problems)

    def as_json(self) -> dict[str, list[dict[str, Any]]]:
        return {"errors": [asdict(problem) for problem in self.problems]}


def pointer_to(*place: str) -> str:
    """RFC 6901."""
    return "".join(f"/{step.replace('~', '~0').replace('/', '~1')}" for step in place)


def printable(text: str) -> str:
    """Without control characters and halves of characters, which break lines, terminals and log files."""
    return "".join(each if each.isprintable() else repr(each)[1:-1] for each in text)


def _shortened(text: str) -> str:
    return text if len(text) <= LONGEST_SHOWN else f"{text[:LONGEST_SHOWN]}..."


class OtherVersion(ConfigurationError):
    """A file of another version of this program: not damaged, and never rewritten."""


class AlreadyRunning(StartError):
    code = "already_running"
    exit_code = 75


class PortTaken(StartError):
    code = "port_taken"
    exit_code = 1


class WithoutBluetooth(StartError):
    """For longer than the setting bluetooth.exit_after allows."""

    code = "no_bluetooth"
    exit_code = 69


class RestartAsked(StartError):
    """By a user, from afar: whoever supervises the process starts it anew."""

    code = "restart"
    exit_code = 75
