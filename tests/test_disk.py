"""The whole service on a disk that becomes full or read-only, with a file that is damaged, with a log that has grown as
large as it may, and with a clock that jumps back.
"""

import random
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import ExitStack, asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pykka
import pytest
import trio
from trio.testing import MockClock

from actors import ChildSpec, Supervisor, open_system
from hawk import app
from hawk.clock import SystemClock
from hawk.config.load import load
from hawk.datafolder import DataFolder
from hawk.errors import HawkError
from hawk.model.address import Address
from hawk.model.reading import Moment, Reading
from hawk.model.summary import DAY, HOUR, start_of
from hawk.store.actor import StoreActor
from hawk.store.messages import GetStoreStatus, Purged, StoreStatus
from hawk.store.readings import Log
from hawk.tree import Parts, tree
from tests.disks import Disk, ext4, needs_root, tmpfs
from tests.service import Service, wait_until
from tests.sinks.rows import T0, reading
from tests.sinks.servers import free_port
from tests.store.damage import PAGE, asked, change, filled

SIMULATED: Any = {
    "BATTERYHAWK_BLUETOOTH_BACKEND": "simulated",
    "BATTERYHAWK_SIMULATION_DEVICES": "4",
    "BATTERYHAWK_SIMULATION_SPEED": "50",
    "BATTERYHAWK_BLUETOOTH_RECORD_INTERVAL": "1",
    "BATTERYHAWK_DISCOVERY_AUTO_CONFIGURE": "true",
    "BATTERYHAWK_STORE_DURABILITY": "prompt",
}


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Disk]:
    needs_root()
    disk = tmpfs(tmp_path / "disk", 40 << 20)
    yield disk
    disk.unmount()


def storage(service: Service) -> dict[str, Any]:
    said: dict[str, Any] = service.get("/api/system/status")["data"]["attributes"]["storage"]
    return said


def test_a_disk_that_becomes_full_is_said_and_nothing_is_lost(disk: Disk) -> None:
    """Whatever the service gives up is taken at once by somebody else."""
    with Service(disk.path / "data", **SIMULATED) as service:
        wait_until(lambda: storage(service)["readings"] > 5)
        wait_until((disk.path / "data" / "ballast").exists)
        disk.fill()
        said = wait_until(lambda: degraded(service), within=60)
        assert "full" in said["reason"]
        assert "du -xh" in said["fix"]
        before = taken_in(service)
        wait_until(lambda: filled_up(disk) and taken_in(service) > before + 10, within=60)
        address = service.get("/api/devices")["data"][0]["id"]
        assert service.configure(address, friendly_name="Named on a full disk").status_code == 200
        assert service.readings(address)

        disk.free()
        wait_until(lambda: storage(service)["store"] == "ok", within=90)
        said = storage(service)
        assert (said["dropped"], said["reason"], said["fix"]) == (0, None, None)
        assert service.device(address)["friendly_name"] == "Named on a full disk"
        assert service.log_text().count("nearly full. Make room") == 1
        assert "the store can be written again; 0 readings were lost" in service.log_text()


def taken_in(service: Service) -> int:
    said = storage(service)
    return int(said["readings"] or 0) + int(said["waiting"])


def filled_up(disk: Disk) -> bool:
    disk.fill()
    return True


@pytest.fixture
def card(tmp_path: Path) -> Iterator[Disk]:
    needs_root()
    disk = ext4(tmp_path / "card", tmp_path / "card.img", 64 << 20)
    yield disk
    disk.unmount()


def test_a_card_that_the_kernel_makes_read_only_is_said_and_costs_nothing_when_it_comes_back(
    card: Disk,
) -> None:
    """Its file system ends at once, as after an error of the card; what there is can be read."""
    with Service(card.path, **SIMULATED) as service:
        wait_until(lambda: storage(service)["readings"] > 5)
        address = service.get("/api/devices")["data"][0]["id"]
        card.abort()
        said = wait_until(lambda: degraded(service), within=60)
        assert "dmesg" in said["fix"]
        before = taken_in(service)
        wait_until(lambda: taken_in(service) > before + 5, within=60)
        assert service.readings(address)
        refused = service.configure(address, friendly_name="Named on a dead card")
        assert (refused.status_code, refused.json()["errors"][0]["code"]) == (503, "cannot_write")
        assert "Read-only file system. Run: sudo mount" in refused.json()["errors"][0]["detail"]

        card.again()
        wait_until(lambda: storage(service)["store"] == "ok", within=90)
        assert storage(service)["dropped"] == 0
        assert service.configure(address, friendly_name="Named on a new card").status_code == 200
        assert service.stop() == 0
        assert "the store can be written again; 0 readings were lost" in service.log_text()
    assert asked(card.path / "readings.db", "PRAGMA integrity_check") == [("ok",)]


