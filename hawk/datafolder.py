"""The data folder: where it is, whether it can be used, and what identifies this gateway."""

import contextlib
import fcntl
import json
import os
import re
import secrets
from collections.abc import Iterator, Mapping
from pathlib import Path

import platformdirs

from hawk import durable, replacing
from hawk.errors import AlreadyRunning, ConfigurationError
from hawk.model.instant import rfc3339
from hawk.ownership import explain

IMAGE_VOLUME = Path("/data")
DRIVERS = "drivers"  # the folder of drop-in drivers in it


def choose(option: Path | None, environ: Mapping[str, str]) -> Path:
    """--data, else BATTERYHAWK_DATA, else /data if it exists, else the user's data folder."""
    if option is not None:
        return option
    if chosen := environ.get("BATTERYHAWK_DATA"):
        return Path(chosen)
    if IMAGE_VOLUME.is_dir():
        return IMAGE_VOLUME
    return Path(platformdirs.user_data_dir("battery-hawk", appauthor=False))


def check_writable(path: Path) -> None:
    """Makes it if need be. Raises ConfigurationError that says what to do."""
    probe = path / f".probe-{os.getpid()}"
    try:
        path.mkdir(parents=True, exist_ok=True)
        probe.write_bytes(b"hawk")
        probe.unlink()
    except OSError as error:
        raise ConfigurationError(
            f"The data folder {path} cannot be written: {explain(path, error)}"
        ) from error


def who_runs(path: Path) -> str | None:
    """The service on this folder, as it says itself; None if none says so."""
    try:
        run = json.loads((path / "run.json").read_text())
        return f"process {run['pid']} at {run['url']}"
    except (OSError, ValueError, KeyError, TypeError):
        return None


class DataFolder:
    """Ours alone while it is open."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.system_json = path / "system.json"
        self.devices_json = path / "devices.json"
        self.vehicles_json = path / "vehicles.json"
        self.readings_db = path / "readings.db"
        self.drivers = path / DRIVERS
        self.token_file = path / "api-token"
        self.read_only_tokens = path / "api-tokens.json"
        self._gateway_id_file = path / "gateway-id"
        self._run_json = path / "run.json"
        self.after_kill = False  # the service that had it before did not end by itself
        self._run_written = False
        self._started_at = 0

    @classmethod
    @contextlib.contextmanager
    def open(cls, path: Path) -> Iterator["DataFolder"]:
        """Raises ConfigurationError when it cannot be written, AlreadyRunning when another has it."""
        folder = cls(path.absolute())
        check_writable(folder.path)
        with folder._locked():
            replacing.finish(folder.path)
            folder.after_kill = folder._run_json.exists()
            try:
                yield folder
            finally:
                if folder._run_written:  # who could not even start leaves the trace of who was killed
                    folder._run_json.unlink(missing_ok=True)

    def gateway_id(self) -> str:
        """12 hex digits, made once."""
        return self._made_once(self._gateway_id_file, secrets.token_hex(6), r"[0-9a-f]{12}", 0o644)

    def api_token(self, chosen: str) -> str:
        """The one that the settings chose, else the one made at first start."""
        from hawk.config.schema import TOKEN  # takes longer than `hawk decode`, which only asks for a folder

        return chosen or self._made_once(self.token_file, secrets.token_urlsafe(24), TOKEN, 0o600)

    def kept_token(self, chosen: str) -> str:
        """The same, but none is made: while a disk is away its folder may be there, and empty."""
        from hawk.config.schema import TOKEN

        return chosen or self._kept(self.token_file, TOKEN)

    def new_api_token(self) -> str:
        """In the place of the old one. Raises ConfigurationError."""
        fresh = secrets.token_urlsafe(24)
        try:
            durable.write(self.token_file, f"{fresh}\n".encode(), mode=0o600)
        except OSError as error:
            why = explain(self.token_file, error, self.path)
            raise ConfigurationError(f"{self.token_file} cannot be written: {why}") from error
        return fresh

    def write_run(self, url: str, started_at: int) -> None:
        """Tells other programs on this machine where the service is. `started_at` in ms."""
        self._started_at = started_at
        self.tell_url(url)
        self._run_written = True

    def tell_url(self, url: str) -> None:
        """The service is somewhere else from now on."""
        run = {"pid": os.getpid(), "url": url, "started_at": rfc3339(self._started_at)}
        temporary = self.path / ".run.json.new"
        temporary.write_text(json.dumps(run) + "\n")
        temporary.rename(self._run_json)

    # ----------------------------------------------------------------------------------------

    @contextlib.contextmanager
    def _locked(self) -> Iterator[None]:
        file = self.path / "lock"
        try:
            opened = file.open("a")
        except OSError as error:
            why = explain(file, error, self.path)
            raise ConfigurationError(f"The data folder {self.path} cannot be written: {why}") from error
        with opened as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)  # ends with the process
            except BlockingIOError as error:
                who = who_runs(self.path) or "another process"
                raise AlreadyRunning(
                    f"{self.path} is used by {who}: stop it, or choose another folder with --data."
                ) from error
            yield

    def _made_once(self, file: Path, fresh: str, pattern: str, mode: int) -> str:
        if not file.exists():
            durable.write(file, f"{fresh}\n".encode(), mode=mode)
        return self._kept(file, pattern)

    def _kept(self, file: Path, pattern: str) -> str:
        try:
            text = file.read_text().strip()
        except OSError as error:
            raise ConfigurationError(f"{file} cannot be read: {explain(file, error, self.path)}") from error
        except ValueError:
            text = ""  # no UTF-8
        if not re.fullmatch(pattern, text):
            raise ConfigurationError(f"{file} is damaged: mend it, or remove it to have a new one made.")
        return text
