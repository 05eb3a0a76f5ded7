"""The log that the maker's app for BM6 and BM200 writes: its copies of the monitor's history.

A line `18:58:08:historys.max(50):`, then one with its records, the newest first, each followed by a comma:

    {"serial":"..","mark":0,"vol":13.229999542236328,"soc":100,"time":1764673020,"temp":23},

`vol`, `soc`, `temp` and `mark` are the four values of a history record (docs/devices/bm6.md); `vol` went through
a number of four bytes, so that its hundredths are rounded back. `time` is seconds since the epoch: in the one log
that is public it is the time at the head of the lines, at UTC+8 where its author lives. What `serial` is cannot be
seen there, its author hid it: it is taken for the address if it looks like one. Source: bm6_100Hz.log in the
repository 1stbenz/1stbenz.github.io. The app's Excel file is not known well enough to be read.
"""

import math
import re
from collections.abc import Iterator
from typing import Any

from hawk.archive.api import Assumed, Entry, Format, Refused, Source
from hawk.archive.json_lines import loads
from hawk.archive.lines import first_line, is_too_long, numbered
from hawk.errors import BadAddress, Invalid
from hawk.model.address import parse_address
from hawk.model.instant import rfc3339
from hawk.model.reading_json import reading_of

_FIRST = re.compile(r"[0-9]{2}:[0-9]{2}:[0-9]{2}:[A-Za-z]+[.:(]")
_NAMES = {"serial", "mark", "vol", "soc", "time", "temp"}
_LATEST = 253_402_300_799  # [s] the end of the year 9999


def _read(source: Source, assumed: Assumed) -> Iterator[Entry]:
    serials: set[str] = set()
    for number, line in numbered(source.file):
        text = line.strip()
        if is_too_long(line):
            yield Refused(number, "it is too long for a list of records")
        elif text.startswith(b"{"):
            yield from _entries(number, text, assumed, serials)


def _entries(number: int, text: bytes, assumed: Assumed, serials: set[str]) -> Iterator[Entry]:
    try:
        records = loads(f"[{text.decode().removesuffix(',')}]")
    except ValueError as error:
        yield Refused(number, f"it is no list of records: {error}")
        return
    for nth, record in enumerate(records, 1):
        try:
            if (said := _attributes(record, assumed, serials)) is not None:
                yield reading_of(said, assumed.now)
        except Invalid as error:
            yield Refused(number, f"record {nth}: {error}")


def _attributes(record: Any, assumed: Assumed, serials: set[str]) -> dict[str, Any] | None:
    """None for a record that has its place in time, and was no measurement."""
    if not isinstance(record, dict) or record.keys() != _NAMES:
        raise Invalid(f"its values are not {', '.join(sorted(_NAMES))}")
    volts, mark = record["vol"], record["mark"]
    if volts == 0 and not isinstance(volts, bool):
        return None
    return {
        "device_id": _device(record["serial"], assumed, serials),
        "timestamp": _time(record["time"]),
        "source": "history",
        "device_type": "BM6",
        "voltage": round(volts, 2) if isinstance(volts, float) and math.isfinite(volts) else volts,
        "state_of_charge": record["soc"],
        "temperature": record["temp"],
        "extra": {"flags": mark} if mark else {},
    }


def _device(serial: object, assumed: Assumed, serials: set[str]) -> str:
    """Raises Invalid when nobody says whose it is, or the file is about a second one."""
    if not isinstance(serial, str):
        raise Invalid("serial is text")
    try:
        return parse_address(serial)
    except BadAddress:
        if assumed.device is None:
            raise Invalid(f"whose is {serial[:40]!r}? say it with --device") from None
    if serials and serial not in serials:
        raise Invalid(f"{serial[:40]!r} is another one than the first in this file")
    serials.add(serial)
    return assumed.device


def _time(seconds: object) -> str:
    if isinstance(seconds, bool) or not isinstance(seconds, int) or not 0 <= seconds <= _LATEST:
        raise Invalid("time is seconds since 1970")
    return rfc3339(seconds * 1000)


def _fits(head: bytes) -> bool:
    return _FIRST.match(first_line(head)) is not None


BM6_APP = Format("bm6-app", "log of the maker's app for BM6 and BM200", _fits, _read)
