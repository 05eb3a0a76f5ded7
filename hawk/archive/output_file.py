"""Where an export goes: a file that is there only when it is complete, or whatever the shell connected."""

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from hawk.errors import CannotWrite, Conflict

STDOUT = 1

Write = Callable[[bytes], None]


@contextmanager
def writing_to(path: Path, *, replace: bool) -> Iterator[Write]:
    """To a name of its own beside it, which is renamed in the end; when the block raises nothing is left.
    What is no file, as a pipe or a device, is written to as it is.

    Raises Conflict when there is such a file and it is not to be replaced, and CannotWrite.
    """
    target = path.resolve()
    if target.exists() and not target.is_file() and not target.is_dir():
        with _refusals_said(path), target.open("wb", buffering=0) as file:
            yield lambda data: _write_all(file.fileno(), data)
        return
    _check_free(target, path, replace=replace)
    temporary = target.with_name(f".{target.name}.{os.getpid()}.part")
    with _refusals_said(path):
        try:
            with temporary.open("xb", buffering=0) as file:
                yield lambda data: _write_all(file.fileno(), data)
                os.fsync(file.fileno())
            _check_free(target, path, replace=replace)
            temporary.rename(target)
        finally:
            temporary.unlink(missing_ok=True)


@contextmanager
def writing_to_stdout() -> Iterator[Write]:
    """Raises CannotWrite, and BrokenPipeError when nobody reads any more."""
    with _refusals_said(None):
        yield lambda data: _write_all(STDOUT, data)


def _check_free(target: Path, path: Path, *, replace: bool) -> None:
    if target.is_dir():
        raise CannotWrite(f"{path} is a folder: name the file in it.")
    if target.exists() and not replace:
        raise Conflict(f"{path} is there already: choose another name, or say --force.")


@contextmanager
def _refusals_said(path: Path | None) -> Iterator[None]:
    try:
        yield
    except BrokenPipeError:
        raise
    except OSError as error:
        what = "The output" if path is None else f"{path}"
        raise CannotWrite(f"{what} cannot be written: {error.strerror or error}.") from error


def _write_all(descriptor: int, data: bytes) -> None:
    """A disk that fills up takes a part first."""
    rest = memoryview(data)
    while rest:
        rest = rest[os.write(descriptor, rest) :]
