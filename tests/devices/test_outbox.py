import logging

import pytest
import trio
from trio.testing import MockClock

from actors import ChildSpec
from actors.testing import open_test_system
from hawk.devices.outbox import FAREWELL, Outbox
from hawk.model.reading import Moment, Reading, Sample, Source
from tests.devices.stage import Store
from tests.doubles import address


def reading(number: int) -> Reading:
    return Reading(
        device_id=address(1),
        moment=Moment(None, float(number)),
        sample=Sample(voltage=12.6),
        source=Source.ADVERTISEMENT,
        device_type="TOY",
        device_name="Toy",
        vehicle_id=None,
        vehicle_name=None,
        gateway_id="00000000abcd",
    )


async def test_order_is_kept_while_the_store_stalls(autojump_clock: MockClock) -> None:
    stored: list[Reading] = []
    async with open_test_system() as system, trio.open_nursery() as nursery:
        outbox = Outbox(await system.start(ChildSpec("store", lambda: Store.start(stored))))
        nursery.start_soon(outbox.run)
        outbox._store.tell(100.0)
        for number in range(50):
            outbox.put(reading(number))
            await trio.sleep(1)
        await trio.sleep(100)
        assert stored == [reading(number) for number in range(50)]
        nursery.cancel_scope.cancel()


async def test_what_a_full_outbox_drops_is_the_oldest_counted_and_said_once(
    autojump_clock: MockClock, caplog: pytest.LogCaptureFixture
) -> None:
    stored: list[Reading] = []
    async with open_test_system() as system, trio.open_nursery() as nursery:
        outbox = Outbox(await system.start(ChildSpec("store", lambda: Store.start(stored))), most=10)
        nursery.start_soon(outbox.run)
        outbox._store.tell(100.0)
        await trio.sleep(1)
        for number in range(50):
            outbox.put(reading(number))
            await trio.sleep(0.1)
        await trio.sleep(100)
        # 4 in the mailbox and 1 in hand were already on their way
        assert [round(r.moment.boot_time) for r in stored] == [0, 1, 2, 3, 4, *range(40, 50)]
        assert outbox.dropped == 35
        assert len([r for r in caplog.records if r.levelno == logging.WARNING]) == 1
        nursery.cancel_scope.cancel()


async def test_the_end_of_a_device_loses_nothing_that_the_store_still_takes(
    autojump_clock: MockClock,
) -> None:
    stored: list[Reading] = []
    async with open_test_system() as system:
        outbox = Outbox(await system.start(ChildSpec("store", lambda: Store.start(stored))))
        async with trio.open_nursery() as nursery:
            nursery.start_soon(outbox.run)
            outbox._store.tell(FAREWELL - 1)
            for number in range(20):
                outbox.put(reading(number))
            await trio.sleep(0.5)
            nursery.cancel_scope.cancel()  # while one is in hand
        await outbox.flush()
        await trio.sleep(0.1)
        assert stored == [reading(number) for number in range(20)]
        assert outbox.dropped == 0
