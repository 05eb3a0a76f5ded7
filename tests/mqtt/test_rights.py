"""Who may do what at the broker inside."""

import re

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from hawk.mqtt.rights import Rights, User, covers


@pytest.mark.parametrize(
    ("allowed", "asked", "answer"),
    [
        ("#", "a/b", True),
        ("#", "#", True),
        ("+", "#", False),
        ("a/+", "a/#", False),
        ("a/#", "a/+/c", True),
        ("a/#", "a", True),
        ("a/#", "ab", False),
        ("a/+", "a/+", True),
        ("a/b", "a/+", False),
        ("a/+/c", "a/b/c", True),
        ("a/+/c", "a/b/d", False),
        ("a", "a/b", False),
        ("#", "$SYS/x", False),
        ("+/x", "$SYS/x", False),
        ("$SYS/#", "$SYS/x", True),
    ],
)
def test_a_filter_covers_another_or_does_not(allowed: str, asked: str, answer: bool) -> None:
    assert covers(allowed, asked) is answer


LEVELS = st.lists(st.sampled_from(["a", "b", "", "+"]), min_size=1, max_size=4)
FILTERS = st.builds(lambda levels, rest: "/".join([*levels, *rest]), LEVELS, st.sampled_from([[], ["#"]]))
TOPICS = st.lists(st.sampled_from(["a", "b", "", "c"]), min_size=1, max_size=5).map("/".join)


def fits(topic: str, filter_: str) -> bool:
    """By a regular expression, another way than `covers`."""
    pattern = re.escape(filter_).replace(r"\+", "[^/]*")
    pattern = re.sub(r"/\\#$", "(/.*)?", pattern)
    return re.fullmatch(pattern, topic) is not None


@given(FILTERS, FILTERS, TOPICS)
@example("+", "#", "a/b")
def test_whoever_may_subscribe_to_a_filter_may_hear_every_topic_of_it(
    allowed: str, asked: str, topic: str
) -> None:
    if covers(allowed, asked) and fits(topic, asked):
        assert fits(topic, allowed)


@given(FILTERS, TOPICS)
def test_a_topic_is_covered_exactly_by_the_filters_that_it_fits(allowed: str, topic: str) -> None:
    assert covers(allowed, topic) is fits(topic, allowed)


RIGHTS = Rights({"boss": User("b"), "eva": User("e", ("public/#",), ("cmd",))}, anonymous=False)


def test_only_the_right_password_lets_in() -> None:
    assert RIGHTS.lets_in("boss", "b")
    for name, password in [("boss", "x"), ("boss", None), ("boss", ""), ("x", ""), ("", ""), (None, None)]:
        assert not RIGHTS.lets_in(name, password)
    assert not Rights({"x": User("")}, anonymous=False).lets_in("y", "")


def test_a_user_may_what_is_said_and_an_unknown_one_nothing() -> None:
    assert RIGHTS.may_subscribe("eva", "public/x")
    assert not RIGHTS.may_subscribe("eva", "#")
    assert RIGHTS.may_publish("eva", "cmd")
    assert not RIGHTS.may_publish("eva", "public/x")
    assert not RIGHTS.may_publish("nobody", "cmd")
    assert not RIGHTS.may_publish(None, "cmd")


def test_without_names_everybody_may_everything() -> None:
    nobody = Rights({}, anonymous=True)
    assert nobody.lets_in(None, None)
    assert nobody.may_subscribe(None, "#")
    assert nobody.may_publish("", "a")


def test_a_password_is_not_shown() -> None:
    assert "geheim" not in repr(Rights({"a": User("geheim")}, anonymous=False))
