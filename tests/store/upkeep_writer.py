"""Stores a reading a minute, sums up and purges for ever, and prints how many it stored.

Run as `python -m tests.store.upkeep_writer PATH`, to be killed.
"""

import sys
from pathlib import Path

from hawk.model.summary import HOUR, start_of
from hawk.store.purging import Round
from hawk.store.readings import Log
from hawk.store.retention import Horizons
from tests.store.samples import NOW, T0, reading, stored_minutes


def write(path: Path) -> None:
    with Log.open(path, "boot-1") as log:
        while True:
            count = stored_minutes(log)
            log.append([reading((count + n) * 60) for n in range(25)], NOW)
            print(count + 25, flush=True)
            hour = start_of(T0 + count * 60_000, HOUR)
            while log.summarise(hour).more:
                pass
            wanted = Round(Horizons(hour - 3 * HOUR, None, None, None), 2**60)
            while log.purge(wanted):
                pass


if __name__ == "__main__":
    write(Path(sys.argv[1]))
