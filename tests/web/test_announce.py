"""Announced and gone again, as a browser of services sees it; on the loopback, as nobody else is to hear of it."""

import gc
import json
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from functools import partial
from types import TracebackType
from typing import Any, Self
from uuid import uuid4

import pytest
import trio

from actors import ActorRef, ChildSpec, Supervisor
from actors.testing import open_test_system
from hawk.config.messages import Follow
from hawk.config.schema import Settings
from hawk.web.announce import AnnouncerActor, wanted_now
from hawk.web.announcement import KIND, Announcement
from tests.service import wait_until

GATEWAY = "0123456789ab"
RUN = uuid4().hex[:8]  # tests that run beside these share the loopback


class Browser:
    """The process tests/web/browser.py, and what it says."""

    def __enter__(self) -> Self:
        self.found: dict[str, Any] = {}
        argv = [sys.executable, "-m", "tests.web.browser"]
        self._process = subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self._reader = threading.Thread(target=self._read)
        self._reader.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._process.wait(10)
        self._reader.join()

    def _read(self) -> None:
        assert self._process.stdout is not None
        with self._process.stdout as lines:
            for said in map(json.loads, lines):
                if said["there"]:
                    self.found[said["name"]] = said
                else:
                    self.found.pop(said["name"], None)

    async def wait_for(self, name: str) -> Any:
        return await trio.to_thread.run_sync(lambda: wait_until(lambda: self.found.get(full(name))))

    async def wait_for_no(self, name: str) -> None:
        await trio.to_thread.run_sync(lambda: wait_until(lambda: full(name) not in self.found))


def full(name: str) -> str:
    return f"{name}.{KIND}"


def called(name: str, address: str = "127.0.0.1", port: int = 5000) -> Announcement:
    return Announcement(f"{name} {RUN}", f"{RUN}0000", (address,), port, "token")


@pytest.fixture
def browser() -> Iterator[Browser]:
    with Browser() as browser:
        yield browser


async def test_it_is_found_with_what_it_takes_to_ask_it_and_says_goodbye(browser: Browser) -> None:
    boat = called("Boat")
    async with open_test_system() as system:
        await system.start(ChildSpec("announcer", partial(AnnouncerActor.start, lambda: boat)))
        info = await browser.wait_for(boat.name)
        assert (info["addresses"], info["port"], info["server"]) == (["127.0.0.1"], 5000, boat.host)
        assert info["properties"] == boat.properties
    await browser.wait_for_no(boat.name)


async def test_it_follows_other_settings_at_once(browser: Browser) -> None:
    van, ship = called("Van"), called("Ship", port=5001)
    said: list[Announcement | None] = [van]
    async with open_test_system() as system:
        ref = await system.start(ChildSpec("announcer", partial(AnnouncerActor.start, lambda: said[-1])))
        await browser.wait_for(van.name)
        said.append(ship)
        ref.tell(Follow(Settings()))
        await browser.wait_for(ship.name)
        await browser.wait_for_no(van.name)
        said.append(None)
        ref.tell(Follow(Settings()))
        await browser.wait_for_no(ship.name)


async def test_after_a_crash_it_is_announced_again(browser: Browser) -> None:
    boat, ship = called("Boat"), called("Ship", port=5001)
    said = [boat]
    announcer: ActorRef[Any] = AnnouncerActor.reserve("announcer")
    start = ChildSpec("announcer", partial(AnnouncerActor.start, lambda: said[-1]), announcer)
    async with open_test_system() as system:
        await system.start(ChildSpec("root", partial(Supervisor.start, [start])))
        await browser.wait_for(boat.name)
        said.append(ship)
        actor: Any = announcer._actor_weakref()
        actor._fail(RuntimeError("killed by a test"))
        await browser.wait_for(ship.name)
    await browser.wait_for_no(ship.name)


@pytest.mark.filterwarnings(
    "ignore:.*socket.socket.*5353:pytest.PytestUnraisableExceptionWarning"
)  # of zeroconf
async def test_a_network_that_is_not_there_is_said_once_and_tried_again(
    browser: Browser, caplog: pytest.LogCaptureFixture
) -> None:
    nowhere, there = called("Nowhere", "192.0.2.1"), called("There")
    said: list[Announcement | None] = [nowhere]
    async with open_test_system() as system:
        ref = await system.start(ChildSpec("announcer", partial(AnnouncerActor.start, lambda: said[-1])))
        while "cannot be announced" not in caplog.text:
            await trio.sleep(0.01)
        said.append(there)
        ref.tell(Follow(Settings()))
        await browser.wait_for(there.name)
        assert caplog.text.count("cannot be announced") == 1
    gc.collect()  # with the socket that zeroconf leaves open


def test_what_listens_for_this_machine_alone_is_not_announced() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        assert wanted_now(Settings(), GATEWAY, listener) is None
