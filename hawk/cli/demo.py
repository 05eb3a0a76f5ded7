"""`hawk demo`: the service with simulated batteries, in a data folder that is thrown away."""

from collections.abc import Mapping
from pathlib import Path

import click

from hawk.cli.options import FOLDER
from hawk.cli.output import end_on_sigterm, exit_with_error
from hawk.errors import HawkError


@click.command()
@click.option("--devices", type=click.IntRange(1, 5000), help="How many monitors. [8]")
@click.option("--models", metavar="L", help="Their families in turn. [BM6,BM2,BM7]")
@click.option("--seed", type=int, help="The same seed gives the same batteries. [1]")
@click.option("--speed", type=click.FloatRange(0.1, 10_000), help="How fast their time goes by. [1]")
@click.option("--faults", metavar="L", help="What some of them do wrong: silent,slow,drop,garbage.")
@click.option(
    "--replay", type=click.Path(), metavar="FILE", help="Play a recording instead (docs/recording.md)."
)
@click.option("--api-port", type=click.IntRange(0, 65535), help="0 is any free one. [5000]")
@click.option(
    "--broker-port",
    type=click.IntRange(0, 65535),
    help="Of MQTT; 0 is any free one. [1883, or a free one if that is taken]",
)
@click.option("--data", type=FOLDER, help="Keep the data in this folder.")
@click.option("--duration", type=click.FloatRange(min=0), metavar="S", help="Stop after so many seconds.")
@click.option("--json", "as_json", is_flag=True, help="One JSON line on stdout when it is listening.")
def demo(as_json: bool, data: Path | None, duration: float | None, **options: str | float | None) -> None:
    """Shows a car, a boat and a camper whose batteries are simulated.

    Needs no Bluetooth, no broker (it has one inside) and no database, listens on this
    machine only, and throws its data away at the end. Every reading says that it is simulated.

    \b
    hawk demo
    hawk demo --speed 600 --devices 20
    hawk demo --replay scan.jsonl
    """
    end_on_sigterm()
    try:
        _demo(as_json, data, duration, options)
    except HawkError as error:
        exit_with_error(error, as_json=as_json)


# What the demo sets unless the file, the environment or an option says otherwise, and what it insists on.
DEFAULTS = {
    ("polling", "interval"): "60",
    ("logging", "level"): "WARN",
    ("influxdb", "enabled"): "false",  # made-up batteries do not belong between the real ones
}
FORCED = {
    ("bluetooth", "backend"): "simulated",
    ("clock", "trust"): "always",
    ("api", "host"): "127.0.0.1",
    ("broker", "host"): "127.0.0.1",
}
OPTIONS = {
    "devices": ("simulation", "devices"),
    "models": ("simulation", "models"),
    "seed": ("simulation", "seed"),
    "speed": ("simulation", "speed"),
    "faults": ("simulation", "faults"),
    "replay": ("simulation", "replay"),
    "api_port": ("api", "port"),
    "broker_port": ("broker", "port"),
}


def _demo(
    as_json: bool, data: Path | None, duration: float | None, options: Mapping[str, str | float | None]
) -> None:
    import tempfile

    from hawk import app
    from hawk.config.load import Given

    defaults = {**DEFAULTS, **_broker_inside()}
    below = [Given(*place, text, "hawk demo") for place, text in defaults.items()]
    above = [Given(*place, text, "hawk demo") for place, text in FORCED.items()] + [
        Given(*OPTIONS[name], str(value), f"--{name.replace('_', '-')}")
        for name, value in options.items()
        if name in OPTIONS and value is not None
    ]
    with tempfile.TemporaryDirectory(prefix="battery-hawk-demo-") as scratch:
        folder = data or Path(scratch)
        loaded = app.prepare(folder, below=below, above=above)
        app.run(app.Launch(folder=folder, loaded=loaded, as_json=as_json, demo=True, duration=duration))


def _broker_inside() -> dict[tuple[str, str], str]:
    """Many who try this have a broker on the usual port already; and where amqtt cannot be had, none is needed."""
    import socket
    from importlib.util import find_spec

    if find_spec("amqtt") is None:
        return {}
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", 1883))
        except OSError:
            return {("broker", "enabled"): "true", ("broker", "port"): "0"}
    return {("broker", "enabled"): "true"}
