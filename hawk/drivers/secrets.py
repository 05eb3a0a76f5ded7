"""Secrets in the config of a device: nobody is shown them, and who sends back what he was shown keeps them."""

from collections.abc import Collection, Mapping
from typing import Any

from hawk.drivers.api import Config

HIDDEN = "***"


def hidden(config: Config, secrets: Collection[str]) -> Mapping[str, Any]:
    return {key: HIDDEN if key in secrets else value for key, value in config.items()}


def kept(config: Config, old: Config) -> Mapping[str, Any]:
    """With what is in `old` wherever `config` has it hidden."""
    return {key: old.get(key, value) if value == HIDDEN else value for key, value in config.items()}
