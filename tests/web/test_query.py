"""Query parameters: understood, or refused by name."""

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from hawk.web.jsonapi import ApiError
from hawk.web.query import Asked, Parameter, Parameters, decode_cursor, encode_cursor

DEVICES = Parameters(
    (Parameter("filter[status]", "That."),), kinds=("devices", "vehicles"), includes=("vehicle",), paged=True
)
TEXT = st.text(st.characters(exclude_categories=["Cs"]))


def refused(*arguments: tuple[str, str]) -> str:
    """The parameter that is named."""
    with pytest.raises(ApiError) as error:
        DEVICES.parse(arguments)
    assert error.value.status == 400
    return error.value.parameter


def test_everything_known_is_understood() -> None:
    asked = DEVICES.parse(
        [
            ("filter[status]", "configured"),
            ("page[size]", "7"),
            ("page[after]", encode_cursor("02:00")),
            ("include", "vehicle"),
            ("fields[devices]", "voltage,link"),
        ]
    )
    assert (asked.values["filter[status]"], asked.size, asked.after) == ("configured", 7, "02:00")
    assert asked.include == {"vehicle"}
    assert asked.fields == {"devices": {"voltage", "link"}}


def test_nothing_asked_is_a_page_of_a_hundred_with_all_fields() -> None:
    assert DEVICES.parse([]) == Asked(size=100)


@pytest.mark.parametrize(
    "name", ["filter[color]", "page[number]", "page", "sort", "fields[readings]", "fields", "", "Include"]
)
def test_what_is_not_known_is_named_in_full(name: str) -> None:
    assert refused((name, "x")) == name


def test_a_parameter_stands_there_once() -> None:
    assert refused(("include", "vehicle"), ("include", "vehicle")) == "include"


WORDS = Parameters(
    (
        Parameter("filter[color]", "That.", ("red", "blue")),
        Parameter("types", "Those.", ("a", "b"), many=True),
        Parameter("minutes", "So long.", least=1, most=60),
    )
)


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("filter[color]", "red"),
        ("types", "a"),
        ("types", "b,a"),
        ("types", ""),
        ("minutes", "1"),
        ("minutes", "60"),
    ],
)
def test_a_parameter_is_one_of_its_words_several_of_them_or_a_number(name: str, text: str) -> None:
    assert WORDS.parse([(name, text)]).values == {name: text}


@pytest.mark.parametrize(
    ("name", "text"),
    [("filter[color]", "green"), ("filter[color]", ""), ("filter[color]", "red,blue"), ("types", "c"), ("types", "a,"),
     ("types", ","), ("minutes", "0"), ("minutes", "61"), ("minutes", "1.5"), ("minutes", "")],
)  # fmt: skip
def test_a_parameter_that_is_something_else_is_named(name: str, text: str) -> None:
    with pytest.raises(ApiError) as error:
        WORDS.parse([(name, text)])
    assert (error.value.status, error.value.parameter) == (400, name)


@given(st.sampled_from(["filter[color]", "types", "minutes"]), TEXT)
def test_any_text_is_understood_or_refused_by_name(name: str, text: str) -> None:
    try:
        assert WORDS.parse([(name, text)]).values == {name: text}
    except ApiError as error:
        assert error.parameter == name


@pytest.mark.parametrize("size", ["0", "1001", "-1", "1.5", "", " 5", "٣", "²", "0000000011234", "1" * 5000])
def test_a_page_has_1_to_1000_resources(size: str) -> None:
    assert refused(("page[size]", size)) == "page[size]"


def test_what_cannot_be_included_is_refused() -> None:
    assert refused(("include", "vehicle,readings")) == "include"
    assert DEVICES.parse([("include", "")]).include == frozenset()


@given(st.lists(st.tuples(st.sampled_from(sorted(DEVICES.known())) | TEXT, TEXT)))
@example([("page[after]", "=")])
@example([("page[after]", "é")])
def test_any_query_is_understood_or_refused_by_name(arguments: list[tuple[str, str]]) -> None:
    try:
        asked = DEVICES.parse(arguments)
    except ApiError as error:
        assert error.status == 400
        assert error.parameter in {name for name, _ in arguments}
    else:
        assert 1 <= asked.size <= 1000
        assert asked.include <= {"vehicle"}


@given(TEXT.filter(bool))
def test_a_cursor_comes_back_as_it_was(place: str) -> None:
    assert decode_cursor("page[after]", encode_cursor(place)) == place


@pytest.mark.parametrize("text", ["", "=", "a", "AB==", "_w", "MDI6MDA=", "MDI6 MDA"])
def test_a_cursor_that_was_never_given_is_refused(text: str) -> None:
    for name in ("page[after]", "page[before]"):
        assert refused((name, text)) == name


def test_a_page_is_behind_another_or_before_one() -> None:
    cursor = encode_cursor("02:00")
    assert refused(("page[after]", cursor), ("page[before]", cursor)) == "page[before]"


def test_sparse_fields_leave_out_the_rest() -> None:
    asked = DEVICES.parse([("fields[devices]", "voltage,vehicle,nonsense"), ("fields[vehicles]", "")])
    device = {
        "type": "devices",
        "id": "x",
        "attributes": {"voltage": 12.6, "link": "idle"},
        "relationships": {"vehicle": {"data": None}, "readings": {}},
        "links": {"self": "/api/devices/x"},
    }
    assert asked.sparse(device) == {
        "type": "devices",
        "id": "x",
        "attributes": {"voltage": 12.6},
        "relationships": {"vehicle": {"data": None}},
        "links": {"self": "/api/devices/x"},
    }
    assert asked.sparse({"type": "vehicles", "id": "1", "attributes": {"name": "Boat"}})["attributes"] == {}
    reading = {"type": "readings", "id": "1", "attributes": {"voltage": 1.0}}
    assert asked.sparse(reading) == reading
