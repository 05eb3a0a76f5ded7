"""A radio that plays a recording again and again: what was heard then is heard, what was said is said.

A feature for support, beside the simulated batteries: all that is heard of it is marked as simulated.
"""

from collections import defaultdict, deque
from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field, replace
from itertools import count
from pathlib import Path

import trio

from hawk.ble import refusal
from hawk.ble.radio import Conversation, Limits, Told, to_nobody
from hawk.ble.recording import (
    DriverChosen,
    Heard,
    Line,
    LinkMoved,
    Received,
    SessionBegan,
    SessionEnded,
    Written,
)
from hawk.ble.recording_file import read_recording
from hawk.ble.stackless import Stackless
from hawk.drivers.api import Gatt
from hawk.errors import BluetoothError, Busy, Invalid, LinkLost, SilentDevice
from hawk.model.address import Address
from hawk.model.advertisement import Advertisement
from hawk.model.device import LinkState

LARGEST = 64 * 1024 * 1024  # bytes of a recording: all of it is kept in memory
_LONGEST_GAP = 3600.0  # [s] between two lines: a clock that was set, or a machine that slept
_PAUSE = 1.0  # [s] before it begins again, at any speed
_LINK_DOWN = 0.2  # [s]
_RSSI, _ADAPTER = -60, "hci0"  # of a device that was read and not heard, and where nothing was


@dataclass(frozen=True, slots=True)
class Step:
    after: float  # [s] the one before
    frame: bytes
    written: bool  # to the device; else from it


@dataclass(frozen=True, slots=True)
class Session:
    linking: float  # [s] to a link, or to the failure
    linked: bool
    steps: tuple[Step, ...]
    outcome: str  # "ok", or that of an error
    detail: str = ""

    @property
    def error(self) -> BluetoothError | None:
        return (
            None if self.outcome == "ok" else _ERRORS.get(self.outcome, LinkLost)(self.detail or self.outcome)
        )

    @property
    def opening(self) -> bytes:
        """What was written first; nothing where the device speaks unasked."""
        return self.steps[0].frame if self.steps and self.steps[0].written else b""


@dataclass(frozen=True, slots=True)
class RecordedDevice:
    """As `hawk.registry.fleet` needs it."""

    address: Address
    device_type: str
    name: str


@dataclass(frozen=True, slots=True)
class Script:
    """What a recording has, to be played. Times are seconds from its beginning."""

    adverts: tuple[tuple[float, Advertisement], ...]
    sessions: Mapping[Address, tuple[Session, ...]]
    devices: tuple[RecordedDevice, ...]  # whose family is known
    length: float


def script_of(lines: Iterable[Line]) -> Script:
    writing = _Writing()
    for line in lines:
        writing.add(line)
    return writing.script()


def read_script(path: Path) -> Script:
    """Without the lines that are damaged. Raises Invalid."""
    try:
        size = path.stat().st_size
    except OSError as error:
        raise Invalid(f"{path} cannot be read: {error.strerror or error}", "/simulation/replay") from error
    if size > LARGEST:
        raise Invalid(f"{path} has {size} bytes: at most {LARGEST} can be replayed", "/simulation/replay")
    return script_of(line for _, line in read_recording(path) if isinstance(line, Line))


# -- writing the script ------------------------------------------------------------------------


@dataclass(slots=True)
class _Open:
    """A session whose end has not come yet."""

    began: float
    linked: float | None = None
    last: float = 0.0
    steps: list[Step] = field(default_factory=list)


class _Writing:
    def __init__(self) -> None:
        self._now = 0.0
        self._last: float | None = None
        self._adverts: list[tuple[float, Advertisement]] = []
        self._open: dict[Address, _Open] = {}
        self._sessions: defaultdict[Address, list[Session]] = defaultdict(list)
        self._types: dict[Address, str] = {}
        self._names: dict[Address, str] = {}

    def add(self, line: Line) -> None:
        self._pass(line.moment.boot_time)
        address = line.address
        match line.event:
            case Heard(advertisement, outcome):
                self._adverts.append((self._now, replace(advertisement, simulated=True)))
                self._names[address] = advertisement.name or self._names.get(address, "")
                if outcome.device_type is not None:
                    self._types.setdefault(address, outcome.device_type)
            case DriverChosen(device_type):
                self._types[address] = device_type
            case SessionBegan():
                self._open[address] = _Open(self._now)
            case LinkMoved(LinkState.CONNECTED):
                self._linked(address)
            case Written(frame) | Received(frame):
                self._step(address, frame, written=isinstance(line.event, Written))
            case SessionEnded(outcome, detail):
                self._end(address, outcome, detail)

    def script(self) -> Script:
        for address in tuple(self._open):
            self._end(address, LinkLost.code, "The recording ends here.")
        devices = (
            RecordedDevice(address, device_type, f"{self._names.get(address) or device_type} {address[-5:]}")
            for address, device_type in sorted(self._types.items())
        )
        sessions = {address: tuple(found) for address, found in self._sessions.items()}
        adverts = (*self._unheard(), *self._adverts)
        return Script(adverts, sessions, tuple(devices), self._now)

    def _unheard(self) -> Iterator[tuple[float, Advertisement]]:
        """Who was read was there: it may have been heard just before the recording began."""
        heard = {advertisement.address for _, advertisement in self._adverts}
        for address in sorted(self._sessions.keys() - heard):
            yield 0.0, Advertisement(address, None, _RSSI, _ADAPTER, simulated=True)

    def _pass(self, at: float) -> None:
        """Never back: `t` begins anew with each start of the machine."""
        if self._last is not None:
            self._now += min(max(at - self._last, 0.0), _LONGEST_GAP)
        self._last = at

    def _linked(self, address: Address) -> None:
        if (session := self._open.get(address)) is not None:
            session.linked = session.last = self._now

    def _step(self, address: Address, frame: bytes, *, written: bool) -> None:
        if (session := self._open.get(address)) is not None:
            session.steps.append(Step(self._now - session.last, frame, written))
            session.last = self._now

    def _end(self, address: Address, outcome: str, detail: str) -> None:
        if (session := self._open.pop(address, None)) is None:
            return
        linked = session.linked is not None
        linking = (self._now if session.linked is None else session.linked) - session.began
        if outcome == "ok" and not linked:
            outcome, detail = LinkLost.code, "The recording does not have this link."
        self._sessions[address].append(Session(linking, linked, tuple(session.steps), outcome, detail))


