"""What `bm2_history.py` of KrystianD/bm2-battery-monitor prints of a BM2: local time to the minute, and volts.

    2023-04-01 12:34:00 = 12.61 V

The program takes the clock of the machine it runs on, without saying where that is, and says no address.
"""

import re
from collections.abc import Iterator

from hawk.archive.api import Assumed, Entry, Format, Refused, Source
from hawk.archive.lines import first_line, numbered
from hawk.errors import Invalid
from hawk.model.reading_json import reading_of

_LINE = re.compile(
    r"([0-9]{4}-[0-9]{2}-[0-9]{2} [0-9]{2}:[0-9]{2}:[0-9]{2}) = ([0-9]{1,2}(?:\.[0-9]{1,2})?) V"
)


def _read(source: Source, assumed: Assumed) -> Iterator[Entry]:
    if assumed.device is None:
        raise Invalid("whose is it? say it with --device MAC")
    if assumed.zone is None:
        raise Invalid("its times are those of a clock somewhere: say with --timezone where, as Europe/Berlin")
    for number, line in numbered(source.file):
        if line.strip():
            yield from _entry(number, line, assumed)


def _entry(number: int, line: bytes, assumed: Assumed) -> Iterator[Entry]:
    """Nothing of 0 V, which was no measurement."""
    found = _LINE.fullmatch(line.decode(errors="replace").rstrip("\r\n"))
    if found is None:
        yield Refused(number, "it is not like '2023-04-01 12:34:00 = 12.61 V'")
        return
    said = {
        "device_id": assumed.device,
        "timestamp": found[1],
        "source": "history",
        "device_type": "BM2",
        "voltage": float(found[2]),
    }
    try:
        if said["voltage"]:
            yield reading_of(said, assumed.now, assumed.zone)
    except Invalid as error:
        yield Refused(number, str(error))


def _fits(head: bytes) -> bool:
    return _LINE.fullmatch(first_line(head)) is not None


BM2_HISTORY = Format("bm2-history", "output of bm2_history.py", _fits, _read)
