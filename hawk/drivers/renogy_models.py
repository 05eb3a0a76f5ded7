"""Which family of batteries one belongs to, and so what one step of its current is: 0.01 A or 0.1 A.

Three can say it: the config of the device, its advertised name, and the model text of register 5122.
Where two of them contradict each other, a current would be wrong by a factor of ten in one of both
cases: then there is none.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from hawk.drivers.renogy import MODELS, TENTHS_OF_AMPERES

BY_NAME = {"RNGRBP": "pro", "RNGC": "rngc", "RNGPRO": "rngpro"}  # starts of names
_BY_TEXT = {  # of packs that were captured, or reported with their name
    "RBT12200LFP-BT": "pro",
    "RBT12200LFP-B": "rngc",
    "RBT12100LFP-BT": "rngpro",
    "RBT12500LFP-SHBT": "rngpro",
    "RBT100LFP12-BT": "legacy",
    "RBT100LFP12SH-G1": "legacy",
    "RBT50LFP48S": "legacy",
}
_LIKE_LEGACY = re.compile(
    r"RBT\d+LFP(12|24|48)(\D.*)?"
)  # Ah before LFP, V after it; later ones have both before


@dataclass(frozen=True, slots=True)
class Evidence:
    source: str  # for people
    model: str  # one of MODELS

    def __str__(self) -> str:
        return f"{self.source} says {self.model} ({step(self.model):g} A a step)"


@dataclass(frozen=True, slots=True)
class Judgement:
    model: str | None  # None: its current cannot be told
    note: str | None = None  # why not


def step(model: str) -> float:
    """[A]"""
    return 0.1 if model in TENTHS_OF_AMPERES else 0.01


def by_name(name: str) -> str | None:
    return next((model for start, model in BY_NAME.items() if name.startswith(start)), None)


def by_text(text: str) -> str | None:
    return _BY_TEXT.get(text)


def judge(configured: str | None, name: str, text: str) -> Judgement:
    """`text` is the model text, "" if it did not come."""
    said = tuple(_evidence(configured, name, text))
    if len({step(each.model) for each in said}) > 1:
        return Judgement(None, f"no current: {', but '.join(map(str, said))}; correct 'model' in its config")
    if said:
        return Judgement(said[0].model)
    if _LIKE_LEGACY.fullmatch(text):
        return Judgement("legacy")
    return Judgement(
        None,
        f"no current: the model {text!r} is not known, so it may be in 0.01 A or 0.1 A; say 'model' in its"
        f" config: {', '.join(MODELS)}",
    )


def _evidence(configured: str | None, name: str, text: str) -> Iterator[Evidence]:
    if configured is not None:
        yield Evidence("its config", configured)
    if (model := by_name(name)) is not None:
        yield Evidence(f"its name {name!r}", model)
    if (model := by_text(text)) is not None:
        yield Evidence(f"its model text {text!r}", model)
