"""The file of the read-only tokens."""

import json
import os
import threading
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hawk.errors import ConfigurationError, Conflict, Invalid, NotFound
from hawk.tokens import TokenFile, digest

NOW = "2026-11-23T10:30:00.250Z"


@pytest.fixture
def file(tmp_path: Path) -> TokenFile:
    return TokenFile(tmp_path / "api-tokens.json")


def test_a_token_is_told_once_and_kept_as_its_digest(file: TokenFile, tmp_path: Path) -> None:
    token = file.add("grafana", NOW)
    (kept,) = file.read()
    assert (kept.name, kept.made_at, kept.sha256) == ("grafana", NOW, digest(token))
    assert kept.masked == f"{token[:4]}***"
    assert token not in (tmp_path / "api-tokens.json").read_text()
    assert (tmp_path / "api-tokens.json").stat().st_mode & 0o777 == 0o600


def test_no_two_tokens_are_alike(file: TokenFile) -> None:
    tokens = {file.add(f"n{number}", NOW) for number in range(20)}
    assert len(tokens) == len({each.sha256 for each in file.read()}) == 20
    assert all(len(token) == 32 for token in tokens)


def test_they_are_removed_by_name(file: TokenFile) -> None:
    file.add("one", NOW)
    file.add("two", NOW)
    file.remove("one")
    assert [each.name for each in file.read()] == ["two"]
    with pytest.raises(NotFound, match="'one'; there is two"):
        file.remove("one")
    file.remove("two")
    with pytest.raises(NotFound, match="none at all"):
        file.remove("two")


def test_a_name_is_taken_once(file: TokenFile) -> None:
    file.add("grafana", NOW)
    with pytest.raises(Conflict, match="grafana"):
        file.add("grafana", NOW)


@pytest.mark.parametrize("name", ["", " ", "a b", "-x", ".x", "../x", "a/b", "ä", "a\n", "x" * 65])
def test_a_name_fits_on_a_line_and_into_a_command(file: TokenFile, name: str) -> None:
    with pytest.raises(Invalid):
        file.add(name, NOW)
    assert file.read() == ()


def test_two_commands_at_once_lose_no_token(file: TokenFile) -> None:
    names = [f"n{number}" for number in range(12)]
    writers = [threading.Thread(target=file.add, args=(name, NOW)) for name in names]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
    assert sorted(each.name for each in file.read()) == sorted(names)


GOOD: Any = {"name": "a", "made_at": NOW, "begins": "abcd", "sha256": "0" * 64}


@pytest.mark.parametrize(
    "document",
    ["", "{", "[]", "null", "[" * 100_000, {}, {"version": "2.0", "tokens": []}, {"version": "1.0"},
     {"version": "1.0", "tokens": [1]}, {"version": "1.0", "tokens": [GOOD | {"sha256": "x"}]},
     {"version": "1.0", "tokens": [GOOD | {"name": 1}]}, {"version": "1.0", "tokens": [GOOD | {"more": "x"}]},
     {"version": "1.0", "tokens": {"a": GOOD}}],
)  # fmt: skip
def test_a_damaged_file_is_said_and_never_overwritten(document: object, tmp_path: Path) -> None:
    text = document if isinstance(document, str) else json.dumps(document)
    path = tmp_path / "api-tokens.json"
    path.write_text(text)
    for use in (
        TokenFile(path).read,
        lambda: TokenFile(path).add("b", NOW),
        lambda: TokenFile(path).remove("a"),
    ):
        with pytest.raises(ConfigurationError, match=r"api-tokens\.json is damaged"):
            use()
    assert path.read_text() == text


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text() | st.just(NOW) | st.just("0" * 64),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["version", "tokens", "name", "made_at", "begins", "sha256"]), inner
        )
    ),
    max_leaves=20,
)


@given(
    json_values.map(json.dumps)
    | st.text()
    | json_values.map(lambda each: json.dumps({"version": "1.0", "tokens": [each]}))
)
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_whatever_is_in_it_it_is_tokens_or_damaged(tmp_path: Path, text: str) -> None:
    path = tmp_path / "api-tokens.json"
    path.write_bytes(text.encode(errors="surrogatepass"))
    try:
        for each in TokenFile(path).read():
            assert each.masked.endswith("***")
    except ConfigurationError:
        pass


@pytest.mark.skipif(os.geteuid() != 0, reason="who is not root cannot give files away")
def test_what_root_makes_belongs_to_whoever_has_the_folder(tmp_path: Path) -> None:
    os.chown(tmp_path, 12345, 12345)
    TokenFile(tmp_path / "api-tokens.json").add("a", NOW)
    assert (tmp_path / "api-tokens.json").stat().st_uid == 12345


@given(st.text(), st.text())
def test_only_the_same_text_has_the_same_digest(one: str, other: str) -> None:
    assert (digest(one) == digest(other)) == (one == other)


def test_half_a_surrogate_has_a_digest_too() -> None:
    assert digest("\ud800") != digest("?")
