"""The process: opens what outlives every actor, runs the tree, ends in order."""

import gc
import json
import logging
import os
import signal
import sys
import threading
from collections.abc import Iterable
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from importlib.util import find_spec
from pathlib import Path

import trio

from actors import ActorSystem, ChildSpec, Supervisor, Watchdog, notify_systemd, open_system
from hawk import logs, replacing
from hawk.ble.open import open_radio
from hawk.ble.redecoding import explain
from hawk.ble.tape import Tape, TapedRadio
from hawk.clock import SystemClock
from hawk.config.file import SettingsFile
from hawk.config.load import Given, Loaded, load
from hawk.config.schema import Settings
from hawk.datafolder import DataFolder, check_writable
from hawk.doctor import machine
from hawk.drivers import catalogue
from hawk.errors import HawkError, RestartAsked, StartError, StoreUnavailable, WithoutBluetooth
from hawk.mqtt.doorway import Doorway
from hawk.registry.files import RegistryFiles
from hawk.registry.fleet import Fleet, configured_fleet
from hawk.sinks import catalogue as sink_catalogue
from hawk.store.medium import choose_durability
from hawk.store.readings import Log
from hawk.tokens import TokenFile
from hawk.tree import Parts, tree
from hawk.web.certificate import WrongCertificate
from hawk.web.entrance import Entrance
from hawk.web.tokens import Tokens

log = logging.getLogger(__name__)

LONGEST_STOP = 12.0  # [s] what has not ended by then is left to the clearing at the next start
HOPELESS = 70  # exit code


@dataclass(frozen=True, slots=True)
class Launch:
    """What the command line made of its options and the settings."""

    folder: Path
    loaded: Loaded
    as_json: bool = False
    demo: bool = False  # says the token, which is thrown away with the folder; begins with a fleet
    duration: float | None = None  # [s] then it stops by itself


def prepare(folder: Path, *, below: Iterable[Given] = (), above: Iterable[Given] = ()) -> Loaded:
    """The settings that hold, and the log as they want it. Raises StartError."""
    check_writable(folder)
    if replacing.is_unfinished(folder):
        with DataFolder.open(folder):
            log.warning("what 'hawk restore' began in %s is finished now", folder)
    loaded = load(folder / "system.json", os.environ, below=below, above=above)
    try:
        logs.configure(loaded.settings.logging, folder)
    except OSError as error:
        expected = f"a file that can be written ({error.strerror or error})"
        raise loaded.refused("/logging/log_file", error.filename, expected) from error
    return loaded


def run(launch: Launch) -> None:
    """Runs until told to stop. Raises StartError when it cannot start, or shall not go on, and in the end
    KeyboardInterrupt if that told it to.
    """
    ending = Ending()
    with ExitStack() as stack:
        folder = stack.enter_context(DataFolder.open(launch.folder))
        parts = _open(launch, folder, stack, ending)
        for warning in parts.warnings:
            log.warning("%s", warning)
        for check in machine.local(launch.loaded.settings, folder.path):
            if check.ok is False and not launch.demo:
                log.warning("%s: %s", check.detail, check.fix)
        trio.run(_serve, launch, folder, parts, ending)
    if ending.reason is not None:
        raise ending.reason
    if ending.told_by is signal.SIGINT:
        raise KeyboardInterrupt  # all has ended in order; what called us wants to know


@dataclass(slots=True)
class Ending:
    """Why the process ends."""

    reason: StartError | None = None
    told_by: signal.Signals | None = None

    @property
    def exit_code(self) -> int:
        if self.reason is not None:
            return self.reason.exit_code
        return 128 + signal.SIGINT if self.told_by is signal.SIGINT else 0

    def without_bluetooth(self, why: str) -> None:
        self._because(WithoutBluetooth(f"No Bluetooth for longer than bluetooth.exit_after: {why}"))

    def restart(self) -> None:
        self._because(RestartAsked("A restart was asked for: exit 75, for whoever starts it again"))

    def _because(self, reason: StartError) -> None:
        self.reason = reason
        signal.raise_signal(signal.SIGTERM)


def _open(launch: Launch, folder: DataFolder, stack: ExitStack, ending: Ending) -> Parts:
    settings = launch.loaded.settings
    file = SettingsFile(folder.system_json, launch.loaded)
    entrance = stack.enter_context(_open_entrance(launch.loaded))
    doorway = _open_doorway(launch, stack)
    readings = stack.enter_context(Log.open(folder.readings_db))
    files = RegistryFiles(folder.devices_json, folder.vehicles_json, readings.ballast.give_up)
    clock = SystemClock(settings.clock.trust)
    try:
        clock.not_before(readings.newest_stored_at() or 0)
    except StoreUnavailable as error:
        log.warning("%s: what time it was last is not known", error)
    sinks = sink_catalogue.load()
    drivers = catalogue.load(folder.drivers if settings.drivers.folder else None)
    radio = open_radio(settings)
    if launch.demo and isinstance(radio, Fleet) and not files.snapshot.devices:
        files.write(configured_fleet(radio.fleet, clock.moment().utc))
    tape = Tape()
    folder.api_token(file.settings.api.token.get_secret_value())  # made at the first start
    return Parts(
        settings=file,
        gateway_id=folder.gateway_id(),
        tokens=Tokens(
            lambda: folder.kept_token(file.settings.api.token.get_secret_value()),
            TokenFile(folder.read_only_tokens),
        ),
        clock=clock,
        files=files,
        log=readings,
        durability=choose_durability(settings.store.durability, folder.path),
        radio=TapedRadio(radio, tape, partial(explain, drivers)),
        tape=tape,
        catalogue=drivers,
        sinks=sinks,
        entrance=entrance,
        tell_url=partial(_tell_url, folder),
        give_up=ending.without_bluetooth,
        restart=ending.restart,
        log_as=partial(_log_as, folder.path),
        after_kill=folder.after_kill,
        warnings=(*launch.loaded.warnings, *drivers.problems, *sinks.problems),
        past_of_new=launch.demo,
        doorway=doorway,
    )


