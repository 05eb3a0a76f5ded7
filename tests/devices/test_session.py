"""A device is read once, in the way of its driver."""

from dataclasses import replace

import pytest
import trio
from trio.testing import MockClock

from hawk.ble.radio import Limits
from hawk.devices import session
from hawk.drivers.api import Pace
from hawk.errors import SilentDevice
from tests.doubles import TOY, ScriptedRadio, Session, address


async def test_a_device_is_asked_as_patiently_as_its_driver_says(autojump_clock: MockClock) -> None:
    scripted = ScriptedRadio()
    scripted.script(1, Session(frames=()))
    began = trio.current_time()
    with pytest.raises(SilentDevice, match="2 requests"):
        await session.read(
            scripted, address(1), replace(TOY, pace=Pace(7.0, 2)), Limits(), lambda _: None, lambda _: None
        )
    assert trio.current_time() - began >= 14.0
