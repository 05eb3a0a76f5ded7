"""Settings: environment over file, and all that is wrong said at once."""

import json
import re
from pathlib import Path
from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import SecretStr
from pydantic_core import to_json

from hawk.ble import simulated
from hawk.ble.simulated_monitor import FAMILIES
from hawk.config import reference
from hawk.config.load import Given, Loaded, SettingsError, fields_of, load, sections
from hawk.config.schema import Fault, Model, Settings
from hawk.errors import Problem


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
        load(None, {"BATTERYHAWK_BROKER_USERS": '{"me": {"password": ["hunter2"], "x": 1}}'})
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
        json.dumps(error.as_json(), allow_nan=False)


def test_the_reference_page_is_up_to_date() -> None:
    assert Path("docs/settings.md").read_text() == reference.page(), "run: python -m hawk.config.reference"


def refusal(file: Path | None, *, above: tuple[Given, ...] = (), **environ: str) -> Problem:
    """The only one."""
    with pytest.raises(SettingsError) as refused:
        load(file, environ, above=above)
    (problem,) = refused.value.problems
    return problem


def test_what_a_command_gives_stands_below_or_above_file_and_environment(tmp_path: Path) -> None:
    file = written(tmp_path, {"polling": {"interval": 7}})
    below = [
        Given("polling", "interval", "60", "demo"),
        Given("logging", "level", "WARN", "demo"),
        Given("api", "port", "1", "demo"),
    ]
    above = [Given("api", "host", "127.0.0.1", "demo")]
    environ = {"BATTERYHAWK_SYSTEM_API_PORT": "2222", "BATTERYHAWK_API_HOST": "::"}
    loaded = load(file, environ, below=below, above=above)
    settings = loaded.settings
    assert (settings.polling.interval, settings.logging.level) == (7, "WARN")
    assert (settings.api.port, settings.api.host) == (2222, "127.0.0.1")
    assert loaded.overridden == {"/api/port", "/api/host"}


def test_the_models_and_faults_are_those_of_the_simulated_radio() -> None:
    assert set(get_args(get_args(Model)[0])) == set(FAMILIES)
    assert set(get_args(get_args(Fault)[0])) == set(simulated.Fault)
    environ = {"BATTERYHAWK_SIMULATION_MODELS": "bm6, Bm2", "BATTERYHAWK_SIMULATION_FAULTS": "SILENT"}
    simulation = load(None, environ).settings.simulation
    assert (simulation.models, simulation.faults) == (("BM6", "BM2"), ("silent",))


def test_a_model_or_a_fault_that_does_not_exist_names_where_it_is_from() -> None:
    environ = {"BATTERYHAWK_SIMULATION_MODELS": "BM6,BM9", "BATTERYHAWK_SIMULATION_FAULTS": "nonsense"}
    assert problems(None, **environ) == [
        ("BATTERYHAWK_SIMULATION_MODELS", "/simulation/models/1"),
        ("BATTERYHAWK_SIMULATION_FAULTS", "/simulation/faults/0"),
    ]
    given = Given("simulation", "models", "BM9", "--models")
    assert refusal(None, above=(given,)).source == "--models"
    assert refusal(None, BATTERYHAWK_SIMULATION_MODELS=",").pointer == "/simulation/models"


@pytest.mark.parametrize(
    ("section", "key", "value"),
    [
        ("store", "raw_days", True),
        ("store", "raw_days", "3"),
        ("polling", "interval", True),
        ("polling", "interval", "3"),
        ("api", "port", "5000"),
        ("bluetooth", "record_delta", False),
        ("bluetooth", "listen", 1),
        ("bluetooth", "listen", "yes"),
        ("drivers", "folder", 0),
        ("simulation", "seed", True),
    ],
)
def test_a_number_in_the_file_is_a_number_and_a_truth_value_is_one(
    tmp_path: Path, section: str, key: str, value: object
) -> None:
    assert refusal(written(tmp_path, {section: {key: value}})).pointer == f"/{section}/{key}"


@pytest.mark.parametrize(
    ("variable", "text", "value"),
    [("STORE_RAW_DAYS", "3", 3), ("BLUETOOTH_RECORD_DELTA", "0.1", 0.1), ("BLUETOOTH_LISTEN", "no", False),
     ("POLLING_INTERVAL", "60", 60)],
)  # fmt: skip
def test_the_text_of_the_environment_is_read_as_number_or_truth_value(
    variable: str, text: str, value: object
) -> None:
    section, _, key = variable.lower().partition("_")
    settings = load(None, {f"BATTERYHAWK_{variable}": text}).settings
    assert getattr(getattr(settings, section), key) == value


@pytest.mark.parametrize(
    "token", ["short", "fifteen-letters", "sixteen letters and", "ümlaute-sind-kein-ascii"]
)
def test_an_easy_token_is_refused_without_showing_it(tmp_path: Path, token: str) -> None:
    problem = refusal(None, BATTERYHAWK_API_TOKEN=token)
    assert (problem.pointer, problem.value) == ("/api/token", "***")
    assert "16" in problem.expected
    assert token not in str(problem)
    assert refusal(written(tmp_path, {"api": {"token": token}})).source == "system.json"


