"""Which tokens open the API, while they change."""

from dataclasses import dataclass
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hawk.errors import ConfigurationError
from hawk.tokens import TokenFile
from hawk.web.tokens import Tokens

NOW = "2026-11-23T10:30:00.250Z"


@dataclass
class Own:
    """The token of the service, as its file or the settings say it."""

    text: str = "the-one-of-now"

    def __call__(self) -> str:
        if not self.text:
            raise ConfigurationError("api-token is damaged")
        return self.text


@given(st.text(), st.text(min_size=1))
def test_only_the_token_itself_opens(given: str, token: str) -> None:
    assert (Tokens(Own(token)).grant_of(given) is not None) == (given == token)


def test_a_new_one_holds_after_the_next_look_and_the_old_one_no_more() -> None:
    own = Own()
    tokens = Tokens(own)
    old = tokens.grant_of("the-one-of-now")
    assert old is not None and not old.read_only
    assert not tokens.look()
    own.text = "another"
    assert tokens.look()
    assert tokens.grant_of("the-one-of-now") is None
    assert not tokens.holds(old)
    assert tokens.text == "another"


def test_one_that_held_until_it_was_changed_is_told_from_a_guess() -> None:
    own = Own()
    tokens = Tokens(own)
    own.text = "another"
    tokens.look()
    assert tokens.was_one("the-one-of-now")
    assert not tokens.was_one("a-guess")
    assert not tokens.was_one("another")
    own.text = "the-one-of-now"
    tokens.look()
    assert not tokens.was_one("the-one-of-now")
    assert tokens.was_one("another")


def test_a_read_only_one_comes_without_ending_another_and_ends_when_it_is_removed(tmp_path: Path) -> None:
    file = TokenFile(tmp_path / "api-tokens.json")
    tokens = Tokens(Own(), file)
    text = file.add("grafana", NOW)
    assert not tokens.look()
    grant = tokens.grant_of(text)
    assert grant is not None and grant.read_only
    file.remove("grafana")
    assert tokens.look()
    assert not tokens.holds(grant)


def test_what_cannot_be_read_changes_nothing_and_is_said_once(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    own, file = Own(), TokenFile(tmp_path / "api-tokens.json")
    text = file.add("grafana", NOW)
    tokens = Tokens(own, file)
    (tmp_path / "api-tokens.json").write_text("{")
    for _ in range(3):
        assert not tokens.look()
    own.text = ""
    assert not tokens.look()
    assert tokens.grant_of(text) is not None
    assert tokens.grant_of("the-one-of-now") is not None
    assert len(caplog.records) == 2


def test_a_damaged_file_of_readers_does_not_keep_the_token_of_the_service_from_changing(
    tmp_path: Path,
) -> None:
    (tmp_path / "api-tokens.json").write_text("{")
    own = Own()
    tokens = Tokens(own, TokenFile(tmp_path / "api-tokens.json"))
    own.text = "another"
    assert tokens.look()
    assert tokens.grant_of("another") is not None


def test_a_damaged_token_of_the_service_does_not_keep_a_reader_from_being_removed(tmp_path: Path) -> None:
    own, file = Own(), TokenFile(tmp_path / "api-tokens.json")
    text = file.add("grafana", NOW)
    tokens = Tokens(own, file)
    own.text = ""
    file.remove("grafana")
    assert tokens.look()
    assert tokens.grant_of(text) is None
    assert tokens.grant_of("the-one-of-now") is not None


def test_without_a_token_of_its_own_the_service_does_not_start() -> None:
    with pytest.raises(ConfigurationError):
        Tokens(Own(""))
