"""What an answer of InfluxDB means. Those of 1.6.7 were recorded; those of 2.x and 3 are from their documentation."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hawk.errors import (
    BatchPartlyRefused,
    BatchRefused,
    BatchTooLarge,
    SinkBusy,
    SinkDenied,
    SinkError,
    SinkUnreachable,
)
from hawk.sinks.influx_answers import is_not_spoken, refusal, words

BEYOND = '{"error":"partial write: points beyond retention policy dropped=17"}'
CONFLICT = (
    '{"error":"partial write: field type conflict: input field \\"voltage\\" on measurement \\"battery_reading\\"'
    ' is type float, already exists as type integer dropped=2"}'
)
UNREAD = '{"error":"partial write: unable to parse \'xx\': missing fields dropped=0"}'
UNREADABLE = '{"error":"unable to parse \'xx\': missing fields"}'
V2_CONFLICT = (
    '{"code":"unprocessable entity","message":"failure writing points to database: partial write: field type'
    ' conflict: input field ... dropped=1"}'
)
V3 = (
    '{"error":"partial write of line protocol occurred","data":[{"error_message":"x","line_number":2,'
    '"original_line":"a"},{"error_message":"x","line_number":3,"original_line":"b"}]}'
)


@pytest.mark.parametrize(
    ("status", "body", "kind"),
    [
        (400, BEYOND, BatchPartlyRefused),
        (400, CONFLICT, BatchPartlyRefused),
        (400, UNREAD, BatchPartlyRefused),
        (422, V2_CONFLICT, BatchPartlyRefused),
        (422, "", BatchPartlyRefused),
        (400, V3, BatchPartlyRefused),
        (400, UNREADABLE, BatchRefused),
        (400, '{"code":"invalid","message":"unable to parse"}', BatchRefused),
        (413, '{"error":"Request Entity Too Large"}', BatchTooLarge),
        (401, '{"error":"authorization failed"}', SinkDenied),
        (403, "", SinkDenied),
        (404, '{"error":"database not found: \\"x\\""}', SinkDenied),
        (404, '{"code":"not found","message":"bucket \\"b\\" not found"}', SinkDenied),
        (405, "", SinkDenied),
        (302, "", SinkDenied),
        (0, "SSLError certificate verify failed", SinkDenied),
        (500, '{"error":"retention policy not found: zz"}', SinkDenied),
        (429, "", SinkBusy),
        (503, "", SinkBusy),
        (500, '{"error":"timeout"}', SinkUnreachable),
        (502, "<html>", SinkUnreachable),
    ],
)
def test_what_an_answer_means(status: int, body: str, kind: type[SinkError]) -> None:
    assert type(refusal(status, body, None, "here")) is kind


@pytest.mark.parametrize(
    ("body", "dropped"), [(BEYOND, 17), (CONFLICT, 2), (UNREAD, 1), (V2_CONFLICT, 1), (V3, 2)]
)
def test_how_many_were_dropped(body: str, dropped: int) -> None:
    error = refusal(400, body, None, "here")
    assert isinstance(error, BatchPartlyRefused)
    assert error.dropped == dropped


@pytest.mark.parametrize(
    ("given", "after"),
    [("7", 7.0), ("0", 0.0), (None, None), ("Wed, 21 Oct 2026", None), ("-1", None), ("9" * 40, None)],
)
def test_how_long_it_asks_for(given: str | None, after: float | None) -> None:
    error = refusal(503, "", given, "here")
    assert isinstance(error, SinkBusy)
    assert error.after == after


def test_it_says_what_to_do() -> None:
    assert str(refusal(401, '{"error":"authorization failed"}', None, "http://nas:8086 battery_hawk")) == (
        "http://nas:8086 battery_hawk answers 401 (authorization failed): it needs influxdb.username and"
        " influxdb.password, or influxdb.token"
    )


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ('{"error":"a  b"}', "a b"),
        ('{"code":"x","message":"m"}', "m"),
        ('{"message":7}', '{"message":7}'),
        ("404 page not found\n", "404 page not found"),
        ("[1]", "[1]"),
        ("", ""),
    ],
)
def test_the_sentence_in_an_answer(body: str, said: str) -> None:
    assert words(body) == said


def test_a_server_that_does_not_know_the_write_call_of_2() -> None:
    assert is_not_spoken(404, "404 page not found\n")
    assert not is_not_spoken(404, '{"code":"not found","message":"bucket not found"}')
    assert not is_not_spoken(500, "x")


@given(st.integers(0, 999), st.text(), st.none() | st.text())
def test_any_answer_has_a_meaning(status: int, body: str, retry_after: str | None) -> None:
    error = refusal(status, body, retry_after, "here")
    assert isinstance(error, SinkError)
    assert len(str(error)) < 600
