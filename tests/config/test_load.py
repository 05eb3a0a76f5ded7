"""Settings: environment over file, and all that is wrong said at once."""

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hawk.config import reference
from hawk.config.load import Loaded, SettingsError, load
from hawk.config.schema import Settings


def written(folder: Path, document: object) -> Path:
    file = folder / "system.json"
    file.write_text(document if isinstance(document, str) else json.dumps(document))
    return file


def problems(file: Path | None, **environ: str) -> list[tuple[str, str]]:
    with pytest.raises(SettingsError) as refused:
        load(file, environ)
    return [(problem.source, problem.pointer) for problem in refused.value.problems]


def test_the_defaults_are_those_of_the_specification() -> None:
    settings = load(None, {}).settings
    assert (settings.discovery.initial_scan, settings.discovery.periodic_interval, settings.discovery.scan_duration) == (
        True, 43200, 10,
    )  # fmt: skip
    assert (settings.bluetooth.max_concurrent_connections, settings.bluetooth.connection_timeout) == (1, 30)
    assert (settings.api.host, settings.api.port, settings.polling.interval) == ("0.0.0.0", 5000, 3600)
    assert (settings.mqtt.enabled, settings.mqtt.topic_prefix, settings.influxdb.enabled) == (
        False,
        "battery_hawk",
        True,
    )
    assert (settings.logging.level, settings.logging.log_file) == ("INFO", "/data/battery_hawk.log")


def test_the_example_of_the_specification_is_accepted(tmp_path: Path) -> None:
    example = {
        "version": "1.0",
        "discovery": {"initial_scan": True, "periodic_interval": 43200, "scan_duration": 10},
        "bluetooth": {"max_concurrent_connections": 1, "connection_timeout": 30},
        "influxdb": {"enabled": True, "host": "localhost", "port": 8086, "database": "battery_hawk",
                     "username": "", "password": ""},
        "logging": {"level": "INFO", "file_logging": False, "log_file": "/data/battery_hawk.log"},
        "api": {"port": 5000, "host": "0.0.0.0"},
        "mqtt": {"enabled": False, "broker": "localhost", "port": 1883, "topic_prefix": "battery_hawk"},
    }  # fmt: skip
    assert load(written(tmp_path, example), {}) == Loaded(Settings())


def test_the_environment_wins_over_the_file(tmp_path: Path) -> None:
    file = written(tmp_path, {"api": {"port": 1111, "host": "127.0.0.1"}})
    loaded = load(file, {"BATTERYHAWK_API_PORT": "2222", "BATTERYHAWK_DATA": "/x", "HOME": "/"})
    assert (loaded.settings.api.port, loaded.settings.api.host) == (2222, "127.0.0.1")
    assert loaded.overridden == {"/api/port"}


@pytest.mark.parametrize(
    ("variable", "text", "value"),
    [
        ("BATTERYHAWK_BLUETOOTH_ADAPTERS", "hci0, hci1", ("hci0", "hci1")),
        ("BATTERYHAWK_BLUETOOTH_ADAPTERS", '["hci0"]', ("hci0",)),
        ("BATTERYHAWK_SYSTEM_BLUETOOTH_ADAPTERS", "hci2", ("hci2",)),
        ("BATTERYHAWK_BLUETOOTH_ADAPTERS", "", ()),
    ],
)
def test_lists_are_comma_separated_or_json(variable: str, text: str, value: tuple[str, ...]) -> None:
    assert load(None, {variable: text}).settings.bluetooth.adapters == value


def test_both_spellings_of_a_variable_must_agree() -> None:
    both = {"BATTERYHAWK_API_PORT": "1", "BATTERYHAWK_SYSTEM_API_PORT": "2"}
    assert problems(None, **both) == [("BATTERYHAWK_SYSTEM_API_PORT", "/api/port")]
    assert load(None, {**both, "BATTERYHAWK_SYSTEM_API_PORT": "1"}).settings.api.port == 1


