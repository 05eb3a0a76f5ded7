"""Brings what a damaged log has into the new one, and prints a line after each step.

Run as `python -m tests.store.salvage_runner PATH`, to be killed.
"""

import sys
from pathlib import Path

from hawk.store.readings import Log

if __name__ == "__main__":
    with Log.open(Path(sys.argv[1]), "boot-1") as log:
        while log.salvage():
            print(flush=True)
