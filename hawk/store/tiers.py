"""Which resolution suits a span of time. Pure."""

from hawk.model.summary import DAY, Resolution

RAW_UP_TO = 8 * DAY  # [ms] 11,520 readings at one a minute
HOURS_UP_TO = 400 * DAY  # [ms] a year and what people add to it


def fitting(span: int) -> Resolution | None:
    """For so many ms; None is single readings."""
    if span <= RAW_UP_TO:
        return None
    return Resolution.HOUR if span <= HOURS_UP_TO else Resolution.DAY


def coarser_than(resolution: Resolution | None) -> tuple[Resolution, ...]:
    """Of None, single readings: all."""
    order = (None, *Resolution)
    return tuple(each for each in order[order.index(resolution) + 1 :] if each)


def width(span: int, points: int, step: int) -> int:
    """[ms] of a point, so that at most so many make up `span`; a multiple of `step`, which is what each
    point is made of.
    """
    return max(1, -(-span // (points * step))) * step