def test_secrets_come_from_files_and_nothing_else_does(tmp_path: Path) -> None:
    secret = tmp_path / "token"
    secret.write_text("abcdefghijklmnop\n")
    settings = load(None, {"BATTERYHAWK_API_TOKEN_FILE": str(secret)}).settings
    assert settings.api.token.get_secret_value() == "abcdefghijklmnop"
    assert problems(None, BATTERYHAWK_API_PORT_FILE=str(secret)) == [
        ("BATTERYHAWK_API_PORT_FILE", "/api/port")
    ]
    assert (
        problems(None, BATTERYHAWK_API_TOKEN_FILE=str(tmp_path / "gone"))[0][0]
        == "BATTERYHAWK_API_TOKEN_FILE"
    )


def test_everything_that_is_wrong_is_said_at_once(tmp_path: Path) -> None:
    file = written(tmp_path, {"api": {"prot": 1}, "polling": {"interval": 0.5}, "store": 7, "mqqt": {}})
    found = problems(file, BATTERYHAWK_BLUETOOTH_LISTEN="perhaps", BATTERYHAWK_LOGGING_LEVEL="LOUD")
    assert set(found) == {
        ("system.json", "/api/prot"),
        ("system.json", "/polling/interval"),
        ("system.json", "/store"),
        ("BATTERYHAWK_BLUETOOTH_LISTEN", "/bluetooth/listen"),
        ("BATTERYHAWK_LOGGING_LEVEL", "/logging/level"),
    }


def test_an_unknown_section_is_a_warning_with_the_nearest_name(tmp_path: Path) -> None:
    loaded = load(written(tmp_path, {"mqqt": {}}), {"BATTERYHAWK_APPI_PORT": "1"})
    assert [("'mqtt'" in w, "'api'" in w) for w in loaded.warnings] == [(True, False), (False, True)]


def test_a_typing_mistake_gets_the_nearest_key() -> None:
    with pytest.raises(SettingsError, match="do you mean 'port'"):
        load(None, {"BATTERYHAWK_API_PROT": "1"})


@pytest.mark.parametrize(
    ("text", "word"),
    [("{", "cannot be read"), ("[]", "object"), ('{"api":{"port":1},"api":{}}', "twice"), ('{"version":"2.0"}', "newer")],
)  # fmt: skip
def test_a_damaged_file_is_said_and_left_alone(tmp_path: Path, text: str, word: str) -> None:
    file = written(tmp_path, text)
    with pytest.raises(SettingsError, match=word):
        load(file, {})
    assert file.read_text() == text


def test_a_secret_is_never_shown() -> None:
    with pytest.raises(SettingsError) as refused:
        load(None, {"BATTERYHAWK_BROKER_USERS": '{"me": {"password": "hunter2", "x": 1}}'})
    assert "hunter2" not in str(refused.value)
    assert "hunter2" not in json.dumps(refused.value.as_json())
    assert "***" in str(refused.value)


def test_the_problems_as_json_have_the_agreed_keys() -> None:
    with pytest.raises(SettingsError) as refused:
        load(None, {"BATTERYHAWK_API_PORT": "high"})
    assert [set(each) for each in refused.value.as_json()["errors"]] == [
        {"source", "pointer", "value", "expected"}
    ]


WORDS = st.sampled_from(
    ["api", "port", "bluetooth", "adapters", "users", "broker", "token", "file", "system", "x"]
)
VARIABLES = st.lists(WORDS, min_size=1, max_size=4).map(
    lambda words: "BATTERYHAWK_" + "_".join(words).upper()
)


@given(st.dictionaries(VARIABLES, st.text(max_size=20).filter(lambda text: "\0" not in text), max_size=4))
def test_any_environment_is_taken_or_refused_in_words(environ: dict[str, str]) -> None:
    try:
        load(None, environ)
    except SettingsError as error:
        assert error.problems


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8) | WORDS, inner, max_size=3)
    ),
    max_leaves=10,
)


@given(document=st.dictionaries(WORDS | st.sampled_from(list(Settings.model_fields)), JSON, max_size=4))
def test_any_file_is_taken_or_refused_in_words(
    document: object, tmp_path_factory: pytest.TempPathFactory
) -> None:
    file = written(tmp_path_factory.mktemp("settings"), document)
    try:
        load(file, {})
    except SettingsError as error:
        assert error.problems
        assert str(error)
        json.dumps(error.as_json())


def test_the_reference_page_is_up_to_date() -> None:
    assert Path("docs/settings.md").read_text() == reference.page(), "run: python -m hawk.config.reference"
