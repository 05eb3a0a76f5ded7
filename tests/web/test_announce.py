"""Announced and gone again, as a browser of services sees it; on the loopback, as nobody else is to hear of it."""

import socket
from collections.abc import Iterator
from functools import partial

import pytest
import trio
from zeroconf import IPVersion, ServiceBrowser, ServiceStateChange, Zeroconf

from actors import ChildSpec
from actors.testing import open_test_system
from hawk.config.messages import Follow
from hawk.config.schema import Settings
from hawk.web.announce import AnnouncerActor, wanted_now
from hawk.web.announcement import KIND, Announcement
from tests.service import wait_until

GATEWAY = "0123456789ab"
BOAT = Announcement("Boat 89ab", GATEWAY, ("127.0.0.1",), 5000, "token")


class Browser:
    """Somebody who looks for such services."""

    def __init__(self) -> None:
        self.zeroconf = Zeroconf(interfaces=["127.0.0.1"], ip_version=IPVersion.V4Only)
        self.names = set[str]()
        self._browser = ServiceBrowser(self.zeroconf, KIND, handlers=[self._heard])

    def _heard(
        self, zeroconf: Zeroconf, service_type: str, name: str, state_change: ServiceStateChange
    ) -> None:
        if state_change is ServiceStateChange.Removed:
            self.names.discard(name)
        else:
            self.names.add(name)

    async def wait_for(self, *names: str) -> None:
        wanted = {f"{name}.{KIND}" for name in names}
        await trio.to_thread.run_sync(lambda: wait_until(lambda: self.names == wanted))


@pytest.fixture
def browser() -> Iterator[Browser]:
    browser = Browser()
    yield browser
    browser.zeroconf.close()


async def test_it_is_found_with_what_it_takes_to_ask_it_and_says_goodbye(browser: Browser) -> None:
    async with open_test_system() as system:
        await system.start(ChildSpec("announcer", partial(AnnouncerActor.start, lambda: BOAT)))
        await browser.wait_for("Boat 89ab")
        ask = partial(browser.zeroconf.get_service_info, KIND, f"Boat 89ab.{KIND}")
        info = await trio.to_thread.run_sync(ask)
        assert info is not None
        assert (info.parsed_addresses(), info.port, info.server) == (["127.0.0.1"], 5000, BOAT.host)
        assert info.decoded_properties == BOAT.properties
    await browser.wait_for()


async def test_it_follows_other_settings_at_once(browser: Browser) -> None:
    said: list[Announcement | None] = [BOAT]
    async with open_test_system() as system:
        ref = await system.start(ChildSpec("announcer", partial(AnnouncerActor.start, lambda: said[-1])))
        await browser.wait_for("Boat 89ab")
        for wanted, names in (
            (Announcement("Ship", GATEWAY, ("127.0.0.1",), 5001, "none"), ["Ship"]),
            (None, []),
        ):
            said.append(wanted)
            ref.tell(Follow(Settings()))
            await browser.wait_for(*names)


@pytest.mark.filterwarnings(
    "ignore:.*socket.socket.*5353:pytest.PytestUnraisableExceptionWarning"
)  # of zeroconf
async def test_a_network_that_is_not_there_is_said_once_and_tried_again(
    browser: Browser, caplog: pytest.LogCaptureFixture
) -> None:
    said: list[Announcement | None] = [Announcement("Boat", GATEWAY, ("192.0.2.1",), 5000, "token")]
    async with open_test_system() as system:
        ref = await system.start(ChildSpec("announcer", partial(AnnouncerActor.start, lambda: said[-1])))
        while "cannot be announced" not in caplog.text:
            await trio.sleep(0.01)
        said.append(BOAT)
        ref.tell(Follow(Settings()))
        await browser.wait_for("Boat 89ab")
        assert caplog.text.count("cannot be announced") == 1


def test_what_listens_for_this_machine_alone_is_not_announced() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        assert wanted_now(Settings(), GATEWAY, listener) is None
