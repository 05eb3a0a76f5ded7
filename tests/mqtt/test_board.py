"""What the broker keeps for us: sent once, whole after each connect, and nothing left behind."""

from hawk.mqtt import topics
from hawk.mqtt.board import Board
from hawk.mqtt.messages import Message
from hawk.mqtt.topics import Topics
from tests.doubles import address

OURS = "0123456789ab"
HERE = Topics()


def state(voltage: float, at: str = "10:00", number: int = 1) -> tuple[Message, ...]:
    payload = {"voltage": voltage, "last_seen": at, "timestamp": at, "gateway_id": OURS}
    return HERE.messages(topics.STATE, payload, address(number))


def test_the_same_is_not_sent_twice() -> None:
    board = Board()
    assert board.put(state(12.6)) == state(12.6)
    assert board.put(state(12.6)) == ()
    assert board.put(state(12.7)) == state(12.7)


def test_a_value_that_was_measured_again_is_news() -> None:
    """Home Assistant lets values expire that are not said again."""
    board = Board()
    board.put(state(12.6, "10:00"))
    assert board.put(state(12.6, "11:00")) == state(12.6, "11:00")


def test_the_time_alone_is_no_news_but_is_kept() -> None:
    board = Board()
    board.put(HERE.messages(topics.STATUS, {"connected": True, "timestamp": "10:00"}, address(1)))
    later = HERE.messages(topics.STATUS, {"connected": True, "timestamp": "11:00"}, address(1))
    assert board.put(later) == ()
    assert board.whole() == later


def test_the_whole_board_has_the_last_of_each_topic() -> None:
    board = Board()
    for said in (state(12.6), state(12.7), state(13.1, number=2)):
        board.put(said)
    assert board.whole() == (*state(12.7), *state(13.1, number=2))


def test_what_is_forgotten_leaves_the_board_and_is_told_to_the_broker() -> None:
    board = Board()
    board.put(state(12.6))
    assert board.put(HERE.forget(topics.STATE, address(1))) == HERE.forget(topics.STATE, address(1))
    assert board.whole() == ()
    assert state(12.6)[0].topic not in board


def test_what_we_said_of_a_device_that_is_gone_is_cleared_and_nothing_else() -> None:
    board = Board()
    board.put(state(12.6, number=1))
    gone, other = "battery_hawk/device/02:00:00:00:00:02", "battery_hawk/device/02:00:00:00:00:03"
    kept = {
        state(12.6)[0].topic: "old",
        f"{gone}/state": f'{{"gateway_id":"{OURS}"}}',
        f"{gone}/availability": "online",
        f"{other}/state": '{"gateway_id":"another"}',
        f"{other}/availability": "online",
        "homeassistant/device/battery_hawk_020000000002/config": f'{{"via_device":"battery_hawk_gw_{OURS}"}}',
        "homeassistant/device/of_somebody/config": "{}",
    }
    assert {each.topic for each in board.ghosts(kept, OURS)} == {
        f"{gone}/state",
        f"{gone}/availability",
        "homeassistant/device/battery_hawk_020000000002/config",
    }
    assert {(each.payload, each.retain) for each in board.ghosts(kept, OURS)} == {("", True)}
