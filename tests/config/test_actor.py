"""The owner of the settings: looks at the file, writes it, and tells those who follow."""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import trio
from trio.testing import MockClock, wait_all_tasks_blocked

from actors import ActorRef, ActorSystem, ChildSpec, Supervisor
from actors.testing import open_test_system
from hawk.config.actor import Follower, SettingsActor
from hawk.config.file import SettingsFile
from hawk.config.load import SettingsError, load
from hawk.config.messages import Changed, ChangeSettings, GetSettings
from hawk.config.schema import Settings
from hawk.errors import ChangedMeanwhile, HawkError, Outdated
from hawk.events import SettingsChanged


@dataclass(slots=True)
class Bench:
    system: ActorSystem
    settings: ActorRef[Any]
    path: Path
    file: SettingsFile
    listening: trio.Event = field(default_factory=trio.Event)
    told: list[Settings] = field(default_factory=list)  # who follows `polling` and `mqtt.port`

    async def change(self, changes: dict[str, Any], tag: str | None = None) -> Changed:
        return await self.settings.ask(ChangeSettings(changes, tag)).within(60)


@asynccontextmanager
async def bench(folder: Path, deaf: bool = False) -> AsyncIterator[Bench]:
    path = folder / "system.json"
    path.write_text("{}")
    file = SettingsFile(path, load(path, {}))
    async with open_test_system(expected=(HawkError,)) as system:
        made = Bench(system, SettingsActor.reserve("settings"), path, file)

        async def follow(settings: Settings) -> None:
            made.told.append(settings)
            made.listening.set()
            if deaf:
                await trio.sleep_forever()

        followers = [Follower(frozenset({"polling", "mqtt.port"}), follow)]
        start = partial(SettingsActor.start, file, followers)
        specs = [ChildSpec("settings", start, made.settings)]
        await system.start(ChildSpec("root", lambda: Supervisor.start(specs)))
        yield made


async def test_an_edit_is_told_to_those_who_follow_it_and_to_the_bus(
    tmp_path: Path, mock_clock: MockClock
) -> None:
    async with bench(tmp_path) as made:
        with made.system.bus.channel(SettingsChanged, size=8) as channel:
            made.path.write_text('{"polling": {"interval": 9}, "api": {"port": 1}}')
            mock_clock.jump(1.0)
            event = await channel.events.receive()
    assert event.names == {"polling.interval", "api.port"}
    assert [each.polling.interval for each in made.told] == [9]


async def test_what_nobody_follows_is_told_to_nobody(tmp_path: Path, mock_clock: MockClock) -> None:
    async with bench(tmp_path) as made:
        changed = await made.change({"api": {"port": 1}, "mqtt": {"qos": 1}})
    assert (changed.applied, made.told) == (frozenset(), [])
    assert changed.standing.restart_required == frozenset({"api.port", "mqtt.qos"})


async def test_a_change_is_answered_when_it_is_written_and_told(
    tmp_path: Path, mock_clock: MockClock
) -> None:
    async with bench(tmp_path) as made:
        changed = await made.change({"mqtt": {"port": 7}, "polling": {"interval": 9}})
        assert changed.applied == frozenset({"mqtt.port", "polling.interval"})
        assert json.loads(made.path.read_text())["mqtt"] == {"port": 7}
        assert made.told == [changed.standing.settings]


async def test_a_refused_change_is_told_to_the_asker_alone(tmp_path: Path, mock_clock: MockClock) -> None:
    async with bench(tmp_path) as made:
        with pytest.raises(SettingsError):
            await made.change({"polling": {"interval": 0}})
        with pytest.raises(Outdated):
            await made.change({"polling": {"interval": 9}}, tag="older")
        assert (await made.settings.ask(GetSettings()).within(5)).settings == Settings()
        assert made.told == []


async def test_a_change_refused_for_an_edit_is_accepted_at_the_second_try(
    tmp_path: Path, mock_clock: MockClock
) -> None:
    async with bench(tmp_path) as made:
        await made.change({})  # the look at the start is over, and the next one is not due
        made.path.write_text('{"garden": 1}')
        with pytest.raises(ChangedMeanwhile):
            await made.change({"polling": {"interval": 9}})
        await made.change({"polling": {"interval": 9}})
        assert json.loads(made.path.read_text()) == {
            "version": "1.0",
            "garden": 1,
            "polling": {"interval": 9},
        }


async def test_one_who_does_not_listen_holds_up_nobody(tmp_path: Path, mock_clock: MockClock) -> None:
    async with bench(tmp_path, deaf=True) as made:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(made.change, {"polling": {"interval": 9}})
            await made.listening.wait()
            mock_clock.jump(4.9)
            await wait_all_tasks_blocked()
            assert made.file.told == Settings()
            mock_clock.jump(0.1)
        assert made.file.told.polling.interval == 9


async def test_many_changes_at_once_are_all_written(tmp_path: Path, mock_clock: MockClock) -> None:
    keys = ["keepalive", "timeout", "retries", "qos", "port"]
    async with bench(tmp_path) as made:
        async with trio.open_nursery() as nursery:
            for key in keys:
                nursery.start_soon(made.change, {"mqtt": {key: 2}})
        assert json.loads(made.path.read_text())["mqtt"] == dict.fromkeys(keys, 2)


async def test_after_a_crash_the_settings_of_then_hold_and_nobody_is_told_twice(
    tmp_path: Path, mock_clock: MockClock
) -> None:
    async with bench(tmp_path) as made:
        await made.change({"polling": {"interval": 9}})
        actor: Any = made.settings._actor_weakref()
        actor._fail(RuntimeError("killed by a test"))
        await actor._ended.wait()
        await wait_all_tasks_blocked()
        mock_clock.jump(1.0)
        changed = await made.change({"mqtt": {"port": 7}})
        assert changed.standing.settings.polling.interval == 9
        assert [each.mqtt.port for each in made.told] == [1883, 7]