def _open_entrance(loaded: Loaded) -> Entrance:
    try:
        return Entrance(loaded.settings.api)
    except WrongCertificate as error:
        raise loaded.refused(f"/api/{error.key}", error.path, error.what) from error


def _tell_url(folder: DataFolder, url: str) -> None:
    try:
        folder.tell_url(url)
    except OSError as error:
        log.error("commands on this machine do not find the service at %s: %s", url, error)  # noqa: TRY400  # no bug of ours


def _log_as(folder: Path, settings: Settings) -> None:
    try:
        logs.configure(settings.logging, folder)
    except OSError as error:
        log.error("the log goes on as before: %s", error)  # noqa: TRY400  # no bug of ours


def _open_doorway(launch: Launch, stack: ExitStack) -> Doorway | None:
    """Of the broker inside. A demo is pointless on a port that is taken; a service has more to do, and waits."""
    broker = launch.loaded.settings.broker
    if not broker.enabled:
        return None
    if find_spec("amqtt") is None:
        expected = "needs the library amqtt: pip install 'battery-hawk[broker]'"
        raise launch.loaded.refused("/broker/enabled", value=True, expected=expected)
    doorway = stack.enter_context(Doorway(broker))
    if launch.demo or broker.port == 0:
        doorway.listen()
    return doorway


async def _serve(launch: Launch, folder: DataFolder, parts: Parts, ending: Ending) -> None:
    with trio.open_signal_receiver(signal.SIGTERM, signal.SIGINT) as signals:
        async with open_system(expected=(HawkError,), on_hopeless=_give_up) as system:
            system.nursery.start_soon(Watchdog().run)
            root = Supervisor.reserve("root")
            await system.start(ChildSpec("root", lambda: Supervisor.start(tree(parts, system, root)), root))
            gc.collect()
            gc.freeze()  # what is there now stays: looking at it again and again costs requests 8 ms
            url = parts.entrance.url
            folder.write_run(url, parts.clock.utc_ms())
            _say_ready(launch, folder, parts, url)
            with trio.move_on_after(float("inf") if launch.duration is None else launch.duration):
                ending.told_by = signal.Signals(await anext(signals))
                log.info("stopping after %s", ending.told_by.name)
            await _stop(system, ending.exit_code)


async def _stop(system: ActorSystem, exit_code: int) -> None:
    """A Bluetooth stack that hangs, or a client that does not read, cannot hold up the end."""
    notify_systemd("STOPPING=1")
    timer = threading.Timer(LONGEST_STOP, _leave, [exit_code])
    timer.daemon = True
    timer.start()
    await system.stop()
    if system.unfinished():
        _leave(exit_code)
    timer.cancel()


def _leave(exit_code: int) -> None:
    """Everything that was acknowledged is on the disk: the store ended, or its log survives this."""
    log.warning("not everything would end: the next start clears what is left")
    logging.shutdown()
    os._exit(exit_code)


def _give_up(reason: str) -> None:
    log.critical("beyond help, ending the process so that it is started anew: %s", reason)
    logging.shutdown()
    os._exit(HOPELESS)


def _say_ready(launch: Launch, folder: DataFolder, parts: Parts, url: str) -> None:
    notify_systemd("READY=1")
    token_file = _token_file(launch.loaded, folder)
    if launch.as_json:
        ready = {
            "event": "ready",
            "url": url,
            "token_file": None if token_file is None else str(token_file),
            **({"token": parts.tokens.text} if launch.demo else {}),
            "mqtt": _mqtt_place(parts),
            "data": str(folder.path),
            "gateway_id": parts.gateway_id,
            "pid": os.getpid(),
        }
        print(json.dumps(ready), flush=True)
    elif launch.demo:
        print(f"Battery Hawk, with simulated batteries:  {url}/#token={parts.tokens.text}", file=sys.stderr)
        print(f"  curl -H 'Authorization: Bearer {parts.tokens.text}' {url}/api/devices", file=sys.stderr)
        if (inside := parts.doorway) is not None:
            print(f"  mosquitto_sub -h {inside.host} -p {inside.port} -v -t '#'", file=sys.stderr)
        print("  Ctrl-C ends it.", file=sys.stderr)
    else:
        where = "the one you set" if token_file is None else f"in {token_file}"
        print(f"Battery Hawk listens on {url}; the token is {where}", file=sys.stderr)


def _mqtt_place(parts: Parts) -> dict[str, object] | None:
    """Where readings can be heard from this machine."""
    if parts.doorway is not None:
        return {"host": parts.doorway.host, "port": parts.doorway.port}
    mqtt = parts.settings.settings.mqtt
    return {"host": mqtt.broker, "port": mqtt.port} if mqtt.enabled else None


def _token_file(loaded: Loaded, folder: DataFolder) -> Path | None:
    """Which file holds the token; None when the settings themselves do."""
    if not loaded.settings.api.token.get_secret_value():
        return folder.token_file
    return loaded.secret_files.get("/api/token")
