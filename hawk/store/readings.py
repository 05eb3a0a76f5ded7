"""The log of all readings: one SQLite file, one writer, some readers.

Everything here blocks; the store actor calls it from threads. A `Log` belongs to the process:
a restarted actor goes on with the same connections and the same backlog.
"""

import contextlib
import logging
import sqlite3
import threading
import uuid
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from types import TracebackType
from typing import Self

from hawk.clock import boot_id
from hawk.errors import DiskFull, StoreUnavailable
from hawk.model.address import Address
from hawk.model.cranking import Cranking
from hawk.model.reading import Moment, Reading
from hawk.model.summary import Resolution, Summary
from hawk.store import cranking, cursors, queries, rollups, summaries
from hawk.store.appending import Appender
from hawk.store.backlog import Backlog
from hawk.store.ballast import LAST, Ballast
from hawk.store.connection import Readers, set_aside, translated
from hawk.store.messages import (
    ChooseResolution,
    Counts,
    CrankingPage,
    Cursor,
    GetCranking,
    GetCurve,
    GetReadings,
    GetSummaries,
    ImportHistory,
    Kept,
    LastStart,
    MoveCursor,
    Page,
    Point,
    SalvageStatus,
    Stream,
    SummaryPage,
)
from hawk.store.purging import Round
from hawk.store.refusals import full, is_corrupt
from hawk.store.remembered import Known, Placed, Plan
from hawk.store.salvage import DONE, Salvage, Unreadable, finish, waiting
from hawk.store.schema import check_sqlite

log = logging.getLogger(__name__)

BATCH = 1000  # readings in a transaction: 10 ms on a PC, 100 ms on a small board


