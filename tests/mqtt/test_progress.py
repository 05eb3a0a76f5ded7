"""Which readings were said: none is missed, and none waits behind a replay."""

from dataclasses import replace

from hawk.model.reading import Reading, Source
from hawk.mqtt.progress import Progress, worth_saying
from tests.doubles import NOON
from tests.web.stage import reading


def numbered(*seqs: int) -> list[Reading]:
    return [replace(reading(), seq=seq) for seq in seqs]


def test_who_was_never_listened_to_starts_at_now() -> None:
    begun = Progress.begin(None, 7)
    assert (begun.caught_up, begun.cursor) == (True, 7)


def test_during_a_replay_the_cursor_waits_for_it_and_not_for_what_is_live() -> None:
    half = Progress.begin(3, 7).said_live(numbered(8, 9)).said_again(numbered(4, 5))
    assert (half.cursor, half.behind) == (5, 2)
    assert half.said_again(numbered(6, 7)).cursor == 9


def test_the_end_of_the_log_ends_the_replay() -> None:
    assert Progress.begin(3, 7).said_again(()).caught_up


def test_what_was_told_and_is_no_longer_there_is_not_waited_for() -> None:
    assert Progress.begin(7, 7).said_live(numbered(8), told=9).cursor == 9
    assert Progress.begin(7, 7).said_live((), told=0).cursor == 7


def test_history_and_what_is_too_old_are_not_said_again() -> None:
    assert worth_saying(reading(), NOON + 3_600_000, 3600)
    assert not worth_saying(reading(), NOON + 3_600_001, 3600)
    assert not worth_saying(reading(source=Source.HISTORY), NOON, 3600)
    assert worth_saying(reading(), None, 3600)
