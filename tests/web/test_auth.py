"""Who may ask."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hawk.web.auth import (
    MINUTE,
    WRONG_TOKENS,
    Grant,
    Sessions,
    Throttle,
    bearer,
    host_fits,
    neighbourhood,
    origin_fits,
)

ALL, READS = Grant("1"), Grant("2", read_only=True)


@pytest.mark.parametrize(
    ("header", "token"),
    [
        ("Bearer abc", "abc"),
        ("bearer  abc ", "abc"),
        ("Bearer", None),
        ("Bearer ", None),
        ("Basic abc", None),
        ("abc", None),
        ("", None),
        (None, None),
    ],
)
def test_the_token_stands_behind_bearer(header: str | None, token: str | None) -> None:
    assert bearer(header) == token


# -- wrong tokens ------------------------------------------------------------------------------


def test_ten_wrong_tokens_in_a_minute_are_enough() -> None:
    throttle = Throttle()
    for second in range(WRONG_TOKENS):
        assert throttle.wait("a", second) == 0
        throttle.wrong("a", second)
    assert throttle.wait("a", WRONG_TOKENS) == MINUTE - WRONG_TOKENS
    assert throttle.wait("b", WRONG_TOKENS) == 0


def test_that_somebody_guesses_is_said_once_an_hour() -> None:
    throttle = Throttle()
    assert [throttle.wrong("a", second) for second in range(10)] == [False] * 9 + [True]
    assert not any(throttle.wrong("a", 10.0 + each * 6) for each in range(600))
    assert throttle.wrong("a", 10.0 + 3600)
    assert [throttle.wrong("b", second) for second in range(10)] == [False] * 9 + [True]


def test_after_a_minute_it_may_try_again_once_for_each_that_is_over() -> None:
    throttle = Throttle()
    for second in range(WRONG_TOKENS):
        throttle.wrong("a", second)
    assert throttle.wait("a", MINUTE) == 0
    throttle.wrong("a", MINUTE)
    assert throttle.wait("a", MINUTE) == 1


def test_for_the_right_token_there_is_no_waiting_where_it_was_shown_before() -> None:
    throttle = Throttle()
    throttle.right("a", ALL)
    assert throttle.knows("a", ALL)
    assert not throttle.knows("b", ALL)
    assert not throttle.knows("a", READS)
    for number in range(1000):
        throttle.right(str(number), ALL)
    assert not throttle.knows("a", ALL)


@pytest.mark.parametrize(
    ("address", "counted_as"),
    [
        ("192.168.1.7", "192.168.1.7"),
        ("::ffff:192.168.1.7", "192.168.1.7"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("fe80::1%eth0", "fe80::/64"),
        ("<local>", "<local>"),
        ("", ""),
    ],
)
def test_whoever_has_a_network_of_addresses_is_one_client(address: str, counted_as: str) -> None:
    assert neighbourhood(address) == counted_as


def test_it_remembers_a_bounded_number_of_clients_those_that_were_wrong_last() -> None:
    throttle = Throttle()
    for _ in range(WRONG_TOKENS):
        throttle.wrong("first", 0)
    for number in range(999):
        throttle.wrong(str(number), 0)
    throttle.wrong("first", 0)
    for number in range(999, 1500):
        throttle.wrong(str(number), 0)
    assert throttle.wait("first", 0) > 0
    for number in range(1500, 2500):
        throttle.wrong(str(number), 0)
    assert throttle.wait("first", 0) == 0


# -- sessions ----------------------------------------------------------------------------------


def test_a_session_stands_for_what_was_shown_until_it_is_closed() -> None:
    sessions = Sessions()
    cookie, other = sessions.open(ALL), sessions.open(READS)
    assert (sessions.grant_of(cookie), sessions.grant_of(other)) == (ALL, READS)
    assert sessions.grant_of("") is None
    sessions.close(cookie)
    sessions.close(cookie)
    assert sessions.grant_of(cookie) is None


def test_the_oldest_of_too_many_sessions_is_forgotten() -> None:
    sessions = Sessions()
    cookies = [sessions.open(ALL) for _ in range(101)]
    assert [sessions.grant_of(cookie) for cookie in cookies] == [None] + [ALL] * 100


# -- pages and names ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("origin", "fits"),
    [
        ("http://pi.local:5000", True),
        ("https://PI.local:5000", True),
        ("http://trusted.example", True),
        ("https://trusted.example:8443", True),
        ("http://pi.local", False),
        ("http://evil.example", False),
        ("http://evil.example/pi.local:5000", False),
        ("null", False),
        ("http://[", False),
        ("", False),
        (None, False),
    ],
)
def test_a_page_may_write_when_it_is_ours_or_trusted(origin: str | None, fits: bool) -> None:
    assert origin_fits(origin, "pi.local:5000", ("Trusted.example",)) is fits


def test_an_empty_host_fits_no_origin() -> None:
    assert not origin_fits("null", "", ())


@pytest.mark.parametrize(
    ("host", "fits"),
    [
        ("localhost", True),
        ("localhost:5000", True),
        ("192.168.1.7:5000", True),
        ("[::1]:5000", True),
        ("[fe80::1]", True),
        ("batterypi", True),
        ("BatteryPi.local:5000", True),
        ("hawk.example", True),
        ("evil.example", False),
        ("batterypi.evil.example", False),
        ("1.2.3.4.evil.example", False),
        ("[::1", False),
        ("", False),
    ],
)
def test_without_a_token_only_names_of_this_machine_are_accepted(host: str, fits: bool) -> None:
    assert host_fits(host, "batterypi", ("hawk.example",)) is fits


@given(st.text(), st.text())
def test_any_host_and_origin_can_be_judged(host: str, origin: str) -> None:
    host_fits(host, "batterypi", ())
    origin_fits(origin, host, ())
