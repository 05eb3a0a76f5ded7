"""Drop-in drivers: each file `NAME.py` of a folder has a `DRIVER`.

What stands there runs with the rights of the service. So it is loaded only where nobody else can write.
"""

import os
import stat
import sys
from pathlib import Path
from types import ModuleType

from hawk.errors import NotAdmitted

_NAME = "DRIVER"
_OTHERS = stat.S_IWGRP | stat.S_IWOTH


def files(folder: Path) -> list[Path]:
    """By name; those that begin with _ or . are none. Raises NotAdmitted."""
    try:
        for each in (folder.parent, folder):  # who can write the parent can put another folder there
            _refuse_if_others_write(each, each.stat())
        return sorted(each for each in folder.glob("*.py") if each.name[0] not in "._")
    except OSError as error:
        raise NotAdmitted(f"it cannot be read ({error.strerror}): make that folder") from None


def load(file: Path) -> object:
    """Raises NotAdmitted, and what the code in it raises."""
    module = ModuleType(f"hawk_driver_{file.stem}")
    module.__file__ = str(file)
    code = compile(_source(file), file, "exec")
    sys.modules[module.__name__] = module  # dataclasses look themselves up there
    exec(code, module.__dict__)  # noqa: S102  # what this folder is for, and why it is off by default
    if not hasattr(module, _NAME):
        raise NotAdmitted(f"there is no {_NAME} in it")
    return getattr(module, _NAME)


def _source(file: Path) -> bytes:
    """What is read is what was looked at."""
    try:
        if not file.is_file():
            raise NotAdmitted("it is no file")
        with file.open("rb") as opened:
            _refuse_if_others_write(file, os.fstat(opened.fileno()))
            return opened.read()
    except OSError as error:
        raise NotAdmitted(f"it cannot be read ({error.strerror})") from None


def _refuse_if_others_write(path: Path, status: os.stat_result) -> None:
    if status.st_uid not in {0, os.geteuid()}:
        raise NotAdmitted(
            f"{path} belongs to uid {status.st_uid}, who could put other code there:"
            f" sudo chown {os.geteuid()} {path}"
        )
    sticky_folder = stat.S_ISDIR(status.st_mode) and status.st_mode & stat.S_ISVTX
    if status.st_mode & _OTHERS and not sticky_folder:
        raise NotAdmitted(f"others can write {path}, and so run code here: chmod go-w {path}")
