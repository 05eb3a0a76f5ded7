"""Stores readings for ever and prints the last seq of each batch once it is on the disk.

Run as `python -m tests.store.crash_writer PATH`, to be killed.
"""

import random
import sys
from pathlib import Path

from hawk.store.readings import Log
from tests.store.samples import NOW, moment, reading


def write(path: Path) -> None:
    with Log.open(path, "boot-1") as log:
        while True:
            start = log.seq or 0
            count = random.choice((1, 1, 5, 50))
            log.append([reading(start + n, float(start + n)) for n in range(count)], NOW)
            log.append([reading(start + count, when=moment(start + count))], NOW)
            print(log.seq, flush=True)


if __name__ == "__main__":
    write(Path(sys.argv[1]))
