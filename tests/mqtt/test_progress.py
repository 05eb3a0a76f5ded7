"""Which readings were said: none is missed, and none waits behind a replay."""

from dataclasses import replace

from hawk.model.reading import Reading, Source
from hawk.mqtt.progress import Progress, worth_saying
from tests.doubles import NOON
from tests.web.stage import reading


def numbered(*seqs: int) -> list[Reading]:
    return [replace(reading(), seq=seq) for seq in seqs]


def test_who_was_never_listened_to_starts_at_now() -> None:
    begun = Progress.begin(None, 7, 0)
    assert (begun.caught_up, begun.cursor) == (True, 7)


def test_what_was_told_while_the_log_answered_is_replayed() -> None:
    begun = Progress.begin(3, 7, 8)
    assert [begun.is_live(each) for each in numbered(8, 9)] == [False, True]
    assert begun.said_again(numbered(4, 5, 6, 7, 8)).cursor == 8


def test_during_a_replay_the_cursor_waits_for_it_and_not_for_what_is_live() -> None:
    half = Progress.begin(3, 7, 7).said_live(9).said_again(numbered(4, 5))
    assert (half.cursor, half.behind) == (5, 2)
    assert half.said_again(numbered(6, 7)).cursor == 9


def test_the_end_of_the_log_ends_the_replay() -> None:
    assert Progress.begin(3, 7, 7).said_again(()).caught_up


def test_of_too_many_live_ones_all_come_from_the_log() -> None:
    lost = Progress.begin(7, 7, 7).said_live(9).lost_the_thread(500)
    assert (lost.cursor, lost.caught_up, lost.behind) == (9, False, 491)


def test_a_gap_in_what_is_told_is_noticed() -> None:
    begun = Progress.begin(7, 7, 7)
    assert not begun.misses(7, [8, 9])
    assert not begun.misses(0, [8])  # 7 was there before the session
    assert begun.misses(7, [9])
    assert not begun.misses(9, [8])
    assert not begun.misses(7, [])


def test_history_and_what_is_too_old_are_not_said_again() -> None:
    assert worth_saying(reading(), NOON + 3_600_000, 3600)
    assert not worth_saying(reading(), NOON + 3_600_001, 3600)
    assert not worth_saying(reading(source=Source.HISTORY), NOON, 3600)
    assert worth_saying(reading(), None, 3600)
