"""Starts of the engine in the log: each once, however often and with whatever age it is told again."""

import random
import sqlite3
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hawk.drivers.bm2 import cranking_of, sample_of
from hawk.errors import StoreUnavailable
from hawk.events import CrankingStored
from hawk.model.cranking import Cranking, CrankingEvent
from hawk.model.reading import Moment, Source
from hawk.store.cranking import DISTINCT, STEP, same
from hawk.store.messages import GetCranking, ImportHistory, KeepCranking
from hawk.store.readings import Log
from hawk.store.remembered import batches
from tests.store.samples import ADDRESS, NOW, OTHER, T0, moment, reading
from tests.store.test_actor import running

MONTH = 30 * 86_400_000  # ms


def wave(seed: int, different: int = 200) -> tuple[float, ...]:
    chance = random.Random(seed)
    values = chance.sample(range(700, 1450), different)
    return tuple(chance.choice(values) / 100 for _ in range(352 - different)) + tuple(v / 100 for v in values)


def event(samples: tuple[float, ...] | None = None, age: int | None = 0) -> CrankingEvent:
    samples = wave(1) if samples is None else samples
    lowest = min(samples) if samples else 9.73
    return CrankingEvent(lowest, 1, 11.41, 0.74, age, samples, 0.01)


def start(seconds: float = 0.0, told: CrankingEvent | None = None, name: str = "Starter") -> Cranking:
    return Cranking(reading(seconds, voltage=None, source=Source.HISTORY, name=name), told or event())


def kept(log: Log) -> list[int]:
    """When they were, in s after T0."""
    return [
        ((each.by.moment.utc or 0) - T0) // 1000 for each in log.cranking(GetCranking(ADDRESS), NOW).found
    ]


# -- which are the same -----------------------------------------------------------------------------


