"""Several packs in parallel behind one module become one reading: docs/decisions/0005-hub-of-batteries.md."""

from collections.abc import Iterable, Mapping

from hawk.drivers.renogy_modules import finished
from hawk.model.reading import Sample, Scalar

_AH = ("remaining_ah", "capacity_ah")


def bank(packs: Mapping[int, Sample | None]) -> Sample:
    """By device id; None for one that did not answer. A sum that lacks a pack is not made."""
    there = {number: pack for number, pack in packs.items() if pack is not None}
    missing = [str(number) for number, pack in packs.items() if pack is None]
    sums = {} if missing else _sums(there.values())
    return finished(
        Sample(
            voltage=_mean(pack.voltage for pack in there.values()),
            current=None if missing else _sum((pack.current for pack in there.values()), 2),
            temperature=_mean(pack.temperature for pack in there.values()),
            state_of_charge=_charge(sums),
            extra={
                **sums,
                **_counted(len(packs), missing),
                **{
                    f"battery_{number}_{key}": value
                    for number, pack in there.items()
                    for key, value in pack.extra.items()
                },
            },
        )
    )


def _counted(count: int, missing: list[str]) -> dict[str, Scalar]:
    said: dict[str, Scalar] = {"batteries": count, "batteries_answering": count - len(missing)}
    if missing:
        ids = ", ".join(missing)
        said |= {
            "batteries_missing": ids,
            "note": f"no current, charge or Ah of the whole: battery {ids} did not answer",
        }
    return said


def _sums(packs: Iterable[Sample]) -> dict[str, Scalar]:
    sums = {key: _sum((_number(pack, key) for pack in packs), 3) for key in _AH}
    return {key: value for key, value in sums.items() if value is not None}


def _charge(sums: Mapping[str, Scalar]) -> float | None:
    remaining, capacity = (sums.get(key) for key in _AH)
    if not isinstance(remaining, float) or not isinstance(capacity, float) or capacity <= 0:
        return None
    return min(100.0, round(100 * remaining / capacity, 1))


def _number(pack: Sample, key: str) -> float | None:
    value = pack.extra.get(key)
    return value if isinstance(value, float) else None


def _sum(values: Iterable[float | None], decimals: int) -> float | None:
    """None if one of them is not known."""
    known = list(values)
    return round(float(sum(each or 0.0 for each in known)), decimals) if None not in known else None


def _mean(values: Iterable[float | None]) -> float | None:
    """Of those that are known."""
    known = [each for each in values if each is not None]
    return round(sum(known) / len(known), 2) if known else None
