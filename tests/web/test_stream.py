"""A stream of events, without the web around it, in virtual time."""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import pytest
import trio
from trio.testing import MockClock

from hawk import __version__
from hawk.config.schema import Settings
from hawk.directory.messages import ListVehicles, LookUpDevice, VehicleView
from hawk.errors import StoreUnavailable
from hawk.events import (
    BluetoothChanged,
    DeviceChanged,
    DeviceDiscovered,
    DeviceRemoved,
    DeviceUpdated,
    ReadingsStored,
    ReadingTaken,
    RungTaken,
    SettingsChanged,
    VehicleChanged,
    VehicleRemoved,
)
from hawk.model.device import DeviceView
from hawk.model.reading import Moment
from hawk.model.rung import Rung
from hawk.model.vehicle import Vehicle
from hawk.store.messages import GetReadingsAfter, GetStoreStatus
from hawk.web.events import last_event_id, wanted_events
from hawk.web.jsonapi import ApiError
from hawk.web.services import AccessChanged, StreamsEnd
from hawk.web.stream import Stream, Wanted, open_stream
from tests.doubles import NOON, VirtualClock, address, device
from tests.web.stage import GATEWAY, SILENCE, Stage, open_stage, reading

BOAT, HIDDEN = Vehicle("vehicle_1", "Boat", NOON), Vehicle("vehicle_2", "Vehicle 2", NOON, automatic=True)
DIRECTORY: dict[type, Any] = {
    LookUpDevice: DeviceView(device(1, friendly_name="Looked up")),
    ListVehicles: (VehicleView(BOAT, (), None, listed=True), VehicleView(HIDDEN, (), None, listed=False)),
}


@dataclass(frozen=True, slots=True)
class Event:
    name: str
    data: Any
    id: str | None = None


def parse(said: bytes) -> list[Event]:
    """As a browser would, comments left out."""
    events = []
    for block in said.decode().split("\n\n"):
        fields = dict(line.split(": ", 1) for line in block.split("\n") if line and not line.startswith(":"))
        if "event" in fields:
            events.append(Event(fields["event"], json.loads(fields["data"]), fields.get("id")))
    return events


@dataclass(slots=True)
class Listener:
    stage: Stage
    stream: Stream

    async def begin(self, since: int | None = None) -> list[Event]:
        return parse(await self.stream.begin(since))

    async def next(self) -> list[Event]:
        with trio.fail_after(1):
            return parse(await self.stream.wait_more())

    async def hear(self, *facts: object) -> list[Event]:
        """What it says to these facts, and no more."""
        for fact in facts:
            self.stage.system.bus.publish(fact)
        said = []
        with trio.move_on_after(1):
            while True:
                said += parse(await self.stream.wait_more())
        return said


@asynccontextmanager
async def listening(wanted: Wanted = Wanted(), **scripts: dict[type, Any]) -> AsyncIterator[Listener]:  # noqa: B008  # frozen
    async with open_stage(scripts={"directory": DIRECTORY, **scripts}) as stage:
        with open_stream(stage.services, wanted) as stream:
            yield Listener(stage, stream)


def names(events: list[Event]) -> list[str]:
    return [event.name for event in events]


# -- the beginning -----------------------------------------------------------------------------


async def test_it_begins_with_how_to_come_back_and_who_speaks(autojump_clock: MockClock) -> None:
    async with listening() as listener:
        listener.stage.shelf.put(reading(), reading())
        said = await listener.stream.begin(None)
        assert said.startswith(b"retry: 3000\n")
        assert parse(said) == [Event("hello", {"gateway_id": GATEWAY, "version": __version__, "seq": 2})]


async def test_it_begins_also_when_the_log_cannot_be_read(autojump_clock: MockClock) -> None:
    trouble = StoreUnavailable("the disk refuses")
    async with listening(store={GetStoreStatus: trouble, GetReadingsAfter: trouble}) as listener:
        hello, gap = await listener.begin(since=5)
        assert hello.data["seq"] is None
        assert gap == Event("gap", {"from": 6, "to": None})


