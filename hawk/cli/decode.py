"""`hawk decode`: captured frames, for people and for programs."""

import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from hawk.drivers.catalogue import Catalogue
    from hawk.drivers.decode import Answer

UNITS = {
    "voltage": "V",
    "minimum_voltage": "V",
    "min_crank_voltage": "V",
    "temperature": "°C",
    "state_of_charge": "%",
    "duration": "s",
    "age": "s",
}


@click.command()
@click.argument("device", required=False)
@click.argument("hex_digits", metavar="[HEX]", required=False)
@click.option(
    "--kind",
    default="live",
    show_default=True,
    help="Of the bytes: live, advertisement, ibeacon, history, version, cranking; what its driver knows.",
)
@click.option("--address", help="Who sent it; an advertisement is decoded only with it.")
@click.option("--json", "as_json", is_flag=True, help="The answer as JSON.")
@click.option("--json-lines", is_flag=True, help="One request a line on stdin, one answer a line on stdout.")
@click.option(
    "--recording",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Decode a recording again, line by line.",
)
@click.option(
    "--config",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="The config of a recorded device that needs one.",
)
@click.option("--data", type=click.Path(path_type=Path), help="The data folder, for the drivers in it.")
def decode(
    device: str | None,
    hex_digits: str | None,
    kind: str,
    address: str | None,
    as_json: bool,
    json_lines: bool,
    recording: Path | None,
    config: Path | None,
    data: Path | None,
) -> None:
    """Decodes what a monitor sent.

    \b
    hawk decode BM6 6d4237e356fbdff4b6103ed064c3d565
    hawk decode BM2 e18911ed76d18e5ba793d5574f205b61 --kind advertisement --address 50:54:7B:22:2F:20
    echo '{"device":"BM6","kind":"live","hex":"..."}' | hawk decode --json-lines
    hawk decode --recording scan.jsonl
    """
    if recording is not None:
        from hawk.cli.recorded import decode_recording

        decode_recording(_drivers(data), recording, config, as_json=as_json)
        return
    if json_lines:
        _lines(_drivers(data))
        return
    if device is None or hex_digits is None:
        raise click.UsageError("what to decode? DEVICE and HEX, --json-lines, or --recording FILE")
    asked = {"device": device, "hex": hex_digits, "kind": kind, "address": address}
    _one(_drivers(data), asked, as_json=as_json)


def _drivers(data: Path | None) -> "Catalogue":
    import os

    from hawk import datafolder
    from hawk.cli.drivers import drop_ins_if_any, installed

    return installed(drop_ins_if_any(datafolder.choose(data, os.environ)))


# -- for programs ----------------------------------------------------------------------------


def _lines(drivers: "Catalogue") -> None:
    for line in sys.stdin.buffer:
        if line.strip():
            sys.stdout.write(answer_line(drivers, line) + "\n")
            sys.stdout.flush()


def answer_line(drivers: "Catalogue", line: bytes) -> str:
    """Strict JSON for whatever the line holds."""
    import json

    from hawk.drivers.decode import answer, failure

    try:
        return json.dumps(answer(drivers, json.loads(line, parse_constant=_no_number)), allow_nan=False)
    except (ValueError, RecursionError):  # also what is not UTF-8, and an id that no JSON can echo
        return json.dumps(failure("bad_request", "the line is no JSON, or nested too deep"))


def _no_number(word: str) -> float:
    raise ValueError(f"{word} is no JSON")


# -- for people ------------------------------------------------------------------------------


def _one(drivers: "Catalogue", request: Mapping[str, str | None], *, as_json: bool) -> None:
    import json

    from hawk.drivers.decode import answer

    said = answer(drivers, request)
    failed = "error" in said
    for line in [json.dumps(said)] if as_json else in_words(said):
        click.echo(line, err=failed)
    if failed:
        sys.exit(1)


def in_words(said: "Answer") -> Iterator[str]:
    match said:
        case {"error": error}:
            yield f"hawk: {error['code']}: {error['detail']}"
        case {"note": note}:
            yield f"no reading: {note}"
        case {"sample": sample}:
            yield from _rows(sample)
        case {"event": event}:
            samples = event["samples"]
            yield from _rows({name: value for name, value in event.items() if name != "samples"})
            yield f"{'samples':20} {len(samples)}, from {samples[0]:.2f} V to {samples[-1]:.2f} V"
        case {"samples": records}:
            yield from _columns(records)


def _rows(values: Mapping[str, Any]) -> Iterator[str]:
    for name, value in values.items():
        yield f"{name:20} {_shown(name, value)} {UNITS.get(name, '')}".rstrip()


def _columns(records: Sequence[Mapping[str, Any] | None]) -> Iterator[str]:
    """In the order of the bytes, a record without a reading as dashes."""
    names = next((tuple(record) for record in records if record), ())
    heads = ["#", *(f"{name} {UNITS.get(name, '')}".strip() for name in names)]
    table = [heads] + [
        [str(number), *(_shown(name, record[name]) if record else "-" for name in names)]
        for number, record in enumerate(records)
    ]
    widths = [max(map(len, column)) for column in zip(*table, strict=True)]
    for row in table:
        yield "  ".join(f"{cell:>{width}}" for cell, width in zip(row, widths, strict=True))


def _shown(name: str, value: object) -> str:
    if value is None:
        return "-"
    return f"{value:.2f}" if name.endswith("voltage") else str(value)
