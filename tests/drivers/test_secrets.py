"""Keys of devices: who may see them, and how they are kept."""

from hawk.drivers import secrets
from tests.doubles import toys


def test_the_secrets_of_a_type_are_hidden_and_the_rest_is_shown() -> None:
    config = {"key": "abc", "model": "pro"}
    assert toys().shown("whisper", config) == {"key": "***", "model": "pro"}
    assert toys().shown("TOY", config) == config
    assert config["key"] == "abc"


def test_of_a_type_that_is_not_installed_all_is_hidden() -> None:
    assert toys().shown("gone", {"key": "abc", "model": "pro"}) == {"key": "***", "model": "***"}


def test_what_is_sent_back_hidden_is_kept_and_what_is_new_counts() -> None:
    old = {"key": "abc", "model": "pro"}
    assert secrets.kept({"key": "***", "model": "pro"}, old) == old
    assert secrets.kept({"key": "new"}, old) == {"key": "new"}
    assert secrets.kept({"key": "***"}, {}) == {"key": "***"}  # which no driver takes for a key
    assert secrets.kept({"fields": [{"key": "***"}]}, old) == {"fields": [{"key": "***"}]}
