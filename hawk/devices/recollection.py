"""What the log knows of a device: its values before a restart, for as long as nothing newer is heard."""

from dataclasses import replace
from typing import Any

from actors import ActorCrashed, ActorRef, AskTimeout
from hawk.errors import StoreUnavailable
from hawk.model.address import Address
from hawk.model.device import DeviceView
from hawk.model.reading import Moment, Reading, Source
from hawk.store.messages import GetLatest, GetReadings

_WITHIN = 5.0  # [s] for the log to answer
_REMEMBERED = 7 * 24 * 3600 * 1000  # [ms] before the newest reading; what is older is of no use


async def recall(store: ActorRef[Any], address: Address) -> tuple[Reading, ...] | None:
    """The oldest first: advertisements say less than a poll. None when the log does not answer."""
    try:
        newest = await store.ask(GetLatest(address)).within(_WITHIN)
        if newest is None or newest.moment.utc is None:
            return ()
        since = newest.moment.utc - _REMEMBERED
        polled = GetReadings(address, since=since, source=Source.GATT, limit=1)
        page = await store.ask(polled).within(_WITHIN)
    except (AskTimeout, ActorCrashed, StoreUnavailable):
        return None
    return (*page.readings, newest)


def recalled(view: DeviceView, readings: tuple[Reading, ...], device_type: str, now: Moment) -> DeviceView:
    """With those values whose age is certain, and that this device can have said."""
    if view.live.newest is not None or now.utc is None or not readings:
        return view
    live = view.live
    for reading in readings:
        own = (reading.device_type, reading.simulated) == (device_type, view.simulated)
        if own and reading.moment.utc is not None and reading.moment.boot_time <= now.boot_time:
            live = live.with_sample(reading.sample, reading.moment)
    return replace(view, live=live, last_seen=view.last_seen or live.newest)