def test_nobody_makes_the_disk_read_only_under_a_service_that_runs_and_none_starts_on_one(card: Disk) -> None:
    with Service(card.path, **SIMULATED) as service:
        wait_until(lambda: storage(service)["readings"] > 5)
        assert not card.remount("ro"), "the log is open"
        before = taken_in(service)
        wait_until(lambda: taken_in(service) > before)
        assert storage(service)["store"] == "ok"
        assert service.stop() == 0
    ((kept,),) = asked(card.path / "readings.db", "SELECT count(*) FROM reading")
    assert card.remount("ro")
    command = [sys.executable, "-m", "hawk", "serve", "--data", str(card.path)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=30)
    assert done.returncode == 78
    assert f"Read-only file system. Run: sudo mount -o remount,rw {card.path}" in done.stderr
    assert card.remount("rw")
    with Service(card.path, **SIMULATED) as service:
        wait_until(lambda: storage(service)["readings"] > kept)


def test_a_log_that_a_kill_left_damaged_is_replaced_and_rescued_while_the_service_runs(
    tmp_path: Path,
) -> None:
    data = tmp_path / "data"
    data.mkdir()
    filled(data / "readings.db", 3, 30_000)
    change(data / "readings.db", "UPDATE meta SET value = 'yes' WHERE key = 'running'")
    chance = random.Random(2)
    with (data / "readings.db").open("r+b") as file:
        for page in chance.sample(range(30, (data / "readings.db").stat().st_size // PAGE), 4):
            file.seek(page * PAGE)
            file.write(chance.randbytes(PAGE))
    with Service(data, **SIMULATED) as service:
        said = wait_until(lambda: salvaged(service), within=90)
        assert said["expected"] == 90_000
        assert said["readings"] > 80_000
        assert storage(service)["store"] == "ok"
        assert storage(service)["set_aside"].startswith("readings.db.corrupt-")
        before = storage(service)["readings"]
        wait_until(lambda: storage(service)["readings"] > before)
        assert service.stop() == 0
    assert asked(data / "readings.db", "PRAGMA integrity_check") == [("ok",)]
    assert asked(data / "readings.db", "SELECT value FROM meta WHERE key = 'running'") == [("no",)]


def degraded(service: Service) -> dict[str, Any]:
    """Nothing while it is not."""
    said = storage(service)
    return said if said["store"] == "degraded" else {}


def salvaged(service: Service) -> dict[str, Any]:
    """Nothing until it is through."""
    said: dict[str, Any] | None = storage(service)["salvage"]
    return said if said and said["done"] else {}


# -- a clock that jumps back ---------------------------------------------------------------------------


class Skewed(SystemClock):
    """The clock of this machine, which somebody sets."""

    offset = 0  # [ms]

    def utc_ms(self) -> int:
        return super().utc_ms() + self.offset


@asynccontextmanager
async def running(data: Path, clock: SystemClock, **environment: str) -> AsyncIterator[Parts]:
    here = {"BATTERYHAWK_API_HOST": "127.0.0.1", "BATTERYHAWK_API_PORT": "0"}
    loaded = load(None, {**SIMULATED, **here, **environment})
    with ExitStack() as stack:
        folder = stack.enter_context(DataFolder.open(data))
        parts = replace(app._open(app.Launch(data, loaded), folder, stack, app.Ending()), clock=clock)
        async with open_system(expected=(HawkError,)) as system:
            root = Supervisor.reserve("root")
            await system.start(ChildSpec("root", lambda: Supervisor.start(tree(parts, system, root)), root))
            yield parts


async def more(log: Log, count: int) -> None:
    with trio.fail_after(60):
        target = log.counts().readings + log.counts().undated + count
        while log.counts().readings + log.counts().undated < target:
            await trio.sleep(0.05)


@pytest.mark.parametrize("trust", ["always", "auto"])
async def test_a_clock_that_jumps_back_an_hour_loses_overwrites_and_doubles_nothing(
    tmp_path: Path, trust: str
) -> None:
    """`always`: as with a time service that vouches for the new time. Else readings wait until it can be told."""
    clock = Skewed(trust)
    async with running(tmp_path / "data", clock) as parts:
        await more(parts.log, 30)
        before = asked(parts.log.path, "SELECT device_id, ts, voltage, seq, source FROM reading ORDER BY seq")
        clock.offset = -3_600_000
        await more(parts.log, 30)
        counts = parts.log.counts()
    rows = asked(parts.log.path, "SELECT device_id, ts, voltage, seq, source FROM reading ORDER BY seq")
    assert rows[: len(before)] == before
    assert asked(parts.log.path, "SELECT sum(readings) FROM device") == [(len(rows),)]
    if trust == "always":
        assert counts.undated == 0
        old = f"(SELECT min(ts) FROM reading WHERE seq <= {len(before)})"
        sql = f"SELECT max(ts) < {old} FROM reading WHERE seq > {len(rows) - 5}"
        assert asked(parts.log.path, sql) == [(1,)]
    else:
        assert counts.undated >= 29


# -- a log that has grown as large as it may -----------------------------------------------------------

OURS = "WHERE device_id IN (SELECT id FROM device WHERE mac LIKE '50:54:7B:00:00:%')"  # others are simulated
DEVICES = 3
MINUTES = 10_000  # of which each has a reading of each device: 7 days
QUICKER = 20.0  # virtual time goes by so much faster than threads work


def remembered(minute: int, device: int, newest: int) -> Reading:
    """So many minutes before the newest [ms since the epoch], for all of MINUTES."""
    seconds = (newest - T0) / 1000 - 60.0 * (MINUTES - 1 - minute)
    address = Address(f"50:54:7B:00:00:{device:02X}")
    return replace(reading(seconds, 12 + minute % 97 / 100), device_id=address, seq=None)


def grown(data: Path, newest: int) -> None:
    data.mkdir()
    with Log.open(data / "readings.db", "boot-1") as log:
        for start in range(0, MINUTES, 1000):
            minutes = range(start, start + 1000)
            batch = [remembered(minute, device, newest) for minute in minutes for device in range(DEVICES)]
            log.append(batch, Moment(newest, 0.0))


async def purged(until: Callable[[Purged], bool]) -> Purged:
    """By the store that runs, as soon as it is so."""
    (store,) = pykka.ActorRegistry.get_by_class(StoreActor)
    with trio.fail_after(60 * QUICKER):
        while True:
            status = await store.ask(GetStoreStatus()).within(30 * QUICKER)
            assert isinstance(status, StoreStatus)
            if until(status.purged):
                return status.purged
            await trio.sleep(QUICKER / 10)


def used(path: Path) -> int:
    """[bytes] of the file, without what is free in it."""
    names = ("page_count", "freelist_count", "page_size")
    pages, free, size = (int(str(asked(path, f"PRAGMA {name}")[0][0])) for name in names)
    return (pages - free) * size


@pytest.mark.parametrize("awaited", [False, True], ids=["without a database", "for a database that is away"])
async def test_a_log_that_has_grown_as_large_as_it_may_gives_up_the_oldest_and_says_so(
    tmp_path: Path, mock_clock: MockClock, caplog: pytest.LogCaptureFixture, awaited: bool
) -> None:
    """What is too old goes first, unless a database has not got it; hours and days know of all."""
    mock_clock.rate = QUICKER
    now = time.time_ns() // 1_000_000
    grown(tmp_path / "data", newest=now - 2 * HOUR)
    settings = {
        "BATTERYHAWK_STORE_MAX_MB": "1",
        "BATTERYHAWK_STORE_RAW_DAYS": "5",
        "BATTERYHAWK_INFLUXDB_ENABLED": str(awaited),
        "BATTERYHAWK_INFLUXDB_PORT": str(free_port()),
        "BATTERYHAWK_SIMULATION_SPEED": "1",
    }
    path = tmp_path / "data" / "readings.db"
    async with running(tmp_path / "data", SystemClock("always"), **settings):
        said = await purged(lambda said: said.for_size > 0)
    assert not said.too_big
    assert used(path) < 1_100_000  # some came since

    expected = [remembered(minute, 0, now - 2 * HOUR).moment.utc or 0 for minute in range(MINUTES)]
    horizons = {start_of(at - 5 * DAY, HOUR) for at in (now, time.time_ns() // 1_000_000)}
    too_old = {DEVICES * sum(each < horizon for each in expected) for horizon in horizons}
    assert said.rows - said.for_size in ({0} if awaited else too_old)
    assert sum(said.dropped.values()) == (said.for_size if awaited else 0)

    rows = asked(path, f"SELECT device_id, count(*), min(ts), max(ts) FROM reading {OURS} GROUP BY device_id")
    kept = [int(str(count)) for _, count, _, _ in rows]
    assert sum(kept) == DEVICES * MINUTES - said.rows
    assert max(kept) - min(kept) <= 60, "as much of each"
    for _, count, oldest, newest in rows:
        assert (oldest, newest) == (expected[-int(str(count))], expected[-1])
    for step in (3600, 86_400):
        assert asked(path, f"SELECT sum(n) FROM rollup {OURS} AND step = {step}") == [(DEVICES * MINUTES,)]
    shouts = [record.levelname for record in caplog.records if "store.max_mb" in record.getMessage()]
    assert shouts == (["ERROR", "WARNING"] if awaited else ["WARNING"])
