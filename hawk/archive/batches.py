"""Where a long list of readings is cut.

The log purges by whole hours. Old readings that come in pieces while it does are therefore cut between two hours:
of an hour that was purged it takes no more.
"""

from collections.abc import Sequence

from hawk.model.reading import Reading
from hawk.model.summary import HOUR


def whole_hours(readings: Sequence[Reading]) -> int:
    """How many of the first, so that the hour of the last of them does not go on; all, if it does in each place."""
    hours = [(each.moment.utc or 0) // HOUR for each in readings]
    for count in range(len(hours) - 1, 0, -1):
        if hours[count - 1] != hours[count]:
            return count
    return len(hours)
