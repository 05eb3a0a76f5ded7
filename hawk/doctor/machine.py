"""What the service needs besides Bluetooth: clock, data folder and disk."""

import contextlib
import fcntl
import os
import shutil
from collections.abc import Iterator
from pathlib import Path

from hawk.clock import Doubt, SystemClock
from hawk.config.schema import Settings
from hawk.datafolder import check_writable, who_runs
from hawk.doctor import container
from hawk.doctor.checks import Check, good, untold
from hawk.doctor.container import Mount
from hawk.errors import ConfigurationError
from hawk.model.instant import rfc3339
from hawk.store.readings import newest_stored_at

ENOUGH = 200 * 2**20  # bytes free


def local(settings: Settings, data: Path) -> Iterator[Check]:
    """What can be told at once."""
    judged = SystemClock(settings.clock.trust)
    judged.not_before(newest_stored_at(data / "readings.db") or 0)
    yield clock(judged.doubt, judged.utc_ms())
    path = data.absolute()
    writable = folder(path)
    if writable.ok:
        yield kept(path, container.mount_of(path.resolve(), container.mounts()), inside=container.inside())
        yield disk(path)
    else:
        yield writable
        yield untold("disk", "not checked: data failed")


def clock(doubt: Doubt | None, utc: int) -> Check:
    """`utc` [ms since the epoch] as it shows."""
    if doubt is None:
        return good("clock", rfc3339(utc))
    return Check(
        "clock", False,
        f"the clock says {rfc3339(utc)}, but {doubt.value}; readings wait for their time",
        "connect to a network with a time service (timedatectl set-ntp true), or fit an RTC",
    )  # fmt: skip


def closed(data: Path) -> Path | None:
    """The outermost folder on the way there that we may not enter; None if all are open."""
    way = (*reversed(data.absolute().parents), data.absolute())
    return next((each for each in way if each.is_dir() and not os.access(each, os.X_OK)), None)


def folder(data: Path) -> Check:
    """Whether it can be written; leaves none behind that was not there."""
    if barred := closed(data):
        owner = barred.stat().st_uid
        return Check(
            "data", False, f"{barred} belongs to uid {owner} and cannot be entered; this is uid {os.getuid()}",
            f"run it as uid {owner} (sudo -u '#{owner}' hawk ...), or name another folder with --data",
        )  # fmt: skip
    absent = [each for each in (data, *data.parents) if not os.path.lexists(each)]
    try:
        check_writable(data)
    except ConfigurationError as error:
        detail, run, command = str(error).partition(" Run: ")
        other = (
            f"let it be written (in Docker: -v hawk-data:{data}, without :ro), or name another with --data"
        )
        return Check("data", False, detail, command if run else other)
    with contextlib.suppress(OSError):  # a service that starts just now has put something there
        for each in absent:
            each.rmdir()
    return good("data", f"{data} can be written")


def kept(data: Path, mount: Mount | None, *, inside: bool) -> Check:
    """Whether what is written there lasts. `inside` a container."""
    if inside and mount is not None and mount.point == Path("/"):
        return Check(
            "data", False, f"{data} is inside the container: its readings are lost with it",
            f"docker run -v hawk-data:{data}",
        )  # fmt: skip
    if mount is not None and mount.kind == "overlay":
        return Check(
            "data", False, f"{data} is on an overlay: its readings are lost at the next boot",
            "name a folder on a disk with --data, or switch the overlay off (raspi-config, Performance Options)",
        )  # fmt: skip
    return good("data", f"{data} can be written")


def disk(data: Path) -> Check:
    there = next(each for each in (data, *data.parents) if each.exists())
    free = shutil.disk_usage(there).free
    said = f"{free / 2**30:.1f} GiB free"
    return good("disk", said) if free >= ENOUGH else Check("disk", False, said, "make room: 200 MiB at least")


def running(data: Path) -> str | None:
    """The service on this folder; None if none runs. One that was killed leaves its run.json,
    but not its lock.
    """
    try:
        with (data / "lock").open() as lock:
            fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return who_runs(data) or "another process"
    except OSError:
        pass  # nobody made one, or it is not ours to read
    return None


def service(data: Path, who: str | None) -> Check:
    return good("service", f"{who} runs on {data}") if who else untold("service", f"none runs on {data}")
