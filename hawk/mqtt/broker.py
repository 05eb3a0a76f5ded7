"""Runs the broker inside. That its port is taken is a state, and tried again for ever."""

import contextlib
import logging
import random
import socket
from typing import TYPE_CHECKING, Any

import trio

from actors import Actor
from actors.bridge import Bridge, LoopGone
from hawk.errors import StartError
from hawk.mqtt.doorway import Doorway
from hawk.mqtt.messages import BrokerState, BrokerStatus, GetBrokerStatus
from hawk.mqtt.patience import Patience

if TYPE_CHECKING:
    from hawk.mqtt.embedded import EmbeddedBroker

log = logging.getLogger(__name__)

FAREWELL = 3.0  # [s]


class BrokerActor(Actor):
    """Crashes when its loop dies or amqtt gives up. The publisher then says its whole board again."""

    stop_grace = 4.0

    def __init__(self, doorway: Doorway, patience: Patience | None = None) -> None:
        super().__init__()
        self._doorway, self._patience = doorway, patience or Patience()
        self._bridge = Bridge("broker")
        self._broker: EmbeddedBroker | None = None
        self._state, self._reason = BrokerState.STARTING, ""

    async def setup(self) -> None:
        self.spawn(self._bridge.run)
        self.spawn(self._serve)

    async def teardown(self, error: Exception | None) -> None:  # noqa: ARG002  # it makes no difference
        if self._broker is not None:
            with contextlib.suppress(LoopGone, trio.TooSlowError):
                await self._bridge.call(self._broker.leave, deadline=FAREWELL)

    def on_receive(self, message: Any) -> Any:
        match message:
            case GetBrokerStatus():
                return self._status()
            case _:
                return super().on_receive(message)

    async def _serve(self) -> None:
        listener = await self._wait_for_port()
        await trio.to_thread.run_sync(_import_amqtt)  # 0.1 s, in which the rest can go on
        await self._bridge.wait_open()
        with listener.dup() as ours:  # the loop closes its own
            await self._bridge.call(self._in_loop, ours)

    async def _wait_for_port(self) -> socket.socket:
        failures = 0
        while True:
            try:
                return self._doorway.listen()
            except StartError as error:
                failures += 1
                self._note(BrokerState.DOWN, str(error))
            chance = random.random()  # noqa: S311  # against coincidence, not against people
            await trio.sleep(self._patience.wait(failures, chance, refused=False))

    async def _in_loop(self, listener: socket.socket) -> None:
        from hawk.mqtt.embedded import EmbeddedBroker

        self._broker = EmbeddedBroker(listener, self._doorway.rights)
        await self._broker.serve(lambda: self._note(BrokerState.RUNNING, ""))

    def _note(self, state: BrokerState, reason: str) -> None:
        """Only a change is news."""
        news = state is not self._state
        self._state, self._reason = state, reason
        if news and reason:
            log.warning("MQTT broker: %s It is tried again.", reason)
        elif news:
            log.info("MQTT broker: listens on %s", str(self._doorway))

    def _status(self) -> BrokerStatus:
        broker = self._broker
        return BrokerStatus(
            state=self._state,
            address=str(self._doorway),
            reason=self._reason or None,
            clients=broker.clients if broker else 0,
            refused=broker.refused if broker else 0,
        )


def _import_amqtt() -> None:
    import hawk.mqtt.embedded  # noqa: F401  # to have it imported, in a thread
