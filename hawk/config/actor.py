"""The settings while the service runs: sole owner of system.json."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

import trio

from actors import Actor, Later
from hawk.config.changes import covered, differences
from hawk.config.file import SettingsFile
from hawk.config.load import SettingsError
from hawk.config.messages import Changed, ChangeSettings, GetSettings
from hawk.config.schema import Settings
from hawk.errors import CannotWrite, Conflict
from hawk.events import SettingsChanged

EVERY = 1.0  # [s] between two looks at the file
PATIENCE = 5.0  # [s] with one who follows


@dataclass(frozen=True, slots=True)
class Follower:
    """Who goes on with new settings, without a restart of the process."""

    names: frozenset[str]  # of sections, or of settings such as `store.raw_days`
    follow: Callable[[Settings], Awaitable[object]]


class SettingsActor(Actor):
    def __init__(self, file: SettingsFile, followers: Sequence[Follower]) -> None:
        super().__init__()
        self._file, self._followers = file, tuple(followers)
        self._followed = frozenset(name for each in self._followers for name in each.names)
        self._at_work = trio.Lock()  # one at a time looks at the file or changes it

    async def setup(self) -> None:
        self.spawn(self._keep_looking)

    def on_receive(self, message: object) -> object:
        match message:
            case GetSettings():
                return self._file.standing(self._followed)
            case ChangeSettings():
                later: Later[Changed] = Later()
                self.spawn(self._change, message, later)
                return later
            case _:
                return super().on_receive(message)

    async def _keep_looking(self) -> None:
        while True:
            await self._look()
            await trio.sleep(EVERY)

    async def _look(self) -> None:
        async with self._at_work:
            await trio.to_thread.run_sync(self._file.look)
            await self._tell()

    async def _change(self, wanted: ChangeSettings, later: Later[Changed]) -> None:
        before = self._file.settings
        try:
            async with self._at_work:
                before = self._file.settings
                await trio.to_thread.run_sync(self._file.change, wanted.changes, wanted.tag)
                await self._tell()
        except (SettingsError, Conflict, CannotWrite) as error:
            await self._look()
            later.fail(error)
            return
        changed = differences(before, self._file.settings)
        later.resolve(Changed(self._file.standing(self._followed), covered(changed, self._followed)))

    async def _tell(self) -> None:
        """Those who follow what is another now, and then the bus."""
        settings = self._file.settings
        changed = differences(self._file.told, settings)
        if not changed:
            return
        for each in self._followers:
            if covered(changed, each.names):
                with trio.move_on_after(PATIENCE):
                    await each.follow(settings)
        self._file.told = settings
        self.publish(SettingsChanged(settings, changed))
