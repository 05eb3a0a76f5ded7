"""Logging: levels, text or JSON on stderr, an optional file, and no floods."""

import json
import logging
import logging.handlers
import sys
from pathlib import Path
from typing import TextIO

from hawk.config.schema import Logging
from hawk.model.instant import rfc3339

REPEATS = 60.0  # [s] the same line is said once in this time, then counted
_NOISY = (
    "aiobmsble",
    "aiomqtt",
    "bleak_retry_connector",
    "bleak",
    "dbus_fast",
    "hypercorn",
    "mqtt",
    "quart",
    "asyncio",
    "trio-asyncio",
)


def configure(settings: Logging, folder: Path, stream: TextIO = sys.stderr) -> None:
    """`folder` is the data folder. Raises OSError when the log file cannot be written."""
    handlers: list[logging.Handler] = [logging.StreamHandler(stream)]
    if settings.file_logging:
        handlers.append(
            logging.handlers.RotatingFileHandler(
                log_file(settings, folder), maxBytes=settings.max_mb * 2**20, backupCount=settings.backups
            )
        )
    formatter = JsonFormatter() if settings.format == "json" else TextFormatter()
    root = logging.getLogger()
    for old in tuple(root.handlers):
        root.removeHandler(old)
        if isinstance(old, logging.FileHandler):
            old.close()
    for handler in handlers:
        handler.setFormatter(formatter)
        handler.addFilter(Repeats(REPEATS))
        root.addHandler(handler)
    set_level(settings.level)
    logging.captureWarnings(capture=True)
    for name in _NOISY:
        logging.getLogger(name).setLevel(logging.WARNING)


def set_level(word: str) -> None:
    """DEBUG, INFO, WARN or ERROR."""
    logging.getLogger().setLevel("WARNING" if word == "WARN" else word)


def level() -> str:
    """The one in force, in the same words."""
    word = logging.getLevelName(logging.getLogger().level)
    return "WARN" if word == "WARNING" else word


def log_file(settings: Logging, folder: Path) -> Path:
    """The default is the one in the image, where /data is the data folder."""
    chosen = Path(settings.log_file)
    return chosen if "log_file" in settings.model_fields_set else folder / chosen.name


class TextFormatter(logging.Formatter):
    """UTC, level, where, what."""

    def __init__(self) -> None:
        super().__init__("%(asctime)s %(levelname)-7s %(name)s: %(message)s")

    def formatTime(self, record: logging.LogRecord, datefmt: str | None = None) -> str:  # noqa: ARG002, N802  # logging's
        return rfc3339(round(record.created * 1000))


class JsonFormatter(TextFormatter):
    def format(self, record: logging.LogRecord) -> str:
        line = {
            "time": self.formatTime(record),
            "level": record.levelname,
            "logger": record.name,
            "message": record.getMessage(),
        }
        if record.exc_info:
            line["trace"] = self.formatException(record.exc_info)
        return json.dumps(line)


class Repeats(logging.Filter):
    """Lets a line through once in so many seconds, and says then how often it was held back."""

    def __init__(self, seconds: float, most: int = 1000) -> None:
        super().__init__()
        self._seconds, self._most = seconds, most
        self._seen: dict[tuple[str, int, str], tuple[float, int]] = {}

    def filter(self, record: logging.LogRecord) -> bool:
        key = (record.name, record.levelno, record.getMessage())
        since, held = self._seen.get(key, (float("-inf"), 0))
        if record.created - since < self._seconds:
            self._seen[key] = (since, held + 1)
            return False
        self._seen.pop(key, None)
        self._seen[key] = (record.created, 0)
        if len(self._seen) > self._most:
            del self._seen[next(iter(self._seen))]
        if held:
            record.msg, record.args = f"{record.getMessage()} (repeated {held} times)", None
        return True
