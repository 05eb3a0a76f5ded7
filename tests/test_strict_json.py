"""JSON as people write it."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hawk.strict_json import DEEPEST, NotJson, parse
from tests.json_texts import FOREIGN, contents, texts


def said(content: str | bytes) -> list[tuple[str, str]]:
    with pytest.raises(NotJson) as refused:
        parse(content)
    return [(each.pointer, each.said) for each in refused.value.mistakes]


@pytest.mark.parametrize(
    ("content", "pointer", "words"),
    [
        ("", "", "line 1, column 1: a value is missing"),
        ('{\n  "a": 1\n  "b": 2}', "", "line 3, column 3: a comma or the closing bracket is missing"),
        ('{"a" 1}', "", "a colon is missing"),
        ('{"a": 1,}', "", "line 1, column"),
        ("{a: 1}", "", "a key in double quotes is missing"),
        ('{"a": yes}', "", "a text without its quotes"),
        (b"\xef\xbb\xbf\xef\xbb\xbf{}", "", "a byte order mark too much"),
        ("{} {}", "", "after the end of the document there is more"),
        ('{"a": "b}', "", "has no closing quote"),
        ('{"a": "b\nc"}', "", "a line break"),
        ('{"a": "C:\\data"}', "", "a backslash"),
        ('{"a": {"b": 1, "c": 2, "b": 3}}', "/a/b", "twice"),
        ('{"a": [0, NaN]}', "/a/1", "NaN is no number"),
        ('{"a/b": 1e999}', "/a~1b", "1e999 is no number"),
        ("9" * 5000, "", "is no number"),
        ("[" * 100_000, "", "nested"),
        ("[" * (DEEPEST + 1) + "]" * (DEEPEST + 1), "/0" * DEEPEST, "nested"),
        (b'{"a":\n "\xff"}', "", "line 2: what stands there is no UTF-8"),
        ('{"a": 1}'.encode("utf-16"), "", "no UTF-8"),
    ],
)
def test_a_mistake_is_said_with_its_place(content: str | bytes, pointer: str, words: str) -> None:
    ((where, what),) = said(content)
    assert where == pointer
    assert words in what


def test_what_can_be_found_together_is_said_together() -> None:
    assert [
        pointer for pointer, _ in said('{"a": {"x": 1, "x": 2}, "b": NaN, "a": {"y": [1, Infinity]}}')
    ] == [
        "/a",
        "/b",
        "/a/y/1",
    ]


def test_the_mark_that_some_editors_put_before_it_is_no_mistake() -> None:
    assert parse(b'\xef\xbb\xbf{"a": 1}') == {"a": 1}


def test_as_deep_as_it_may_be_is_read() -> None:
    assert parse("[" * DEEPEST + "]" * DEEPEST)


JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(10**300), 10**300)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
)


@given(JSON)
def test_what_json_says_is_read_as_python_reads_it(document: object) -> None:
    assert parse(json.dumps(document)) == document


@given(contents(texts(["a", "b"])) | st.binary(max_size=60))
def test_whatever_it_is_it_is_read_or_refused_in_words(content: bytes) -> None:
    try:
        json.dumps(parse(content), allow_nan=False)
    except NotJson as error:
        assert error.mistakes
        for each in error.mistakes:
            assert each.pointer == "" or each.pointer.startswith("/")
            assert not [word for word in FOREIGN if word in each.said]
