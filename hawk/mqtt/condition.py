"""How the service does, for system/status: asked of those who know, a second each at most."""

import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import trio

from actors import ActorCrashed, ActorDeadError, ActorRef, AskTimeout, MailboxFull, Query
from hawk import __version__
from hawk.ble.messages import GetScannerStatus
from hawk.directory.messages import ListDevices
from hawk.model.device import Lifecycle
from hawk.mqtt.payloads import Condition
from hawk.sinks.messages import GetSinks, is_up

_DEADLINE = 1.0  # [s]


@dataclass(frozen=True, slots=True)
class Informants:
    directory: ActorRef[Any]
    scanner: ActorRef[Any]
    sinks: ActorRef[Any]
    data: Path
    started: float  # [s] of Trio's clock

    async def condition(self) -> Condition:
        views = await _told(self.directory, ListDevices())
        scanner = await _told(self.scanner, GetScannerStatus())
        sinks = await _told(self.sinks, GetSinks())
        return Condition(
            version=__version__,
            uptime=trio.current_time() - self.started,
            influxdb_connected=is_up(sinks or (), "influxdb"),
            disk_usage=await trio.to_thread.run_sync(_disk_usage, self.data),
            bluetooth=None if scanner is None else "active" if scanner.listening else "down",
            total=None if views is None else len(views),
            connected=None if views is None else sum(view.available for view in views),
            discovered=None
            if views is None
            else sum(view.device.lifecycle is Lifecycle.DISCOVERED for view in views),
        )


def _disk_usage(folder: Path) -> float | None:
    """[%] None while the disk does not answer."""
    try:
        usage = shutil.disk_usage(folder)
    except OSError:
        return None
    return round(100 * usage.used / usage.total, 1)


async def _told(ref: ActorRef[Any], query: Query[Any]) -> Any:
    """None when there is no answer in time."""
    try:
        return await ref.ask(query).within(_DEADLINE)
    except (AskTimeout, ActorCrashed, MailboxFull, ActorDeadError):
        return None