class Log:
    """`now` in its methods gives stored instants their place on the time axis of this boot."""

    def __init__(self, path: Path, boot: str) -> None:
        """`boot` is the boot id: readings without UTC can be dated only within one boot."""
        self.path, self._boot = path, boot
        self._writing = threading.Lock()
        self._appender: Appender | None = None
        self._damaged = False
        self._late = 0  # of appenders that are gone
        self._held_by: frozenset[str] | None = None  # sinks purging waits for; None: all with a cursor
        self._readers = Readers(path, self._condemn)
        self._salvage: Salvage | None = None
        self._hopeless: set[Path] = set()  # damaged files of which nothing can be read
        self.backlog = Backlog()
        self.ballast = Ballast(path.with_name("ballast"))
        self.on_full: Callable[[], object] = lambda: None  # on a full disk: what is not needed any more goes
        self.set_aside: Path | None = None  # a damaged file that was replaced
        self.salvaged: SalvageStatus | None = None  # how far it is with the last one
        self.doubtful: bool | None = None  # was not closed in order, and nobody looked since; None: not known

    @classmethod
    def open(cls, path: Path, boot: str | None = None) -> Self:
        """Raises ConfigurationError when SQLite is too old or the file too new.

        A disk that refuses just now does not keep the service from starting: it is tried again
        with each commit.
        """
        check_sqlite()
        opened = cls(path, boot or boot_id() or uuid.uuid4().hex)
        try:
            with opened._appending():
                pass
        except StoreUnavailable as error:
            log.warning("%s; trying again with each commit", error)
        return opened

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """In order: the next start need not look for damage."""
        with self._writing:
            if self._appender and not self._damaged and not self.doubtful:
                with contextlib.suppress(sqlite3.DatabaseError):
                    self._appender.end()
            self._drop_appender()
            self._readers.close()
            if self._salvage:
                self._salvage.close()

    # -- writing -----------------------------------------------------------------------------

    @property
    def is_open(self) -> bool:
        """False after a failure, until the next commit opens it again."""
        return self._appender is not None and not self._damaged

    @property
    def seq(self) -> int | None:
        """The last one given; None while the file is not open."""
        return self._appender.seq if self._appender else None

    @property
    def undated(self) -> int:
        """Readings of this boot on the disk that wait for a trusted clock."""
        return self._appender.undated if self._appender else 0

    @property
    def late(self) -> int:
        """Readings refused since the start, for their hour was purged: all of it lives on in its summary."""
        return self._late + (self._appender.late if self._appender else 0)

    def has_work(self, now: Moment) -> bool:
        """Whether `commit` has something to do."""
        return not self.is_open or len(self.backlog) > 0 or (now.utc is not None and self.undated > 0)

    def commit(self, now: Moment) -> tuple[Reading, ...]:
        """Writes the oldest that waits, at most BATCH; what changed the log, in order of `seq`.

        Readings that waited for a trusted clock come first. To be called while there `has_work`.
        On a full disk room is made, and it is tried once more.
        Raises StoreUnavailable; nothing of the backlog is lost then.
        """
        try:
            return self._commit(now)
        except DiskFull:
            self.make_room()
            return self._commit(now)

    def _commit(self, now: Moment) -> tuple[Reading, ...]:
        with self._appending() as appender:
            if now.utc is not None and appender.undated:
                return appender.date_undated(BATCH, now)
            with self.backlog.taking(BATCH) as batch:
                return appender.append(batch, now)

    def append(self, readings: Iterable[Reading], now: Moment) -> tuple[Reading, ...]:
        """Past the backlog, in one transaction. Raises StoreUnavailable; nothing is stored then."""
        with self._appending() as appender:
            return appender.append(readings, now)

    def append_imported(self, readings: Iterable[Reading], now: Moment) -> Kept:
        """Readings of a file, in one transaction. Raises StoreUnavailable; nothing is stored then."""
        with self._appending() as appender:
            return appender.append_imported(readings, now)

    def plan_history(self, wanted: ImportHistory) -> Plan:
        """What of it is missing. Raises StoreUnavailable."""
        with self._appending() as appender:
            return appender.plan_history(wanted)

    def append_history(
        self, wanted: ImportHistory, placed: Sequence[Placed], then: Known, now: Moment
    ) -> int:
        """One batch, and what is known `then`; how many of it were stored. Raises StoreUnavailable; nothing
        of the batch is stored then.
        """
        with self._appending() as appender:
            return appender.append_history(wanted, placed, then, now)

    def summarise(self, before: int | None) -> rollups.Piece:
        """For a moment: summaries of the hours that ended `before` [ms since the epoch], of all for None."""
        with self._appending() as appender:
            return appender.summarise(before)

    def purge(self, wanted: Round) -> bool:
        """For a moment; whether there is more to do. Raises StoreUnavailable: begin another round then."""
        with self._appending() as appender:
            return appender.purge(wanted, self._held_by)

    def remember_instant(self, utc: int) -> None:
        """[ms since the epoch] It is certainly over, also after a restart."""
        with self._appending() as appender:
            appender.remember_instant(utc)

    def hold_purging(self, sinks: frozenset[str]) -> None:
        """Behind the cursors of these from now on."""
        self._held_by = sinks

    def move_cursor(self, wanted: MoveCursor) -> None:
        """Raises StoreUnavailable; it is where it was then."""
        with self._appending() as appender:
            appender.move_cursor(wanted)

    def append_cranking(self, start: Cranking, now: Moment) -> LastStart:
        """Raises StoreUnavailable."""
        with self._appending() as appender:
            return appender.append_cranking(start, now)

    # -- a disk that is full -----------------------------------------------------------------

    def make_room(self) -> None:
        """The ballast goes first: to purge takes room, too. Raises StoreUnavailable."""
        self.ballast.give_up(keep=LAST)
        with contextlib.suppress(StoreUnavailable):
            self.on_full()
        with self._appending() as appender:
            appender.empty_wal()

    @property
    def shortage(self) -> DiskFull | None:
        """While readings are still stored, but there is no room for the ballast."""
        return full(self.path.parent, "nearly full") if self.ballast.missing else None

    # -- a file that is damaged --------------------------------------------------------------

    def look_through(self) -> None:
        """What is damaged is replaced with the next commit. 3 s for a GB on a PC. Raises StoreUnavailable."""
        with self._readers.borrow() as connection:
            if connection.execute("PRAGMA quick_check(1)").fetchone() != ("ok",):
                self._condemn()
        self.doubtful = False

    def salvage(self) -> bool:
        """A little of what a damaged file still has, if there is one; whether there may be more.

        Called by one thread at a time. Raises StoreUnavailable for the new file; then the same is tried again.
        """
        salvage = self._salvage = self._salvage or self._begin_salvage()
        if salvage is None:
            return False
        if batch := salvage.next():
            with self._appending() as appender:
                appender.rescue(salvage.path, batch)
            salvage.written(batch)
        self.salvaged = salvage.status
        if salvage.done:
            self._end_salvage(salvage)
        return True

    def _begin_salvage(self) -> Salvage | None:
        for path in waiting(self.path):
            if path in self._hopeless:
                continue
            try:
                with self._appending() as appender:
                    salvage = appender.begin_salvage(path)
            except Unreadable as error:
                log.warning("nothing of %s can be read: %s", path, error)
                self._hopeless.add(path)
                continue
            log.warning("bringing what %s still has into the new log", path.name)
            return salvage
        return None

    def _end_salvage(self, salvage: Salvage) -> None:
        salvage.close()
        finish(salvage.path)
        self._salvage, self.salvaged = None, replace(salvage.status, done=True)
        found, expected = self.salvaged.readings, self.salvaged.expected
        log.warning(
            "%d readings of %s are in the log again; it had %s. It is kept as %s: delete it when you need the room",
            found, salvage.path.name, "nobody knows how many" if expected is None else expected, salvage.path.name + DONE,
        )  # fmt: skip

    @contextlib.contextmanager
    def _appending(self) -> Iterator[Appender]:
        """The one that writes, for one thread at a time. A failure closes it, which rolls back."""
        with self._writing, translated(self.path), contextlib.ExitStack() as on_failure:
            on_failure.callback(self._drop_appender)
            if self._damaged:
                self._drop_appender()
            try:
                if self._appender is None:
                    self._appender = self._open()
                    self._renew_readers()  # a disk that failed may have come back as another
                yield self._appender
            except sqlite3.DatabaseError as error:
                self._damaged = self._damaged or is_corrupt(error)
                raise
            on_failure.pop_all()

    def _open(self) -> Appender:
        if not self._damaged:
            try:
                appender = Appender.open(self.path, self._boot)
            except sqlite3.DatabaseError as error:
                if not is_corrupt(error):
                    raise
            else:
                self.doubtful = appender.was_running if self.doubtful is None else self.doubtful
                return appender
        self._replace_damaged()
        return Appender.open(self.path, self._boot)

    def _replace_damaged(self) -> None:
        self._readers.close()
        self.set_aside = set_aside(self.path)
        self._renew_readers()
        self._damaged = self.doubtful = False

    def _renew_readers(self) -> None:
        self._readers.close()
        self._readers = Readers(self.path, self._condemn)

    def _condemn(self) -> None:
        """Called from any thread."""
        self._damaged = True

    def _drop_appender(self) -> None:
        if self._appender:
            self._late += self._appender.late
            self._appender.close()
        self._appender = None

    # -- reading: all raise StoreUnavailable -------------------------------------------------

    def latest(self, address: Address, now: Moment) -> Reading | None:
        """The newest, by `seq`, that is not history."""
        with self._readers.borrow() as connection:
            return queries.latest(connection, address, now)

    def latest_of_all(self, now: Moment) -> tuple[Reading, ...]:
        with self._readers.borrow() as connection:
            return queries.latest_of_all(connection, now)

    def page(self, wanted: GetReadings, now: Moment) -> Page:
        with self._readers.borrow() as connection:
            return queries.page(connection, wanted, now)

    def after(self, seq: int, limit: int, now: Moment) -> tuple[Reading, ...]:
        """The next of all devices, in order of `seq`."""
        with self._readers.borrow() as connection:
            return queries.after(connection, seq, limit, now)

    def summaries_after(self, seq: int, limit: int) -> tuple[Summary, ...]:
        with self._readers.borrow() as connection:
            return summaries.after(connection, seq, limit)

    def summary_page(self, wanted: GetSummaries) -> SummaryPage:
        with self._readers.borrow() as connection:
            return summaries.page(connection, wanted)

    def choose_resolution(self, wanted: ChooseResolution, now: int) -> Resolution | None:
        """`now` [ms since the epoch], right or wrong."""
        with self._readers.borrow() as connection:
            return summaries.choose(connection, wanted, now)

    def curve(self, wanted: GetCurve) -> tuple[Point, ...]:
        with self._readers.borrow() as connection:
            return summaries.curve(connection, wanted)

    def cursor(self, sink: str, stream: Stream) -> Cursor | None:
        with self._readers.borrow() as connection:
            return cursors.cursor(connection, sink, stream)

    def unsent(self, sink: str, stream: Stream) -> int:
        with self._readers.borrow() as connection:
            return cursors.unsent(connection, sink, stream)

    def cranking(self, wanted: GetCranking, now: Moment) -> CrankingPage:
        with self._readers.borrow() as connection:
            return cranking.page(connection, wanted, now)

    def newest_stored_at(self) -> int | None:
        """[ms since the epoch] No clock that shows less is right. None while nothing is stored."""
        with self._readers.borrow() as connection:
            return queries.newest_stored_at(connection)

    def sure_instant(self) -> int | None:
        """[ms since the epoch] Certainly over. None while nothing is stored."""
        with self._readers.borrow() as connection:
            return queries.sure_instant(connection)

    def counts(self) -> Counts:
        with self._readers.borrow() as connection:
            return Counts(
                readings=queries.count_readings(connection),
                cranking_events=cranking.count(connection),
                undated=queries.count_undated(connection),
                bytes=_size(self.path),
                unsummed=rollups.count_due(connection),
            )


def newest_stored_at(path: Path) -> int | None:
    """Of a log that nobody here has open: None also where there is none or it cannot be read."""
    readers = Readers(path)
    try:
        with readers.borrow() as connection:
            return queries.newest_stored_at(connection)
    except StoreUnavailable:
        return None
    finally:
        readers.close()


def _size(path: Path) -> int:
    """[bytes] of the database and of what is not yet in it."""
    files = [path, path.with_name(f"{path.name}-wal")]
    return sum(file.stat().st_size for file in files if file.exists())
