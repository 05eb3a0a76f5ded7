"""Changes of the settings: what differs, what a document becomes, what is shown."""

import json
import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hawk.config import reference
from hawk.config.changes import (
    Overridden,
    check_free,
    covered,
    differences,
    merged,
    misplaced,
    shown,
    without_unchanged,
)
from hawk.config.load import Surroundings, fields_of, sections
from hawk.config.schema import Settings
from hawk.tree import followers

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=6,
)
KEYS = [(section, key) for section in sections() for key in fields_of(section)]


def settings(document: dict[str, Any]) -> Settings:
    return Settings.model_validate(document)


@pytest.mark.parametrize(
    ("document", "changes", "expected"),
    [
        ({}, {"api": {"port": 1}}, {"api": {"port": 1}}),
        ({"api": {"host": "::"}}, {"api": {"port": 1}}, {"api": {"host": "::", "port": 1}}),
        ({"api": {"port": 1, "host": "::"}}, {"api": {"port": None}}, {"api": {"host": "::"}}),
        ({"api": {"port": 1}}, {"api": {"port": None}}, {"api": {}}),
        ({}, {"api": {"port": None}}, {}),
        ({}, {"api": {}}, {}),
        ({"garden": [1]}, {"api": {"port": 1}}, {"garden": [1], "api": {"port": 1}}),
        ({"mqtt": {"password": "x"}}, {"mqtt": {"password": "***"}}, {"mqtt": {"password": "x"}}),
        ({}, {"mqtt": {"password": "***"}}, {}),
        ({"mqtt": {"username": "x"}}, {"mqtt": {"username": "***"}}, {"mqtt": {"username": "***"}}),
        (
            {"broker": {"users": {"a": {"password": "x"}, "b": {"password": "y"}}}},
            {"broker": {"users": {"a": {"password": "***", "publish": ["#"]}}}},
            {"broker": {"users": {"a": {"password": "x", "publish": ["#"]}}}},
        ),
        ({}, {"garden": {"gnomes": 1}, "api": 3}, {}),
    ],
)
def test_a_change_becomes_this_document(document: Any, changes: Any, expected: Any) -> None:
    assert merged(document, changes) == {"version": "1.0", **expected}


@given(
    st.dictionaries(st.text(), JSON, max_size=4),
    st.sampled_from(KEYS),
    st.dictionaries(st.text(), JSON, max_size=3),
    JSON,
)
def test_no_other_key_is_touched(
    unknown: dict[str, Any], place: tuple[str, str], beside: dict[str, Any], value: Any
) -> None:
    section, key = place
    unknown = {name: each for name, each in unknown.items() if name not in sections()}
    document = {**unknown, section: {**beside, key: 0}}
    new = merged(document, {section: {key: value}})
    assert {name: each for name, each in new.items() if name not in {section, "version"}} == {
        name: each for name, each in unknown.items() if name != "version"
    }
    assert {name: each for name, each in new[section].items() if name != key} == {
        name: each for name, each in beside.items() if name != key
    }


def test_what_is_shown_can_be_sent_back_and_changes_nothing() -> None:
    document = {
        "mqtt": {"password": "secret one"},
        "api": {"token": "secret-two-secret-two"},
        "postgresql": {"url": "postgresql://a:secret@b/c"},
        "broker": {"users": {"a": {"password": "secret three", "publish": ["x/#"]}}},
        "bluetooth": {"adapters": ["hci1"]},
    }
    seen = json.loads(json.dumps(shown(settings(document))))
    assert "secret" not in json.dumps(seen)
    assert seen["influxdb"]["password"] == ""
    again = merged(document, seen)
    assert (
        differences(settings(document), Surroundings({}).parse(json.dumps(again).encode()).settings)
        == frozenset()
    )


def test_every_setting_is_shown() -> None:
    assert {(section, key) for section, values in shown(Settings()).items() for key in values} == set(KEYS)


def test_what_differs_is_named() -> None:
    new = settings({"polling": {"interval": 5}, "mqtt": {"password": "x"}})
    assert differences(Settings(), new) == {"polling.interval", "mqtt.password"}
    assert differences(new, new) == frozenset()


def test_a_section_covers_its_settings() -> None:
    assert covered({"mqtt.port", "api.port", "store.raw_days"}, {"mqtt", "store.raw_days"}) == {
        "mqtt.port",
        "store.raw_days",
    }


def test_what_has_no_place_is_named_with_the_nearest() -> None:
    wrong = list(misplaced({"mqt": {}, "api": [], "polling": {}, "version": "2"}))
    assert [each.pointer for each in wrong] == ["/mqt", "/api", "/version"]
    assert "'mqtt'" in wrong[0].expected


def test_a_key_that_there_is_not_cannot_be_taken_out() -> None:
    wrong = list(misplaced({"polling": {"intervall": None, "interval": None}, "store": {"": None}}))
    assert [each.pointer for each in wrong] == ["/polling/intervall", "/store/"]
    assert "'interval'" in wrong[0].expected


def test_what_the_environment_sets_may_be_sent_back_and_not_be_changed() -> None:
    held = settings({"api": {"port": 7}})
    overridden, sources = frozenset({"api.port"}), {"/api/port": "BATTERYHAWK_API_PORT"}
    assert without_unchanged({"api": {"port": 7, "host": "::"}}, held, overridden) == {"api": {"host": "::"}}
    check_free({"api": {"host": "::"}}, sources, overridden)
    changes = without_unchanged({"api": {"port": 8}}, held, overridden)
    with pytest.raises(Overridden, match="BATTERYHAWK_API_PORT"):
        check_free(changes, sources, overridden)


# -- who follows -----------------------------------------------------------------------------


FOLLOWED = {
    name
    for each in followers(None, None, None, None, None, None, None)  # type: ignore[arg-type]  # nobody is told anything
    for name in each.names
}


def test_only_settings_that_exist_are_followed() -> None:
    assert set(sections()) | {f"{section}.{key}" for section, key in KEYS} >= FOLLOWED


def test_the_page_names_all_that_follows_and_nothing_else() -> None:
    _, _, rest = reference.page().partition("## What holds without a restart")
    table = re.findall(r"^\| (`.*?) \|", rest.partition("\n## ")[0], re.MULTILINE)
    assert {name for row in table for name in re.findall(r"`(.*?)`", row)} == FOLLOWED


@pytest.mark.parametrize(
    ("name", "follows"),
    [
        ("logging.level", True),
        ("polling.interval", True),
        ("influxdb.host", True),
        ("mqtt.broker", True),
        ("store.raw_days", True),
        ("store.on_outage", True),
        ("store.durability", False),
        ("api.port", True),
        ("api.token", True),
        ("bluetooth.adapters", False),
    ],
)
def test_this_follows_and_that_needs_a_restart(name: str, follows: bool) -> None:
    assert bool(covered({name}, FOLLOWED)) is follows
