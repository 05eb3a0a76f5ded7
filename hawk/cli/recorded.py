"""`hawk decode --recording FILE`: what this version makes of recorded bytes."""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import click

from hawk.ble.recording import Damaged, Heard, Line, Outcome
from hawk.ble.recording_file import read_recording
from hawk.ble.redecoding import Redecoder
from hawk.cli import config_file
from hawk.cli.output import exit_with_error
from hawk.drivers.catalogue import Catalogue
from hawk.drivers.decode import sample_to_json
from hawk.errors import HawkError
from hawk.model.instant import rfc3339

Answer = Mapping[str, Any]


def decode_recording(drivers: Catalogue, path: Path, config: Path | None, *, as_json: bool) -> None:
    """One answer for each advertisement, each frame received and each damaged line, in their order."""
    try:
        redecoder = Redecoder(drivers, {} if config is None else config_file.read(config))
        for answer in answers(path, redecoder):
            click.echo(json.dumps(answer, default=str) if as_json else in_words(answer))
    except HawkError as error:
        exit_with_error(error, as_json=as_json)


def answers(path: Path, redecoder: Redecoder) -> Iterator[Answer]:
    """Raises Invalid when it is no recording."""
    for number, line in read_recording(path):
        match line:
            case Damaged(detail):
                yield {"line": number, "error": {"code": "bad_request", "detail": detail}}
            case Line() if (outcome := redecoder.outcome(line)) is not None:
                yield _answer(number, line, outcome)


def _answer(number: int, line: Line, outcome: Outcome) -> Answer:
    utc = line.moment.utc
    said: dict[str, Any] = {
        "line": number,
        "utc": None if utc is None else rfc3339(utc),
        "address": line.address,
        "kind": "advertisement" if isinstance(line.event, Heard) else "received",
        "device_type": outcome.device_type,
        "sample": None if outcome.sample is None else sample_to_json(outcome.sample),
    }
    if outcome.code is not None:
        said["error"] = {"code": outcome.code, "detail": outcome.detail}
    return said


def in_words(answer: Answer) -> str:
    match answer:
        case {"kind": kind, "sample": sample, **rest}:
            said = f"{rest['utc'] or '-':24}  {rest['address']}  {kind:13}  {rest['device_type'] or '?':17}"
            values = "  ".join(f"{name}={value}" for name, value in (sample or {}).items())
            return f"{answer['line']:>6}  {said}  {values or _why_nothing(answer)}".rstrip()
    return f"{answer['line']:>6}  damaged: {answer['error']['detail']}"


def _why_nothing(answer: Answer) -> str:
    error = answer.get("error")
    return f"{error['code']}: {error['detail']}" if error else "-"
