"""Inside one process: actors beside bare channels, codecs, reads beside a bare bleak loop, the store."""

import asyncio
import statistics
import time
from collections.abc import Iterator
from functools import partial
from typing import Any

import trio
import trio_asyncio

from actors import ChildSpec, open_system
from hawk.ble.bleak_radio.radio import BleakRadio
from hawk.ble.radio import Limits
from hawk.devices.exchange import LiveExchange
from hawk.drivers import bm6, catalogue
from hawk.drivers.bm_family import GATT
from hawk.model.address import parse_address
from hawk.model.advertisement import Advertisement
from hawk.wire import aes
from tests.actors.cast import Add, Counter, Total
from tests.benchmarks.row import Row, at_least, at_most, best
from tests.drivers import vectors
from tests.fake_bluez.monitors import NOTIFY, WRITE, fleet
from tests.fake_bluez.rig import FakeBluez

# -- actors --------------------------------------------------------------------------------------

ROUNDS = 20_000


async def _bare() -> tuple[float, float]:
    """Tells and round trips a second over plain memory channels."""
    send, receive = trio.open_memory_channel[Any](float("inf"))

    async def serve() -> None:
        async for message in receive:
            if isinstance(message, tuple):
                message[1].append(1)
                message[0].set()

    async with trio.open_nursery() as nursery:
        nursery.start_soon(serve)
        started = time.perf_counter()
        for _ in range(ROUNDS // 1000):
            for _ in range(1000):
                send.send_nowait(Add(1))
            await _round_trip(send)
        tells = ROUNDS / (time.perf_counter() - started)
        started = time.perf_counter()
        for _ in range(ROUNDS):
            await _round_trip(send)
        asks = ROUNDS / (time.perf_counter() - started)
        nursery.cancel_scope.cancel()
    return tells, asks


async def _round_trip(send: trio.MemorySendChannel[Any]) -> int:
    done, answer = trio.Event(), list[int]()
    send.send_nowait((done, answer))
    await done.wait()
    return answer[0]


async def _ours() -> tuple[float, float]:
    async with open_system() as system:
        ref = await system.start(ChildSpec("counter", partial(Counter.start)))
        started = time.perf_counter()
        for _ in range(ROUNDS // 1000):
            for _ in range(1000):
                ref.tell(Add(1))
            await ref.ask(Total())
        tells = ROUNDS / (time.perf_counter() - started)
        started = time.perf_counter()
        for _ in range(ROUNDS):
            await ref.ask(Total())
        return tells, ROUNDS / (time.perf_counter() - started)


def actors() -> Iterator[Row]:
    bare, ours = list[tuple[float, float]](), list[tuple[float, float]]()
    for _ in range(5):
        bare.append(trio.run(_bare))
        ours.append(trio.run(_ours))
    bare_tell, bare_ask = (max(each) for each in zip(*bare, strict=True))
    tell, ask = (max(each) for each in zip(*ours, strict=True))
    yield at_least("tell, rate beside bare channels", tell / bare_tell, "x", 0.75)
    yield at_most("ask, latency beside bare channels", bare_ask / ask, "x", 1.5)
    yield Row("tells a second", tell, "", "", None)
    yield Row("asks a second", ask, "", "", None)


# -- decoding ------------------------------------------------------------------------------------


def decoding() -> Iterator[Row]:
    frame = bytes.fromhex(vectors.of("notify_live")[-1].hex)
    key, codec = bm6.BM6_FAMILY.key, catalogue.load().driver("BM6").codec()
    live = bytes.fromhex(next(v for v in vectors.of("notify_live") if v.device == "BM6").hex)
    vector = next(v for v in vectors.of("advert_encrypted") if v.device == "BM6")
    sealed = bytes.fromhex(vector.hex)
    advert = Advertisement(
        parse_address(vector.address or ""), "BM6", -60, "hci0",
        {int.from_bytes(sealed[:2], "little"): sealed[2:]},
    )  # fmt: skip
    drivers = catalogue.load()

    def rate(work: Any, *arguments: Any) -> float:
        started = time.perf_counter()
        for _ in range(20_000):
            work(*arguments)
        return 20_000 / (time.perf_counter() - started)

    yield at_least("AES alone", best(lambda: rate(aes.decrypt, key, frame)), "blocks/s", 200_000)
    yield at_least("live frames decoded", best(lambda: rate(codec.receive_data, live)), "/s", 70_000)
    yield at_least("adverts identified and decoded", best(lambda: rate(drivers.hear, advert)), "/s", 70_000)


# -- reads ---------------------------------------------------------------------------------------


def reads() -> Iterator[Row]:
    for count in (1, 8, 50):
        with FakeBluez(fleet(count, adverts="sealed"), adv_interval=1.0, period=0) as bluez:
            addresses = [monitor.address for monitor in bluez.monitors]
            rounds, bare, ours = max(2, 60 // count), list[float](), list[tuple[float, float]]()
            for _ in range(5):  # by turns, as the machine's speed changes
                bare.append(trio.run(_read_bare, addresses, rounds))
                ours.append(trio.run(_read_ours, addresses, rounds))
        wall, cpu = (min(each) for each in zip(*ours, strict=True))
        yield at_most(f"a read of {count} at a time, beside a bare bleak loop", wall / min(bare), "x", 1.25)
        yield at_most(f"a read of {count} at a time, CPU", cpu, "ms", 4)


async def _read_ours(addresses: list[str], rounds: int) -> tuple[float, float]:
    """Milliseconds a read, and of CPU."""
    driver, radio, heard = catalogue.load().driver("BM6"), BleakRadio(), set[str]()
    times = list[float]()

    async def read(address: str) -> None:
        exchange = LiveExchange(driver.codec())
        await radio.converse(parse_address(address), GATT, exchange, Limits(), lambda _: None)
        assert exchange.done

    async with trio.open_nursery() as nursery:
        nursery.start_soon(radio.run)
        nursery.start_soon(radio.scan, lambda advertisement: heard.add(advertisement.address))
        while len(heard) < len(addresses):
            await trio.sleep(0.02)
        cpu = time.process_time()
        for _ in range(rounds):
            started = time.perf_counter()
            async with trio.open_nursery() as readers:
                for address in addresses:
                    readers.start_soon(read, address)
            times.append(time.perf_counter() - started)
        cpu = time.process_time() - cpu
        nursery.cancel_scope.cancel()
    return _each(times, len(addresses)), cpu * 1000 / rounds / len(addresses)


async def _read_bare(addresses: list[str], rounds: int) -> float:
    async with trio_asyncio.open_loop():
        times: list[float] = await trio_asyncio.aio_as_trio(_bleak)(addresses, rounds)
    return _each(times, len(addresses))


async def _bleak(addresses: list[str], rounds: int) -> list[float]:
    from bleak import BleakClient, BleakScanner

    found: dict[str, Any] = {}
    times = list[float]()
    ask = bm6.BM6_FAMILY.sealed(bm6.command(bm6.LIVE))

    async def read(address: str) -> None:
        answer: asyncio.Queue[bytes] = asyncio.Queue()
        async with BleakClient(found[address]) as client:
            await client.start_notify(NOTIFY, lambda _, value: answer.put_nowait(bytes(value)))
            await client.write_gatt_char(WRITE, ask, response=True)
            await answer.get()
            await answer.get()  # the first one is an acknowledgement

    async with BleakScanner(lambda device, _: found.update({device.address: device})):
        while len(found) < len(addresses):
            await asyncio.sleep(0.02)
        for _ in range(rounds):
            started = time.perf_counter()
            await asyncio.gather(*(read(address) for address in addresses))
            times.append(time.perf_counter() - started)
    return times


def _each(times: list[float], count: int) -> float:
    return statistics.median(times) * 1000 / count