def test_where_a_secret_is_from_is_kept(tmp_path: Path) -> None:
    secret = tmp_path / "token"
    secret.write_text("abcdefghijklmnop\n")
    assert load(None, {"BATTERYHAWK_API_TOKEN_FILE": str(secret)}).secret_files == {"/api/token": secret}
    assert load(None, {"BATTERYHAWK_API_TOKEN": "abcdefghijklmnop"}).secret_files == {}


def test_a_file_for_a_secret_that_is_not_there_points_to_the_secret() -> None:
    problem = refusal(None, BATTERYHAWK_MQTT_PASSWORD_FILE="/nonexist")
    assert (problem.source, problem.pointer) == ("BATTERYHAWK_MQTT_PASSWORD_FILE", "/mqtt/password")


def test_what_stands_at_an_unknown_key_is_not_shown(tmp_path: Path) -> None:
    for document in ({"api": {"tokn": "sekret"}}, {"mqtt": "sekret"}, {"api": {"tokn": {"x": "sekret"}}}):
        with pytest.raises(SettingsError) as refused:
            load(written(tmp_path, document), {})
        assert "sekret" not in str(refused.value) + json.dumps(refused.value.as_json())


@pytest.mark.parametrize("number", ["NaN", "Infinity", "-Infinity", "1e999", "[1e999]"])
def test_what_is_no_number_of_json_is_damage(tmp_path: Path, number: str) -> None:
    with pytest.raises(SettingsError, match="cannot be read") as refused:
        load(written(tmp_path, f'{{"polling": {{"interval": {number}}}}}'), {})
    json.dumps(refused.value.as_json(), allow_nan=False)


@pytest.mark.parametrize("text", ["nan", "inf", "1e999"])
def test_no_number_of_the_environment_makes_invalid_json(text: str) -> None:
    with pytest.raises(SettingsError) as refused:
        load(None, {"BATTERYHAWK_POLLING_INTERVAL": text})
    json.dumps(refused.value.as_json(), allow_nan=False)


def test_the_hint_is_a_key_of_the_same_object(tmp_path: Path) -> None:
    users = {"bob": {"password": "x", "pasword": "x"}}
    problem = refusal(written(tmp_path, {"broker": {"users": users}}))
    assert (problem.pointer, problem.expected) == (
        "/broker/users/bob/pasword",
        "no such setting; do you mean 'password'?",
    )


def test_a_pointer_is_escaped(tmp_path: Path) -> None:
    assert refusal(written(tmp_path, {"api": {"a/b~": 1}})).pointer == "/api/a~1b~0"


SETTINGS = {
    (section, key): info for section in sections() for key, info in fields_of(section).items()
}  # of the schema


@pytest.mark.parametrize("place", SETTINGS, ids=".".join)
def test_every_setting_says_what_it_means_and_in_which_unit(place: tuple[str, str]) -> None:
    """The reference page and `hawk config explain` say the same."""
    meaning = SETTINGS[place].description or ""
    assert re.fullmatch(r"[A-Za-z[].*[.]", meaning), f"{place} needs a sentence as its description"
    units = {
        "interval": "[s]",
        "timeout": "[s]",
        "duration": "[s]",
        "days": "[d]",
        "mb": "[MB]",
        "age": "[s]",
    }
    unit = units.get(place[1].rpartition("_")[2], "")
    assert meaning.startswith(unit), f"{place} is in {unit}"


EXAMPLES = {("api", "base_path"): "/hawk"}  # of settings that not every text can be


@pytest.mark.parametrize("place", SETTINGS, ids=".".join)
def test_every_setting_is_set_by_the_variable_that_the_page_names(place: tuple[str, str]) -> None:
    section, key = place
    value = getattr(getattr(Settings(), section), key)
    shown = "abcdefghijklmnop" if isinstance(value, SecretStr) else to_json(value).decode().strip('"')
    text = EXAMPLES.get(place, "some text") if shown == "" else shown
    loaded = load(None, {f"BATTERYHAWK_{section}_{key}".upper(): text})
    assert loaded.overridden == {f"/{section}/{key}"}
    assert loaded.sources[f"/{section}/{key}"] == f"BATTERYHAWK_{section}_{key}".upper()


@pytest.mark.parametrize("place", SETTINGS, ids=".".join)
def test_the_bounds_on_the_page_are_those_that_hold(place: tuple[str, str], tmp_path: Path) -> None:
    section, key = place
    (row,) = re.findall(rf"^\| `{section}\.{key}` \|.*$", reference.page(), re.MULTILINE)
    if (bounds := re.search(r" (-?[\d.e+]+) to (-?[\d.e+]+)\. \|$", row)) is None:
        return
    low, high = (float(bound) if float(bound) % 1 else int(float(bound)) for bound in bounds.groups())
    for value in (low, high):
        load(written(tmp_path, {section: {key: value}}), {})
    for value in (low - 1, high + 1):
        assert refusal(written(tmp_path, {section: {key: value}})).pointer == f"/{section}/{key}"


def test_every_number_has_its_bounds_on_the_page() -> None:
    numbers = [
        f"{section}.{key}" for (section, key), info in SETTINGS.items() if info.annotation in {int, float}
    ]
    rows = dict(re.findall(r"^\| `([a-z.A-Z_0-9]+)` \|(.*)$", reference.page(), re.MULTILINE))
    assert [name for name in numbers if " to " not in rows[name]] == ["simulation.seed"]
