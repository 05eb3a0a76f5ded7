"""The log of 50 devices that say something every minute: 26 million readings are a year of it."""

import itertools
import os
import sqlite3
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from hawk.model.address import Address
from hawk.model.reading import Moment, Reading, Sample, Source
from hawk.model.summary import DAY, HOUR, Resolution
from hawk.store import rollups
from hawk.store.messages import GetCurve, GetReadings
from hawk.store.purging import Round
from hawk.store.readings import Log
from hawk.store.retention import Horizons
from tests.benchmarks.row import Row, at_most

DEVICES = 50
MINUTE = 60_000  # [ms]
START = 1_767_225_600_000  # 2026-01-01
READINGS = DEVICES * 45 * 1440
"""45 days. With all 26,000,000 (`--readings`) it takes some minutes, and the questions hardly longer."""

_FILL = """
INSERT INTO reading (device_id, ts, seq, series_id, source, stored_at, voltage, soc, temperature, status, rssi)
WITH RECURSIVE minute (m) AS (VALUES (:first) UNION ALL SELECT m + 1 FROM minute WHERE m + 1 < :last)
SELECT device.id, :start + m * 60000 + device.id * 1000, m * :devices + device.id, device.id, 2, :start + m * 60000,
    round(12.4 + 0.3 * sin(m / 229.0) + (m * 7919 + device.id) % 13 / 100.0, 2), 50 + m / 60 % 50, m / 300 % 25,
    'normal', -70
FROM minute CROSS JOIN device"""

_COUNT = """
UPDATE device SET readings = :minutes, latest_seq = (:minutes - 1) * :devices + id"""


def address(number: int) -> Address:
    return Address(f"02:00:00:00:00:{number:02X}")


def reading(number: int, utc: int, source: Source = Source.ADVERTISEMENT) -> Reading:
    return Reading(
        device_id=address(number),
        moment=Moment(utc, utc / 1000),
        sample=Sample(
            voltage=12.0 + utc // MINUTE % 97 / 100, state_of_charge=80.0, temperature=21.0, status="normal"
        ),
        source=source,
        device_type="BM6",
        device_name=f"Battery {number}",
        vehicle_id="vehicle_1",
        vehicle_name="Camper",
        gateway_id="0123456789ab",
        rssi=-70,
    )


def fill(path: Path, minutes: int, start: int = START) -> None:
    """As if that had been written by the service, but faster; nothing is summed up."""
    with Log.open(path, "boot") as log:
        log.append([reading(n, start) for n in range(1, DEVICES + 1)], Moment(start, 0.0))
    connection = sqlite3.connect(path, isolation_level=None)
    connection.execute("PRAGMA synchronous = OFF")
    connection.execute("DELETE FROM reading")
    connection.execute("DELETE FROM rollup_dirty")
    for first in range(0, minutes, 1440):
        names = {"first": first, "last": min(first + 1440, minutes), "start": start, "devices": DEVICES}
        connection.execute(_FILL, names)
    connection.execute(_COUNT, {"minutes": minutes, "devices": DEVICES})
    rollups.mark_all(connection)
    connection.close()