async def test_who_comes_back_gets_what_it_missed_once_and_in_order(autojump_clock: MockClock) -> None:
    async with listening() as listener:
        stored = listener.stage.shelf.put(*(reading(1, second) for second in range(5)))
        hello, *missed = await listener.begin(since=2)
        assert hello.data["seq"] == 5
        assert [(event.name, event.id, event.data["attributes"]["seq"]) for event in missed] == [
            ("reading", "3", 3),
            ("reading", "4", 4),
            ("reading", "5", 5),
        ]
        (late,) = listener.stage.shelf.put(reading(1, 9))
        (event,) = await listener.hear(ReadingsStored(stored[3:]), ReadingsStored((late,)))
        assert event.id == "6"


async def test_who_missed_too_much_gets_a_thousand_and_hears_of_the_gap(autojump_clock: MockClock) -> None:
    async with listening() as listener:
        listener.stage.shelf.put(*(reading(1, second) for second in range(1003)))
        _, *missed, gap = await listener.begin(since=1)
        assert [int(event.id or 0) for event in missed] == list(range(2, 1002))
        assert gap == Event("gap", {"from": 1002, "to": 1003})
        (late,) = listener.stage.shelf.put(reading(1, 2000))
        assert [event.id for event in await listener.hear(ReadingsStored((late,)))] == ["1004"]


async def test_who_missed_exactly_a_thousand_and_is_up_to_date_hears_no_wrong_numbers(
    autojump_clock: MockClock,
) -> None:
    async with listening() as listener:
        listener.stage.shelf.put(*(reading(1, second) for second in range(1000)))
        _, *missed = await listener.begin(since=0)
        assert names(missed) == ["reading"] * 1000


async def test_who_comes_from_another_log_hears_that_it_knows_nothing(autojump_clock: MockClock) -> None:
    async with listening() as listener:
        listener.stage.shelf.put(reading())
        _, *said = await listener.begin(since=500)
        assert said == [Event("gap", {"from": 1, "to": 1})]
        (late,) = listener.stage.shelf.put(reading(1, 1))
        assert [event.id for event in await listener.hear(ReadingsStored((late,)))] == ["2"]


async def test_who_missed_nothing_gets_nothing(autojump_clock: MockClock) -> None:
    async with listening() as listener:
        listener.stage.shelf.put(reading())
        assert names(await listener.begin(since=1)) == ["hello"]
        assert names(await listener.begin(since=None)) == ["hello"]


async def test_what_is_stored_while_it_begins_is_told(autojump_clock: MockClock) -> None:
    async with listening() as listener:
        (first,) = listener.stage.shelf.put(reading())
        listener.stage.system.bus.publish(ReadingsStored((first,)))
        (second,) = listener.stage.shelf.put(reading(1, 1))
        await listener.begin()
        listener.stage.system.bus.publish(ReadingsStored((second,)))
        (third,) = listener.stage.shelf.put(reading(1, 2))
        assert [event.id for event in await listener.hear(ReadingsStored((third,)))] == ["3"]


# -- what happens ------------------------------------------------------------------------------


async def test_a_reading_is_live_when_taken_and_has_its_number_when_stored(autojump_clock: MockClock) -> None:
    async with listening() as listener:
        await listener.begin()
        taken = reading(1, 1, voltage=12.7)
        (stored,) = listener.stage.shelf.put(taken)
        live, kept = await listener.hear(ReadingTaken(taken), ReadingsStored((stored,)))
        assert (live.name, live.id, live.data["attributes"]["seq"]) == ("live", None, None)
        assert (kept.name, kept.id, kept.data["attributes"]["seq"]) == ("reading", "1", 1)
        assert kept.data["id"] == live.data["id"] == "02:00:00:00:00:01@2026-11-18T11:06:41.000Z"


