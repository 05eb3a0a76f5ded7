"""A recording on the disk: written line by line, read back line by line."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from hawk.ble.recording import LONGEST, Damaged, Event, Header, Line, header_line, line_bytes, read_lines
from hawk.clock import Clock
from hawk.errors import CannotWrite, Invalid
from hawk.model.address import Address


class FileRecorder:
    """A disk that is full ends the recording, and nothing else."""

    def __init__(self, file: BinaryIO, path: Path, clock: Clock) -> None:
        self._file, self._path, self._clock = file, path, clock
        self.lines = 0
        self.error: CannotWrite | None = None

    def hear(self, address: Address, event: Event) -> None:
        self.put(line_bytes(Line(address, self._clock.moment(), event)))
        self.lines += self.error is None

    def put(self, data: bytes) -> None:
        if self.error is None:
            try:
                self._file.write(data)
                self._file.flush()
            except OSError as error:
                self.error = CannotWrite(
                    f"The recording {self._path} ends after {self.lines} lines: {error.strerror or error}."
                )


@contextmanager
def recording_to(path: Path, clock: Clock, *, simulated: bool) -> Iterator[FileRecorder]:
    """A file that was there is overwritten. Raises CannotWrite when it cannot be begun."""
    try:
        file = path.open("wb", buffering=0)
    except OSError as error:
        raise CannotWrite(f"The recording {path} cannot be written: {error.strerror or error}.") from error
    with file:
        recorder = FileRecorder(file, path, clock)
        recorder.put(header_line(clock.moment(), simulated=simulated))
        yield recorder


def read_recording(path: Path) -> Iterator[tuple[int, Header | Line | Damaged]]:
    """Each line with its number. Raises Invalid when the file cannot be read, or is no recording."""
    try:
        with path.open("rb") as file:
            yield from read_lines(_bounded(file))
    except OSError as error:
        raise Invalid(f"{path} cannot be read: {error.strerror or error}") from error
    except Invalid as error:
        raise Invalid(f"{path}: {error}") from None


def _bounded(file: BinaryIO) -> Iterator[bytes]:
    """Lines, of which those that are too long are cut: a file without an end of line may be huge."""
    while line := file.readline(LONGEST + 1):
        yield line
        while len(line) > LONGEST and not line.endswith(b"\n"):
            line = file.readline(LONGEST + 1)  # the rest of the same