def questions(readings: int) -> Iterator[Row]:
    """What the API, charts and sinks ask, and what the upkeep does."""
    minutes = max(readings // DEVICES, 31 * 1440)
    end = START + minutes * MINUTE
    now, half_way = Moment(end, 0.0), minutes * DEVICES // 2
    numbers = itertools.cycle(range(1, DEVICES + 1))
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "readings.db"
        started = time.perf_counter()
        fill(path, minutes)
        yield Row("readings in the log", minutes * DEVICES, "", "", None)
        yield Row("filled in", time.perf_counter() - started, "s", "", None)
        yield Row("bytes a reading", path.stat().st_size / minutes / DEVICES, "B", "", None)
        with Log.open(path, "boot") as log:
            held, took = pieces(lambda: log.summarise(None).more)
            yield Row("hours and days of an older log summed up in", took, "s", "", None)
            yield at_most("the writer is held by that for, p99", held, "ms", 50)

            def month(resolution: Resolution | None) -> Callable[[], object]:
                return lambda: log.curve(
                    GetCurve(address(next(numbers)), "voltage", end - 30 * DAY, end, 500, resolution)
                )

            yield at_most("30 days of one device as 500 points", shortest(month(None)), "ms", 30)
            yield at_most("the same of hours", shortest(month(Resolution.HOUR)), "ms", 5)
            yield at_most("latest of 50", shortest(lambda: log.latest_of_all(now)), "ms", 5)
            newest = shortest(lambda: log.page(GetReadings(address(next(numbers))), now))
            yield at_most("newest 100 of one device", newest, "ms", 5)
            yield at_most("500 behind a cursor", shortest(lambda: log.after(half_way, 500, now)), "ms", 20)
            week = Round(Horizons(START + 7 * DAY, None, None, None), 2**60)
            held, took = pieces(lambda: log.purge(week))
            yield Row("readings purged a second", week.purged / took, "/s", "", None)
            yield at_most("the writer is held by that for, p99", held, "ms", 50)


def wear() -> Iterator[Row]:
    """What a day writes, as the kernel counts it for this process (write_bytes of /proc/self/io): with
    the WAL, its checkpoints, the summaries, and as much purged as comes in. Needs a real disk in TMPDIR.
    """
    hourly = written_in_a_day(devices=12, every=60, at_once=1, hours=24)
    yield Row("written a day: 12 devices, once an hour", hourly, "MB", "", None)
    prompt = written_in_a_day(devices=50, every=1, at_once=1, hours=2)
    yield Row("written a day: 50 devices, once a minute, prompt", prompt, "MB", "", None)
    gathered = written_in_a_day(devices=50, every=1, at_once=25, hours=2)
    yield Row("written a day: 50 devices, once a minute, sd", gathered, "MB", "", None)


def written_in_a_day(devices: int, every: int, at_once: int, hours: int) -> float:
    """[MB] `every`: minutes between the readings of a device; `at_once`: readings in a commit."""
    with tempfile.TemporaryDirectory() as folder, Log.open(Path(folder) / "readings.db", "boot") as log:
        before = [reading(n, START + m * MINUTE) for m in range(0, 1440, every) for n in range(devices)]
        for batch in batched(before, 1000):
            log.append(batch, Moment(START + DAY, 0.0))
        pieces(lambda: log.summarise(None).more)
        written = -write_bytes()
        for hour in range(hours):
            start = START + DAY + hour * HOUR
            shift = MINUTE * every // devices  # they do not all say something at once
            coming = [
                reading(n, start + m * MINUTE + n * shift)
                for m in range(0, 60, every)
                for n in range(devices)
            ]
            for batch in batched(coming, at_once):
                log.append(batch, Moment(start, 0.0))
            pieces(lambda: log.summarise(None).more)
            old = Round(Horizons(start + HOUR - DAY, None, None, None), 2**60)
            pieces(lambda old=old: log.purge(old))  # type: ignore[misc]  # mypy knows no default of a lambda
        return (written + write_bytes()) / 1e6 * 24 / hours


def batched(readings: Sequence[Reading], size: int) -> Iterator[Sequence[Reading]]:
    return (readings[start : start + size] for start in range(0, len(readings), size))


def write_bytes() -> int:
    """Of this process so far, down to the disk."""
    os.sync()
    lines = Path("/proc/self/io").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("write_bytes"))


def pieces(work: Callable[[], bool]) -> tuple[float, float]:
    """How long they held the writer [ms], but for one in a hundred, and all of them together [s]."""
    times: list[float] = []
    more = True
    while more:
        started = time.perf_counter()
        more = work()
        times.append(time.perf_counter() - started)
    return sorted(times)[len(times) * 99 // 100] * 1000, sum(times)


def shortest(question: Callable[[], object]) -> float:
    """[ms] What else the machine does only makes it longer."""

    def once() -> float:
        started = time.perf_counter()
        question()
        return (time.perf_counter() - started) * 1000

    return min(once() for _ in range(30))
