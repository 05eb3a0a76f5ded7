"""What is behind a `BT-TH-` module: asked of each family in turn, by what only that family answers."""

import re
from dataclasses import dataclass

from hawk.drivers.api import Config, Proposal
from hawk.drivers.renogy_models import by_text
from hawk.drivers.renogy_modules import WHOEVER
from hawk.errors import ProtocolError, SilentDevice
from hawk.wire.fields import Field, decode
from hawk.wire.modbus import READ_HOLDING, Registers, Request, parse_reply

_WORDS = 8  # of all these: a text, or as many values
_BATTERY, _INVERTER = 0x30, 0x20  # device ids
_DCDC = re.compile(r"DCC|RBC\d+D")
_LONGEST = 512  # bytes that are kept of what has come


@dataclass(frozen=True, slots=True)
class Question:
    device_id: int
    register: int
    device_type: str  # of what answers it, unless its text says otherwise

    @property
    def request(self) -> Request:
        return Request(self.device_id, READ_HOLDING, self.register, _WORDS)


QUESTIONS = (
    Question(WHOEVER, 12, "renogy_controller"),
    Question(_BATTERY, 5122, "renogy_battery"),
    Question(WHOEVER, 5122, "renogy_controller"),  # a battery's text has RBT: another is late, of the first
    Question(_INVERTER, 4311, "renogy_inverter"),
    Question(_INVERTER, 4000, "renogy_inverter"),
)
_DEFAULT_IDS = {
    "renogy_controller": WHOEVER,
    "renogy_dcdc": WHOEVER,
    "renogy_battery": _BATTERY,
    "renogy_inverter": _INVERTER,
}


class RenogyProbe:
    """One try each. A text decides more than the question: it may be the late reply to an earlier one."""

    quiet = 2.0

    def __init__(self) -> None:
        self._left = list(QUESTIONS)
        self._buffer = b""
        self.found: Proposal | None = None

    @property
    def done(self) -> bool:
        return self.found is not None

    def begin(self) -> tuple[bytes, ...]:
        self._buffer = b""
        return (self._left[0].request.frame(),)

    def receive(self, frame: bytes) -> tuple[bytes, ...]:
        self._buffer = (self._buffer + frame)[-_LONGEST:]
        question = self._left[0]
        try:
            self.found = proposal(question, parse_reply(question.request, self._buffer))
        except ProtocolError as error:
            return self.silent() if error.reason == "modbus_exception" else ()
        return ()

    def silent(self) -> tuple[bytes, ...]:
        """Raises SilentDevice after the last question."""
        self._left.pop(0)
        if not self._left:
            raise SilentDevice(
                "It is connected, but nothing behind the module answered as a controller, a DC-DC charger, a"
                " battery or an inverter: it may have another device id, or be switched off."
            )
        return self.begin()


def proposal(question: Question, registers: Registers) -> Proposal:
    text = ""
    if question.register != 4000:
        text = str(decode([Field("text", question.register, "ascii", words=_WORDS)], registers)["text"])
    device_type = _type_of(text) or question.device_type
    words = text if text.isprintable() and text else f"id {question.device_id} answers"
    return Proposal(device_type, _config(device_type, question.device_id, text), words)


def _type_of(text: str) -> str | None:
    if text.startswith("RBT"):
        return "renogy_battery"
    if text.startswith("RIV"):
        return "renogy_inverter"
    return "renogy_dcdc" if _DCDC.match(text) else None


def _config(device_type: str, device_id: int, text: str) -> Config:
    """What does not go without saying."""
    config: dict[str, object] = {}
    if device_type == "renogy_battery" and (model := by_text(text)) is not None:
        config["model"] = model
    if device_id != _DEFAULT_IDS[device_type]:
        config["device_id"] = device_id
    return config
