"""Store and deliveries alone, as in the service, to be killed.

Run as `python -m tests.sinks.sender PATH PORT [more]`; it says "up" when it runs. With `more` it stores
another reading each 10 ms.
"""

import sys
from functools import partial
from itertools import count
from pathlib import Path

import trio

from actors import ChildSpec, Supervisor, open_system
from hawk.clock import SystemClock
from hawk.config.schema import Settings
from hawk.errors import HawkError
from hawk.sinks import catalogue
from hawk.sinks.supervisor import SinksGroup
from hawk.store.actor import StoreActor
from hawk.store.messages import Durability
from hawk.store.readings import Log
from tests.sinks.rows import reading


async def send(log: Log, port: int, *, more: bool) -> None:
    settings = Settings.model_validate({"influxdb": {"host": "127.0.0.1", "port": port}})
    async with open_system(expected=(HawkError,)) as system:
        store, sinks = StoreActor.reserve("store"), SinksGroup.reserve("sinks")
        keep = partial(StoreActor.start, log, SystemClock("always"), Durability.PROMPT, 30.0)
        deliver = partial(SinksGroup.start, settings, catalogue.load(), store)
        children = [ChildSpec("store", keep, store), ChildSpec("sinks", deliver, sinks)]
        await system.start(ChildSpec("root", partial(Supervisor.start, children)))
        print("up", flush=True)
        for n in count(log.seq or 0) if more else ():
            await store.send(reading(n, voltage=12 + n % 97 / 100))
            await trio.sleep(0.01)
        await trio.sleep_forever()


def main(path: Path, port: int, *, more: bool) -> None:
    with Log.open(path, "boot-1") as log:
        trio.run(partial(send, log, port, more=more))


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]), more="more" in sys.argv[3:])
