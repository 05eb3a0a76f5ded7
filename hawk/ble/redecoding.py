"""What the drivers of this program make of recorded bytes. Pure.

The frames of a session go through one codec in their order, with what was written between them: a
Modbus reply says nothing by itself.
"""

from collections import deque

from hawk.ble.recording import DriverChosen, Heard, Line, Outcome, Received, SessionEnded, Written
from hawk.drivers.api import Codec, Config
from hawk.drivers.catalogue import Catalogue
from hawk.errors import Invalid, NotFound, ProtocolError
from hawk.model.address import Address
from hawk.model.advertisement import Advertisement
from hawk.model.reading import Sample

_NO_DRIVER = Outcome(None, None, "unknown_device", "no driver decoded this session's frames then")


def explain(catalogue: Catalogue, advertisement: Advertisement) -> Outcome:
    """Who understands it, and what; else the first who says that it is damaged."""
    found = catalogue.hear(advertisement)
    if found is not None and found.heard.sample != Sample():
        return Outcome(found.driver.device_type, found.heard.sample)
    for driver in catalogue.drivers if found is None else (found.driver,):
        try:
            driver.hear(advertisement)
        except ProtocolError as error:
            return Outcome(driver.device_type, None, error.reason, str(error))
    return Outcome(None if found is None else found.driver.device_type)


class Redecoder:
    """For the lines of one recording, in their order."""

    def __init__(self, catalogue: Catalogue, config: Config | None = None) -> None:
        """`config`: of devices whose driver does not do without; recordings hold none."""
        self._catalogue, self._config = catalogue, config or {}
        self._talks: dict[Address, _Talk | Outcome] = {}
        self._names: dict[Address, str] = {}

    def outcome(self, line: Line) -> Outcome | None:
        """None for a line that has nothing to decode."""
        match line.event:
            case Heard(advertisement):
                self._names[line.address] = advertisement.name or self._names.get(line.address, "")
                return explain(self._catalogue, advertisement)
            case DriverChosen(device_type):
                self._talks[line.address] = self._begun(device_type, self._names.get(line.address, ""))
            case Written():
                if isinstance(talk := self._talks.get(line.address), _Talk):
                    talk.written()
            case Received(frame):
                talk = self._talks.get(line.address, _NO_DRIVER)
                return talk.received(frame) if isinstance(talk, _Talk) else talk
            case SessionEnded():
                self._talks.pop(line.address, None)
        return None

    def _begun(self, device_type: str, name: str) -> "_Talk | Outcome":
        try:
            driver = self._catalogue.driver(device_type)
            try:
                driver = driver.configured({})
            except Invalid:
                driver = driver.configured(self._config)
        except NotFound as error:
            return Outcome(device_type, None, "unknown_device", str(error))
        except Invalid as error:
            return Outcome(
                device_type, None, "bad_request", f"it needs a config: {error} (at {error.pointer or '/'})"
            )
        if driver.gatt is None:
            return Outcome(driver.device_type, None, "unknown_device", "its frames are not decoded here")
        return _Talk(driver.device_type, driver.named(name).codec())


class _Talk:
    def __init__(self, device_type: str, codec: Codec) -> None:
        self._device_type, self._codec = device_type, codec
        self._expected = deque[bytes]()  # that the codec wanted written and the recording has not yet
        self._over = False

    def written(self) -> None:
        """One that the codec did not ask for just now was asked for anew, after a silence."""
        if not self._over and not self._expected:
            self._expected.extend(write.data for write in self._codec.begin())
        if self._expected:
            self._expected.popleft()

    def received(self, frame: bytes) -> Outcome:
        """What comes after the sample was not decoded then either."""
        if self._over:
            return Outcome(self._device_type)
        try:
            sample = self._codec.receive_data(frame)
        except ProtocolError as error:
            return Outcome(self._device_type, None, error.reason, str(error))
        self._over = sample is not None
        if not self._over:
            self._expected.extend(write.data for write in self._codec.wants())
        return Outcome(self._device_type, sample)
