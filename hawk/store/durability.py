"""When readings that wait go to the disk."""

import math

from hawk.store.backlog import Waiting
from hawk.store.messages import Durability

FULL_BATCH = 500  # readings worth a write of their own, whatever the interval


def wait_before_commit(waiting: Waiting | None, durability: Durability, interval: float, now: float) -> float:
    """[s] until a commit is due: 0 at once, inf while nothing waits.

    Each write costs an SD card some 16 KiB for a reading of 60 bytes; gathering makes up for that.
    """
    if waiting is None:
        return math.inf
    if durability is Durability.PROMPT or waiting.polled or waiting.count >= FULL_BATCH:
        return 0.0
    return max(0.0, waiting.since + interval - now)
