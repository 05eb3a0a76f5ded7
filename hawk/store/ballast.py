"""A file that is only there to be given up: on a full disk it makes room for purging, and for the documents."""

import contextlib
import os
from pathlib import Path

from hawk.store.refusals import free

SIZE = 8 << 20  # [bytes] as much as the write-ahead log may have
LAST = 1 << 20  # [bytes] of it which the log leaves to the documents
BESIDE = SIZE  # [bytes] that stay free when it is made


class Ballast:
    """Called from any thread; what two do at once does no harm."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.missing = False  # given up, or there was no room for it

    def give_up(self, keep: int = 0) -> None:
        """All of it but the first `keep` bytes."""
        self.missing = True
        with contextlib.suppress(OSError):
            if keep and self._size() > keep:
                os.truncate(self.path, keep)
            elif not keep:
                self.path.unlink(missing_ok=True)

    def make(self) -> None:
        """Unless it is there or there is no room. What else goes wrong says somebody who has more to lose."""
        with contextlib.suppress(OSError):
            self.missing = self._size() < SIZE and not self._filled()

    def _filled(self) -> bool:
        if free(self.path.parent) < SIZE - self._size() + BESIDE:
            return False
        with self.path.open("ab") as file:  # blocks, not a hole
            os.posix_fallocate(file.fileno(), 0, SIZE)
        return True

    def _size(self) -> int:
        with contextlib.suppress(FileNotFoundError):
            return self.path.stat().st_size
        return 0
