"""Orders to the simulated daemon: JSON lines over a unix socket, each answered by one."""

import asyncio
import json
from typing import Any

from tests.fake_bluez.cranking import Start
from tests.fake_bluez.daemon import Daemon
from tests.fake_bluez.monitors import Monitor
from tests.fake_bluez.objects import ADAPTER


class Control:
    def __init__(self, daemon: Daemon, bus: asyncio.subprocess.Process) -> None:
        self._daemon, self._bus = daemon, bus

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while line := await reader.readline():
            order = json.loads(line)
            try:
                said = {"ok": await self._do(order.pop("do"), **order)}
            except Exception as error:  # noqa: BLE001  # told to the test
                said = {"error": repr(error)}
            writer.write(json.dumps(said).encode() + b"\n")
            await writer.drain()
        writer.close()

    async def _do(
        self, order: str, address: str | None = None, adapter: str | None = None, **arguments: Any
    ) -> Any:
        daemon, every, adapter = self._daemon, adapter is None, adapter or "hci0"
        path = f"/org/bluez/{adapter}"
        match order:
            case "faults":  # without an address: of all
                for each in self._paths(address):
                    daemon.monitors[each].faults.update(**arguments)
            case "set":
                for each in self._paths(address):
                    for name, value in arguments.items():
                        setattr(daemon.monitors[each], name, value)
            case "crank":  # the engine is started; while linked it tells that unasked
                for each in self._paths(address):
                    daemon.crank(each, Start(**arguments))
            case "drop":  # the link; the device stays in range
                for each in self._paths(address):
                    daemon.drop(each)
            case "vanish":  # out of range, and forgotten
                for each in self._paths(address):
                    daemon.drop(each)
                    daemon.objects.remove(each)
                    del daemon.monitors[each]
            case "appear":
                daemon.add_monitor(
                    Monitor.from_json({"address": address, "adapters": [adapter], **arguments})
                )
            case "power":
                daemon.power(path, arguments["on"])
            case "rfkill":
                daemon.power(path, not arguments["block"], rfkill=True)
            case "crash":
                await daemon.crash()
            case "start":
                await daemon.start()
            case "dedupe":
                daemon.air.dedupe = arguments["by"]
            case "unplug":
                daemon.power(path, False)
                daemon.objects.remove(path)
            case "plug":
                if path not in daemon.objects:
                    daemon.add_adapter(adapter)
            case "discovery_error":
                if every:
                    daemon.discovery_errors.clear()
                daemon.discovery_errors["" if every else path] = arguments["error"]
            case "deaf":  # until a scan is started on it
                daemon.deaf.add(path)
            case "kill_bus":
                self._bus.kill()
            case "asked":  # all that was written to it, in hex
                return daemon.monitors[self._paths(address)[0]].module.asked
            case "ways":  # in which that was written
                return daemon.monitors[self._paths(address)[0]].module.ways
            case "state":
                return self._state()
            case _:
                raise ValueError(order)
        return None

    def _paths(self, address: str | None) -> list[str]:
        tail = "" if address is None else "dev_" + address.replace(":", "_")
        found = [path for path in self._daemon.monitors if path.endswith(tail)]
        if not found:
            raise KeyError(address)
        return found

    def _state(self) -> dict[str, Any]:
        daemon = self._daemon
        monitors = list(daemon.monitors.values())
        return {
            "linked": [path for path in daemon.monitors if daemon.linked(path)],
            "connecting": list(daemon.connecting),
            "notifying": list(daemon.notifying),
            "discovering": len(daemon.discovery),
            "calls": daemon.calls,
            "powered": [
                path
                for path, held in daemon.objects.tree.items()
                if ADAPTER in held and held[ADAPTER]["Powered"].value
            ],
            "commands": sum(monitor.commands for monitor in monitors),
            "frames": sum(monitor.frames_sent for monitor in monitors),
            "recollections": sum(monitor.recollections for monitor in monitors),
        }
