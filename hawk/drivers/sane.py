"""What every sample keeps to, whoever made it."""

import math
from collections.abc import Mapping

from hawk.model.reading import QUANTITIES, Sample


def fault(sample: Sample) -> str | None:
    """What is wrong with it, for its author; None if nothing is."""
    for quantity in QUANTITIES:
        value = getattr(sample, quantity)
        if value is not None and not _number(value):
            return f"{quantity} is a finite number or None, not {value!r}"
    if sample.state_of_charge is not None and not 0 <= sample.state_of_charge <= 100:
        return f"state_of_charge is from 0 to 100 %, not {sample.state_of_charge!r}"
    for name, kind in (("status", str), ("status_code", int)):
        value = getattr(sample, name)
        if value is not None and not isinstance(value, kind):
            return f"{name} is of type {kind.__name__} or None, not {value!r}"
    return _fault_in_extra(sample.extra)


def _fault_in_extra(extra: object) -> str | None:
    if not isinstance(extra, Mapping):
        return f"extra is a mapping, not {extra!r}"
    for key, value in extra.items():
        if not isinstance(key, str):
            return f"the keys of extra are text, not {key!r}"
        if not (value is None or isinstance(value, str | bool) or _number(value)):
            return f"extra[{key!r}] is a number, a text, true, false or None, not {value!r}"
    return None


def _number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
