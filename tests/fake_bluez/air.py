"""What is on the air, and what bluetoothd makes of it."""

import asyncio
import random
from typing import TYPE_CHECKING

from tests.fake_bluez.monitors import Heard, Monitor, parse_advert
from tests.fake_bluez.objects import DEVICE, Properties, V

if TYPE_CHECKING:
    from tests.fake_bluez.daemon import Daemon

_WINDOW = 10.3  # [s] the kernel starts LE scans anew, and the adapter forgets what it has let through


class Air:
    def __init__(self, daemon: "Daemon", interval: float, dedupe: str) -> None:
        self._daemon, self._interval = daemon, interval
        self.dedupe = dedupe  # adverts that the adapter hides: none, same data, same address
        self._let_through: set[tuple[str, bytes]] = set()
        self._window_ends = 0.0
        self._expiry: dict[str, asyncio.TimerHandle] = {}
        self._chance = random.Random(6)

    async def run(self) -> None:
        """Every device in range advertises once an interval, spread over it."""
        clock = asyncio.get_running_loop()
        while True:
            paths, started = list(self._daemon.monitors), clock.time()
            for i, path in enumerate(paths):
                if path in self._daemon.monitors:
                    self._advertise(path)
                await asyncio.sleep(max(0.0, started + self._interval * (i + 1) / len(paths) - clock.time()))
            if not paths:
                await asyncio.sleep(self._interval)

    def new_window(self) -> None:
        self._window_ends = 0.0

    def _advertise(self, path: str) -> None:
        daemon, monitor = self._daemon, self._daemon.monitors[path]
        if monitor.faults.silent or daemon.linked(path) or path in daemon.connecting:
            return
        sent, response = monitor.advert()
        adapter = path.rsplit("/", 1)[0]
        if not daemon.discovering(adapter) or adapter not in daemon.objects or adapter in daemon.deaf:
            return
        if self._hidden(path, sent):
            return
        heard = parse_advert(sent, response)
        if self._wanted(adapter, monitor, heard):
            rssi = max(-120, min(-20, monitor.rssi + self._chance.randint(-4, 4)))
            if path in daemon.objects:
                self._update(path, rssi, heard)
            else:
                self._show(path, monitor, rssi, heard)
            self.expect(path)

    def _hidden(self, path: str, sent: bytes) -> bool:
        now = asyncio.get_running_loop().time()
        if now > self._window_ends:
            self._let_through, self._window_ends = set(), now + _WINDOW
        mark = (path, sent if self.dedupe == "data" else b"")
        if self.dedupe != "none" and mark in self._let_through:
            return True
        self._let_through.add(mark)
        return False

    def _wanted(self, adapter: str, monitor: Monitor, heard: Heard) -> bool:
        """Whether some running discovery's filter lets it through."""
        for asked in self._daemon.discovering(adapter):
            uuids, rssi = asked.get("UUIDs"), asked.get("RSSI")
            if uuids and uuids.value and not {u.lower() for u in uuids.value} & set(heard.uuids):
                continue
            if rssi and monitor.rssi < rssi.value:
                continue
            return True
        return False

    def _show(self, path: str, monitor: Monitor, rssi: int, heard: Heard) -> None:
        data = {company: V("ay", value) for company, value in heard.manufacturer.items()}
        self._daemon.objects.add(
            path,
            {
                DEVICE: {
                    "Address": V("s", monitor.address),
                    "AddressType": V("s", "public"),
                    **({"Name": V("s", heard.name)} if heard.name else {}),
                    "Alias": V("s", heard.name or monitor.address.replace(":", "-")),
                    "Paired": V("b", False),
                    "Bonded": V("b", False),
                    "Trusted": V("b", False),
                    "Blocked": V("b", False),
                    "LegacyPairing": V("b", False),
                    "RSSI": V("n", rssi),
                    "Connected": V("b", False),
                    "UUIDs": V("as", heard.uuids),
                    "Adapter": V("o", path.rsplit("/", 1)[0]),
                    **({"ManufacturerData": V("a{qv}", data)} if data else {}),
                    **({"TxPower": V("n", heard.tx_power)} if heard.tx_power is not None else {}),
                    "ServicesResolved": V("b", False),
                }
            },
        )

    def _update(self, path: str, rssi: int, heard: Heard) -> None:
        """What bluetoothd makes of one more advert, in one signal."""
        held = self._daemon.objects[path][DEVICE]
        news: Properties = {"RSSI": V("n", rssi)}  # told each time, changed or not
        if heard.tx_power is not None and "TxPower" not in held:
            news["TxPower"] = V("n", heard.tx_power)
        if more := [uuid for uuid in heard.uuids if uuid not in held["UUIDs"].value]:
            news["UUIDs"] = V("as", held["UUIDs"].value + more)
        if heard.manufacturer:
            known = held["ManufacturerData"].value if "ManufacturerData" in held else {}
            if self._duplicates_wanted(path.rsplit("/", 1)[0]):
                known = {}
            if any(
                company not in known or known[company].value != v for company, v in heard.manufacturer.items()
            ):
                fresh = {company: V("ay", value) for company, value in heard.manufacturer.items()}
                news["ManufacturerData"] = V("a{qv}", {**known, **fresh})
        self._daemon.objects.change(path, DEVICE, news)

    def _duplicates_wanted(self, adapter: str) -> bool:
        """By any client: then nothing older is kept."""
        asked = self._daemon.discovering(adapter)
        return any("DuplicateData" in each and each["DuplicateData"].value for each in asked)

    # -- forgetting --------------------------------------------------------------------------

    def expect(self, path: str) -> None:
        """It was heard, or its link has just ended: forgotten some time after that."""

        def forget() -> None:
            self._expiry.pop(path, None)
            if path in self._daemon.connecting:  # the real daemon keeps one that it was told to connect to
                self._expiry[path] = asyncio.get_running_loop().call_later(self._daemon.temporary, forget)
            elif path in self._daemon.objects and not self._daemon.linked(path):
                self._daemon.objects.remove(path)

        if path in self._expiry:
            self._expiry[path].cancel()
        self._expiry[path] = asyncio.get_running_loop().call_later(self._daemon.temporary, forget)

    def forget_expectations(self) -> None:
        for handle in self._expiry.values():
            handle.cancel()
        self._expiry.clear()
