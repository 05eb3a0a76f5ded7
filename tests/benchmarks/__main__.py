"""`python -m tests.benchmarks [ROW ...] [--readings N] [--json]`."""

import argparse
import json
from collections.abc import Callable, Iterator
from dataclasses import asdict
from functools import partial

from rich.console import Console
from rich.progress import Progress
from rich.table import Table

from tests.benchmarks import inside, mqtt, processes, store, web
from tests.benchmarks.row import Row

ROWS: dict[str, Callable[[], Iterator[Row]]] = {
    "help": processes.help_time,
    "start": processes.start_time,
    "idle": processes.idle,
    "actors": inside.actors,
    "decoding": inside.decoding,
    "reads": inside.reads,
    "linger": processes.linger,
    "api": processes.api,
    "web": web.web,
    "radio": web.radio,
    "latency": processes.latency,
    "mqtt": mqtt.mqtt,
    "store": partial(store.questions, store.READINGS),
    "wear": store.wear,
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "rows", nargs="*", metavar="ROW", help=f"of {', '.join(ROWS)}; all of them if none is named"
    )
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--readings", type=int, help="in the log of the row store; 26000000 are a year's")
    options = parser.parse_args()
    rows = ROWS | ({"store": partial(store.questions, options.readings)} if options.readings else {})
    found: list[Row] = []
    with Progress(console=Console(stderr=True), transient=True) as progress:
        task = progress.add_task("Measuring", total=len(options.rows or ROWS))
        for name in options.rows or ROWS:
            found.extend(rows[name]())
            progress.advance(task)
    if options.json:
        print(json.dumps([asdict(row) for row in found], indent=2))
    else:
        show(found)


def show(rows: list[Row]) -> None:
    table = Table(box=None)
    for heading in ("", "figure", "", "target", ""):
        table.add_column(heading, justify="right" if heading in {"figure", "target"} else "left")
    for row in rows:
        verdict = {None: "", True: "ok", False: "missed"}[row.met]
        table.add_row(row.name, f"{row.figure:,.4g}", row.unit, row.target, verdict)
    Console().print(table)


if __name__ == "__main__":
    main()
