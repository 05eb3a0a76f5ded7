"""The arbiter: who may hold a link now. It never waits for anyone itself.

A slot comes back from its holder. When the holder dies or overruns, it is taken back, and given
out again only after the radio has made sure that the link is gone.
"""

import logging
from dataclasses import dataclass
from typing import Any

import trio

from actors import Actor, ActorRef, Down, Later
from hawk.ble.messages import (
    ArbiterStatus,
    GetArbiterStatus,
    LinkEstablished,
    ReleaseSlot,
    RequestSlot,
    Slot,
)
from hawk.ble.radio import Radio
from hawk.ble.slots import Slots
from hawk.errors import BluetoothError

DROP_ATTEMPTS = 3  # then the slot is free all the same: one link that hangs must not end all polls
DROP_WITHIN = 20.0  # [s] for each of them; BlueZ takes up to 10
DROP_PAUSE = 2.0  # [s] between them

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class _Forget:
    """The asker no longer waits, and did not hear of a grant."""

    number: int


@dataclass(frozen=True, slots=True)
class _Overdue:
    number: int


@dataclass(frozen=True, slots=True)
class _LinkGone:
    number: int


Holder = tuple[ActorRef[Any], int]  # one incarnation: the next one has nothing to do with its slots


@dataclass(slots=True)
class _Claim:
    """One request, from the question to the end of the slot."""

    request: RequestSlot
    holder: Holder
    later: Later[Slot]
    deadline: trio.CancelScope | None = None  # of the timer; None before the grant
    taken_back: bool = False


class ArbiterActor(Actor):
    def __init__(self, radio: Radio, max_links: int) -> None:
        super().__init__()
        self._radio = radio
        self._slots = Slots(max_links)
        self._claims: dict[int, _Claim] = {}  # by the number of the slot
        self._watched: set[Holder] = set()
        self._taken_back = 0

    def on_receive(self, message: Any) -> Any:
        match message:
            case RequestSlot():
                return self._request(message)
            case GetArbiterStatus():
                return ArbiterStatus(self._slots.held, self._slots.waiting, self._taken_back)
            case LinkEstablished(number):
                self._slots.established(number)
            case ReleaseSlot(number) | _Forget(number):
                self._released(number)
            case Down(ref, incarnation):
                self._holder_died((ref, incarnation))
            case _Overdue(number):
                self._take_back(number, "its holder has held it for too long")
            case _LinkGone(number):
                self._free(number)
            case _:
                return super().on_receive(message)
        self._grant_all()
        return None

    # -- giving out --------------------------------------------------------------------------

    def _request(self, request: RequestSlot) -> Later[Slot]:
        holder = (request.holder, request.holder.incarnation)
        if holder not in self._watched:
            self._watched.add(holder)
            self.monitor(request.holder)
        slot = self._slots.request(request.address, urgent=request.urgent, adapter=request.adapter)
        number = slot.number
        later: Later[Slot] = Later(on_given_up=lambda: self.ref.tell(_Forget(number)))
        self._claims[number] = _Claim(request, holder, later)
        self._grant_all()
        return later

    def _grant_all(self) -> None:
        while (slot := self._slots.grant()) is not None:
            claim = self._claims[slot.number]
            if not claim.later.resolve(slot):
                self._free(slot.number)
            else:
                claim.deadline = self.after(claim.request.longest, _Overdue(slot.number))

    # -- coming back -------------------------------------------------------------------------

    def _holder_died(self, holder: Holder) -> None:
        self._watched.discard(holder)
        for number in [number for number, claim in self._claims.items() if claim.holder == holder]:
            self._take_back(number, "its holder died")

    def _released(self, number: int) -> None:
        claim = self._claims.get(number)
        if claim is not None and not claim.taken_back:
            self._free(number)

    def _take_back(self, number: int, reason: str) -> None:
        claim = self._claims.get(number)
        if claim is None or claim.taken_back:
            return
        if claim.deadline is None:  # it was still waiting
            self._free(number)
            return
        claim.taken_back = True
        self._taken_back += 1
        log.warning("the link to %s is taken back: %s", claim.request.address, reason)
        self.spawn(self._drop_link, Slot(number, claim.request.address))

    async def _drop_link(self, slot: Slot) -> None:
        for _ in range(DROP_ATTEMPTS):
            with trio.move_on_after(DROP_WITHIN):
                try:
                    await self._radio.drop(slot.address)
                    break
                except BluetoothError as error:
                    log.info("the link to %s cannot be dropped yet: %s", slot.address, error)
            await trio.sleep(DROP_PAUSE)
        else:
            log.warning("nobody confirms that the link to %s is gone; going on without", slot.address)
        self.ref.tell(_LinkGone(slot.number))

    def _free(self, number: int) -> None:
        claim = self._claims.pop(number, None)
        if claim is not None and claim.deadline is not None:
            claim.deadline.cancel()
        self._slots.free(number)