async def test_devices_that_change_or_go_are_told(autojump_clock: MockClock) -> None:
    async with listening() as listener:
        await listener.begin()
        told = await listener.hear(
            DeviceUpdated(DeviceView(device(1))), DeviceChanged(device(1)), DeviceRemoved(address(2))
        )
        assert names(told) == ["device"] * 3
        updated, removed, looked_up = told
        assert updated.data["attributes"]["friendly_name"] == "Toy 1"
        assert removed.data == {"type": "devices", "id": address(2), "meta": {"deleted": True}}
        assert looked_up.data["attributes"]["friendly_name"] == "Looked up"


async def test_vehicles_are_told_once_for_many_changes_and_hidden_ones_not(autojump_clock: MockClock) -> None:
    async with listening() as listener:
        await listener.begin()
        told = await listener.hear(
            *[VehicleChanged(BOAT)] * 5, VehicleChanged(HIDDEN), VehicleRemoved("vehicle_3")
        )
        assert [(event.name, event.data["id"]) for event in told] == [
            ("vehicle", "vehicle_3"),
            ("vehicle", "vehicle_1"),
        ]
        assert told[0].data["meta"] == {"deleted": True}


async def test_a_directory_that_is_silent_does_not_end_the_stream(autojump_clock: MockClock) -> None:
    silent = {LookUpDevice: SILENCE, ListVehicles: SILENCE}
    async with listening(directory=silent) as listener:
        await listener.begin()
        listener.stage.system.bus.publish(VehicleChanged(BOAT))
        listener.stage.system.bus.publish(DeviceRemoved(address(1)))
        said: list[Event] = []
        with trio.fail_after(20):
            while not said:
                said = parse(await listener.stream.wait_more())
        assert names(said) == ["device"]
        assert not listener.stream.over


async def test_discoveries_and_bluetooth_are_told(autojump_clock: MockClock) -> None:
    async with listening() as listener:
        await listener.begin()
        found = DeviceDiscovered(device(1), "toy", -60, "by its name", VirtualClock().moment())
        discovery, system = await listener.hear(found, BluetoothChanged(listening=False, reason="no adapter"))
        assert (discovery.name, discovery.data["type"], discovery.data["id"]) == (
            "discovery",
            "discoveries",
            address(1),
        )
        assert discovery.data["attributes"]["reason"] == "by its name"
        assert system.data == {
            "type": "system-status",
            "id": "system",
            "attributes": {"bluetooth": {"listening": False, "reason": "no adapter"}},
        }


async def test_a_step_of_recovery_is_told(autojump_clock: MockClock) -> None:
    async with listening() as listener:
        await listener.begin()
        (system,) = await listener.hear(RungTaken(Rung.POWER_CYCLE, 2))
        assert system.data["attributes"] == {"bluetooth": {"recovery": {"power_cycle": 2}}}


async def test_other_settings_are_told_without_secrets(autojump_clock: MockClock) -> None:
    new = Settings.model_validate({"polling": {"interval": 9}, "mqtt": {"password": "a secret"}})
    async with listening() as listener:
        await listener.begin()
        (said,) = await listener.hear(SettingsChanged(new, frozenset({"polling.interval"})))
    assert (said.name, said.data["type"], said.data["id"]) == ("settings", "system-config", "system")
    assert said.data["attributes"]["polling"] == {"interval": 9}
    assert said.data["attributes"]["mqtt"]["password"] == "***"


async def test_an_undated_reading_can_be_followed_live(autojump_clock: MockClock) -> None:
    async with listening() as listener:
        await listener.begin()
        (live,) = await listener.hear(ReadingTaken(reading(moment=Moment(None, 5.0))))
        assert live.data["attributes"]["timestamp"] is None


# -- what is wanted ----------------------------------------------------------------------------


async def test_only_what_is_wanted_is_told(autojump_clock: MockClock) -> None:
    async with listening(Wanted(types=frozenset({"reading"}), device=address(2))) as listener:
        stored = listener.stage.shelf.put(reading(1), reading(2))
        _, *missed = await listener.begin(since=0)
        assert [event.id for event in missed] == ["2"]
        more = listener.stage.shelf.put(reading(2, 5), reading(1, 5))
        told = await listener.hear(
            ReadingTaken(stored[1]), ReadingsStored(more), DeviceChanged(device(2)), VehicleChanged(BOAT),
            DeviceUpdated(DeviceView(device(2))), BluetoothChanged(listening=True),
        )  # fmt: skip
        assert [(event.name, event.id) for event in told] == [("reading", "3")]


