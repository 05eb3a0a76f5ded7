"""The log as another process sees it, beside the one that may be writing it: only read, page by page.

No transaction lasts longer than a page, so neither the writer nor a purge ever waits for it.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from hawk.errors import NotFound
from hawk.model.address import Address
from hawk.model.reading import Moment, Reading
from hawk.model.summary import Resolution, Summary, start_of
from hawk.store import queries, summaries
from hawk.store.connection import Readers
from hawk.store.messages import ChooseResolution, GetReadings, GetSummaries
from hawk.store.schema import check_version

PAGE = 1000

_NO_TIME = Moment(None, 0.0)  # where a reading stands on the time axis of this boot nobody asks

_READINGS = "FROM reading WHERE device_id = device.id AND ts BETWEEN :since AND :until"
_SUMMARIES = "FROM rollup WHERE step = :step AND device_id = device.id AND ts BETWEEN :since AND :until"
_EXTENTS = """
SELECT mac, since, until FROM (
    SELECT device.mac, (SELECT min(ts) {rows}) AS since, (SELECT max(ts) {rows}) AS until FROM device
) WHERE since IS NOT NULL ORDER BY mac"""


@dataclass(frozen=True, slots=True)
class Extent:
    """From the first to the last reading or summary of a device, in ms since the epoch."""

    address: Address
    since: int
    until: int


class Outside:
    """All raise StoreUnavailable."""

    def __init__(self, readers: Readers) -> None:
        self._readers = readers

    @classmethod
    @contextmanager
    def open(cls, path: Path) -> Iterator["Outside"]:
        """Raises NotFound when there is no log, ConfigurationError for one of a newer program."""
        if not path.exists():
            raise NotFound(f"There are no readings in {path.parent}: say with --data which folder you mean.")
        readers = Readers(path)
        try:
            with readers.borrow() as connection:
                check_version(connection)
            yield cls(readers)
        finally:
            readers.close()

    def latest(self, now: Moment) -> tuple[Reading, ...]:
        """The newest reading of each device that is not history, by address."""
        with self._readers.borrow() as connection:
            return queries.latest_of_all(connection, now)

    def addresses(self) -> tuple[Address, ...]:
        with self._readers.borrow() as connection:
            return tuple(Address(mac) for (mac,) in connection.execute("SELECT mac FROM device ORDER BY mac"))

    def choose_resolution(self, address: Address, since: int | None, until: int) -> Resolution | None:
        """What suits that span, and is still there of it; None is single readings."""
        with self._readers.borrow() as connection:
            return summaries.choose(connection, ChooseResolution(address, since, until), until)

    def extents(self, since: int, until: int, resolution: Resolution | None = None) -> tuple[Extent, ...]:
        """Of those that have anything in that span, by address; summaries that reach into it count."""
        span = resolution.span if resolution else 1
        sql = _EXTENTS.format(rows=_SUMMARIES if resolution else _READINGS)
        names = {"since": start_of(since, span), "until": until, "step": span // 1000}
        with self._readers.borrow() as connection:
            rows = connection.execute(sql, names).fetchall()
        return tuple(Extent(Address(mac), first, last) for mac, first, last in rows)

    def pages(self, extent: Extent) -> Iterator[tuple[Reading, ...]]:
        """In the order of time."""
        cursor: int | None = None
        while True:
            wanted = GetReadings(
                extent.address, extent.since, extent.until, cursor=cursor, limit=PAGE, newest_first=False
            )
            with self._readers.borrow() as connection:
                page = queries.page(connection, wanted, _NO_TIME)
            yield page.readings
            if (cursor := page.next) is None:
                return

    def summary_pages(self, extent: Extent, resolution: Resolution) -> Iterator[tuple[Summary, ...]]:
        """In the order of time."""
        cursor: int | None = None
        while True:
            wanted = GetSummaries(
                extent.address,
                resolution,
                extent.since,
                extent.until,
                cursor=cursor,
                limit=PAGE,
                newest_first=False,
            )
            with self._readers.borrow() as connection:
                page = summaries.page(connection, wanted)
            yield page.summaries
            if (cursor := page.next) is None:
                return

    def undated(self) -> int:
        """Readings that wait for a trusted clock, or belong to a boot that never had one."""
        with self._readers.borrow() as connection:
            return queries.count_undated(connection)