def _family(kind: type[BluetoothError]) -> Iterator[type[BluetoothError]]:
    yield kind
    for below in kind.__subclasses__():
        yield from _family(below)


_ERRORS = {kind.finer or kind.code: kind for kind in _family(BluetoothError)}


# -- playing it --------------------------------------------------------------------------------


class ReplayedRadio(Stackless):
    simulated = True

    def __init__(self, script: Script, speed: float = 1.0) -> None:
        """`speed`: seconds of the recording in one of ours."""
        self._script, self._speed = script, speed
        self.fleet = script.devices
        self._sessions = {address: deque(found) for address, found in script.sessions.items()}
        self._began: float | None = None  # [s] of Trio's clock, when somebody first listened
        self._held: set[Address] = set()
        self._linked: set[Address] = set()

    async def run(self) -> None:
        await trio.sleep_forever()

    async def scan(self, heard: Callable[[Advertisement], None], told: Told = to_nobody) -> None:
        """A later scan goes on where the recording is by then."""
        for adapter in sorted({each.adapter for _, each in self._script.adverts} or {_ADAPTER}):
            told(adapter, None)
        if self._script.adverts:
            for at, advertisement in self._from_now():
                await trio.sleep_until(at)
                if advertisement.address not in self._linked:  # a connected monitor does not advertise
                    heard(advertisement)
        await trio.sleep_forever()

    def _from_now(self) -> Iterator[tuple[float, Advertisement]]:
        """Without end, each with its time by Trio's clock."""
        now, length = trio.current_time(), self._script.length / self._speed + _PAUSE
        if self._began is None:
            self._began = now
        for turn in count(int((now - self._began) / length)):
            for at, advertisement in self._script.adverts:
                due = self._began + turn * length + at / self._speed
                if due >= now:
                    yield due, advertisement

    # -- talking -----------------------------------------------------------------------------

    async def converse(
        self,
        address: Address,
        gatt: Gatt,  # noqa: ARG002  # the recording does not know what else there was
        conversation: Conversation,
        limits: Limits,
        on_link: Callable[[LinkState], None],
        adapter: str = "",  # noqa: ARG002  # nor which adapter
    ) -> None:
        """The sessions with a device come in turn."""
        with self._claimed(address):
            if not (sessions := self._sessions.get(address)):
                raise refusal.not_heard(address)
            session = sessions[0]
            sessions.rotate(-1)
            async with self._link(address, session, limits, on_link):
                with trio.move_on_after(limits.session) as patience:
                    await self._play(address, session, conversation)
                if patience.cancelled_caught:
                    raise SilentDevice(f"{address} is connected, but the conversation did not end in time.")

    @contextmanager
    def _claimed(self, address: Address) -> Iterator[None]:
        if address in self._held:
            raise Busy(f"{address} is being read just now: try again in a minute.")
        self._held.add(address)
        try:
            yield
        finally:
            self._held.discard(address)

    @asynccontextmanager
    async def _link(
        self, address: Address, session: Session, limits: Limits, on_link: Callable[[LinkState], None]
    ) -> AsyncIterator[None]:
        on_link(LinkState.CONNECTING)
        try:
            await trio.sleep(min(session.linking / self._speed, limits.connect))
            if not session.linked and session.error is not None:
                raise session.error
            self._linked.add(address)
            on_link(LinkState.CONNECTED)
            try:
                yield
            finally:
                on_link(LinkState.DISCONNECTING)
                with trio.CancelScope(shield=True):
                    await trio.sleep(_LINK_DOWN)
                self._linked.discard(address)
        finally:
            on_link(LinkState.DISCONNECTED)

    async def _play(self, address: Address, session: Session, conversation: Conversation) -> None:
        begun = conversation.begin()
        session = self._answering(address, session, begun[0] if begun else b"")
        written = len(begun)
        for step in session.steps:
            if conversation.done:
                return
            if step.written:
                while written < 1:  # the device answered what was asked again after a silence
                    await trio.sleep(conversation.quiet)
                    written += len(conversation.silent())
                written -= 1
            else:
                await trio.sleep(step.after / self._speed)
                written += len(conversation.receive(step.frame))
        if session.error is not None and not conversation.done:
            raise session.error
        while not conversation.done:
            await trio.sleep(conversation.quiet)
            conversation.silent()

    def _answering(self, address: Address, session: Session, asked: bytes) -> Session:
        """The one at hand, or another with this device that began with the same question."""
        for found in (session, *self._sessions[address]):
            if found.linked and found.opening == asked:
                return found
        raise SilentDevice(f"The recording has no answer of {address} to what it is asked now.")

    async def links(self) -> tuple[Address, ...]:
        return tuple(sorted(self._linked))