async def test_events_of_no_device_in_particular_come_to_all(autojump_clock: MockClock) -> None:
    async with listening(Wanted(device=address(2))) as listener:
        await listener.begin()
        told = await listener.hear(
            BluetoothChanged(listening=True), DeviceUpdated(DeviceView(device(1))), VehicleChanged(BOAT)
        )
        assert names(told) == ["system", "vehicle"]


def test_what_is_wanted_is_read_from_the_query() -> None:
    assert wanted_events([]) == Wanted()
    asked = [("types", "reading,device"), ("device", "02-00-00-00-00-01")]
    assert wanted_events(asked) == Wanted(frozenset({"reading", "device"}), address(1))


@pytest.mark.parametrize(
    ("name", "value"), [("types", "reading,cats"), ("device", "x"), ("fields[devices]", "voltage")]
)
def test_a_wrong_wish_is_named(name: str, value: str) -> None:
    with pytest.raises(ApiError) as refused:
        wanted_events([(name, value)])
    assert (refused.value.status, refused.value.parameter) == (400, name)


@pytest.mark.parametrize(
    ("text", "since"),
    [("12", 12), ("0", 0), (None, None), ("", None), ("-1", None), ("x", None), ("9" * 30, None)],
)
def test_only_numbers_of_ours_bring_anything_back(text: str | None, since: int | None) -> None:
    assert last_event_id(text) == since


# -- silence, and the end ----------------------------------------------------------------------


async def test_a_comment_every_15_seconds_keeps_it_open_whatever_else_happens(
    autojump_clock: MockClock,
) -> None:
    async with listening(Wanted(types=frozenset({"reading"}))) as listener, trio.open_nursery() as nursery:
        await listener.begin()

        async def others() -> None:
            while True:
                listener.stage.system.bus.publish(BluetoothChanged(listening=True))
                await trio.sleep(1)

        nursery.start_soon(others)
        for number in (1, 2, 3):
            assert await listener.stream.wait_more() == b": \n\n"
            assert trio.current_time() == pytest.approx(15 * number, abs=0.5)
        nursery.cancel_scope.cancel()


async def test_who_does_not_keep_up_hears_of_the_gap_and_is_closed(autojump_clock: MockClock) -> None:
    async with listening() as listener:
        await listener.begin()
        stored = listener.stage.shelf.put(*(reading(1, second) for second in range(300)))
        for each in stored:
            listener.stage.system.bus.publish(ReadingsStored((each,)))
        said: list[Event] = []
        while not listener.stream.over:
            said += await listener.next()
        assert [event.id for event in said[:-1]] == [str(number) for number in range(1, 257)]
        assert said[-1] == Event("gap", {"from": 257, "to": None})


async def test_it_says_goodbye_when_the_server_stops(autojump_clock: MockClock) -> None:
    async with listening() as listener:
        await listener.begin()
        listener.stage.system.bus.publish(StreamsEnd())
        assert await listener.next() == [Event("bye", {})]
        assert listener.stream.over


async def test_open_streams_are_counted_until_they_end() -> None:
    async with open_stage() as stage:
        with open_stream(stage.services, Wanted()), open_stream(stage.services, Wanted()):
            assert stage.services.streams.open == 2
        assert stage.services.streams.open == 0


async def test_a_stream_ends_when_who_listens_may_do_so_no_more(autojump_clock: MockClock) -> None:
    admitted = True
    async with open_stage(scripts={"directory": DIRECTORY}) as stage:
        with open_stream(stage.services, Wanted(), lambda: admitted) as stream:
            listener = Listener(stage, stream)
            assert names(await listener.hear(AccessChanged())) == []
            admitted = False
            stage.system.bus.publish(AccessChanged())
            assert names(parse(await stream.wait_more())) == ["bye"]
            assert stream.over
