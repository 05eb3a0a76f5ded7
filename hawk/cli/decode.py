"""`hawk decode`: captured frames, for people and for programs."""

import sys

import click

KINDS = ("live", "advertisement", "ibeacon", "history", "version", "cranking")


@click.command()
@click.argument("device", required=False)
@click.argument("hex_digits", metavar="[HEX]", required=False)
@click.option("--kind", type=click.Choice(KINDS), default="live", show_default=True)
@click.option("--address", help="Who sent it; an advertisement is decoded only with it.")
@click.option("--json", "as_json", is_flag=True, help="The answer as JSON.")
@click.option("--json-lines", is_flag=True, help="One request a line on stdin, one answer a line on stdout.")
def decode(
    device: str | None,
    hex_digits: str | None,
    kind: str,
    address: str | None,
    as_json: bool,
    json_lines: bool,
) -> None:
    """Decodes what a monitor sent.

    \b
    hawk decode BM6 6d4237e356fbdff4b6103ed064c3d565
    hawk decode BM2 e18911ed76d18e5ba793d5574f205b61 --kind advertisement --address 50:54:7B:22:2F:20
    echo '{"device":"BM6","kind":"live","hex":"..."}' | hawk decode --json-lines
    """
    if json_lines:
        _lines()
        return
    if device is None or hex_digits is None:
        raise click.UsageError("what to decode? DEVICE and HEX, or --json-lines")
    _one({"device": device, "hex": hex_digits, "kind": kind, "address": address}, as_json=as_json)


def _lines() -> None:
    import json

    from hawk.drivers import catalogue
    from hawk.drivers.decode import answer, failure

    drivers = catalogue.load()
    for line in sys.stdin.buffer:
        if not line.strip():
            continue
        try:
            said = answer(drivers, json.loads(line, parse_constant=_no_number))
        except (ValueError, RecursionError):  # also what is not UTF-8
            said = failure("bad_request", "the line is no JSON")
        sys.stdout.write(json.dumps(said) + "\n")
        sys.stdout.flush()


def _no_number(word: str) -> float:
    raise ValueError(f"{word} is no JSON")


def _one(request: dict[str, str | None], *, as_json: bool) -> None:
    import json

    from hawk.drivers import catalogue
    from hawk.drivers.decode import answer

    said = answer(catalogue.load(), request)
    if as_json:
        click.echo(json.dumps(said))
    elif "error" in said:
        click.echo(f"{said['error']['code']}: {said['error']['detail']}", err=True)
    elif said.get("sample"):
        for name, value in said["sample"].items():
            click.echo(f"{name:20} {value}")
    else:
        click.echo(json.dumps(said, indent=2))
    if "error" in said:
        sys.exit(1)
