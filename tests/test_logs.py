"""Log lines: levels, JSON, a file, and no floods."""

import io
import json
import logging
from collections.abc import Iterator
from pathlib import Path

import pytest

from hawk import logs
from hawk.config.schema import Logging


@pytest.fixture
def root() -> Iterator[None]:
    logger = logging.getLogger()
    handlers, level = tuple(logger.handlers), logger.level
    yield
    for handler in tuple(logger.handlers):
        logger.removeHandler(handler)
        if handler not in handlers:
            handler.close()
    for handler in handlers:
        logger.addHandler(handler)
    logger.setLevel(level)
    logging.captureWarnings(capture=False)


def test_only_what_the_level_lets_through_is_written(root: None) -> None:
    stream = io.StringIO()
    logs.configure(Logging(level="WARN"), Path(), stream)
    logging.getLogger("hawk.x").info("quiet")
    logging.getLogger("hawk.x").warning("loud %d", 7)
    assert "quiet" not in stream.getvalue()
    assert "WARNING hawk.x: loud 7" in stream.getvalue()
    assert stream.getvalue()[23] == "Z"


def test_for_programs_each_line_is_json(root: None) -> None:
    stream = io.StringIO()
    logs.configure(Logging(format="json"), Path(), stream)
    logging.getLogger("hawk.x").error("gone: %s", "é\n")
    line = json.loads(stream.getvalue())
    assert (line["level"], line["logger"], line["message"]) == ("ERROR", "hawk.x", "gone: é\n")


def test_a_file_is_written_beside_stderr(root: None, tmp_path: Path) -> None:
    file = tmp_path / "hawk.log"
    logs.configure(Logging(file_logging=True, log_file=str(file)), Path(), io.StringIO())
    logging.getLogger("hawk.x").info("kept")
    assert "kept" in file.read_text()


def test_left_at_its_default_the_file_is_in_the_data_folder(root: None, tmp_path: Path) -> None:
    logs.configure(Logging(file_logging=True), tmp_path, io.StringIO())
    logging.getLogger("hawk.x").info("kept")
    assert "kept" in (tmp_path / "battery_hawk.log").read_text()


def test_what_repeats_is_said_once_and_counted() -> None:
    repeats = logs.Repeats(seconds=60)

    def passes(at: float, text: str = "broken") -> str | None:
        record = logging.LogRecord("hawk", logging.WARNING, "", 0, text, None, None)
        record.created = at
        return record.getMessage() if repeats.filter(record) else None

    assert [passes(at) for at in (0, 1, 2, 59)] == ["broken", None, None, None]
    assert passes(30, "another") == "another"
    assert passes(61) == "broken (repeated 3 times)"
    assert passes(62) is None


def test_a_flood_of_different_lines_is_not_remembered_for_ever() -> None:
    repeats = logs.Repeats(seconds=60, most=10)
    for i in range(1000):
        record = logging.LogRecord("hawk", logging.WARNING, "", 0, f"line {i}", None, None)
        assert repeats.filter(record)
    assert len(repeats._seen) <= 10
