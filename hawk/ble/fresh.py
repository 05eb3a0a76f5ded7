"""Which of bleak's detection callbacks are advertisements, and what in them is new.

While scanning, bleak calls back for every change BlueZ reports of a device, and each time hands
over all BlueZ remembers: old manufacturer data come again when a link goes up or down and when
an adapter stops. The rule was proved on the real bluetoothd: docs/bluetooth.md.
"""

from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass

UNKNOWN_RSSI = -127  # bleak's word for "BlueZ gives none": nothing was received just now
_REMEMBERED = 4096  # devices; phones change their address every 15 minutes


@dataclass(frozen=True, slots=True)
class _Before:
    link: tuple[bool, bool]  # Connected, ServicesResolved
    data: Mapping[int, bytes]


class Fresh:
    """One object for each start of a scanner: what came before it is not compared."""

    def __init__(self) -> None:
        self._before: OrderedDict[str, _Before] = OrderedDict()

    def news(
        self,
        path: str,
        rssi: int,
        *,
        connected: bool,
        services_resolved: bool,
        manufacturer_data: Mapping[int, bytes],
    ) -> Mapping[int, bytes] | None:
        """The manufacturer data of the advertisement heard just now, at most one entry.

        Empty when it was heard but its data are in doubt; None when this callback is no
        advertisement at all. `path` is BlueZ's object path of the device.
        """
        before = self._before.get(path)
        now = _Before((connected, services_resolved), dict(manufacturer_data))
        self._remember(path, now)
        if rssi == UNKNOWN_RSSI or connected or (before is not None and before.link != now.link):
            return None
        new = now.data if len(now.data) == 1 else _changed(before, now)
        return new if len(new) == 1 else {}

    def _remember(self, path: str, now: _Before) -> None:
        self._before[path] = now
        self._before.move_to_end(path)
        if len(self._before) > _REMEMBERED:
            self._before.popitem(last=False)


def _changed(before: _Before | None, now: _Before) -> Mapping[int, bytes]:
    """Of merged data, what differs from the callback before; nothing if there was none."""
    if before is None:
        return {}
    return {company: data for company, data in now.data.items() if before.data.get(company) != data}