class Device:
    """Remembers its last start; its clock drifts, and may stop counting or begin anew."""

    def __init__(self, drift: float, wraps: bool) -> None:
        self.drift, self.wraps = drift, wraps

    def age(self, since: int) -> int:
        """[s], `since` a start in ms."""
        ticks = int(since * (1 + self.drift) // STEP)
        return 120 * (ticks % 0x10000 if self.wraps else min(ticks, 0xFFFF))


@given(
    st.integers(0, 2**32),
    st.lists(st.integers(1000, 5 * MONTH), min_size=1, max_size=5),
    st.lists(st.integers(0, 5 * MONTH), min_size=1, max_size=8),
    st.floats(-0.015, 0.015),
    st.booleans(),
)
def test_however_often_a_device_is_asked_each_start_is_known_once(
    seed: int, gaps: list[int], looks: list[int], drift: float, wraps: bool
) -> None:
    """Real waveforms: also over months, and beyond the greatest age there is."""
    chance, device = random.Random(seed), Device(drift, wraps)
    at, starts = 0, list[tuple[int, tuple[float, ...]]]()
    for gap in gaps:
        at += gap
        starts.append((at, wave(chance.getrandbits(32))))
    told = dict[tuple[float, ...], list[int]]()
    seen = set[tuple[float, ...]]()
    for look in sorted(look % (at + MONTH) for look in looks):
        before = [each for each in starts if each[0] <= look]
        if not before:
            continue
        began, samples = before[-1]
        said = event(samples, device.age(look - began))
        known = told.setdefault(samples, [])
        if same(said, look - 1000 * (said.age or 0), known) is None:
            known.append(look - 1000 * (said.age or 0))
        seen.add(samples)
    assert {samples: len(known) for samples, known in told.items()} == dict.fromkeys(seen, 1)


@given(
    st.floats(-0.015, 0.015),
    st.lists(st.integers(0, MONTH), min_size=2, max_size=8),
    st.integers(0, DISTINCT - 1),
)
def test_a_waveform_of_few_values_is_the_same_start_only_near_its_time(
    drift: float, looks: list[int], different: int
) -> None:
    samples, device = tuple(10 + i / 100 for i in range(different)), Device(drift, wraps=False)
    first, *rest = sorted(looks)
    known = [first - 1000 * device.age(first)]
    for look in rest:
        said = event(samples, device.age(look))
        assert same(said, look - 1000 * (said.age or 0), known) is not None
        another = event(samples, 0)
        assert same(another, look + 2 * MONTH, known) is None


def test_another_noise_is_another_start_at_the_same_time() -> None:
    """The log asks only for those with the very samples."""
    one, other = wave(1), wave(2)
    assert one != other
    assert len(set(one)) >= DISTINCT


# -- in the log -------------------------------------------------------------------------------------


def test_a_start_is_kept_once_as_it_was_told(tmp_path: Path) -> None:
    with Log.open(tmp_path / "readings.db") as log:
        first = log.append_cranking(start(), NOW)
        again = log.append_cranking(start(70.0, event(age=120), name="Renamed"), moment(240.0))
        assert (first.stored, again.stored) == (True, False)
        assert again.cranking.by.moment.utc == T0
        (found,) = log.cranking(GetCranking(ADDRESS), NOW).found
        assert found.event == event(age=None)
        assert found.by.device_name == "Starter"
        assert (found.by.moment.utc, found.uncertain) == (T0, False)
        assert log.counts().cranking_events == 1
        assert log.cranking(GetCranking(OTHER), NOW).found == ()


def test_two_starts_told_for_the_same_instant_are_both_kept(tmp_path: Path) -> None:
    with Log.open(tmp_path / "readings.db") as log:
        for seed in (1, 2, 3):
            assert log.append_cranking(start(0.0, event(wave(seed))), NOW).stored
        assert len(kept(log)) == 3


def test_pages_have_the_newest_first_and_what_comes_meanwhile_moves_none(tmp_path: Path) -> None:
    with Log.open(tmp_path / "readings.db") as log:
        for number in range(7):
            log.append_cranking(start(600.0 * number, event(wave(number))), NOW)
        page = log.cranking(GetCranking(ADDRESS, limit=3), NOW)
        log.append_cranking(start(9000.0, event(wave(99))), NOW)
        rest = log.cranking(GetCranking(ADDRESS, cursor=page.next, limit=4), NOW)
        times = [((each.by.moment.utc or 0) - T0) // 600_000 for each in (*page.found, *rest.found)]
        assert times == [6, 5, 4, 3, 2, 1, 0]
        assert rest.next is None
        back = log.cranking(GetCranking(ADDRESS, cursor=page.next, limit=2, newest_first=False), NOW)
        assert back.found == page.found[1::-1]


async def test_a_new_one_is_told_to_all_and_a_known_one_is_not(tmp_path: Path) -> None:
    with Log.open(tmp_path / "readings.db") as log:
        async with running(log) as bench:
            heard = list[CrankingStored]()
            bench.system.bus.subscribe(heard.append, (CrankingStored,))
            assert (await bench.store.ask(KeepCranking(start())).within(5)).stored
            assert not (await bench.store.ask(KeepCranking(start(1.0))).within(5)).stored
            page = await bench.store.ask(GetCranking(ADDRESS)).within(5)
            assert [each.by.moment.utc for each in page.found] == [T0]
            assert [fact.cranking.by.moment.utc for fact in heard] == [T0]


async def test_a_disk_that_refuses_is_said(tmp_path: Path) -> None:
    path = tmp_path / "readings.db"
    with Log.open(path) as log:
        async with running(log) as bench:
            with sqlite3.connect(path) as other:
                other.execute("DROP TABLE cranking")
                other.execute("CREATE TABLE cranking (another)")
            with pytest.raises(StoreUnavailable):
                await bench.store.ask(KeepCranking(start())).within(5)


# -- of a BM2 ---------------------------------------------------------------------------------------


def history(records: list[bytes], at: Moment = NOW, uncertain: bool = False) -> ImportHistory:
    newest = reading(source=Source.HISTORY, when=at, voltage=None)
    return ImportHistory(newest, tuple(records), sample_of, 120.0, cranking_of, uncertain)


def take_in(log: Log, wanted: ImportHistory) -> None:
    for placed, then in batches(log.plan_history(wanted), 1000):
        log.append_history(wanted, placed, then, NOW)


def bm2(volts: int, lowest: int = 0) -> bytes:
    return (volts << 20 | lowest << 4).to_bytes(4, "big")


def test_the_lowest_voltages_of_a_bm2_are_starts_and_come_with_its_history_once(tmp_path: Path) -> None:
    records = [bm2(1260 + i % 50, 973 if i in {3, 40, 41} else 0) for i in range(300)]
    with Log.open(tmp_path / "readings.db") as log:
        log.append([reading(-360.0)], NOW)  # a live reading beside the first of them
        take_in(log, history(records))
        assert kept(log) == [-360, -4920]
        take_in(log, history([bm2(1270, 912), *records], moment(150.0)))
        assert kept(log) == [150, -360, -4920]
        found = log.cranking(GetCranking(ADDRESS), NOW).found[0]
        assert (found.event.minimum_voltage, found.event.samples) == (9.12, ())


def test_where_the_order_of_a_bm2_is_not_certain_its_starts_say_so(tmp_path: Path) -> None:
    with Log.open(tmp_path / "readings.db") as log:
        take_in(log, history([bm2(1260, 973)], uncertain=True))
        assert log.cranking(GetCranking(ADDRESS), NOW).found[0].uncertain
