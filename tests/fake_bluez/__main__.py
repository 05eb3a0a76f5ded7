"""`python -m tests.fake_bluez < OPTIONS`: prints one JSON line, then serves until SIGTERM."""

import asyncio
import json
import os
import signal
import sys
import tempfile
from pathlib import Path
from typing import Any

from dbus_fast import Message
from dbus_fast.aio import MessageBus

from tests.fake_bluez.bus import private_daemon
from tests.fake_bluez.control import Control
from tests.fake_bluez.daemon import Daemon
from tests.fake_bluez.monitors import Monitor


async def main(options: dict[str, Any]) -> None:
    with tempfile.TemporaryDirectory(prefix="fake-bluez-") as name:
        folder = Path(options["folder"] or name)
        async with private_daemon(folder, options["connections"], options["policy"]) as (address, process):
            bus = await MessageBus(bus_address=address, negotiate_unix_fd=True).connect()
            daemon = Daemon(bus, options["adv_interval"], options["temporary"], options["dedupe"])
            watch = "type='signal',sender='org.freedesktop.DBus',member='NameOwnerChanged'"
            await bus.call(
                Message(
                    destination="org.freedesktop.DBus",
                    path="/org/freedesktop/DBus",
                    interface="org.freedesktop.DBus",
                    member="AddMatch",
                    signature="s",
                    body=[watch],
                )
            )
            for adapter in options["adapters"]:
                daemon.add_adapter(adapter)
            for monitor in options["monitors"]:
                daemon.add_monitor(Monitor.from_json(monitor))
            await bus.request_name("org.bluez")
            daemon.spawn(daemon.sender.run())
            daemon.spawn(daemon.air.run())
            control = folder / "control"
            server = await asyncio.start_unix_server(Control(daemon, process).serve, control)
            stop = asyncio.Event()
            for number in (signal.SIGTERM, signal.SIGINT):
                asyncio.get_running_loop().add_signal_handler(number, stop.set)
            said = {"bus": address, "control": str(control), "pid": os.getpid(), "dbus_pid": process.pid}
            print(json.dumps(said), flush=True)
            await stop.wait()
            server.close()
            bus.disconnect()


if __name__ == "__main__":
    asyncio.run(main(json.load(sys.stdin)))
